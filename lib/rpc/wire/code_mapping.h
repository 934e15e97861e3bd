/// Maps failures below gRPC to gRPC codes (http-grpc-status-mapping.md; PROTOCOL-HTTP2.md, "Errors").
#pragma once

#include <cstdint>

#include "ringrpc/status.h"

#include "http2/session.h"

namespace ringrpc {

/// For a response without `grpc-status`.
Code code_from_http_status(std::uint32_t http_status) noexcept;

/// For a stream that was reset.
Code code_from_reset(http2::ErrorCode error) noexcept;

}  // namespace ringrpc
