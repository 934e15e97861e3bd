#include "http1/response.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <utility>

#include "http1/characters.h"
#include "http1/http_date.h"

namespace ringrpc::http1 {
namespace {

constexpr auto reason_phrases = std::to_array<std::pair<int, std::string_view>>({
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
});

void append_number(std::uint64_t number, Chain& out) {
  std::array<char, 20> digits;
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(as_bytes({digits.data(), end}));
}

void append_value(std::string_view value, Chain& out) {
  const auto is_bad = [](char c) { return is_control(static_cast<std::uint8_t>(c)); };
  while (!value.empty()) {
    const auto good = static_cast<std::size_t>(std::ranges::find_if(value, is_bad) - value.begin());
    out.append(as_bytes(value.substr(0, good)));
    value.remove_prefix(good);
    if (value.empty()) return;
    out.append(as_bytes(" "));
    value.remove_prefix(1);
  }
}

[[maybe_unused]] bool is_for_handlers(std::string_view name) noexcept {
  const auto in_token = [](char c) { return token_bytes[static_cast<unsigned char>(c)]; };
  return !name.empty() && std::ranges::all_of(name, in_token) && !same_name(name, "date") &&
         !same_name(name, "content-length") && !same_name(name, "transfer-encoding") &&
         !same_name(name, "connection");
}

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  const auto found = std::ranges::find(reason_phrases, status, &std::pair<int, std::string_view>::first);
  return found == reason_phrases.end() ? std::string_view() : found->second;
}

void write_head(const Response& response, BodyEnd end, ConnectionField connection,
                std::chrono::sys_seconds time, Chain& out) {
  assert(response.status >= 200 && response.status <= 599);
  out.append(as_bytes("HTTP/1.1 "));
  append_number(static_cast<std::uint64_t>(response.status), out);
  out.append(as_bytes(" "));
  out.append(as_bytes(reason_phrase(response.status)));
  out.append(as_bytes("\r\ndate: "));
  const auto date = http_date(time);
  out.append(as_bytes({date.data(), date.size()}));
  for (const auto& [name, value] : response.fields) {
    assert(is_for_handlers(name));
    out.append(as_bytes("\r\n"));
    out.append(as_bytes(name));
    out.append(as_bytes(": "));
    append_value(value, out);
  }
  if (end == BodyEnd::length) {
    out.append(as_bytes("\r\ncontent-length: "));
    append_number(*response.content_length, out);
  }
  if (end == BodyEnd::chunked) out.append(as_bytes("\r\ntransfer-encoding: chunked"));
  if (connection == ConnectionField::close) out.append(as_bytes("\r\nconnection: close"));
  if (connection == ConnectionField::keep_alive) out.append(as_bytes("\r\nconnection: keep-alive"));
  out.append(as_bytes("\r\n\r\n"));
}

}  // namespace ringrpc::http1
