#include "base/escape.h"

#include <algorithm>
#include <cstdint>

namespace ringrpc {
namespace {

bool is_control(unsigned char c) noexcept { return c < 0x20 || c == 0x7f; }

/// U+0080 to U+009F in UTF-8. One of them, U+009B, introduces terminal commands.
bool is_wide_control(unsigned char first, unsigned char second) noexcept {
  return first == 0xc2 && second >= 0x80 && second < 0xa0;
}

/// U+200E, U+200F, U+202A to U+202E and U+2066 to U+2069 change the order in which a terminal shows text.
bool is_direction_mark(std::string_view character) noexcept {
  if (character.size() < 3 || character[0] != '\xe2') return false;
  const auto second = static_cast<unsigned char>(character[1]);
  const auto third = static_cast<unsigned char>(character[2]);
  if (second == 0x80) return third == 0x8e || third == 0x8f || (third >= 0xaa && third <= 0xae);
  return second == 0x81 && third >= 0xa6 && third <= 0xa9;
}

void append_hex(std::string& out, unsigned char c) {
  constexpr char digits[] = "0123456789abcdef";
  out.append({'\\', 'x', digits[c >> 4], digits[c & 15]});
}

/// True for a byte of a UTF-8 character other than its first.
bool goes_on(unsigned char c) noexcept { return (c & 0xc0) == 0x80; }

/// Checks every byte, without an early exit, so that the compiler can vectorize the loop.
bool is_plain(std::string_view text) noexcept {
  std::uint8_t others = 0;
  for (const char c : text) others |= static_cast<std::uint8_t>(c - ' ') > '~' - ' ' ? 1 : 0;
  return others == 0;
}

}  // namespace

std::string escape_controls(std::string_view text, std::size_t limit_bytes, std::string_view keep) {
  if (text.size() <= limit_bytes && is_plain(text)) return std::string(text);
  std::string line;
  line.reserve(std::min(text.size(), limit_bytes) + 16);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (line.size() >= limit_bytes && (!goes_on(c) || line.size() - limit_bytes >= 3)) {
      line.append(" ... ").append(std::to_string(text.size() - i)).append(" more bytes");
      break;
    }
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (is_wide_control(c, next)) {
      append_hex(line, c);
      append_hex(line, next);
      ++i;
    } else if (is_direction_mark(text.substr(i, 3))) {
      for (const char part : text.substr(i, 3)) append_hex(line, static_cast<unsigned char>(part));
      i += 2;
    } else if (is_control(c) && keep.find(text[i]) == std::string_view::npos) {
      append_hex(line, c);
    } else {
      line.push_back(text[i]);
    }
  }
  return line;
}

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace ringrpc
