/// The header blocks of a response (PROTOCOL-HTTP2.md, "Responses").
#pragma once

#include <cstdint>

#include "ringrpc/metadata.h"
#include "ringrpc/status.h"

#include "http2/session.h"

namespace ringrpc {

/// The headers before the first message.
void send_response_headers(http2::Session& session, http2::Stream& stream, const Metadata& initial);

/// The trailers after the last message.
void send_response_trailers(http2::Session& session, http2::Stream& stream, const Status& status,
                            const Metadata& trailing);

/// Headers and trailers as one, for a call without messages.
void send_trailers_only(http2::Session& session, http2::Stream& stream, const Status& status,
                        const Metadata& initial, const Metadata& trailing);

/// A request that is not gRPC: an HTTP status of three digits and no body, with `status` for clients that
/// look.
void send_http_error(http2::Session& session, http2::Stream& stream, std::string_view http_status,
                     const Status& status);

/// The content-types of gRPC: "application/grpc", alone or followed by `+` or `;`.
bool is_grpc_content_type(std::string_view value) noexcept;

}  // namespace ringrpc
