#include "ringrpc/sleep.h"

#include <chrono>
#include <doctest/doctest.h>
#include <vector>

#include "reactor/running.h"

using namespace ringrpc;
using namespace std::chrono_literals;

TEST_CASE("now and sleep_until go by the clock of the shard, so that a test advances both") {
  Simulation simulation(1);
  const Instant begun = simulation.now();
  std::vector<Nanoseconds> read;
  const auto task = start_on(simulation, [&] {
    return [](std::vector<Nanoseconds>& times) -> Task<> {
      const Instant first = now();
      for (Instant due = first; due <= first + 2h; due += 1h) {
        co_await sleep_until(due);
        times.push_back(now() - first);
        co_await sleep_for(20min);  // the work of a period does not delay the next one
      }
      co_await sleep_until(first);
    }(read);
  });
  simulation.run_for(3h);
  REQUIRE(task->done());
  REQUIRE(read.size() == 3);
  for (std::size_t hour = 0; hour < read.size(); ++hour) {
    CHECK(read[hour] >= hour * 1h);
    CHECK(read[hour] < hour * 1h + 1s);
  }
  CHECK(simulation.now() - begun >= 3h);
}

TEST_CASE("now is the steady clock's outside of shards") {
  const Instant before = std::chrono::steady_clock::now();
  const Instant seen = now();
  CHECK(seen >= before);
  CHECK(seen <= std::chrono::steady_clock::now());
}
