/// The header blocks of a response (PROTOCOL-HTTP2.md, "Responses").
#pragma once

#include <string_view>

#include "ringrpc/compression.h"
#include "ringrpc/metadata.h"
#include "ringrpc/status.h"

#include "http2/session.h"

namespace ringrpc {

/// The headers before the first message, of which any may be compressed in this way.
void send_response_headers(http2::Session& session, http2::Stream& stream, Compression compression,
                           const Metadata& initial);

/// The trailers after the last message.
void send_response_trailers(http2::Session& session, http2::Stream& stream, const Status& status,
                            const Metadata& trailing);

/// Headers and trailers as one, for a call without messages and without initial metadata.
void send_trailers_only(http2::Session& session, http2::Stream& stream, const Status& status,
                        const Metadata& trailing);

/// The answer to a request that does not become a call: an HTTP status of three digits, the gRPC status, and
/// the encodings that would be understood.
void send_refusal(http2::Session& session, http2::Stream& stream, std::string_view http_status,
                  const Status& status);

/// A request that is not a POST, as a browser's: 405 and, with content, a line for people.
void send_wrong_method(http2::Session& session, http2::Stream& stream, bool with_content);

/// The content-types that are understood: "application/grpc" and "application/grpc+proto", alone or followed
/// by `;`.
bool is_grpc_content_type(std::string_view value) noexcept;

}  // namespace ringrpc
