/// The fields of a request's headers that mean something to gRPC (PROTOCOL-HTTP2.md, "Requests").
///
///   const RequestFields request(stream);
///   if (request.is_grpc() && request.malformed_field.name.empty()) serve(request.path);
///
/// Views are valid as long as the stream's headers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "ringrpc/clock.h"

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
  Nanoseconds timeout = Nanoseconds::max();
  http2::Header malformed_field;  ///< the last malformed one; none has no name
  std::string_view malformed_why;
  std::size_t listed_values = 0;  ///< of binary metadata, besides the first of each field
  bool post = false;
  bool head = false;
  bool has_host = false;
  bool grpc = false;         ///< content-type application/grpc
  bool other_codec = false;  ///< content-type application/grpc+ with a codec other than protobuf

 private:
  void read(const http2::Header& header, const http2::Stream& stream) {
    const std::string_view name = header.name;
    if (is(name, ":path")) {
      path = header.value;
    } else if (is(name, ":method")) {
      post = is(header.value, "POST");
      head = is(header.value, "HEAD");
    } else if (is(name, "content-type")) {
      grpc = is_grpc_content_type(header.value);
      other_codec = !grpc && header.value.starts_with("application/grpc+");
    } else if (is(name, "grpc-timeout")) {
      const std::optional<Nanoseconds> parsed = parse_timeout(header.value);
      if (!parsed) malform(header);
      timeout = parsed.value_or(Nanoseconds::max());
    } else if (is(name, "grpc-encoding")) {
      encoding = header.value;
    } else if (name.ends_with("-bin")) {
      const std::optional<std::size_t> values = count_base64_values(header.value);
      if (!values) malform(header);
      listed_values += values.value_or(1) - 1;
    } else if (is(name, "host")) {
      read_host(header, stream);
    }
  }

  /// A request has at most one Host field, which must equal :authority if it has both (RFC 9113, 8.3.1; RFC 9110, 7.2).
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

  /// Compares with a literal inline, because this runs for each field of each request.
  template <std::size_t size>
  static bool is(std::string_view text, const char (&literal)[size]) {
    return text.size() == size - 1 && std::memcmp(text.data(), literal, size - 1) == 0;
  }

  static bool equal_ignoring_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
  }
};

}  // namespace ringrpc
