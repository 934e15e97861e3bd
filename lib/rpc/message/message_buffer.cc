#include "rpc/message/message_buffer.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <string>
#include <utility>

#include "rpc/message/compressor.h"

namespace ringrpc {
namespace {

constexpr std::size_t kept_capacity_bytes = 4096;

/// Releases an empty buffer's memory beyond what most messages need.
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

/// Appends to the bytes that the buffer owns.
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

/// Makes the waiting message the one last taken.
[[gnu::always_inline]] inline void MessageBuffer::begin_next() {
  if (!at_) return begin_large();
  assert(pieces_.empty());
  message_ = {at_ + prefix_bytes, next_bytes_};
  took_compressed_ = at_[0] != 0;
  at_ += prefix_bytes + next_bytes_;
  available_ -= prefix_bytes + next_bytes_;
}

std::optional<Pieces> MessageBuffer::take() {
  begin_next();
  if (took_compressed_) return take_restored();
  check_prefix();
  return pieces_.empty() ? Pieces(&message_, 1) : Pieces(pieces_);
}

std::optional<Pieces> MessageBuffer::take_restored() {
  if (!std::exchange(next_restored_, false)) fault_ = restore_taken();
  if (!fault_.ok()) return std::nullopt;
  pieces_.clear();
  message_ = restored_;
  check_prefix();
  return Pieces(&message_, 1);
}

void MessageBuffer::skip() {
  begin_next();
  next_restored_ = false;
  check_prefix();
}

void MessageBuffer::begin_large() {
  drop_taken();
  took_compressed_ = large_next_compressed();
  pieces_ = next_pieces();
  if (pieces_.empty()) pieces_.emplace_back();
  taken_bytes_ = prefix_bytes + next_bytes_;
  available_ -= taken_bytes_;
}

bool MessageBuffer::large_next_compressed() const {
  bool compressed = false;
  large_.for_each_piece(taken_bytes_, 1, [&](Bytes flag) { compressed = flag[0] != 0; });
  return compressed;
}

std::vector<Bytes> MessageBuffer::next_pieces() const {
  if (at_) return {Bytes(at_ + prefix_bytes, next_bytes_)};
  std::vector<Bytes> pieces;
  large_.for_each_piece(taken_bytes_ + prefix_bytes, next_bytes_,
                        [&](Bytes piece) { pieces.push_back(piece); });
  return pieces;
}

Status MessageBuffer::restore_taken() {
  if (pieces_.empty()) return decompress(encoding_, message_, max_message_bytes_, restored_);
  return decompress(encoding_, join(pieces_), max_message_bytes_, restored_);
}

bool MessageBuffer::restore_next(std::size_t bytes_max) {
  if (next_restored_) return true;
  bytes_max = std::min(bytes_max, max_message_bytes_);
  const Status restored = decompress(encoding_, join(next_pieces()), bytes_max, restored_);
  next_restored_ = restored.ok();
  if (!next_restored_) drop_restored();
  return restored.code() != Code::RESOURCE_EXHAUSTED || bytes_max == max_message_bytes_;
}

void MessageBuffer::put_restored(std::vector<std::uint8_t> restored) noexcept {
  restored_ = std::move(restored);
  next_restored_ = true;
}

/// Releases the slabs of the message last taken.
void MessageBuffer::drop_taken() noexcept {
  large_.consume(std::exchange(taken_bytes_, 0));
  pieces_.clear();
  shrink(pieces_);
}

void MessageBuffer::drop_restored() noexcept {
  restored_.clear();
  shrink(restored_);
  message_ = {};
}

void MessageBuffer::keep() {
  forget_taken();
  if (available_ == 0) shrink(owned_);
  if (!borrowed_) return;
  borrowed_ = false;
  message_ = {};
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
  next_restored_ = false;
  owned_.clear();
  shrink(owned_);
  if (!restored_.empty()) drop_restored();
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
