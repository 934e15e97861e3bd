/// The chunked transfer coding of a request's body (RFC 9112, 7.1), byte by byte and without a buffer.
///
///   size ──► space ──► extension ──► size_cr ──► data ──► data_cr ──► data_lf ──► size
///    │ └──────────────────▲            ▲ │
///    └──────────────────────────────────┘ └──► trailers ──► complete        after a size of 0
///
/// Any of them may become `refused`. Extensions and trailer fields are checked, limited and dropped (RFC
/// 9112, 7.1.1 and 7.1.2).
#pragma once

#include <cstddef>
#include <cstdint>

#include "ringrpc/bytes.h"

#include "http1/head_scanner.h"
#include "http1/refusal.h"
#include "http1/session_limits.h"

namespace ringrpc::http1 {

class ChunkedDecoder {
 public:
  struct Step {
    std::size_t taken;  ///< bytes of the coding, at least one
    Bytes data;         ///< bytes of the body, part of those
  };

  /// `limits` must outlive the decoder.
  explicit ChunkedDecoder(const Limits& limits) noexcept
      : limits_(&limits), trailers_(limits, HeadScanner::Part::trailers) {}

  /// Takes bytes up to the end of the body, of a piece of its data, or to the first byte that is refused.
  /// `bytes` is not empty. Not after `complete` or a refusal.
  Step decode(Bytes bytes) noexcept;

  bool complete() const noexcept { return state_ == State::complete; }
  const Refusal& refusal() const noexcept { return refusal_; }

 private:
  enum class State : std::uint8_t {
    size,
    space,
    extension,
    size_cr,
    data,
    data_cr,
    data_lf,
    trailers,
    complete,
    refused,
  };
  static constexpr unsigned size_digits_max = 16;

  void take(std::uint8_t byte) noexcept;
  void take_size(std::uint8_t byte) noexcept;
  void take_extension(std::uint8_t byte) noexcept;
  void begin_data() noexcept;
  Step take_data(Bytes bytes) noexcept;
  Step take_trailers(Bytes bytes) noexcept;
  void refuse(int status, std::string_view reason) noexcept {
    state_ = State::refused;
    refusal_ = {status, reason};
  }

  const Limits* limits_;
  State state_ = State::size;
  unsigned size_digits_ = 0;
  std::size_t extension_bytes_ = 0;
  std::uint64_t chunk_left_bytes_ = 0;
  std::uint64_t body_bytes_ = 0;
  HeadScanner trailers_;
  Refusal refusal_;
};

}  // namespace ringrpc::http1
