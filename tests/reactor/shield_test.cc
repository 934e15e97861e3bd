#include "ringrpc/shield.h"

#include <doctest/doctest.h>
#include <memory>
#include <stdexcept>

#include "ringrpc/sleep.h"

#include "reactor/running.h"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {

Task<int> add_later(int& sum, int number) {
  co_await sleep_for(1s);
  co_return sum += number;
}

Task<int> at_once(int number) { co_return number; }

Task<int> throw_later() {
  co_await sleep_for(1s);
  throw std::runtime_error("later");
}

}  // namespace

TEST_CASE("a shielded task gives its result, at once or later") {
  Simulation simulation(1);
  int sum = 1;
  const auto late = start_on(simulation, [&] { return shield(add_later(sum, 2)); });
  const auto soon = start_on(simulation, [] { return shield(at_once(5)); });
  CHECK(soon->done());
  CHECK(soon->result() == 5);
  REQUIRE(simulation.run_until([&] { return late->done(); }));
  CHECK(late->result() == 3);
}

TEST_CASE("a shielded task continues when its waiter is destroyed") {
  Simulation simulation(1);
  int sum = 1;
  auto dropped = start_on(simulation, [&] { return shield(add_later(sum, 2)); });
  simulation.shard(0).post([&] { dropped.reset(); });
  simulation.run_for(500ms);
  CHECK_FALSE(dropped);
  CHECK(sum == 1);
  simulation.run_for(1s);
  CHECK(sum == 3);
}

TEST_CASE("an exception of a shielded task reaches its waiter, and nothing else") {
  Simulation simulation(1);
  const auto waiting = start_on(simulation, [] { return shield(throw_later()); });
  auto dropped = start_on(simulation, [] { return shield(throw_later()); });
  simulation.shard(0).post([&] { dropped.reset(); });
  simulation.run_for(2s);
  REQUIRE(waiting->done());
  CHECK_THROWS_AS((void)waiting->result(), std::runtime_error);
}

TEST_CASE("a shard destroys its shielded tasks when it ends") {
  const auto alive = std::make_shared<int>(1);
  {
    Simulation simulation(1);
    const auto hold = [](std::shared_ptr<int> held) -> Task<void> {
      co_await sleep_for(1h);
      held.reset();
    };
    auto dropped = start_on(simulation, [&] { return shield(hold(alive)); });
    simulation.shard(0).post([&] { dropped.reset(); });
    simulation.run_for(1s);
    CHECK(alive.use_count() == 2);
  }
  CHECK(alive.use_count() == 1);
}
