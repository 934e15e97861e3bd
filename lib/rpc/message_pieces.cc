/// Large messages between protobuf and the pieces that they lie in.
#include <algorithm>
#include <cstring>
#include <limits>

#include "ringrpc/codec.h"
#include "ringrpc/stream.h"

namespace ringrpc::detail {
namespace {

/// The pieces of a received message, as protobuf reads them.
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

}  // namespace

bool parse_in_pieces(google::protobuf::MessageLite& message, Pieces pieces) {
  const std::size_t bytes = total_bytes(pieces);
  if (bytes > std::numeric_limits<int>::max()) return false;
  PiecesStream from(pieces);
  // Bounded, or a field's length would be given memory that no bytes came for.
  return message.ParsePartialFromBoundedZeroCopyStream(&from, static_cast<int>(bytes)) &&
         message.IsInitialized();
}

void copy_in_pieces(Bytes bytes, google::protobuf::io::ZeroCopyOutputStream& to) {
  void* room = nullptr;
  int size = 0;
  while (!bytes.empty() && to.Next(&room, &size)) {
    std::memcpy(room, bytes.data(), static_cast<std::size_t>(size));
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
}

bool RoomStream::Next(void** data, int* size) {
  if (given_bytes_ == bytes_) return false;
  if (given_bytes_ > 0) room_ = stream_.reserve_more();
  *data = room_.data();
  *size = static_cast<int>(room_.size());
  given_bytes_ += room_.size();
  return true;
}

}  // namespace ringrpc::detail
