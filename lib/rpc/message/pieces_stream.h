/// Lets protobuf read the pieces of a received message.
///
///   PiecesStream from(pieces);
///   message.ParseFromBoundedZeroCopyStream(&from, bytes);
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <google/protobuf/io/zero_copy_stream.h>

#include "ringrpc/bytes.h"

namespace ringrpc {

/// The messages inside each other that protobuf's parser takes.
inline constexpr int nesting_max = 100;

class PiecesStream final : public google::protobuf::io::ZeroCopyInputStream {
 public:
  explicit PiecesStream(Pieces pieces) noexcept : pieces_(pieces) {}

  bool Next(const void** data, int* size) override {
    while (at_ < pieces_.size() && read_bytes_ == pieces_[at_].size()) {
      ++at_;
      read_bytes_ = 0;
    }
    if (at_ == pieces_.size()) return false;
    const Bytes rest = pieces_[at_].subspan(read_bytes_);
    *data = rest.data();
    *size = static_cast<int>(rest.size());
    read_bytes_ += rest.size();
    count_ += *size;
    return true;
  }

  void BackUp(int count) override {
    read_bytes_ -= static_cast<std::size_t>(count);
    count_ -= count;
  }

  bool Skip(int count) override {
    const void* data = nullptr;
    int size = 0;
    while (count > 0) {
      if (!Next(&data, &size)) return false;
      if (size > count) BackUp(size - count);
      count -= std::min(size, count);
    }
    return true;
  }

  std::int64_t ByteCount() const override { return count_; }

 private:
  Pieces pieces_;
  std::size_t at_ = 0;
  std::size_t read_bytes_ = 0;  // of the piece at_
  std::int64_t count_ = 0;
};

}  // namespace ringrpc
