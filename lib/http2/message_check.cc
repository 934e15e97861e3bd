#include "http2/message_check.h"

#include <algorithm>
#include <charconv>

#include "http2/field_syntax.h"

namespace ringrpc::http2 {
namespace {

bool is_trailers(std::string_view value) noexcept {
  constexpr std::string_view trailers = "trailers";
  return std::ranges::equal(value, trailers, [](char a, char b) { return (a | 0x20) == b; });
}

/// Parses a number that consists of digits only.
std::optional<std::int64_t> number(std::string_view text) noexcept {
  std::int64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || end != last || text.front() == '-') return std::nullopt;
  return value;
}

/// A pseudo-header field that may occur once. The two kinds of method exclude each other.
FieldMeaning once(FieldMeaning::Kind kind, std::int64_t value = 0) noexcept {
  constexpr std::uint8_t any_method = FieldMeaning::method | FieldMeaning::connect;
  const std::uint8_t excludes = (kind & any_method) != 0 ? any_method : static_cast<std::uint8_t>(kind);
  return {kind, excludes, value};
}

std::optional<FieldMeaning> pseudo_field(std::string_view name, std::string_view value) noexcept {
  if (name == ":authority") {
    if (value.contains('@')) return std::nullopt;  // userinfo (RFC 9113, 8.3.1)
    return once(FieldMeaning::authority);
  }
  if (value.empty()) return std::nullopt;
  if (name == ":path") return once(FieldMeaning::path);
  if (name == ":method") return once(value == "CONNECT" ? FieldMeaning::connect : FieldMeaning::method);
  if (name == ":scheme") return once(FieldMeaning::scheme);
  if (name != ":status" || value.size() != 3) return std::nullopt;
  const std::optional<std::int64_t> status = number(value);
  if (!status || *status < 100 || *status == 101) return std::nullopt;  // HTTP/2 has no 101 (RFC 9113, 8.6)
  return once(FieldMeaning::status, *status);
}

/// True for fields that describe an HTTP/1 connection.
bool connection_specific(std::string_view name, std::string_view value) noexcept {
  switch (name.size()) {
    case 2:
      return name == "te" && !is_trailers(value);
    case 7:
      return name == "upgrade";
    case 10:
      return name == "connection" || name == "keep-alive";
    case 16:
      return name == "proxy-connection";
    case 17:
      return name == "transfer-encoding";
    default:
      return false;
  }
}

}  // namespace

std::optional<FieldMeaning> MessageCheck::meaning_of(std::string_view name, std::string_view value,
                                                     bool name_is_known, bool value_is_known) noexcept {
  if (!value_is_known && !valid_field_value(value)) return std::nullopt;
  if (name.starts_with(':')) return pseudo_field(name, value);
  if (!name_is_known && !valid_field_name(name)) return std::nullopt;
  if (connection_specific(name, value)) return std::nullopt;
  if (name != "content-length") return FieldMeaning{};
  const std::optional<std::int64_t> length = number(value);
  if (!length) return std::nullopt;
  return FieldMeaning{FieldMeaning::content_length, FieldMeaning::pseudo | FieldMeaning::content_length,
                      *length};
}

bool MessageCheck::complete() const noexcept {
  constexpr std::uint8_t ordinary = FieldMeaning::method | FieldMeaning::scheme | FieldMeaning::path;
  constexpr std::uint8_t tunnel = FieldMeaning::connect | FieldMeaning::authority;
  switch (kind_) {
    case Kind::request:
      if ((seen_ & FieldMeaning::connect) != 0) return (seen_ & FieldMeaning::pseudo) == tunnel;
      return (seen_ & ordinary) == ordinary;
    case Kind::response:
      return (seen_ & FieldMeaning::status) != 0;
    case Kind::trailers:
      return true;
  }
  return false;
}

}  // namespace ringrpc::http2
