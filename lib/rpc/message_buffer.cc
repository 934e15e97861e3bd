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
    forget_taken();
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
  if (!at_) return take_large();
  message_ = {at_ + prefix_bytes, next_bytes_};
  took_compressed_ = at_[0] != 0;
  at_ += prefix_bytes + next_bytes_;
  available_ -= prefix_bytes + next_bytes_;
  if (took_compressed_) return restore(message_);
  check_prefix();
  return Pieces(&message_, 1);
}

std::optional<Pieces> MessageBuffer::take_large() {
  drop_taken();
  large_.for_each_piece(0, 1, [this](Bytes flag) { took_compressed_ = flag[0] != 0; });
  large_.for_each_piece(prefix_bytes, next_bytes_, [this](Bytes piece) { pieces_.push_back(piece); });
  if (pieces_.empty()) pieces_.emplace_back();
  taken_bytes_ = prefix_bytes + next_bytes_;
  available_ -= taken_bytes_;
  if (took_compressed_) return restore(join(pieces_));
  check_prefix();
  return pieces_;
}

/// The message last taken, as it was before it was compressed.
std::optional<Pieces> MessageBuffer::restore(Bytes compressed) {
  fault_ = decompress(encoding_, compressed, max_message_bytes_, restored_);
  if (!fault_.ok()) return std::nullopt;
  message_ = restored_;
  check_prefix();
  return Pieces(&message_, 1);
}

/// Lets go of the slabs of the message last taken.
void MessageBuffer::drop_taken() noexcept {
  large_.consume(std::exchange(taken_bytes_, 0));
  pieces_.clear();
  shrink(pieces_);
}

void MessageBuffer::drop_restored() noexcept {
  restored_.clear();
  shrink(restored_);
}

void MessageBuffer::keep() {
  forget_taken();
  if (available_ == 0) shrink(owned_);
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
  available_ = next_bytes_ = 0;
  fault_ = Status();
  if (!large_.empty()) {
    taken_bytes_ = large_.size();
    drop_taken();
  }
  owned_.clear();
  shrink(owned_);
  shrink(restored_);
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
                    Initiator::peer)
                 .with_cause(Cause::message_too_large);
  } else if (prefix[0] > 1) {
    fault_ = Status(Code::INTERNAL, "received a message whose compressed flag is neither 0 nor 1",
                    Initiator::peer);
  } else if (prefix[0] == 1 && encoding_ == Compression::identity) {
    fault_ = Status(Code::INTERNAL, "received a compressed message without an agreed grpc-encoding",
                    Initiator::peer);
  }
}

}  // namespace ringrpc
