#include "rpc/wire/code_mapping.h"

namespace ringrpc {

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
