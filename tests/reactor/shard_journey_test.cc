#include "reactor/shard_journey.h"

#include <array>
#include <doctest/doctest.h>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "testing/simulation.h"

using namespace ringrpc;

namespace {

struct JourneyNetwork {
  /// The outcome of a journey that begins on the last of three simulated shards.
  Status run(std::move_only_function<Leg(Shard*, NextStop&)> step) {
    Task<Status> task;
    simulation.shard(2).post([&] {
      task = journey(std::move(step));
      task.start(nullptr);
    });
    REQUIRE(simulation.run_until([&] { return task.valid() && task.done(); }));
    return task.result();
  }

  Simulation simulation{1, {.shards = 3, .faults = {}}};
};

}  // namespace

TEST_CASE("a journey begins where it is awaited, and goes wherever it wants") {
  JourneyNetwork network;
  auto seen = std::make_shared<std::vector<Shard*>>();
  const std::array stops{&network.simulation.shard(0), &network.simulation.shard(1),
                         &network.simulation.shard(1)};
  const Status status = network.run([=, at = 0uz](Shard* here, NextStop& next) mutable {
    CHECK(Shard::current() == here);
    seen->push_back(here);
    return at < stops.size() ? next.go_to(*stops[at++]) : Leg::last;
  });
  CHECK(status.ok());
  CHECK(*seen == std::vector<Shard*>{&network.simulation.shard(2), stops[0], stops[1], stops[2]});
}

TEST_CASE("a step that throws ends the journey") {
  JourneyNetwork network;
  Shard& other = network.simulation.shard(0);
  const Status status = network.run([&](Shard* here, NextStop& next) {
    if (here != &other) return next.go_to(other);
    throw std::bad_alloc();
  });
  CHECK(status.code() == Code::RESOURCE_EXHAUSTED);
}

TEST_CASE("a journey whose next shard ends goes on from there") {
  JourneyNetwork network;
  auto ending = std::make_unique<Shard>(3, network.simulation.network().make_io());
  auto seen = std::make_shared<std::vector<Shard*>>();
  Task<Status> task;
  network.simulation.shard(2).post([&] {
    task = journey([&, seen](Shard* here, NextStop& next) {
      seen->push_back(here);
      if (seen->size() == 1) return next.go_to(*ending);
      if (seen->size() == 2) return next.go_to(network.simulation.shard(0));
      return Leg::last;
    });
    task.start(nullptr);
  });
  REQUIRE(network.simulation.run_until([&] { return seen->size() == 1; }));
  ending.reset();
  REQUIRE(network.simulation.run_until([&] { return task.done(); }));
  CHECK(task.result().ok());
  CHECK(*seen == std::vector<Shard*>{&network.simulation.shard(2), nullptr, &network.simulation.shard(0)});
}
