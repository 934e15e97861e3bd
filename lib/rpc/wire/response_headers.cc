#include "rpc/wire/response_headers.h"

#include <algorithm>
#include <array>
#include <deque>
#include <span>
#include <string>

#include "rpc/wire/base64.h"
#include "rpc/wire/metadata_wire.h"
#include "rpc/wire/percent_encoding.h"

namespace ringrpc {
namespace {

using http2::ConstantHeaders;
using http2::Header;
using http2::Headers;

constexpr std::string_view grpc_content_type = "application/grpc";
constexpr std::string_view proto_suffix = "+proto";

/// A field made of literals, which need not be copied.
constexpr Header literal(std::string_view name, std::string_view value) {
  return {.name = name, .value = value, .static_storage = true};
}

constexpr Header ok_status = literal(":status", "200");
constexpr Header content_type = literal("content-type", grpc_content_type);
constexpr std::array plain_headers{ok_status, content_type};
constexpr std::array out_of_memory_trailers{literal("grpc-status", "8"),
                                            literal("grpc-message", "the server is out of memory")};
constexpr std::array out_of_memory_response{ok_status, content_type, out_of_memory_trailers[0],
                                            out_of_memory_trailers[1]};

// Most responses have these, so they are translated for nghttp2 only once.
const ConstantHeaders& constant_headers() {
  static const ConstantHeaders headers(plain_headers);
  return headers;
}

const ConstantHeaders& constant_trailers() {
  static const ConstantHeaders trailers(std::array{literal("grpc-status", "0")});
  return trailers;
}

/// The first `bytes_max` bytes of `message` at most, cut between UTF-8 characters.
std::string excerpt(std::string_view message, std::size_t bytes_max) {
  constexpr std::string_view mark = "...";
  if (message.size() <= bytes_max) return std::string(message);
  std::size_t end = bytes_max - mark.size();
  for (int back = 0; back < 3 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80; ++back) --end;
  return std::string(message.substr(0, end)).append(mark);
}

/// The `grpc-message` for a header list of at most `list_bytes_max`. A longer message would lose the code
/// together with the message.
std::string message_for_wire(std::string_view message, std::size_t list_bytes_max) {
  constexpr std::size_t message_bytes_max = 4096;
  constexpr std::size_t message_bytes_least = 64;  // for limits that no block can keep to
  std::string encoded = percent_encode(excerpt(message, message_bytes_max));
  if (encoded.size() <= list_bytes_max / 2) return encoded;
  // Percent-encoding may make three bytes of one.
  return percent_encode(excerpt(message, std::max(list_bytes_max / 6, message_bytes_least)));
}

/// A header block with the strings made for it.
struct Block {
  Headers headers;
  std::deque<std::string> storage;

  void add_status(const Status& status, std::size_t list_bytes_max) {
    headers.push_back(
        {"grpc-status", storage.emplace_back(std::to_string(static_cast<unsigned>(status.code())))});
    if (!status.message().empty())
      headers.push_back(
          {"grpc-message", storage.emplace_back(message_for_wire(status.message(), list_bytes_max))});
    if (!status.details().empty())
      headers.push_back({"grpc-status-details-bin", storage.emplace_back(base64_encode(status.details()))});
  }
  void add_metadata(const Metadata& metadata) { append_metadata(metadata, headers, storage); }

  std::size_t list_bytes() const noexcept { return http2::list_bytes(headers); }
};

Status too_large(const std::string& what, std::size_t bytes, std::size_t bytes_max) {
  return Status(
      Code::RESOURCE_EXHAUSTED,
      what + " have " + std::to_string(bytes) + " bytes, the client's limit is " + std::to_string(bytes_max),
      Initiator::application);
}

/// The block that ends a call, after the fields of `begin`. Sets `sent` to the status in it.
Block last_block(const http2::Session& session, std::span<const Header> begin, Status& sent,
                 const Metadata& trailing) {
  const std::size_t bytes_max = session.header_list_bytes_max();
  Block block{Headers(begin.begin(), begin.end()), {}};
  block.add_status(sent, bytes_max);
  block.add_metadata(trailing);
  if (block.list_bytes() <= bytes_max) return block;
  sent = too_large("the trailers of a call that ended with " + std::string(name(sent.code())),
                   block.list_bytes(), bytes_max);
  Block instead{Headers(begin.begin(), begin.end()), {}};
  instead.add_status(sent, bytes_max);
  return instead;
}

}  // namespace

Status send_response_headers(http2::Session& session, http2::Stream& stream, Compression compression,
                             const Metadata& initial) {
  const bool plain = compression == Compression::identity;
  if (plain && initial.empty()) {
    session.send_headers(stream, constant_headers(), false);
    return {};
  }
  Block block{Headers(plain_headers.begin(), plain_headers.end()), {}};
  if (!plain) block.headers.push_back(literal("grpc-encoding", name(compression)));
  block.add_metadata(initial);
  if (!initial.empty() && block.list_bytes() > session.header_list_bytes_max())
    return too_large("the response's headers", block.list_bytes(), session.header_list_bytes_max());
  session.send_headers(stream, block.headers, false);
  return {};
}

Status send_response_trailers(http2::Session& session, http2::Stream& stream, const Status& status,
                              const Metadata& trailing) {
  if (status.ok() && trailing.empty()) {
    session.send_trailers(stream, constant_trailers());
    return {};
  }
  if (status.cause() == Cause::out_of_memory) {  // drop the handler's metadata, which may be large
    session.send_trailers(stream, out_of_memory_trailers);
    return status;
  }
  Status sent = status;
  session.send_trailers(stream, last_block(session, {}, sent, trailing).headers);
  return sent;
}

Status send_trailers_only(http2::Session& session, http2::Stream& stream, const Status& status,
                          const Metadata& trailing) {
  if (status.cause() == Cause::out_of_memory) {
    session.send_headers(stream, out_of_memory_response, true);
    return status;
  }
  Status sent = status;
  session.send_headers(stream, last_block(session, plain_headers, sent, trailing).headers, true);
  return sent;
}

void send_refusal(http2::Session& session, http2::Stream& stream, std::string_view http_status,
                  const Status& status) {
  Block block{{{":status", http_status}, content_type, literal("grpc-accept-encoding", compression_names)},
              {}};
  block.add_status(status, session.header_list_bytes_max());
  session.send_headers(stream, block.headers, true);
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
