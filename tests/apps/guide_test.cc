// Checks docs/guide.md against the files that it quotes.
//
// A comment before each block of code names its source: a whole file, `<!-- path -->`, or a region of one,
// `<!-- path: region -->`. A region is the text between the lines "// [region]" and "// [/region]", without
// their indentation. Only console blocks are not quoted from a file.
#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "source_root.h"

namespace ringrpc {
namespace {

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  REQUIRE_MESSAGE(file, path.string());
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string_view trimmed(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return line;
}

bool is_marker(std::string_view line) { return trimmed(line).starts_with("// [") && line.ends_with(']'); }

/// The lines of a region, or nothing.
std::vector<std::string> region_of(const std::vector<std::string>& lines, const std::string& name) {
  const auto marks = [](const std::string& mark) {
    return [mark](const std::string& line) { return trimmed(line) == mark; };
  };
  const auto begin = std::ranges::find_if(lines, marks("// [" + name + "]"));
  const auto end = std::ranges::find_if(lines, marks("// [/" + name + "]"));
  if (begin >= end) return {};
  const std::size_t indentation = begin->find_first_not_of(' ');
  std::vector<std::string> region;
  for (auto line = begin + 1; line != end; ++line)
    if (!is_marker(*line)) region.push_back(line->size() < indentation ? "" : line->substr(indentation));
  return region;
}

struct Quotation {
  std::string source;  ///< from its comment, "path" or "path: region"; empty for a block without a comment
  std::string language;
  std::vector<std::string> lines;
};

std::vector<Quotation> quotations() {
  std::vector<Quotation> found;
  std::string before;
  bool inside = false;
  for (const std::string& line : lines_of(source_root() / "docs/guide.md")) {
    if (inside) {
      inside = line != "```";
      if (inside) found.back().lines.push_back(line);
    } else if (line.starts_with("```")) {
      const bool told = before.starts_with("<!-- ") && before.ends_with(" -->");
      found.push_back({told ? before.substr(5, before.size() - 9) : "", line.substr(3), {}});
      inside = true;
    }
    before = line;
  }
  return found;
}

TEST_CASE("the guide quotes compiled code") {
  std::size_t compared = 0;
  for (const Quotation& quotation : quotations()) {
    if (quotation.language == "console") continue;
    CAPTURE(quotation.source);
    CAPTURE(quotation.lines.front());
    REQUIRE_FALSE(quotation.source.empty());
    const std::size_t colon = quotation.source.find(": ");
    std::vector<std::string> source = lines_of(source_root() / quotation.source.substr(0, colon));
    if (colon != std::string::npos) source = region_of(source, quotation.source.substr(colon + 2));
    CHECK(quotation.lines == source);
    ++compared;
  }
  CHECK(compared > 20);
}

TEST_CASE("every region of the examples is quoted") {
  std::set<std::string> quoted;
  for (const Quotation& quotation : quotations()) quoted.insert(quotation.source);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source_root() / "docs/examples")) {
    if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
    const std::string path = std::filesystem::relative(entry.path(), source_root()).string();
    for (const std::string& line : lines_of(entry.path())) {
      if (!is_marker(line) || trimmed(line).starts_with("// [/")) continue;
      const std::string_view mark = trimmed(line);
      std::string place = path;
      place.append(": ").append(mark.substr(4, mark.size() - 5));
      CHECK_MESSAGE(quoted.contains(place), place);
    }
  }
}

TEST_CASE("every link of the guide leads to a file of the tree") {
  std::size_t links = 0;
  bool code = false;
  for (const std::string& line : lines_of(source_root() / "docs/guide.md")) {
    if (line.starts_with("```")) code = !code;
    if (code) continue;
    for (std::size_t at = line.find("]("); at != std::string::npos; at = line.find("](", at + 1)) {
      std::string target = line.substr(at + 2, line.find(')', at) - at - 2);
      if (target.starts_with("https://")) continue;
      ++links;
      target.erase(std::min(target.find('#'), target.size()));  // pages_test looks for the heading
      CHECK_MESSAGE(std::filesystem::exists(source_root() / "docs" / target), target);
    }
  }
  CHECK(links > 5);
}

}  // namespace
}  // namespace ringrpc
