#include "rpc/message_buffer.h"

#include <string>

#include "rpc/compressor.h"

namespace ringrpc {
namespace {

constexpr std::size_t kept_capacity_bytes = 4096;

/// Lets go of memory beyond what most messages need; of an empty buffer.
void shrink(std::vector<std::uint8_t>& buffer) noexcept {
  if (buffer.capacity() > kept_capacity_bytes) std::vector<std::uint8_t>().swap(buffer);
}

}  // namespace

Status MessageBuffer::add(Bytes bytes) {
  if (view_.empty()) {
    view_ = bytes;
    borrowed_ = true;
  } else {
    keep();
    const std::size_t taken = owned_.size() - view_.size();
    if (taken > 0) owned_.erase(owned_.begin(), owned_.begin() + static_cast<std::ptrdiff_t>(taken));
    make_room(bytes.size());
    owned_.insert(owned_.end(), bytes.begin(), bytes.end());
    view_ = owned_;
  }
  check_prefix();
  return fault_;
}

/// Grows by doubling, but no further than the message that is coming in needs.
void MessageBuffer::make_room(std::size_t more) {
  const std::size_t needed = owned_.size() + more;
  if (needed <= owned_.capacity()) return;
  owned_.reserve(std::max(needed, std::min(2 * owned_.capacity(), prefix_bytes + next_bytes_)));
}

std::optional<Bytes> MessageBuffer::take() {
  Bytes message = view_.subspan(prefix_bytes, next_bytes_);
  took_compressed_ = view_[0] != 0;
  view_ = view_.subspan(prefix_bytes + next_bytes_);
  if (took_compressed_) {
    fault_ = decompress(encoding_, message, max_message_bytes_, restored_);
    if (!fault_.ok()) return std::nullopt;
    message = restored_;
  }
  check_prefix();
  return message;
}

void MessageBuffer::keep() {
  if (view_.empty()) shrink(owned_);
  shrink(restored_);
  if (!borrowed_) return;
  borrowed_ = false;
  owned_.assign(view_.begin(), view_.end());
  view_ = owned_;
}

void MessageBuffer::clear() noexcept {
  view_ = {};
  borrowed_ = false;
  next_bytes_ = 0;
  fault_ = Status();
  owned_.clear();
  shrink(owned_);
  shrink(restored_);
}

void MessageBuffer::check_prefix() {
  if (available() < prefix_bytes || !fault_.ok()) return;
  next_bytes_ =
      std::size_t{view_[1]} << 24 | std::size_t{view_[2]} << 16 | std::size_t{view_[3]} << 8 | view_[4];
  if (next_bytes_ > max_message_bytes_) {
    fault_ = Status(Code::RESOURCE_EXHAUSTED,
                    "received a message of " + std::to_string(next_bytes_) + " bytes, the limit is " +
                        std::to_string(max_message_bytes_),
                    Initiator::peer);
  } else if (view_[0] > 1) {
    fault_ = Status(Code::INTERNAL, "received a message whose compressed flag is neither 0 nor 1",
                    Initiator::peer);
  } else if (view_[0] == 1 && encoding_ == Compression::identity) {
    fault_ = Status(Code::INTERNAL, "received a compressed message without an agreed grpc-encoding",
                    Initiator::peer);
  }
}

}  // namespace ringrpc
