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
  if (node.is_table() || node.is_array_of_tables())
    return "tables are not supported; write every key at the top level";
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

}  // namespace

Result<std::vector<TomlEntry>> parse_toml(std::string_view text) {
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
