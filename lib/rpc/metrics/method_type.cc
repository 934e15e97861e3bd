#include "rpc/metrics/method_type.h"

namespace ringrpc {

std::string_view method_type(MethodKind kind) noexcept {
  switch (kind) {
    case MethodKind::unary:
      return "unary";
    case MethodKind::client_streaming:
      return "client_stream";
    case MethodKind::server_streaming:
      return "server_stream";
    case MethodKind::bidirectional:
      return "bidi_stream";
  }
  return "unknown";
}

}  // namespace ringrpc
