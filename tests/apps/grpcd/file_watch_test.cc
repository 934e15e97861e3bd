#include "grpcd/file_watch.h"

#include <array>
#include <cstddef>
#include <doctest/doctest.h>
#include <latch>
#include <string>

namespace ringrpc::grpcd {
namespace {

/// The order of the checks and the reloads, if the checks find these changes.
template <std::size_t checks>
std::string watched(const std::array<bool, checks>& changes) {
  std::string order;
  std::latch over(1);
  {
    const FileWatch watch(
        [&, at = std::size_t{0}]() mutable {
          if (at == checks) over.count_down();
          if (at++ >= checks) return false;
          order += changes[at - 1] ? 'C' : '-';
          return changes[at - 1];
        },
        [&] { order += 'R'; }, std::chrono::milliseconds(1));
    over.wait();
  }
  return order;
}

TEST_CASE("changed files are reloaded at the second check that finds them changed, not at the first") {
  CHECK(watched(std::array{false, true, true, false}) == "-CCR-");
  CHECK(watched(std::array{true, true, true, true}) == "CCRCCR");
}

TEST_CASE("files that are as before at the second check are not reloaded") {
  CHECK(watched(std::array{true, false, true, false}) == "C-C-");
}

}  // namespace
}  // namespace ringrpc::grpcd
