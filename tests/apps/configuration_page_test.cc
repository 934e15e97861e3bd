// Checks docs/configuration.md against the programs: their flags and their help.
#include <algorithm>
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "grpcbench/configuration.h"
#include "grpcclient/configuration.h"
#include "grpcd/configuration.h"
#include "source_root.h"

namespace ringrpc::apps {
namespace {

/// The lines of a program's section that describe a flag.
std::vector<std::string> flag_rows(const std::string& program) {
  std::ifstream file(source_root() / "docs/configuration.md");
  REQUIRE(file);
  std::vector<std::string> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("# ")) inside = line == "# Configuring " + program;
    if (inside && line.starts_with("| `-")) rows.push_back(line);
  }
  return rows;
}

std::string code(const std::string& text) { return text.empty() ? "" : "`" + text + "`"; }

/// A table's cell; an empty one has a single space.
std::string cell(const std::string& text) { return text.empty() ? " |" : " " + text + " |"; }

/// "`--data JSON`, `-d`", the form on the page.
std::string flag_cell(const Setting& setting) {
  const std::string placeholder = setting.placeholder.empty() ? "" : " " + setting.placeholder;
  const std::string letter = setting.letter.empty() ? "" : ", " + code("-" + setting.letter);
  return code("--" + setting.name + placeholder) + letter;
}

std::string row_of(const Setting& setting) {
  const std::string also = setting.also_read.empty() ? "" : ", " + code(setting.also_read);
  return "|" + cell(flag_cell(setting)) + cell(code(setting.environment) + also) + cell(code(setting.name)) +
         cell(code(setting.fallback)) + cell(setting.help);
}

/// The page has a row for each setting, with the text of the help, and three more rows.
void check_rows(const std::string& program, const CommandLine& line) {
  const std::vector<std::string> rows = flag_rows(program);
  for (const Setting& setting : line.settings()) {
    const std::string row = row_of(setting);
    CHECK_MESSAGE(std::ranges::count(rows, row) == 1, row);
  }
  CHECK(rows.size() == line.settings().size() + 3);
}

/// The page and the help have the same flags.
void check_help(const std::string& program, CommandLine& line) {
  REQUIRE(line.read(std::vector<std::string>{"--help"}, [](const char*) -> const char* { return nullptr; }) ==
          Action::show_help);
  const std::vector<std::string> rows = flag_rows(program);
  std::istringstream help(line.help());
  std::size_t flags = 0;
  for (std::string words; std::getline(help, words);) {
    const std::size_t dashes = words.find("--");
    if (!words.starts_with("  -") || dashes == std::string::npos) continue;
    const std::string flag = words.substr(dashes, words.find(' ', dashes) - dashes);
    ++flags;
    const bool found = std::ranges::any_of(rows, [&](const std::string& row) {
      return row.starts_with("| `" + flag + "`") || row.starts_with("| `" + flag + " ");
    });
    CHECK_MESSAGE(found, flag);
  }
  CHECK(flags == rows.size());
}

template <class Configuration>
void check_page(const std::string& program) {
  INFO(program);
  check_rows(program, Configuration().line);
  Configuration asked;
  check_help(program, asked.line);
}

TEST_CASE("the page has the flags, variables, keys and defaults of each program, with the text of its help") {
  check_page<grpcd::Configuration>("grpcd");
  check_page<grpcclient::Configuration>("grpcclient");
  check_page<grpcbench::Configuration>("grpcbench");
}

}  // namespace
}  // namespace ringrpc::apps
