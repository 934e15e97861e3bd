#include "base/escape.h"

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"

namespace ringrpc {
namespace {

bool is_control(unsigned char c) noexcept { return c < 0x20 || c == 0x7f; }

/// U+0080 to U+009F in UTF-8. One of them, U+009B, introduces terminal commands.
bool is_wide_control(std::string_view character) noexcept {
  return character.size() == 2 && character[0] == '\xc2' && static_cast<unsigned char>(character[1]) < 0xa0;
}

/// U+200E, U+200F, U+202A to U+202E and U+2066 to U+2069 change the order in which a terminal shows text.
bool is_direction_mark(std::string_view character) noexcept {
  if (character.size() != 3 || character[0] != '\xe2') return false;
  const auto second = static_cast<unsigned char>(character[1]);
  const auto third = static_cast<unsigned char>(character[2]);
  if (second == 0x80) return third == 0x8e || third == 0x8f || (third >= 0xaa && third <= 0xae);
  return second == 0x81 && third >= 0xa6 && third <= 0xa9;
}

void append_hex(std::string& out, unsigned char c) {
  constexpr char digits[] = "0123456789abcdef";
  out.append({'\\', 'x', digits[c >> 4], digits[c & 15]});
}

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
  for (std::size_t at = 0; at < text.size();) {
    if (line.size() >= limit_bytes) {
      line.append(" ... ").append(std::to_string(text.size() - at)).append(" more bytes");
      break;
    }
    // A terminal may take a byte that is not UTF-8 for a control character of eight bits.
    const std::size_t bytes = character_bytes(text.substr(at));
    const std::string_view character = text.substr(at, std::max<std::size_t>(bytes, 1));
    const char first = character.front();
    const bool shown = bytes == 1 ? !is_control(static_cast<unsigned char>(first)) || keep.contains(first)
                                  : bytes > 1 && !is_wide_control(character) && !is_direction_mark(character);
    if (shown) {
      line += character;
    } else {
      for (const char part : character) append_hex(line, static_cast<unsigned char>(part));
    }
    at += character.size();
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
