// docs/configuration.md against what grpcd itself says: the flags that it takes and its help.
#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>
#include <vector>

#include "grpcd/configuration.h"

namespace ringrpc::grpcd {
namespace {

/// The lines of the page's first table that describe a flag.
std::vector<std::string> flag_rows() {
  const char* root = std::getenv("SOURCE_ROOT");
  REQUIRE_MESSAGE(root, "SOURCE_ROOT names the project's folder; run this through `meson test`");
  std::ifstream file(std::string(root) + "/docs/configuration.md");
  REQUIRE(file);
  std::vector<std::string> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `--")) rows.push_back(line);
  }
  return rows;
}

std::string code(const std::string& text) { return text.empty() ? " " : " `" + text + "` "; }

TEST_CASE("the page has a row for each setting, in the words of the help, and three for the others") {
  const std::vector<std::string> rows = flag_rows();
  Configuration configuration;
  for (const apps::Setting& setting : configuration.line.settings()) {
    const std::string value = setting.placeholder.empty() ? "" : " " + setting.placeholder;
    const std::string row = "|" + code("--" + setting.name + value) + "|" + code(setting.environment) + "|" +
                            code(setting.name) + "|" + code(setting.fallback) + "| " + setting.help + " |";
    CHECK_MESSAGE(std::ranges::count(rows, row) == 1, row);
  }
  CHECK(rows.size() == configuration.line.settings().size() + 3);
}

TEST_CASE("every flag of the help is on the page, and every flag of the page in the help") {
  Configuration configuration;
  REQUIRE(configuration.line.read(std::vector<std::string>{"--help"}, [](const char*) -> const char* {
    return nullptr;
  }) == apps::Action::show_help);
  const std::string help = configuration.line.help();
  const std::vector<std::string> rows = flag_rows();

  std::istringstream words(help);
  std::size_t flags = 0;
  for (std::string line; std::getline(words, line);) {
    const std::size_t dashes = line.find("--");
    if (!line.starts_with("  -") || dashes == std::string::npos) continue;
    const std::string flag = line.substr(dashes, line.find(' ', dashes) - dashes);
    ++flags;
    CHECK_MESSAGE(std::ranges::any_of(rows,
                                      [&](const std::string& row) {
                                        return row.starts_with("| `" + flag + "`") ||
                                               row.starts_with("| `" + flag + " ");
                                      }),
                  flag);
  }
  CHECK(flags == rows.size());
}

}  // namespace
}  // namespace ringrpc::grpcd
