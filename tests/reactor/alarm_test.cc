#include "reactor/alarm.h"

#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <vector>

#include "testing/simulation.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

class Ring final : public Alarm {
 public:
  explicit Ring(std::function<void()> rings) : rings_(std::move(rings)) {}
  void on_alarm() override { rings_(); }

 private:
  std::function<void()> rings_;
};

TEST_CASE("an alarm goes off exactly at its time, once") {
  Simulation simulation(1);
  Shard& shard = simulation.shard(0);
  std::vector<Instant> rung;
  Ring alarm([&] { rung.push_back(shard.now()); });
  const Instant when = simulation.now() + 1'234'567ns;
  shard.alarms().arm(alarm, when);
  CHECK(alarm.armed());
  CHECK(simulation.run_until_quiet());
  CHECK(rung == std::vector{when});
  CHECK_FALSE(alarm.armed());
}

TEST_CASE("alarms go off by their time, however they were armed, and may be armed again inside") {
  Simulation simulation(1);
  Shard& shard = simulation.shard(0);
  const Instant began = simulation.now();
  std::vector<std::pair<int, Nanoseconds>> rung;
  int left = 3;
  Ring late([&] { rung.emplace_back(2, shard.now() - began); });
  std::unique_ptr<Ring> often;
  often = std::make_unique<Ring>([&] {
    rung.emplace_back(1, shard.now() - began);
    if (--left > 0) shard.alarms().arm(*often, shard.now() + 300us);
  });
  shard.alarms().arm(late, began + 500us);
  shard.alarms().arm(*often, began + 100us);
  CHECK(simulation.run_until_quiet());
  CHECK(rung == std::vector<std::pair<int, Nanoseconds>>{{1, 100us}, {1, 400us}, {2, 500us}, {1, 700us}});
}

TEST_CASE("a cancelled, moved or destroyed alarm does not go off") {
  Simulation simulation(1);
  Shard& shard = simulation.shard(0);
  const Instant began = simulation.now();
  std::vector<Instant> rung;
  Ring cancelled([&] { FAIL("cancelled"); });
  Ring moved([&] { rung.push_back(shard.now()); });
  auto victim = std::make_unique<Ring>([&] { FAIL("destroyed"); });
  Ring killer([&] { victim.reset(); });
  shard.alarms().arm(cancelled, began + 1us);
  shard.alarms().arm(moved, began + 2us);
  shard.alarms().arm(killer, began + 3us);
  shard.alarms().arm(*victim, began + 3us);
  cancelled.cancel();
  shard.alarms().arm(moved, began + 9us);
  CHECK(simulation.run_until_quiet());
  CHECK(rung == std::vector{began + 9us});
}

TEST_CASE("an alarm that is due already waits for the next turn") {
  Simulation simulation(1);
  Shard& shard = simulation.shard(0);
  int rung = 0;
  Ring alarm([&] { ++rung; });
  shard.alarms().arm(alarm, simulation.now() - 1s);
  CHECK(rung == 0);
  CHECK(simulation.run_until_quiet(1ms));
  CHECK(rung == 1);
}

}  // namespace
}  // namespace ringrpc
