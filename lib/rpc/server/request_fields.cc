#include "rpc/server/request_fields.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "rpc/wire/base64.h"
#include "rpc/wire/response_headers.h"
#include "rpc/wire/timeout.h"

namespace ringrpc {
namespace {

/// Compares with a literal without a call: every field of every request passes here.
template <std::size_t size>
bool is(std::string_view text, const char (&literal)[size]) {
  return text.size() == size - 1 && std::memcmp(text.data(), literal, size - 1) == 0;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

RequestFields::RequestFields(const http2::Stream& stream) {
  for (const http2::Header& header : stream.headers()) read(header, stream);
}

void RequestFields::read(const http2::Header& header, const http2::Stream& stream) {
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

/// A request names its host once, or in both ways alike (RFC 9113, 8.3.1; RFC 9110, 7.2).
void RequestFields::read_host(const http2::Header& host, const http2::Stream& stream) {
  if (std::exchange(has_host, true)) return malform(host, ": a request has one");
  if (host.value.contains('@')) return malform(host, ": it has userinfo");
  const auto authority = std::ranges::find(stream.headers(), ":authority", &http2::Header::name);
  if (authority != stream.headers().end() && !equal_ignoring_case(host.value, authority->value))
    malform(host, ": it differs from :authority");
}

void RequestFields::malform(const http2::Header& header, std::string_view why) {
  malformed_field = header;
  malformed_why = why;
}

}  // namespace ringrpc
