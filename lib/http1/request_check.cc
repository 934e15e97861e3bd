#include "http1/request_check.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "http1/characters.h"

namespace ringrpc::http1 {
namespace {

/// The fields that concern the connection and the end of the body.
struct Framers {
  int hosts = 0;
  int content_lengths = 0;
  int transfer_encodings = 0;
  std::string_view content_length;
  std::string_view transfer_encoding;
  bool close = false;
  bool keep_alive = false;
  bool other_expectation = false;
};

std::string_view trimmed(std::string_view text) noexcept {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Takes the next element from a list (RFC 9110, 5.6.1).
std::string_view next_element(std::string_view& list) noexcept {
  const std::size_t comma = std::min(list.find(','), list.size());
  const std::string_view element = trimmed(list.substr(0, comma));
  list.remove_prefix(std::min(comma + 1, list.size()));
  return element;
}

void read_connection(std::string_view list, Framers& framers) noexcept {
  while (!list.empty()) {
    const std::string_view option = next_element(list);
    framers.close |= same_name(option, "close");
    framers.keep_alive |= same_name(option, "keep-alive");
  }
}

Framers read_fields(Request& request) noexcept {
  Framers framers;
  for (const auto& [name, value] : request.fields) {
    if (same_name(name, "host")) {
      ++framers.hosts;
      request.host = value;
    } else if (same_name(name, "content-length")) {
      ++framers.content_lengths;
      framers.content_length = value;
    } else if (same_name(name, "transfer-encoding")) {
      ++framers.transfer_encodings;
      framers.transfer_encoding = value;
    } else if (same_name(name, "connection")) {
      read_connection(value, framers);
    } else if (same_name(name, "expect")) {
      (same_name(value, "100-continue") ? request.expects_continue : framers.other_expectation) = true;
    }
  }
  return framers;
}

bool all_in(std::string_view text, const ByteSet& set) noexcept {
  return std::ranges::all_of(text, [&](char c) { return set[static_cast<unsigned char>(c)]; });
}

/// uri-host [ ":" port ] (RFC 9112, 3.2).
bool valid_host(std::string_view host) noexcept {
  std::size_t host_end = host.find(':');
  if (host.starts_with('[')) {
    const std::size_t bracket = host.find(']');
    if (bracket == std::string_view::npos) return false;
    const std::string_view address = host.substr(1, bracket - 1);
    const auto is_part = [](char c) { return c == ':' || host_bytes[static_cast<unsigned char>(c)]; };
    if (address.empty() || !std::ranges::all_of(address, is_part)) return false;
    host_end = bracket + 1;
  } else if (!all_in(host.substr(0, host_end), host_bytes)) {
    return false;
  }
  if (host_end >= host.size()) return true;
  return host[host_end] == ':' && std::ranges::all_of(host.substr(host_end + 1), is_digit);
}

Refusal check_host(const Request& request, const Framers& framers) noexcept {
  if (framers.hosts == 0 && request.version == Version::http_1_1)
    return {400, "there is no Host (RFC 9112, 3.2)"};
  if (framers.hosts > 1) return {400, "there are several Hosts (RFC 9112, 3.2)"};
  if (!valid_host(request.host)) return {400, "Host is not a host with an optional port (RFC 9112, 3.2)"};
  return {};
}

bool valid_percent_encoding(std::string_view text) noexcept {
  for (std::size_t i = text.find('%'); i != std::string_view::npos; i = text.find('%', i + 1)) {
    if (i + 2 >= text.size()) return false;
    if (hex_value(static_cast<std::uint8_t>(text[i + 1])) < 0 ||
        hex_value(static_cast<std::uint8_t>(text[i + 2])) < 0)
      return false;
  }
  return true;
}

/// Removes "http://" or "https://" and the authority, which must equal Host (RFC 9112, 3.2 and 3.2.2).
Refusal strip_absolute_form(std::string_view& rest, std::string_view host) noexcept {
  const std::size_t scheme_end = rest.find("://");
  if (scheme_end == std::string_view::npos)
    return {400, "the request target is neither a path nor a URI (RFC 9112, 3.2)"};
  const std::string_view scheme = rest.substr(0, scheme_end);
  if (!same_name(scheme, "http") && !same_name(scheme, "https"))
    return {400, "the request target has a scheme that is not served (RFC 9112, 3.2.2)"};
  rest.remove_prefix(scheme_end + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  rest.remove_prefix(authority.size());
  if (authority.empty() || !same_name(authority, host))
    return {400, "the authority of the request target is not Host's (RFC 9112, 3.2.2)"};
  return {};
}

Refusal check_target(Request& request) noexcept {
  std::string_view rest = request.target;
  if (request.method == "CONNECT") return {501, "CONNECT is not served (RFC 9110, 9.3.6)"};
  if (rest == "*") {
    if (request.method != "OPTIONS")
      return {400, "the request target * is for OPTIONS alone (RFC 9112, 3.2.4)"};
    request.path = rest;
    return {};
  }
  if (!rest.starts_with('/')) {
    if (const Refusal refusal = strip_absolute_form(rest, request.host)) return refusal;
  }
  if (!valid_percent_encoding(rest))
    return {400, "the request target has a % without two hexadecimal digits (RFC 3986, 2.1)"};
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  request.path = mark == 0 ? "/" : rest.substr(0, mark);
  request.query = rest.substr(std::min(mark + 1, rest.size()));
  return {};
}

Refusal check_transfer_encoding(const Request& request, const Framers& framers) noexcept {
  if (request.version == Version::http_1_0)
    return {400, "Transfer-Encoding has no meaning in HTTP/1.0 (RFC 9112, 6.1)"};
  if (framers.content_lengths > 0)
    return {400, "there are both Content-Length and Transfer-Encoding (RFC 9112, 6.1)"};
  std::string_view list = framers.transfer_encoding;
  int chunked = 0;
  std::string_view last;
  while (!list.empty()) {
    last = next_element(list);
    chunked += same_name(last, "chunked") ? 1 : 0;
  }
  if (framers.transfer_encodings > 1 || chunked != 1 || !same_name(last, "chunked"))
    return {400, "Transfer-Encoding is not chunked (RFC 9112, 6.1)"};
  if (!same_name(framers.transfer_encoding, "chunked"))
    return {501, "Transfer-Encoding lists more than chunked (RFC 9112, 6.1)"};
  return {};
}

Refusal check_framing(Request& request, const Framers& framers, std::uint64_t body_bytes_max) noexcept {
  if (framers.transfer_encodings > 0) {
    request.framing = Framing::chunked;
    return check_transfer_encoding(request, framers);
  }
  if (framers.content_lengths == 0) return {};
  if (framers.content_lengths > 1) return {400, "there are several Content-Lengths (RFC 9110, 8.6)"};
  const std::string_view text = framers.content_length;
  if (text.empty() || !std::ranges::all_of(text, is_digit))
    return {400, "Content-Length is not one number (RFC 9110, 8.6)"};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), request.content_length);
  if (error != std::errc()) return {400, "Content-Length is not one number (RFC 9110, 8.6)"};
  if (request.content_length > body_bytes_max) return {413, "the body is too large (RFC 9110, 15.5.14)"};
  if (request.content_length > 0) request.framing = Framing::length;
  return {};
}

}  // namespace

Refusal check_request(Request& request, std::uint64_t body_bytes_max) {
  const Framers framers = read_fields(request);
  if (const Refusal refusal = check_host(request, framers)) return refusal;
  if (const Refusal refusal = check_target(request)) return refusal;
  if (const Refusal refusal = check_framing(request, framers, body_bytes_max)) return refusal;
  if (framers.other_expectation) return {417, "Expect asks for more than 100-continue (RFC 9110, 10.1.1)"};
  const bool is_1_1 = request.version == Version::http_1_1;
  if (!is_1_1 || request.framing == Framing::none) request.expects_continue = false;  // RFC 9110, 10.1.1
  request.keep_alive = !framers.close && (is_1_1 || framers.keep_alive);              // RFC 9112, 9.3
  return {};
}

}  // namespace ringrpc::http1
