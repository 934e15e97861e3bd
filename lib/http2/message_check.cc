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

}  // namespace

bool MessageCheck::field(std::string_view name, std::string_view value, bool name_is_known,
                         bool value_is_known) noexcept {
  if (!value_is_known && !valid_field_value(value)) return false;
  if (!name.empty() && name.front() == ':') {
    if (name == ":method") {
      connect_ = value == "CONNECT";
      return pseudo_field(method, Kind::request, false, value);
    }
    if (name == ":path") return pseudo_field(path, Kind::request, false, value);
    if (name == ":scheme") return pseudo_field(scheme, Kind::request, false, value);
    if (name == ":authority") return pseudo_field(authority, Kind::request, true, value);
    if (name == ":status")
      return pseudo_field(status_code, Kind::response, false, value) && take_status(value);
    return false;
  }
  regular_seen_ = true;
  if (!name_is_known && !valid_field_name(name)) return false;
  switch (name.size()) {
    case 2:
      return name != "te" || is_trailers(value);
    case 7:
      return name != "upgrade";
    case 10:
      return name != "connection" && name != "keep-alive";
    case 14:
      return name != "content-length" || take_content_length(value);
    case 16:
      return name != "proxy-connection";
    case 17:
      return name != "transfer-encoding";
    default:
      return true;
  }
}

bool MessageCheck::pseudo_field(Pseudo which, Kind kind, bool may_be_empty, std::string_view value) noexcept {
  if (kind_ != kind || regular_seen_ || (seen_ & which) != 0) return false;
  seen_ = static_cast<std::uint8_t>(seen_ | which);
  return may_be_empty || !value.empty();
}

bool MessageCheck::end() const noexcept {
  switch (kind_) {
    case Kind::request:
      if (connect_) return (seen_ & ~method) == authority;
      return (seen_ & (method | scheme | path)) == (method | scheme | path);
    case Kind::response:
      return (seen_ & status_code) != 0;
    case Kind::trailers:
      return true;
  }
  return false;
}

bool MessageCheck::take_status(std::string_view value) noexcept {
  const bool three_digits =
      value.size() == 3 && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
  if (!three_digits) return false;
  status_ = (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0');
  return status_ >= 100 && status_ != 101;  // HTTP/2 has no 101 (RFC 9113, 8.6)
}

bool MessageCheck::take_content_length(std::string_view value) noexcept {
  if (kind_ == Kind::trailers) return true;
  std::int64_t length = 0;
  const char* const last = value.data() + value.size();
  const auto [end, error] = std::from_chars(value.data(), last, length);
  if (error != std::errc() || end != last || value.front() == '-' || content_length_ != no_length)
    return false;
  content_length_ = length;
  return true;
}

}  // namespace ringrpc::http2
