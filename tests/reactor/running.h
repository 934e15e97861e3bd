/// Coroutines started on a simulated shard, where the test advances the time.
#pragma once

#include <doctest/doctest.h>
#include <memory>

#include "ringrpc/task.h"

#include "testing/simulation.h"

namespace ringrpc {

/// Starts the task of `make` on the simulation's first shard. Read its result when it is done.
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
