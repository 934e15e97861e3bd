#include "rpc/message_buffer.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "rpc/compressor.h"

namespace ringrpc {
namespace {

constexpr std::size_t kept_capacity_bytes = 4096;

/// Lets go of memory beyond what most messages need; of an empty buffer.
template <class T>
void shrink(std::vector<T>& buffer) noexcept {
  if (buffer.capacity() > kept_capacity_bytes / sizeof(T)) std::vector<T>().swap(buffer);
}

}  // namespace

Status MessageBuffer::add(Bytes bytes) {
  if (available_ == 0) {
    drop_taken();
    at_ = bytes.data();
    borrowed_ = true;
  } else {
    keep();
    append(bytes);
  }
  available_ += bytes.size();
  check_prefix();
  return fault_;
}

/// Behind what is owned already.
void MessageBuffer::append(Bytes bytes) {
  const bool small = at_ && available_ + bytes.size() <= kept_capacity_bytes;
  if (small) {
    owned_.erase(owned_.begin(), owned_.end() - static_cast<std::ptrdiff_t>(available_));
    owned_.insert(owned_.end(), bytes.begin(), bytes.end());
    at_ = owned_.data();
    return;
  }
  if (at_) {
    large_.append({std::exchange(at_, nullptr), available_});
    shrink(owned_);
  }
  large_.append(bytes);
}

std::optional<Pieces> MessageBuffer::take() {
  drop_taken();
  const std::size_t bytes = next_bytes_;
  if (at_) {
    took_compressed_ = at_[0] != 0;
    message_ = {at_ + prefix_bytes, bytes};
    at_ += prefix_bytes + bytes;
  } else {
    message_ = {};
    pieces_.clear();
    large_.for_each_piece(0, 1, [this](Bytes flag) { took_compressed_ = flag[0] != 0; });
    large_.for_each_piece(prefix_bytes, bytes, [this](Bytes piece) { pieces_.push_back(piece); });
    taken_bytes_ = prefix_bytes + bytes;
  }
  const bool in_pieces = taken_bytes_ > 0 && bytes > 0;
  available_ -= prefix_bytes + bytes;
  if (took_compressed_) {
    fault_ = in_pieces ? decompress(encoding_, join(pieces_), max_message_bytes_, restored_)
                       : decompress(encoding_, message_, max_message_bytes_, restored_);
    if (!fault_.ok()) return std::nullopt;
    message_ = restored_;
  }
  check_prefix();
  return in_pieces && !took_compressed_ ? Pieces(pieces_) : Pieces(&message_, 1);
}

/// Of the memory of slabs.
void MessageBuffer::drop_taken() noexcept {
  if (taken_bytes_ > 0) large_.consume(std::exchange(taken_bytes_, 0));
}

void MessageBuffer::keep() {
  drop_taken();
  if (available_ == 0) shrink(owned_);
  shrink(restored_);
  shrink(pieces_);
  if (!borrowed_) return;
  borrowed_ = false;
  if (available_ > kept_capacity_bytes) {
    large_.append({std::exchange(at_, nullptr), available_});
  } else {
    owned_.assign(at_, at_ + available_);
    at_ = owned_.data();
  }
}

void MessageBuffer::clear() noexcept {
  at_ = nullptr;
  borrowed_ = false;
  available_ = next_bytes_ = taken_bytes_ = 0;
  fault_ = Status();
  large_.clear();
  owned_.clear();
  shrink(owned_);
  shrink(restored_);
  shrink(pieces_);
}

void MessageBuffer::check_prefix() {
  if (available_ < prefix_bytes || !fault_.ok()) return;
  std::array<std::uint8_t, prefix_bytes> gathered;
  const std::uint8_t* prefix = at_;
  if (!prefix) {
    auto to = gathered.begin();
    large_.for_each_piece(taken_bytes_, prefix_bytes,
                          [&to](Bytes piece) { to = std::ranges::copy(piece, to).out; });
    prefix = gathered.data();
  }
  next_bytes_ =
      std::size_t{prefix[1]} << 24 | std::size_t{prefix[2]} << 16 | std::size_t{prefix[3]} << 8 | prefix[4];
  if (next_bytes_ > max_message_bytes_) {
    fault_ = Status(Code::RESOURCE_EXHAUSTED,
                    "received a message of " + std::to_string(next_bytes_) + " bytes, the limit is " +
                        std::to_string(max_message_bytes_),
                    Initiator::peer);
  } else if (prefix[0] > 1) {
    fault_ = Status(Code::INTERNAL, "received a message whose compressed flag is neither 0 nor 1",
                    Initiator::peer);
  } else if (prefix[0] == 1 && encoding_ == Compression::identity) {
    fault_ = Status(Code::INTERNAL, "received a compressed message without an agreed grpc-encoding",
                    Initiator::peer);
  }
}

}  // namespace ringrpc
