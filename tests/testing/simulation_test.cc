#include "testing/simulation.h"

#include <doctest/doctest.h>
#include <vector>

#include "ringrpc/clock.h"

using namespace std::literals;

namespace ringrpc {
namespace {

struct Alarm final : Timer {
  explicit Alarm(Simulation& in) : simulation(in) {}
  void on_time() override { rang.push_back(simulation.now()); }
  Simulation& simulation;
  std::vector<Instant> rang;
};

TEST_CASE("the clock jumps to the next timer and stands when nothing is left") {
  Simulation simulation(1, {.shards = 2});
  const Instant begun = simulation.now();
  Alarm soon(simulation), late(simulation);
  simulation.shard(0).timers().arm(soon, begun + 10ms);
  simulation.shard(1).timers().arm(late, begun + 24h);
  CHECK(simulation.run_until([&] { return !soon.rang.empty(); }));
  CHECK(simulation.now() - begun < 12ms);
  CHECK(simulation.run_until_quiet(48h));
  REQUIRE(late.rang.size() == 1);
  CHECK(late.rang[0] >= begun + 24h);
  CHECK(late.rang[0] < begun + 24h + 2ms);
}

TEST_CASE("waiting for something that never happens ends when nothing is left") {
  Simulation simulation(1);
  const Instant begun = simulation.now();
  CHECK_FALSE(simulation.run_until([] { return false; }));
  CHECK(simulation.now() == begun);
}

TEST_CASE("waiting ends at its limit of simulated time") {
  Simulation simulation(1);
  Alarm alarm(simulation);
  simulation.shard(0).timers().arm(alarm, simulation.now() + 2h);
  CHECK_FALSE(simulation.run_until([&] { return !alarm.rang.empty(); }, 1h));
  CHECK_FALSE(simulation.run_until_quiet(30min));
  CHECK(simulation.run_until_quiet(3h));
  CHECK(alarm.rang.size() == 1);
}

TEST_CASE("running for a time ends at that time, with what was due done") {
  Simulation simulation(1);
  const Instant begun = simulation.now();
  Alarm alarm(simulation);
  simulation.shard(0).timers().arm(alarm, begun + 1s);
  simulation.run_for(500ms);
  CHECK(simulation.now() == begun + 500ms);
  CHECK(alarm.rang.empty());
  simulation.run_for(600ms);
  CHECK(simulation.now() == begun + 1100ms);
  CHECK(alarm.rang.size() == 1);
}

TEST_CASE("mail between shards is delivered before time passes") {
  Simulation simulation(1, {.shards = 3});
  const Instant begun = simulation.now();
  Alarm alarm(simulation);
  simulation.shard(0).timers().arm(alarm, begun + 1s);
  unsigned hops = 0;
  std::function<void()> hop = [&] {
    if (++hops < 100) simulation.shard(hops % 3).post([&] { hop(); });
  };
  hop();
  CHECK(simulation.run_until([&] { return hops == 100; }));
  CHECK(simulation.now() == begun);
}

TEST_CASE("shards that stay busy without time passing end the run") {
  struct Circle final : Ready {
    explicit Circle(Shard& on) : shard(on) {}
    void run() override { shard.ready().push(*this); }
    Shard& shard;
  };
  Simulation simulation(1);
  Circle circle(simulation.shard(0));
  simulation.shard(0).ready().push(circle);
  CHECK_FALSE(simulation.run_until([] { return false; }));
  CHECK_FALSE(simulation.run_until_quiet());
}

}  // namespace
}  // namespace ringrpc
