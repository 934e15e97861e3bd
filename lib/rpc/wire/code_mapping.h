/// Maps failures below gRPC to gRPC codes (http-grpc-status-mapping.md; PROTOCOL-HTTP2.md, "Errors").
#pragma once

#include <cstdint>
#include <string_view>

#include "ringrpc/status.h"

#include "http2/session.h"

namespace ringrpc {

/// Of a `grpc-status` value; UNKNOWN for any value that is not one of the 17.
Code code_from_text(std::string_view text) noexcept;

/// For a response without `grpc-status`.
Code code_from_http_status(std::uint32_t http_status) noexcept;

/// For a stream that was reset.
Code code_from_reset(http2::ErrorCode error) noexcept;

}  // namespace ringrpc
