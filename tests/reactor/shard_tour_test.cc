#include "reactor/shard_tour.h"

#include <array>
#include <doctest/doctest.h>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "ringrpc/block_on.h"

#include "reactor/shards.h"
#include "testing/simulation.h"

using namespace ringrpc;

namespace {

/// Three simulated shards, of which the last one reads.
struct Network {
  explicit Network(std::uint64_t seed = 1) : simulation(seed, {.shards = 3}) {}

  /// The outcome of a tour over the first two shards.
  Status run(std::move_only_function<Visit(Shard&)> visit) {
    const std::array shards{&simulation.shard(0), &simulation.shard(1)};
    Task<Status> task;
    simulation.shard(2).post([&] {
      task = tour(shards, std::move(visit));
      task.start(nullptr);
    });
    REQUIRE(simulation.run_until([&] { return task.valid() && task.done(); }));
    return task.result();
  }

  Simulation simulation;
};

}  // namespace

TEST_CASE("a tour visits the shards in order, each on its own thread and until it is done") {
  Network network;
  auto order = std::make_shared<std::string>();
  const Status status = network.run([order](Shard& shard) {
    CHECK(Shard::current() == &shard);
    *order += std::to_string(shard.index());
    return order->size() % 3 == 0 ? Visit::done : Visit::again;
  });
  CHECK(status.ok());
  CHECK(*order == "000111");
}

TEST_CASE("a shard is visited once in a turn") {
  Network network;
  unsigned turns = 0;
  struct Counter final : Ready, TurnEnd {
    void on_turn_end() override { ++*turns; }
    void run() override {}
    unsigned* turns;
  } counter;
  counter.turns = &turns;
  auto seen = std::make_shared<std::vector<unsigned>>();
  const Status status = network.run([&, seen](Shard& shard) {
    if (shard.index() == 1) return Visit::done;
    shard.at_turn_end(counter);
    seen->push_back(turns);
    return seen->size() == 4 ? Visit::done : Visit::again;
  });
  CHECK(status.ok());
  CHECK(*seen == std::vector<unsigned>{0, 1, 2, 3});
}

TEST_CASE("a tour of no shards ends at once") {
  CHECK(block_on(tour({}, [](Shard&) { return Visit::again; })).ok());
}

TEST_CASE("an exception of a visit ends the tour") {
  Network network;
  auto visits = std::make_shared<int>(0);
  const Status status = network.run([visits](Shard&) -> Visit {
    ++*visits;
    throw std::bad_alloc();
  });
  CHECK(status.code() == Code::RESOURCE_EXHAUSTED);
  CHECK(*visits == 1);
}

TEST_CASE("a tour is finished even if its task was destroyed") {
  Network network;
  Shard& home = network.simulation.shard(2);
  const std::array shards{&network.simulation.shard(0), &network.simulation.shard(1)};
  auto visits = std::make_shared<int>(0);
  home.post([&] {
    Task<Status> task =
        tour(shards, [visits](Shard&) { return ++*visits >= 2 ? Visit::done : Visit::again; });
    task.start(nullptr);
  });
  CHECK(network.simulation.run_until_quiet());
  CHECK(*visits == 3);
  CHECK(visits.use_count() == 1);
}

TEST_CASE("a thread without a shard reads the shards of a server") {
  Result<std::unique_ptr<Shards>> shards = Shards::start(3);
  REQUIRE(shards);
  auto visited = std::make_shared<std::vector<std::thread::id>>();
  const Status status = block_on(tour((*shards)->all(), [visited](Shard&) {
    visited->push_back(std::this_thread::get_id());
    return Visit::done;
  }));
  CHECK(status.ok());
  REQUIRE(visited->size() == 3);
  CHECK((*visited)[0] != (*visited)[1]);
  CHECK((*visited)[1] != (*visited)[2]);
}
