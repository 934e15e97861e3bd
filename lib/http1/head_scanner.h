/// The lines of a head, checked byte by byte while they arrive (RFC 9112, 2 to 5).
///
///   HeadScanner scanner(limits, HeadScanner::Part::request);
///   const std::size_t taken = scanner.scan(bytes);     // may be cut anywhere
///   if (scanner.refusal()) ...; if (scanner.complete()) parse_head(...);
///
/// The scanner finds the end of the head, enforces the limits, and refuses lines that the parser behind it
/// would accept: obs-fold, bytes beyond ASCII in a target. It refuses a peer that speaks another protocol at
/// the first wrong byte.
///
///   start ──► method ──► target ──► version ──► version_cr ──► line_start ──► final_cr ──► complete
///     │ ▲                                                       │  ▲
///     ▼ │ LF, once                                              ▼  │ LF
///   start_cr                                             name ──► value ──► value_cr
///
/// Any of them may become `refused`. Trailer fields begin at line_start.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ringrpc/bytes.h"

#include "http1/refusal.h"
#include "http1/session_limits.h"

namespace ringrpc::http1 {

class HeadScanner {
 public:
  enum class Part : std::uint8_t { request, trailers };

  /// `limits` must outlive the scanner.
  HeadScanner(const Limits& limits, Part part) noexcept
      : limits_(&limits), state_(part == Part::request ? State::start : State::line_start) {}

  /// Takes bytes up to the end of the head, or to the first that is refused; returns how many. Not after
  /// `complete` or a refusal.
  std::size_t scan(Bytes bytes) noexcept;

  bool complete() const noexcept { return state_ == State::complete; }
  const Refusal& refusal() const noexcept { return refusal_; }

  /// True until a byte other than those of the empty line that may precede a head has arrived (RFC 9112,
  /// 2.2).
  bool before_head() const noexcept { return state_ == State::start || state_ == State::start_cr; }

 private:
  enum class State : std::uint8_t {
    start,
    start_cr,
    method,
    target,
    version,
    version_cr,
    line_start,
    name,
    value,
    value_cr,
    final_cr,
    complete,
    refused,
  };

  void take(std::uint8_t byte) noexcept;
  void take_start(std::uint8_t byte) noexcept;
  void take_method(std::uint8_t byte) noexcept;
  void take_target(std::uint8_t byte) noexcept;
  void take_version(std::uint8_t byte) noexcept;
  void take_line_start(std::uint8_t byte) noexcept;
  void take_name(std::uint8_t byte) noexcept;
  void take_value(std::uint8_t byte) noexcept;
  void expect_line_feed(std::uint8_t byte, State next) noexcept;
  void refuse(int status, std::string_view reason) noexcept {
    state_ = State::refused;
    refusal_ = {status, reason};
  }

  static constexpr std::size_t version_bytes = 8;  // "HTTP/1.1"
  /// Longer than any registered method.
  static constexpr std::size_t method_bytes_max = 32;

  const Limits* limits_;
  State state_;
  bool had_empty_line_ = false;
  std::size_t bytes_ = 0;
  std::size_t part_bytes_ = 0;  ///< of the method, the target or the version
  std::size_t fields_ = 0;
  std::array<char, version_bytes> version_{};
  Refusal refusal_;
};

}  // namespace ringrpc::http1
