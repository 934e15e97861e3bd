#include "rpc/response_headers.h"

#include <array>
#include <deque>
#include <string>

#include "rpc/base64.h"
#include "rpc/metadata_wire.h"
#include "rpc/percent_encoding.h"

namespace ringrpc {
namespace {

using http2::Header;
using http2::Headers;

constexpr std::string_view grpc_content_type = "application/grpc";
constexpr std::string_view proto_suffix = "+proto";

/// A field of literals, which need not be copied.
constexpr Header literal(std::string_view name, std::string_view value) {
  return {.name = name, .value = value, .static_storage = true};
}

constexpr Header ok_status = literal(":status", "200");
constexpr Header content_type = literal("content-type", grpc_content_type);
constexpr std::array plain_headers{ok_status, content_type};
constexpr std::array plain_trailers{literal("grpc-status", "0")};

/// What `grpc-message` carries of a message: with more, the header block would be larger than peers take, and
/// the code would be lost with the message. Cut between characters of UTF-8.
std::string message_for_wire(std::string_view message) {
  constexpr std::size_t message_bytes_max = 4096;
  constexpr std::string_view mark = "...";
  if (message.size() <= message_bytes_max) return percent_encode(message);
  std::size_t end = message_bytes_max - mark.size();
  for (int back = 0; back < 3 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80; ++back) --end;
  return percent_encode(std::string(message.substr(0, end)).append(mark));
}

/// The fields of `status`; what had to be made for it lives in `storage`.
void append_status(const Status& status, Headers& headers, std::deque<std::string>& storage) {
  headers.push_back(
      {"grpc-status", storage.emplace_back(std::to_string(static_cast<unsigned>(status.code())))});
  if (!status.message().empty())
    headers.push_back({"grpc-message", storage.emplace_back(message_for_wire(status.message()))});
  if (!status.details().empty())
    headers.push_back({"grpc-status-details-bin", storage.emplace_back(base64_encode(status.details()))});
}

}  // namespace

void send_response_headers(http2::Session& session, http2::Stream& stream, Compression compression,
                           const Metadata& initial) {
  const bool plain = compression == Compression::identity;
  if (plain && initial.empty()) return session.send_headers(stream, plain_headers, false);
  Headers headers(plain_headers.begin(), plain_headers.end());
  if (!plain) headers.push_back(literal("grpc-encoding", name(compression)));
  std::deque<std::string> storage;
  append_metadata(initial, headers, storage);
  session.send_headers(stream, headers, false);
}

void send_response_trailers(http2::Session& session, http2::Stream& stream, const Status& status,
                            const Metadata& trailing) {
  if (status.ok() && trailing.empty()) return session.send_trailers(stream, plain_trailers);
  Headers headers;
  std::deque<std::string> storage;
  append_status(status, headers, storage);
  append_metadata(trailing, headers, storage);
  session.send_trailers(stream, headers);
}

void send_trailers_only(http2::Session& session, http2::Stream& stream, const Status& status,
                        const Metadata& trailing) {
  Headers headers(plain_headers.begin(), plain_headers.end());
  std::deque<std::string> storage;
  append_status(status, headers, storage);
  append_metadata(trailing, headers, storage);
  session.send_headers(stream, headers, true);
}

void send_refusal(http2::Session& session, http2::Stream& stream, std::string_view http_status,
                  const Status& status) {
  Headers headers{{":status", http_status}, content_type, literal("grpc-accept-encoding", compression_names)};
  std::deque<std::string> storage;
  append_status(status, headers, storage);
  session.send_headers(stream, headers, true);
}

void send_wrong_method(http2::Session& session, http2::Stream& stream, bool with_content) {
  constexpr std::array headers{literal(":status", "405"), literal("allow", "POST"),
                               literal("content-type", "text/plain")};
  session.send_headers(stream, headers, !with_content);
  if (with_content) session.send_data(stream, as_bytes("This is a gRPC server: requests are POSTs.\n"), true);
}

bool is_grpc_content_type(std::string_view value) noexcept {
  if (!value.starts_with(grpc_content_type)) return false;
  value.remove_prefix(grpc_content_type.size());
  if (value.starts_with(proto_suffix)) value.remove_prefix(proto_suffix.size());
  return value.empty() || value.front() == ';';
}

}  // namespace ringrpc
