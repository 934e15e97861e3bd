#include "common/toml.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ringrpc::apps {
namespace {

bool is_key_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// A code point as UTF-8; nothing is appended for one that UTF-8 cannot carry.
bool append_utf8(std::string& text, std::uint32_t point) {
  const auto tail = [&](unsigned shift) {
    text.push_back(static_cast<char>(0x80 | ((point >> shift) & 0x3f)));
  };
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
  if (point < 0x80) {
    text.push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    text.push_back(static_cast<char>(0xc0 | (point >> 6)));
    tail(0);
  } else if (point < 0x10000) {
    text.push_back(static_cast<char>(0xe0 | (point >> 12)));
    tail(6), tail(0);
  } else {
    text.push_back(static_cast<char>(0xf0 | (point >> 18)));
    tail(12), tail(6), tail(0);
  }
  return true;
}

/// Reads from the front of what is left; `line_` follows the newlines passed.
class Reader {
 public:
  explicit Reader(std::string_view text) noexcept : left_(text) {}

  Result<std::vector<TomlEntry>> entries() {
    std::vector<TomlEntry> found;
    for (skip_blank_lines(); !left_.empty(); skip_blank_lines()) {
      Result<TomlEntry> entry = read_entry();
      if (!entry) return std::unexpected(std::move(entry).error());
      const auto twin = std::ranges::find(found, entry->key, &TomlEntry::key);
      if (twin != found.end()) {
        return fail(Code::INVALID_ARGUMENT, std::to_string(entry->line) + ": " + entry->key +
                                                " is set twice, first in line " + std::to_string(twin->line));
      }
      found.push_back(std::move(*entry));
    }
    return found;
  }

 private:
  std::unexpected<Status> wrong(std::string_view what) const {
    return fail(Code::INVALID_ARGUMENT, std::to_string(line_).append(": ").append(what));
  }

  char front() const noexcept { return left_.empty() ? '\0' : left_.front(); }

  bool take(char c) noexcept {
    if (left_.empty() || left_.front() != c) return false;
    if (c == '\n') ++line_;
    left_.remove_prefix(1);
    return true;
  }

  std::string_view take_while(auto belongs) noexcept {
    const auto end = std::ranges::find_if_not(left_, belongs);
    const std::string_view taken = left_.substr(0, static_cast<std::size_t>(end - left_.begin()));
    left_.remove_prefix(taken.size());
    return taken;
  }

  void skip_spaces() noexcept {
    take_while([](char c) { return c == ' ' || c == '\t'; });
  }

  void skip_comment() noexcept {
    if (front() == '#') take_while([](char c) { return c != '\n'; });
  }

  void skip_blank_lines() noexcept {
    do {
      skip_spaces();
      skip_comment();
      take('\r');
    } while (take('\n'));
  }

  Result<TomlEntry> read_entry() {
    TomlEntry entry{.line = line_};
    if (front() == '[') return wrong("tables have no use here; write every key at the top level");
    entry.key = take_while(is_key_character);
    if (entry.key.empty()) return wrong("a line is 'key = value' or a comment that begins with '#'");
    skip_spaces();
    if (!take('=')) return wrong("'=' is missing after " + entry.key);
    skip_spaces();
    Result<TomlValue> value = read_value();
    if (!value) return std::unexpected(std::move(value).error());
    entry.value = std::move(*value);
    skip_spaces();
    skip_comment();
    take('\r');
    if (!left_.empty() && !take('\n'))
      return wrong("nothing but a comment may follow the value of " + entry.key);
    return entry;
  }

  Result<TomlValue> read_value() {
    if (front() == '"' || front() == '\'') return read_string();
    if (front() == '[') return read_array();
    const std::string_view word =
        take_while([](char c) { return is_key_character(c) || c == '+' || c == '.' || c == ':'; });
    if (word.empty()) return wrong("a value is missing after '='");
    if (word == "true") return true;
    if (word == "false") return false;
    return read_integer(word);
  }

  /// Underscores only between digits, no leading zeros, as TOML has it.
  Result<TomlValue> read_integer(std::string_view word) const {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const bool signed_one = word.starts_with('+') || word.starts_with('-');
    const std::string_view magnitude = word.substr(signed_one ? 1 : 0);
    const bool well_formed = !magnitude.empty() && is_digit(magnitude.front()) &&
                             is_digit(magnitude.back()) && magnitude.find("__") == std::string_view::npos &&
                             (magnitude.size() == 1 || magnitude.front() != '0') &&
                             std::ranges::all_of(magnitude, [&](char c) { return is_digit(c) || c == '_'; });
    std::string digits(word.starts_with('+') ? magnitude : word);
    std::erase(digits, '_');
    std::int64_t number = 0;
    if (!well_formed ||
        std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc()) {
      return wrong("'" + std::string(word) +
                   "' is neither a whole number nor true or false; strings stand in \"quotes\"");
    }
    return number;
  }

  Result<std::string> read_string() {
    const char quote = front();
    if (left_.starts_with(quote == '"' ? "\"\"\"" : "'''"))
      return wrong("multi-line strings have no use here");
    take(quote);
    std::string text;
    while (!take(quote)) {
      if (left_.empty() || front() == '\n') return wrong("a string does not end on its line");
      if (quote == '"' && take('\\')) {
        if (!read_escape(text))
          return wrong("a string has an unknown escape; \\\\ is a backslash, 'single quotes' escape nothing");
      } else {
        text.push_back(front());
        left_.remove_prefix(1);
      }
    }
    return text;
  }

  bool read_escape(std::string& text) {
    static constexpr std::string_view letters = "btnfr\"\\";
    static constexpr std::string_view meanings = "\b\t\n\f\r\"\\";
    const char letter = front();
    if (letter == 'u' || letter == 'U') return read_code_point(text, letter == 'u' ? 4 : 8);
    const std::size_t which = letters.find(letter);
    if (left_.empty() || which == std::string_view::npos) return false;
    left_.remove_prefix(1);
    text.push_back(meanings[which]);
    return true;
  }

  bool read_code_point(std::string& text, std::size_t digits) {
    left_.remove_prefix(1);
    if (left_.size() < digits) return false;
    std::uint32_t point = 0;
    const auto [rest, error] = std::from_chars(left_.data(), left_.data() + digits, point, 16);
    if (error != std::errc() || rest != left_.data() + digits) return false;
    left_.remove_prefix(digits);
    return append_utf8(text, point);
  }

  Result<TomlValue> read_array() {
    std::vector<std::string> elements;
    take('[');
    for (skip_blank_lines(); !take(']'); skip_blank_lines()) {
      if (left_.empty()) return wrong("an array is not closed with ']'");
      if (front() != '"' && front() != '\'') return wrong("an array holds strings in \"quotes\"");
      Result<std::string> element = read_string();
      if (!element) return std::unexpected(std::move(element).error());
      elements.push_back(std::move(*element));
      skip_blank_lines();
      if (!take(',') && !left_.empty() && front() != ']')
        return wrong("the strings of an array are parted by ','");
    }
    return elements;
  }

  std::string_view left_;
  unsigned line_ = 1;
};

}  // namespace

Result<std::vector<TomlEntry>> parse_toml(std::string_view text) { return Reader(text).entries(); }

std::string_view type_name(const TomlValue& value) noexcept {
  static constexpr std::string_view names[] = {"a string", "a number", "true or false", "an array"};
  return names[value.index()];
}

}  // namespace ringrpc::apps
