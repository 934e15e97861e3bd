#include "http1/head_scanner.h"

#include <cassert>
#include <string_view>

#include "http1/characters.h"

namespace ringrpc::http1 {

std::size_t HeadScanner::scan(Bytes bytes) noexcept {
  assert(state_ < State::complete);
  std::size_t taken = 0;
  while (taken < bytes.size() && state_ < State::complete) take(bytes[taken++]);
  return taken;
}

void HeadScanner::take(std::uint8_t byte) noexcept {
  if (!before_head() && ++bytes_ > limits_->header_bytes_max) {
    const bool in_target = state_ == State::method || state_ == State::target;
    return in_target ? refuse(414, "the request target is too long (RFC 9112, 3)")
                     : refuse(431, "the header fields are too large (RFC 6585, 5)");
  }
  switch (state_) {
    case State::start:
      return take_start(byte);
    case State::start_cr:
      return expect_line_feed(byte, State::start);
    case State::method:
      return take_method(byte);
    case State::target:
      return take_target(byte);
    case State::version:
      return take_version(byte);
    case State::version_cr:
    case State::value_cr:
      return expect_line_feed(byte, State::line_start);
    case State::line_start:
      return take_line_start(byte);
    case State::name:
      return take_name(byte);
    case State::value:
      return take_value(byte);
    case State::final_cr:
      return expect_line_feed(byte, State::complete);
    case State::complete:
    case State::refused:
      break;
  }
  assert(false);
}

/// One empty line before the request line is ignored, since old clients send one after a body (RFC 9112,
/// 2.2).
void HeadScanner::take_start(std::uint8_t byte) noexcept {
  if (byte == '\r' && !had_empty_line_) {
    had_empty_line_ = true;
    state_ = State::start_cr;
    return;
  }
  state_ = State::method;
  take(byte);
}

void HeadScanner::take_method(std::uint8_t byte) noexcept {
  if (byte == ' ' && part_bytes_ > 0) {
    part_bytes_ = 0;
    state_ = State::target;
    return;
  }
  if (byte == '\n') return refuse(400, "a line ends in LF without CR (RFC 9112, 2.2)");
  if (!token_bytes[byte]) return refuse(400, "the method is not a token (RFC 9112, 3.1)");
  if (++part_bytes_ > method_bytes_max) refuse(501, "the method is too long (RFC 9112, 3)");
}

void HeadScanner::take_target(std::uint8_t byte) noexcept {
  if (byte == ' ' && part_bytes_ > 0) {
    part_bytes_ = 0;
    state_ = State::version;
    return;
  }
  if (byte == '\r')
    return refuse(400, "the request line has no version: HTTP/0.9 is not served (RFC 9112, 3)");
  if (byte == '\n') return refuse(400, "a line ends in LF without CR (RFC 9112, 2.2)");
  if (byte == ' ') return refuse(400, "the request line has more than one space in a row (RFC 9112, 3)");
  if (!target_bytes[byte])
    return refuse(400, "the request target has a character that no URI may have (RFC 9112, 3.2)");
  if (++part_bytes_ > limits_->target_bytes_max) refuse(414, "the request target is too long (RFC 9112, 3)");
}

void HeadScanner::take_version(std::uint8_t byte) noexcept {
  if (byte == '\n') return refuse(400, "a line ends in LF without CR (RFC 9112, 2.2)");
  const std::string_view version(version_.data(), part_bytes_);
  if (byte != '\r') {
    if (part_bytes_ == version_bytes)
      return refuse(400, "the request line does not end in an HTTP version (RFC 9112, 2.3)");
    version_[part_bytes_++] = static_cast<char>(byte);
    return;
  }
  if (version == "HTTP/1.1" || version == "HTTP/1.0") {
    state_ = State::version_cr;
    return;
  }
  const bool other = version.size() == version_bytes && version.starts_with("HTTP/") &&
                     is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
  return other ? refuse(505, "this version of HTTP is not served (RFC 9110, 15.6.6)")
               : refuse(400, "the request line does not end in an HTTP version (RFC 9112, 2.3)");
}

void HeadScanner::take_line_start(std::uint8_t byte) noexcept {
  if (byte == '\r') {
    state_ = State::final_cr;
    return;
  }
  if (byte == '\n') return refuse(400, "a line ends in LF without CR (RFC 9112, 2.2)");
  if (byte == ' ' || byte == '\t')
    return refuse(400, "a line begins with white space: obs-fold is not served (RFC 9112, 2.2 and 5.2)");
  if (byte == ':') return refuse(400, "a field has no name (RFC 9112, 5)");
  if (++fields_ > limits_->fields_max) return refuse(431, "there are too many header fields (RFC 6585, 5)");
  state_ = State::name;
  take_name(byte);
}

void HeadScanner::take_name(std::uint8_t byte) noexcept {
  if (byte == ':') {
    state_ = State::value;
    return;
  }
  if (byte == ' ' || byte == '\t')
    return refuse(400, "there is white space between a field name and its colon (RFC 9112, 5.1)");
  if (byte == '\r' || byte == '\n') return refuse(400, "a header line has no colon (RFC 9112, 5)");
  if (!token_bytes[byte]) refuse(400, "a field name is not a token (RFC 9110, 5.1)");
}

void HeadScanner::take_value(std::uint8_t byte) noexcept {
  if (byte == '\r') {
    state_ = State::value_cr;
    return;
  }
  if (byte == '\n') return refuse(400, "a line ends in LF without CR (RFC 9112, 2.2)");
  if (is_control(byte)) refuse(400, "a field value has a control character (RFC 9110, 5.5)");
}

void HeadScanner::expect_line_feed(std::uint8_t byte, State next) noexcept {
  if (byte != '\n') return refuse(400, "a CR is not followed by LF (RFC 9112, 2.2)");
  state_ = next;
}

}  // namespace ringrpc::http1
