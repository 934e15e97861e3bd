#include "base/json.h"

#include <cmath>
#include <cstddef>
#include <fmt/format.h>
#include <iterator>

#include "base/escape.h"
#include "base/utf8.h"

namespace ringrpc {

namespace {

/// The length of the UTF-8 character at the beginning of `text`; 0 if there is none.
std::size_t character_bytes(std::string_view text) noexcept {
  Utf8 utf8;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!utf8.take(text[at])) return 0;
    if (utf8.whole()) return at + 1;
  }
  return 0;
}

/// True if each byte stands for itself inside quotes.
bool needs_no_escape(std::string_view text) noexcept {
  std::uint8_t others = 0;
  for (const char c : text)
    others |= static_cast<std::uint8_t>(c - ' ') > '~' - ' ' || c == '"' || c == '\\' ? 1 : 0;
  return others == 0;
}

/// `text` has no control characters.
void append_characters(std::string& to, std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    if (bytes == 0) {
      fmt::format_to(std::back_inserter(to), "\\\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else {
      if (text.front() == '"' || text.front() == '\\') to += '\\';
      to += text.substr(0, bytes);
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
}

}  // namespace

void append_json(std::string& to, std::string_view text) {
  to += '"';
  if (needs_no_escape(text)) [[likely]] {
    to += text;
  } else {
    append_characters(to, escape_controls(text));
  }
  to += '"';
}

void append_json(std::string& to, std::uint64_t value) {
  const fmt::format_int digits(value);
  to.append(digits.data(), digits.size());
}

void append_json(std::string& to, std::int64_t value) {
  const fmt::format_int digits(value);
  to.append(digits.data(), digits.size());
}

void append_json(std::string& to, double value) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(to), "{}", value);
  } else {
    to += "null";
  }
}

}  // namespace ringrpc
