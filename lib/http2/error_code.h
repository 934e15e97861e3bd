/// The error codes of HTTP/2: the reason why a stream or a connection ended.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringrpc::http2 {

/// RFC 9113, section 7.
enum class ErrorCode : std::uint32_t {
  no_error = 0x0,
  protocol_error = 0x1,
  internal_error = 0x2,
  flow_control_error = 0x3,
  settings_timeout = 0x4,
  stream_closed = 0x5,
  frame_size_error = 0x6,
  refused_stream = 0x7,
  cancel = 0x8,
  compression_error = 0x9,
  connect_error = 0xa,
  enhance_your_calm = 0xb,
  inadequate_security = 0xc,
  http_1_1_required = 0xd,
};

/// "ENHANCE_YOUR_CALM" and the like; "UNKNOWN" for a code that RFC 9113 does not define.
std::string_view name(ErrorCode code) noexcept;

}  // namespace ringrpc::http2
