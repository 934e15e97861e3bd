#include "base/json.h"

#include <cmath>
#include <fmt/format.h>
#include <iterator>

#include "base/escape.h"

namespace ringrpc {

namespace {

/// True if each byte stands for itself inside quotes.
bool needs_no_escape(std::string_view text) noexcept {
  std::uint8_t others = 0;
  for (const char c : text)
    others |= static_cast<std::uint8_t>(c - ' ') > '~' - ' ' || c == '"' || c == '\\' ? 1 : 0;
  return others == 0;
}

/// `text` is UTF-8 without control characters.
void append_characters(std::string& to, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') to += '\\';
    to += c;
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
