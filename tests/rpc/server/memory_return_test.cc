/// The memory of many closed connections.

#include <chrono>
#include <doctest/doctest.h>
#include <vector>

#include "http2/memory_pool.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

#ifdef RINGRPC_SANITIZED
constexpr bool without_pools = true;
#else
constexpr bool without_pools = false;
#endif

/// Empties a pool without blocks in use, almost completely. Otherwise the few blocks of the next connection
/// would come from regions that earlier tests have freed, and each block would keep a region of half a
/// megabyte.
void give_back_all(http2::MemoryPool& pool) {
  for (int passes = 0; passes < 2; ++passes) {  // a server may have ended in the middle of the first
    while (!pool.give_back(10'000)) {
    }
  }
}

TEST_CASE("the memory of connections is returned to the system when most of them have closed" *
          doctest::skip(without_pools)) {
  for_each_world([](World& world) {
    http2::MemoryPool& pool = *http2::MemoryPool::of_this_thread();  // all shards run here
    give_back_all(pool);
    const auto script = [&](Channel& kept) -> Task<void> {
      CHECK(co_await unary(kept, "Echo", "x"));
      std::vector<Channel> crowd;
      for (int i = 0; i < 200; ++i) crowd.emplace_back(world.address());
      for (const Channel& channel : crowd) CHECK(co_await unary(channel, "Echo", "x"));
      const std::size_t most = pool.mapped_bytes();
      CHECK(most > 4'000'000);
      crowd.erase(crowd.begin() + 110, crowd.end());
      co_await sleep_for(100ms);
      CHECK(pool.mapped_bytes() == most);  // the connections may return
      crowd.clear();
      while (pool.mapped_bytes() > most / 3) co_await sleep_for(1ms);
      CHECK(co_await unary(kept, "Echo", "x"));
    };
    CHECK(world.run(script));
  });
}

TEST_CASE("a server without connections is idle, whatever others keep in its thread's pool" *
          doctest::skip(without_pools)) {
  http2::MemoryPool& pool = *http2::MemoryPool::of_this_thread();
  std::vector<void*> kept;
  for (int i = 0; i < 200; ++i) kept.push_back(pool.allocate(16'394));
  {
    SimulatedWorld world(1);
    CHECK(world.run([](Channel& channel) -> Task<void> { CHECK(co_await unary(channel, "Echo", "x")); }));
    CHECK(world.simulation().run_until_quiet(1min));
  }
  for (void* block : kept) pool.deallocate(block);
}

}  // namespace
}  // namespace ringrpc
