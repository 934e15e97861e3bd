/// The policies of load balancing by themselves, with backends that a test leads.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <doctest/doctest.h>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/load_balancing.h"
#include "ringrpc/service_config.h"

#include "rpc/client/call_request.h"
#include "testing/simulation.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

class FakeBackend final : public Backend {
 public:
  /// Joins `asked` each time that it is asked for its calls.
  FakeBackend(int number, std::vector<const Backend*>& asked)
      : address_("10.0.0." + std::to_string(number) + ":7"), asked_(asked) {}

  const std::string& address() const noexcept override { return address_; }
  Connectivity state() const noexcept override { return now; }
  bool has_room() const noexcept override { return now == Connectivity::ready; }
  std::size_t calls_in_flight() const noexcept override {
    asked_.push_back(this);
    return 0;
  }
  CallCounts calls_ended() const noexcept override { return ended; }
  void connect() noexcept override { connects += now == Connectivity::idle ? 1 : 0; }
  void release() noexcept override { ++releases; }
  void pick_again() noexcept override {}

  Connectivity now = Connectivity::ready;
  CallCounts ended;
  int connects = 0;
  int releases = 0;

 private:
  std::string address_;
  std::vector<const Backend*>& asked_;
};

/// A balancer of `policy` and its backends, all of which are ready.
struct Balanced {
  Balanced(const std::shared_ptr<const BalancingPolicy>& policy, int count) {
    for (int at = 1; at <= count; ++at) backends.emplace_back(at, asked);
    simulation.shard(0).post([&] { balancer = policy->make(); });
    REQUIRE(simulation.run_until([&] { return balancer != nullptr; }));
    update(backends.size());
  }

  /// The resolver gives the first `count` backends.
  void update(std::size_t count) {
    std::vector<Backend*> first;
    for (std::size_t at = 0; at < count; ++at) first.push_back(&backends[at]);
    balancer->update(first);
  }
  void become(std::size_t at, Connectivity state) {
    backends[at].now = state;
    balancer->on_state(backends[at]);
  }
  /// So many calls have ended, `failed` of them without OK.
  void end_calls(std::size_t at, std::uint64_t calls, std::uint64_t failed) {
    backends[at].ended.all += calls;
    backends[at].ended.failed += failed;
  }

  Backend* pick(const std::string& session = "x") {
    CallOptions options;
    REQUIRE(options.metadata.add("session", session).ok());
    return balancer->pick(PickedCall(CallRequest("/a.B/C", MethodKind::unary, options, Instant(), never)));
  }
  /// True if calls go to it. Asks as often as round_robin has turns.
  bool used(std::size_t at) {
    std::set<const Backend*> picked;
    for (std::size_t turn = 0; turn < backends.size(); ++turn) picked.insert(pick());
    return picked.contains(&backends[at]);
  }

  Simulation simulation{1};
  std::vector<const Backend*> asked;
  std::deque<FakeBackend> backends;
  std::unique_ptr<Balancer> balancer;
};

TEST_CASE("of backends with as few calls least_request takes the one that it has drawn first (gRFC A48)") {
  Balanced balanced(least_request(), 3);
  int different = 0;
  for (int at = 0; at < 100; ++at) {
    balanced.asked.clear();
    const Backend* const picked = balanced.pick();
    REQUIRE(balanced.asked.size() == 2);
    CHECK(picked == balanced.asked.front());
    different += balanced.asked.front() != balanced.asked.back() ? 1 : 0;
  }
  CHECK(different > 30);
}

TEST_CASE("round_robin and least_request connect again at once when a connection has ended") {
  for (const auto& policy : {round_robin(), least_request()}) {
    Balanced balanced(policy, 2);
    CHECK(balanced.backends[1].connects == 0);
    balanced.become(1, Connectivity::idle);
    CHECK(balanced.backends[1].connects == 1);
    CHECK(balanced.backends[0].connects == 0);
  }
}

/// Compares the backends each second, and ejects those that fail more than half of ten calls or more.
OutlierDetectionOptions by_failures() {
  return {.interval = 1s,
          .base_ejection_time = 5s,
          .max_ejection_percent = 100,
          .failure_percentage = OutlierDetectionOptions::FailurePercentage{
              .threshold = 50, .minimum_hosts = 1, .request_volume = 10}};
}

/// The seconds until a backend, of which ten calls fail in the first, is used again.
int seconds_ejected(Balanced& balanced, std::size_t at) {
  balanced.end_calls(at, 10, 10);
  balanced.simulation.run_for(1s);
  CHECK_FALSE(balanced.used(at));
  int seconds = 0;
  for (; seconds < 100 && !balanced.used(at); ++seconds) balanced.simulation.run_for(1s);
  return seconds;
}

TEST_CASE("outlier_detection ejects a backend above the threshold of failures, not at it") {
  Balanced balanced(outlier_detection(round_robin(), by_failures()), 2);
  balanced.end_calls(0, 100, 50);
  balanced.simulation.run_for(1s);
  CHECK(balanced.used(0));
  balanced.end_calls(0, 100, 51);
  balanced.simulation.run_for(1s);
  CHECK_FALSE(balanced.used(0));
  CHECK(balanced.used(1));
}

TEST_CASE("outlier_detection needs as many backends with enough calls as it compares at least") {
  OutlierDetectionOptions options = by_failures();
  options.failure_percentage->minimum_hosts = 2;
  Balanced balanced(outlier_detection(round_robin(), options), 3);
  balanced.end_calls(0, 10, 10);
  balanced.end_calls(1, 9, 0);
  balanced.simulation.run_for(1s);
  CHECK(balanced.used(0));
  balanced.end_calls(0, 10, 10);
  balanced.end_calls(1, 10, 0);
  balanced.simulation.run_for(1s);
  CHECK_FALSE(balanced.used(0));
}

TEST_CASE("an ejection is longer than the last one, unless an interval without one has ended in between") {
  Balanced balanced(outlier_detection(round_robin(), by_failures()), 2);
  const int first = seconds_ejected(balanced, 0);
  CHECK(first == 6);  // the first comparison that is more than 5 s later
  CHECK(seconds_ejected(balanced, 0) == 11);
  balanced.simulation.run_for(2s);
  CHECK(seconds_ejected(balanced, 0) == first);
}

TEST_CASE("the times of ejections in a service config are the first one's and the longest one's") {
  const auto config = ServiceConfig::parse(R"({"loadBalancingConfig": [{"outlier_detection": {
      "interval": "1s", "baseEjectionTime": "5s", "maxEjectionTime": "7s", "maxEjectionPercent": 100,
      "failurePercentageEjection": {"minimumHosts": 1, "requestVolume": 10, "threshold": 50},
      "childPolicy": [{"round_robin": {}}]}}]})");
  REQUIRE(config);
  Balanced balanced((*config)->balancing(), 2);
  CHECK(seconds_ejected(balanced, 0) == 6);
  CHECK(seconds_ejected(balanced, 0) == 8);
}

TEST_CASE("random_subsetting releases the backends that have left the subset") {
  Balanced balanced(random_subsetting(5, round_robin()), 20);
  balanced.update(5);
  for (std::size_t at = 0; at < 5; ++at) CHECK(balanced.used(at));
  for (FakeBackend& each : balanced.backends) each.releases = 0;
  balanced.update(20);
  int left = 0;
  for (std::size_t at = 0; at < 5; ++at) {
    CHECK(balanced.backends[at].releases == (balanced.used(at) ? 0 : 1));
    left += balanced.backends[at].releases;
  }
  CHECK(left > 0);
}

TEST_CASE("a ring is the same in whatever order the resolver gives the backends") {
  const auto policy = ring_hash({.header = "session", .max_ring_size = 4});
  Balanced balanced(policy, 3);
  const auto addresses = [&] {
    std::vector<std::string> picked;
    for (int key = 0; key < 50; ++key) picked.push_back(balanced.pick(std::to_string(key))->address());
    return picked;
  };
  const std::vector<std::string> before = addresses();
  balanced.balancer->update(
      std::vector<Backend*>{&balanced.backends[2], &balanced.backends[1], &balanced.backends[0]});
  CHECK(addresses() == before);
}

}  // namespace
}  // namespace ringrpc
