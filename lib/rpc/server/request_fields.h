/// The fields of a request's headers that mean something to gRPC (PROTOCOL-HTTP2.md, "Requests").
///
///   const RequestFields request(stream);
///   if (request.is_grpc() && request.malformed_field.name.empty()) serve(request.path);
///
/// Views are valid as long as the stream's headers.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "ringrpc/clock.h"
#include "ringrpc/compression.h"

#include "http2/session.h"
#include "rpc/wire/base64.h"
#include "rpc/wire/response_headers.h"
#include "rpc/wire/timeout.h"

namespace ringrpc {

struct RequestFields {
  explicit RequestFields(const http2::Stream& stream) {
    for (const http2::Header& header : stream.headers()) read(header, stream);
  }

  bool is_grpc() const noexcept { return post && grpc; }

  std::string_view path;
  std::string_view encoding = "identity";
  std::optional<Compression> compression = Compression::identity;  ///< none if `encoding` is not supported
  Nanoseconds timeout = Nanoseconds::max();
  http2::Header malformed_field;  ///< the last malformed one; without a name if there is none
  std::string_view malformed_why;
  std::size_t listed_values = 0;  ///< of binary metadata, besides the first of each field
  bool post = false;
  bool head = false;
  bool has_host = false;
  bool grpc = false;         ///< content-type application/grpc
  bool traced = false;       ///< may have a place in a trace: read_trace (rpc/wire/trace_headers.h)
  bool other_codec = false;  ///< content-type application/grpc+ with a codec other than protobuf

 private:
  /// Compares only names of the same length, because this runs for each field of each request.
  void read(const http2::Header& header, const http2::Stream& stream) {
    const std::string_view name = header.name;
    switch (name.size()) {
      case 4:
        if (is(name, "host")) return read_host(header, stream);
        break;
      case 5:
        if (is(name, ":path")) return read_path(header.value);
        break;
      case 7:
        if (is(name, ":method")) return read_method(header.value);
        break;
      case 11:
        if (is(name, "traceparent")) traced = true;
        break;
      case 12:
        if (is(name, "content-type")) return read_content_type(header.value);
        if (is(name, "grpc-timeout")) return read_timeout(header);
        break;
      case 13:
        if (is(name, "grpc-encoding")) return read_encoding(header.value);
        break;
      default:
        break;
    }
    if (name.ends_with("-bin")) count_values(header);
  }

  void read_path(std::string_view value) { path = value; }

  void read_method(std::string_view method) {
    post = is(method, "POST");
    head = is(method, "HEAD");
  }

  void read_content_type(std::string_view type) {
    grpc = is_grpc_content_type(type);
    other_codec = !grpc && type.starts_with("application/grpc+");
  }

  void read_encoding(std::string_view name) {
    encoding = name;
    compression = parse_encoding(name);
  }

  void read_timeout(const http2::Header& header) {
    const std::optional<Nanoseconds> parsed = parse_timeout(header.value);
    if (!parsed) malform(header);
    timeout = parsed.value_or(Nanoseconds::max());
  }

  void count_values(const http2::Header& binary) {
    const std::optional<std::size_t> values = count_base64_values(binary.value);
    if (!values) malform(binary);
    listed_values += values.value_or(1) - 1;
    traced = true;  // grpc-trace-bin is one of them
  }

  /// A request has at most one Host field, which must equal :authority if it has both (RFC
  /// 9113, 8.3.1; RFC 9110, 7.2).
  void read_host(const http2::Header& host, const http2::Stream& stream) {
    if (std::exchange(has_host, true)) return malform(host, ": a request has one");
    if (host.value.contains('@')) return malform(host, ": it has userinfo");
    const auto authority = std::ranges::find(stream.headers(), ":authority", &http2::Header::name);
    if (authority != stream.headers().end() && !equal_ignoring_case(host.value, authority->value))
      malform(host, ": it differs from :authority");
  }

  void malform(const http2::Header& header, std::string_view why = {}) {
    malformed_field = header;
    malformed_why = why;
  }

  /// Compares with a literal inline.
  template <std::size_t size>
  static bool is(std::string_view text, const char (&literal)[size]) {
    return text.size() == size - 1 && std::memcmp(text.data(), literal, size - 1) == 0;
  }

  static bool equal_ignoring_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
  }
};

/// The number in `grpc-previous-rpc-attempts`; 0 if there is none.
inline unsigned previous_attempts_in(std::span<const http2::Header> headers) noexcept {
  unsigned attempts = 0;
  for (const http2::Header& header : headers)
    if (header.name == "grpc-previous-rpc-attempts")
      std::from_chars(header.value.data(), header.value.data() + header.value.size(), attempts);
  return attempts;
}

}  // namespace ringrpc
