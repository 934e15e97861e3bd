/// Coroutines started on a simulated shard, where the test advances the time.
#pragma once

#include <doctest/doctest.h>
#include <memory>

#include "ringrpc/task.h"

#include "testing/simulation.h"

namespace ringrpc {

/// Starts what `make` makes on the simulation's first shard; its result is asked for when it is done.
template <class Make>
auto start_on(Simulation& simulation, Make make) {
  auto task = std::make_unique<decltype(make())>();
  bool started = false;
  simulation.shard(0).post([&] {
    *task = make();
    task->start();
    started = true;
  });
  REQUIRE(simulation.run_until([&] { return started; }));
  return task;
}

}  // namespace ringrpc
