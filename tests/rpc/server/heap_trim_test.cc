/// Freed memory between memory in use.
#include "rpc/server/heap_trim.h"

#include <chrono>
#include <cstring>
#include <doctest/doctest.h>
#include <fstream>
#include <memory>
#include <thread>
#include <unistd.h>
#include <vector>

namespace ringrpc {
namespace {

#ifdef RINGRPC_SANITIZED
constexpr bool with_other_malloc = true;
#else
constexpr bool with_other_malloc = false;
#endif

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST_CASE(
    "what was freed among what is in use goes back to the system, by a thread that is none of who asked" *
    doctest::skip(with_other_malloc)) {
  constexpr std::size_t block_bytes = 1000;
  constexpr std::size_t blocks_kept = 50;
  std::vector<std::unique_ptr<char[]>> blocks(20'000);
  for (auto& block : blocks) {
    block = std::make_unique_for_overwrite<char[]>(block_bytes);
    std::memset(block.get(), 1, block_bytes);
  }
  const std::size_t most = resident_bytes();
  for (std::size_t at = 0; at < blocks.size(); ++at)
    if (at % (blocks.size() / blocks_kept) != blocks_kept - 1) blocks[at].reset();
  REQUIRE(resident_bytes() > most - blocks.size() * block_bytes / 4);
  trim_heap();
  trim_heap();
  while (resident_bytes() > most - blocks.size() * block_bytes / 2)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

}  // namespace
}  // namespace ringrpc
