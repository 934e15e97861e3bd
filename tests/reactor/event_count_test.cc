#include "ringrpc/event_count.h"

#include <array>
#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "reactor/shards.h"
#include "testing/simulation.h"

using namespace std::chrono_literals;

namespace ringrpc {
namespace {

Task<> wait(EventCount& events, std::uint64_t seen, Shard** back_on = nullptr) {
  co_await events.past(seen);
  if (back_on) *back_on = Shard::current();
}

/// A wait that begins on a shard of the simulation.
struct Waiting {
  Waiting(Simulation& simulation, unsigned shard, EventCount& events, std::uint64_t seen)
      : task(wait(events, seen, &back_on)) {
    simulation.shard(shard).post([this] { task.start(); });
    simulation.run_until_quiet();
  }

  Shard* back_on = nullptr;
  Task<> task;
};

TEST_CASE("a wait ends on its own shard when another notifies") {
  Simulation simulation(1, {.shards = 2});
  EventCount events;
  const Waiting first(simulation, 0, events, events.count());
  const Waiting second(simulation, 1, events, events.count());
  CHECK_FALSE(first.task.done());
  CHECK_FALSE(second.task.done());
  simulation.shard(0).post([&] { events.notify(); });
  CHECK(simulation.run_until([&] { return first.task.done() && second.task.done(); }));
  CHECK(first.back_on == &simulation.shard(0));
  CHECK(second.back_on == &simulation.shard(1));
  CHECK(events.count() == 1);
}

TEST_CASE("a notification between the reading of the count and the wait is not missed") {
  Simulation simulation(1);
  EventCount events;
  const std::uint64_t seen = events.count();
  events.notify();
  CHECK(Waiting(simulation, 0, events, seen).task.done());
  const Waiting next(simulation, 0, events, events.count());
  CHECK_FALSE(next.task.done());
}

TEST_CASE("a cancelled wait is not resumed, even if its mail is in flight") {
  Simulation simulation(1);
  EventCount events;
  std::optional<Waiting> early(std::in_place, simulation, 0, events, 0);
  early.reset();
  events.notify();
  std::optional<Waiting> late(std::in_place, simulation, 0, events, 1);
  events.notify();
  late.reset();
  CHECK(simulation.run_until_quiet());
  CHECK(events.count() == 2);
}

TEST_CASE("a wait ends at its timeout, and only once if a notification coincides") {
  Simulation simulation(1);
  EventCount events;
  unsigned ended = 0;
  const auto twice = [&]() -> Task<> {
    for (int i = 0; i < 2; ++i) {
      co_await events.past(events.count(), 10ms);
      ++ended;
    }
  };
  const Task<> task = twice();
  const Instant begun = simulation.now();
  simulation.shard(0).post([&] { task.start(); });
  REQUIRE(simulation.run_until([&] { return ended == 1; }));
  CHECK(simulation.now() - begun >= 10ms);
  CHECK(simulation.now() - begun < 13ms);
  REQUIRE(simulation.run_until([&] {
    if (simulation.now() - begun >= 20ms) events.notify();  // when the timer has just run out
    return ended == 2;
  }));
  CHECK(task.done());
  CHECK(simulation.run_until_quiet());
}

TEST_CASE(
    "destroying an event count ends the waits that are left over with an exception, each on its shard") {
  const std::string message =
      "an EventCount was destroyed while a task waited for it: declare it before what runs the task";
  Simulation simulation(1, {.shards = 2});
  auto events = std::make_unique<EventCount>();
  Waiting first(simulation, 0, *events, 0);
  Waiting second(simulation, 1, *events, 0);
  const auto cancelled = std::make_unique<Waiting>(simulation, 1, *events, 0);
  const auto unstarted = std::make_unique<Task<>>(events->past(0));
  events.reset();
  REQUIRE(simulation.run_until([&] { return first.task.done() && second.task.done(); }));
  for (const Waiting* const waiting : {&first, &second}) {
    CHECK_FALSE(waiting->back_on);
    CHECK_THROWS_WITH_AS(waiting->task.result(), message.c_str(), std::logic_error);
  }
  simulation.shard(0).post([&] { unstarted->start(); });
  REQUIRE(simulation.run_until([&] { return unstarted->done(); }));
  CHECK_THROWS_WITH_AS(unstarted->result(), message.c_str(), std::logic_error);
}

TEST_CASE("notifications from several threads reach waits on several shards") {
  constexpr std::uint64_t notifications = 2000;
  EventCount events;
  std::atomic<unsigned> finished = 0;
  const auto follow = [&]() -> Task<> {
    for (std::uint64_t seen = 0; seen < notifications; seen = events.count()) co_await events.past(seen);
    finished.fetch_add(1);
    finished.notify_one();
  };
  std::array<Task<>, 2> tasks{follow(), follow()};
  auto shards = Shards::start(2);
  REQUIRE_MESSAGE(shards, shards.error().to_string());
  for (unsigned at = 0; at < tasks.size(); ++at) (*shards)->all()[at]->post([&, at] { tasks[at].start(); });
  {
    const auto notify = [&] {
      for (std::uint64_t i = 0; i < notifications / 2; ++i) events.notify();
    };
    const std::jthread one(notify);
    const std::jthread other(notify);
  }
  for (unsigned done = finished; done < tasks.size(); done = finished) finished.wait(done);
  CHECK(events.count() == notifications);
}

}  // namespace
}  // namespace ringrpc
