/// The header blocks of a response (PROTOCOL-HTTP2.md, "Responses").
///
/// What would be larger than the caller takes (Session::header_list_bytes_max) does not leave: it would at
/// best be dropped, at worst cost the connection. A long message is cut; where details or metadata are too
/// large, the call ends with RESOURCE_EXHAUSTED.
#pragma once

#include <string_view>

#include "ringrpc/compression.h"
#include "ringrpc/metadata.h"
#include "ringrpc/status.h"

#include "http2/session.h"

namespace ringrpc {

/// The headers before the first message, of which any may be compressed in this way. RESOURCE_EXHAUSTED, with
/// nothing sent, when `initial` is too large.
Status send_response_headers(http2::Session& session, http2::Stream& stream, Compression compression,
                             const Metadata& initial);

/// The trailers after the last message. Gives the status that was sent, which is another than `status` when
/// that or `trailing` is too large.
Status send_response_trailers(http2::Session& session, http2::Stream& stream, const Status& status,
                              const Metadata& trailing);

/// Headers and trailers as one, for a call without messages and without initial metadata. Gives the status
/// that was sent, as above.
Status send_trailers_only(http2::Session& session, http2::Stream& stream, const Status& status,
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
