/// Finds the data in a text: its addresses, flags, limits and names. Tests that are not about the words of a text check
/// its data, so that better words change only the test that pins them.
///
///   CHECK(missing(status.to_string(), {"RESOURCE_EXHAUSTED: ", "8192", "max_header_list_bytes"}) == "");
///   CHECK(lines_with(log, {"info", "127.0.0.1:7", "3 calls"}) == 1);
#pragma once

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <string>
#include <string_view>

namespace ringrpc::test {

/// True if `text` has `datum` in it as a whole word or number: "10" is not in "100", nor "max" in "max_bytes".
inline bool has_datum(std::string_view text, std::string_view datum) {
  const auto joined = [](char left, char right) {
    const auto of_word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
    };
    return of_word(left) && of_word(right);
  };
  for (std::size_t at = text.find(datum); at != text.npos; at = text.find(datum, at + 1)) {
    const std::size_t end = at + datum.size();
    const bool begins = at == 0 || !joined(text[at - 1], text[at]);
    const bool ends = end == text.size() || !joined(text[end - 1], text[end]);
    if (begins && ends) return true;
  }
  return false;
}

/// The first of `data` that `text` lacks, with the text; empty if it has all.
inline std::string missing(std::string_view text, std::initializer_list<std::string_view> data) {
  for (const std::string_view datum : data)
    if (!has_datum(text, datum)) return "'" + std::string(datum) + "' is not in: " + std::string(text);
  return {};
}

/// The number of lines that have all of `data`.
inline int lines_with(std::string_view text, std::initializer_list<std::string_view> data) {
  int found = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    found += missing(line, data).empty();
  }
  return found;
}

}  // namespace ringrpc::test
