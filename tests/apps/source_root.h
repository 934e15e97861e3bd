/// The path of the source tree, for tests that check pages.
#pragma once

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>

namespace ringrpc {

inline std::filesystem::path source_root() {
  const char* root = std::getenv("SOURCE_ROOT");
  REQUIRE_MESSAGE(root, "SOURCE_ROOT names the project's folder; run this through `meson test`");
  return root;
}

}  // namespace ringrpc
