// Checks docs/limits.md against the programs and the tests: its flags are grpcd's, and its tests exist.
#include <algorithm>
#include <doctest/doctest.h>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "grpcd/configuration.h"
#include "source_root.h"

namespace ringrpc::apps {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(source_root() / path);
  REQUIRE_MESSAGE(file, path.string());
  return {std::istreambuf_iterator(file), {}};
}

/// The cells of each row of the page's tables, without the headings.
std::vector<std::vector<std::string>> rows() {
  std::vector<std::vector<std::string>> found;
  std::istringstream page(text_of("docs/limits.md"));
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| ") || line.ends_with("| test |")) continue;
    std::vector<std::string> cells;
    for (std::size_t at = 2; at < line.size();) {
      const std::size_t end = line.find("|", at);
      REQUIRE(end != std::string::npos);
      cells.push_back(line.substr(at, end - at));
      at = std::min(end + 2, line.size());
    }
    found.push_back(std::move(cells));
  }
  return found;
}

TEST_CASE("every row of the page of limits has four cells") {
  CHECK(rows().size() > 30);
  for (const auto& row : rows()) CHECK_MESSAGE(row.size() == 4, row.front());
}

TEST_CASE("the flags of the page of limits are grpcd's") {
  const grpcd::Configuration configuration;
  const std::regex flag("`--([a-z-]+)`");
  int flags = 0;
  for (const auto& row : rows()) {
    const std::string& cell = row.at(2);
    for (std::sregex_iterator at(cell.begin(), cell.end(), flag), end; at != end; ++at, ++flags) {
      const std::string name = (*at)[1];
      CHECK_MESSAGE(std::ranges::count(configuration.line.settings(), name, &Setting::name) == 1, name);
    }
  }
  CHECK(flags > 20);
}

/// `named`: a file and, behind a colon, text in it.
bool exists(const std::string& named) {
  const std::regex form("`(tests/[a-z0-9_/.]+)`: (.+[^ ]) *");
  std::smatch test;
  return std::regex_match(named, test, form) && text_of(test[1].str()).contains(test[2].str());
}

/// A cell names a test, and then perhaps those that run the attack in pods.
TEST_CASE("the tests of the page of limits exist") {
  constexpr std::string_view in_pods = ". In pods: ";
  int pods = 0;
  for (const auto& row : rows()) {
    const std::string& cell = row.at(3);
    const std::size_t first = std::min(cell.find(in_pods), cell.size());
    CHECK_MESSAGE(exists(cell.substr(0, first)), cell);
    if (first == cell.size()) continue;
    std::string tests = cell.substr(first + in_pods.size());
    tests.resize(tests.find_last_not_of(' ') + 1);
    const std::size_t names = tests.find("`: ") + 3;
    std::istringstream each(tests.substr(names));
    for (std::string name; std::getline(each >> std::ws, name, ','); ++pods)
      CHECK_MESSAGE(exists(tests.substr(0, names) + "def " + name), cell);
  }
  CHECK(pods > 15);
}

}  // namespace
}  // namespace ringrpc::apps
