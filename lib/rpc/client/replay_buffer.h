/// The messages of a request as they were written, for as long as they may have to be sent, or sent again
/// (gRFC A6, "Transparent Retries").
///
///   fresh ──▶ replayed      the server refused the request after it had been sent
///     │           │
///     └─────┬─────┘
///           ▼
///       committed           the server has begun to respond, or the request is too long to be kept
///
/// Each message has the prefix that it is sent with. While interceptors hold a call back, the
/// compression of its messages is not settled: they are kept as they are, and `settle_compression`
/// compresses them once it is known.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ringrpc/bytes.h"
#include "ringrpc/compression.h"

#include "base/frame_allocator.h"
#include "rpc/message/message_buffer.h"

namespace ringrpc {

class ReplayBuffer {
 public:
  /// A longer request is not kept after it was sent, unless it has a limit of its own.
  static constexpr std::size_t bytes_max = 64 * 1024;

  /// The place where a request was refused.
  enum class Refused : std::uint8_t { before_it_left, by_the_server };

  bool kept() const noexcept { return state_ != State::committed; }
  std::size_t size() const noexcept { return bytes_.size(); }
  std::uint32_t message_count() const noexcept { return message_count_; }
  Bytes bytes() const noexcept { return bytes_; }
  /// True if the request may still be kept when this much more is written.
  bool fits(std::size_t more_bytes) const noexcept { return bytes_.size() + more_bytes <= limit_bytes_; }
  void set_limit(std::size_t bytes) noexcept { limit_bytes_ = bytes; }

  /// Room for a message of `message_bytes`, which `settle_compression` compresses if it `may`.
  std::span<std::uint8_t> add_message(std::size_t message_bytes, bool may_compress = true);
  /// The message added last, with its prefix.
  Bytes last_message() const noexcept { return bytes().last(last_message_bytes_); }
  /// The messages without their prefixes, while their compression is not settled.
  std::vector<Bytes> messages();
  /// Adds a message that has its prefix.
  void append(Bytes message) {
    assert(kept());
    bytes_.insert(bytes_.end(), message.begin(), message.end());
    ++message_count_;
  }

  void settle_compression(Compression compression);

  /// True if the request may be sent again: once after it was sent, always if it was not.
  bool replay(Refused refused) noexcept;
  /// It will not be sent again.
  void commit() noexcept {
    state_ = State::committed;
    message_count_ = 0;
    decltype(bytes_)().swap(bytes_);
  }

 private:
  enum class State : std::uint8_t { fresh, replayed, committed };

  void compress_all(Compression compression);

  std::vector<std::uint8_t, FrameAllocator<std::uint8_t>> bytes_;
  std::size_t last_message_bytes_ = 0;
  std::size_t limit_bytes_ = bytes_max;
  std::uint32_t message_count_ = 0;
  State state_ = State::fresh;
};

}  // namespace ringrpc
