// Checks README.md against the source tree.
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "source_root.h"

namespace ringrpc {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  REQUIRE_MESSAGE(file, path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_CASE("the service and the client in the README are the examples that are built") {
  const std::string readme = read(source_root() / "README.md");
  for (const char* name : {"shout/shout.cc", "ask/ask.cc"}) {
    const std::string example = read(source_root() / "docs/examples" / name);
    CHECK_MESSAGE(readme.find("```cpp\n" + example + "```\n") != std::string::npos, name);
  }
}

TEST_CASE("every link of the README leads to a file of the tree") {
  const std::string readme = read(source_root() / "README.md");
  std::size_t links = 0;
  for (std::size_t at = readme.find("]("); at != std::string::npos; at = readme.find("](", at + 1)) {
    const std::string target = readme.substr(at + 2, readme.find(')', at) - at - 2);
    ++links;
    CHECK_MESSAGE(std::filesystem::exists(source_root() / target), target);
  }
  CHECK(links > 5);
}

TEST_CASE("every public header is in the README's guide or needed by one that is") {
  const std::string readme = read(source_root() / "README.md");
  for (const auto& entry : std::filesystem::directory_iterator(source_root() / "lib/include/ringrpc")) {
    const std::string name = entry.path().filename();
    if (entry.path().extension() != ".h" || readme.find("[" + name + "]") != std::string::npos) continue;
    bool needed = false;
    for (const auto& other : std::filesystem::directory_iterator(source_root() / "lib/include/ringrpc"))
      needed = needed || read(other.path()).find("#include \"ringrpc/" + name + "\"") != std::string::npos;
    CHECK_MESSAGE(needed, name);
  }
}

}  // namespace
}  // namespace ringrpc
