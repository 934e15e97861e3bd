#include "common/toml.h"

#include <algorithm>
#include <optional>
#include <toml++/toml.h>
#include <utility>

namespace ringrpc::apps {
namespace {

std::unexpected<Status> wrong(unsigned line, std::string_view what) {
  return fail(Code::INVALID_ARGUMENT, std::to_string(line).append(": ").append(what));
}

constexpr std::string_view no_tables = "tables are not supported; write every key at the top level";

/// Line `line` of `text`, counted from 1, trimmed and cut to a readable length.
std::string_view line_of(std::string_view text, unsigned line) {
  constexpr std::size_t shown_bytes_max = 60;
  for (; line > 1; --line) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  text = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  text = text.substr(0, text.find_last_not_of(" \t\r") + 1);
  return text.substr(0, shown_bytes_max);
}

/// The parser's message, the line where it stopped, and the right form: the usual mistake is a missing quote.
std::unexpected<Status> not_toml(std::string_view text, const toml::parse_error& error) {
  const unsigned line = error.source().begin.line;
  std::string what(error.description());
  what.append(", in '").append(line_of(text, line)).append("'; ");
  return wrong(line, what + R"(write key = 5, key = "text" or key = ["text", "text"])");
}

std::optional<std::vector<std::string>> strings_of(const toml::array& array) {
  std::vector<std::string> strings;
  for (const toml::node& element : array) {
    const auto* const text = element.as_string();
    if (!text) return std::nullopt;
    strings.push_back(text->get());
  }
  return strings;
}

/// The reason why a node is not a TomlValue.
std::string_view objection(const toml::node& node) {
  if (node.is_table() || node.is_array_of_tables()) return no_tables;
  if (node.is_array()) return "an array takes strings in \"quotes\"";
  return "dates and fractions are not supported; write a whole number, true or false, or a \"text\"";
}

std::optional<TomlValue> value_of(const toml::node& node) {
  if (const auto* const text = node.as_string()) return text->get();
  if (const auto* const number = node.as_integer()) return number->get();
  if (const auto* const truth = node.as_boolean()) return truth->get();
  if (const auto* const array = node.as_array()) return strings_of(*array);
  return std::nullopt;
}

/// The position after the string that begins with the quote at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const std::string three(3, quote);
  const bool long_form = text.substr(at).starts_with(three);
  at += long_form ? 3 : 1;
  for (; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (!long_form && (text[at] == quote || text[at] == '\n')) {
      return at + 1;
    } else if (long_form && text.substr(at).starts_with(three)) {
      at += 3;
      for (int more = 0; more < 2 && at < text.size() && text[at] == quote; ++more) ++at;
      return at;
    }
  }
  return text.size();
}

/// toml++ destroys nested tables recursively, and limits the depth of brackets but not of dotted keys. The dots of a
/// key are counted here first, so that a file cannot overflow the stack.
Status check_dots(std::string_view text) {
  constexpr int dots_max = 16;
  unsigned line = 1;
  int dots = 0;  // of the key, header or number at this point
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      const std::size_t end = end_of_string(text, at);
      line += static_cast<unsigned>(std::ranges::count(text.substr(at, end - at), '\n'));
      at = end;
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (std::string_view("=,[]{}\n").contains(c)) dots = 0;
    if (c == '\n') ++line;
    if (c == '.' && ++dots > dots_max)
      return wrong(line, "a key or header with more than " + std::to_string(dots_max) +
                             " dots: " + std::string(no_tables))
          .error();
    ++at;
  }
  return {};
}

}  // namespace

Result<std::vector<TomlEntry>> parse_toml(std::string_view text) {
  if (Status status = check_dots(text); !status.ok()) return std::unexpected(std::move(status));
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return not_toml(text, error);
  }
  std::vector<TomlEntry> entries;
  for (const auto& [key, node] : table) {
    const unsigned line = key.source().begin.line;
    std::optional<TomlValue> value = value_of(node);
    if (!value) return wrong(line, std::string(key.str()).append(": ").append(objection(node)));
    entries.push_back({std::string(key.str()), std::move(*value), line});
  }
  std::ranges::sort(entries, {}, &TomlEntry::line);  // toml++ sorts them by name
  return entries;
}

std::string_view type_name(const TomlValue& value) noexcept {
  static constexpr std::string_view names[] = {"a string", "a number", "true or false", "an array"};
  return names[value.index()];
}

}  // namespace ringrpc::apps
