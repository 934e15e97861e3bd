#include "rpc/wire/code_mapping.h"

#include <charconv>

namespace ringrpc {

Code code_from_text(std::string_view text) noexcept {
  if (text.size() > 1 && text.front() == '0') return Code::UNKNOWN;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return Code::UNKNOWN;
  return code_from_number(number).value_or(Code::UNKNOWN);
}

Code code_from_http_status(std::uint32_t http_status) noexcept {
  switch (http_status) {
    case 400:
      return Code::INTERNAL;
    case 401:
      return Code::UNAUTHENTICATED;
    case 403:
      return Code::PERMISSION_DENIED;
    case 404:
      return Code::UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return Code::UNAVAILABLE;
    default:
      return Code::UNKNOWN;
  }
}

Code code_from_reset(http2::ErrorCode error) noexcept {
  switch (error) {
    case http2::ErrorCode::refused_stream:
      return Code::UNAVAILABLE;
    case http2::ErrorCode::cancel:
      return Code::CANCELLED;
    case http2::ErrorCode::enhance_your_calm:
      return Code::RESOURCE_EXHAUSTED;
    case http2::ErrorCode::inadequate_security:
      return Code::PERMISSION_DENIED;
    default:
      return Code::INTERNAL;
  }
}

}  // namespace ringrpc
