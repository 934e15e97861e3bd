/// The header blocks of a response (PROTOCOL-HTTP2.md, "Responses").
///
/// A block larger than the client accepts (Session::header_list_bytes_max) is not sent: at best the caller
/// would drop it, at worst it would end the connection. A long message is cut. If details or metadata are too
/// large, the call ends with RESOURCE_EXHAUSTED.
#pragma once

#include <optional>
#include <string_view>

#include "ringrpc/compression.h"
#include "ringrpc/metadata.h"
#include "ringrpc/status.h"

#include "http2/session.h"

namespace ringrpc {

/// Sends the headers before the first message. `compression` is the encoding that messages may have.
/// RESOURCE_EXHAUSTED, with nothing sent, if `initial` is too large.
Status send_response_headers(http2::Session& session, http2::Stream& stream, Compression compression,
                             const Metadata& initial);

/// Sends the trailers after the last message. Returns the status that was sent, which differs from `status`
/// if that or `trailing` is too large.
Status send_response_trailers(http2::Session& session, http2::Stream& stream, const Status& status,
                              const Metadata& trailing);

/// Sends headers and trailers in one block, for a call without messages and without initial metadata. Returns
/// the status that was sent, as above.
Status send_trailers_only(http2::Session& session, http2::Stream& stream, const Status& status,
                          const Metadata& trailing);

/// The response to a request that does not become a call: an HTTP status of three digits, the gRPC status,
/// and the encodings that the server supports.
void send_refusal(http2::Session& session, http2::Stream& stream, std::string_view http_status,
                  const Status& status);

/// The response to a request that is not a POST, such as a browser's: 405 and, if `with_content`, a line of
/// text.
void send_wrong_method(http2::Session& session, http2::Stream& stream, bool with_content);

/// The encoding that a `grpc-encoding` field names; identity if it is empty, and nothing if it is unknown.
inline std::optional<Compression> parse_encoding(std::string_view value) noexcept {
  return value.empty() ? Compression::identity : parse_compression(value);
}

/// True for the supported content-types: "application/grpc" and "application/grpc+proto", alone or followed
/// by `;`.
bool is_grpc_content_type(std::string_view value) noexcept;

}  // namespace ringrpc
