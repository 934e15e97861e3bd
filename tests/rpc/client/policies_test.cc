/// The policies that choose by the call or by the failures of calls: ring_hash,
/// outlier_detection and random_subsetting.

#include <chrono>
#include <cstddef>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/load_balancing.h"
#include "ringrpc/sleep.h"

#include "rpc/client/fleet.h"
#include "rpc/client/named_world.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;

CallOptions keyed(const std::string& key) {
  CallOptions options;
  CHECK(options.metadata.add("session", key).ok());
  return options;
}

std::shared_ptr<const BalancingPolicy> by_session() { return ring_hash({.header = "session"}); }

RawHost::Answer failing() {
  return headers_only({{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "13"}});
}

std::size_t connected(const Fleet& fleet) {
  std::size_t count = 0;
  for (const auto& host : fleet.hosts) count += host->peers.empty() ? 0 : 1;
  return count;
}

/// The host of each key, which gets all three calls with it.
Task<std::vector<std::size_t>> hosts_of_keys(Fleet& fleet, Channel& channel, int keys) {
  std::vector<std::size_t> hosts;
  for (int key = 0; key < keys; ++key) {
    std::vector<std::size_t> before;
    for (std::size_t at = 0; at < fleet.hosts.size(); ++at) before.push_back(fleet.calls(at));
    for (int at = 0; at < 3; ++at) {
      const auto answered = co_await unary(channel, keyed("user " + std::to_string(key)));
      CHECK_MESSAGE(answered, answered.error().to_string());
    }
    for (std::size_t at = 0; at < fleet.hosts.size(); ++at)
      if (const std::size_t got = fleet.calls(at) - before[at]; got > 0) {
        CHECK(got == 3);
        hosts.push_back(at);
      }
  }
  CHECK(hosts.size() == static_cast<std::size_t>(keys));
  co_return hosts;
}

TEST_CASE("ring_hash keeps the calls of a key together, and connects to the hosts that get calls") {
  Fleet fleet(10);
  CHECK(fleet.run(by_session(), [&](Channel& channel) -> Task<void> {
    const auto first = co_await hosts_of_keys(fleet, channel, 1);
    CHECK(connected(fleet) == 1);
    const auto all = co_await hosts_of_keys(fleet, channel, 60);
    CHECK(all.front() == first.front());
    CHECK(connected(fleet) > 7);
    CHECK((co_await hosts_of_keys(fleet, channel, 60)) == all);
  }));
}

TEST_CASE("several values of the header are hashed as one with commas between them") {
  Fleet fleet(10);
  CHECK(fleet.run(by_session(), [&](Channel& channel) -> Task<void> {
    for (const auto& [one, other] : {std::pair("a", "b"), std::pair("x", "yz"), std::pair("", "q")}) {
      CallOptions options = keyed(one);
      CHECK(options.metadata.add("session", other).ok());
      CHECK(co_await unary(channel, options));
      const std::size_t before = connected(fleet);
      CHECK(co_await unary(channel, keyed(std::string(one) + "," + other)));
      CHECK(connected(fleet) == before);
    }
  }));
}

TEST_CASE("a ring has no more places than it may") {
  Fleet fleet(5);
  CHECK(fleet.run(ring_hash({.header = "session", .max_ring_size = 1}), [&](Channel& channel) -> Task<void> {
    for (const std::size_t host : co_await hosts_of_keys(fleet, channel, 30)) CHECK(host == 0);
    CHECK(connected(fleet) == 1);
  }));
}

TEST_CASE("when a host cannot be reached, ring_hash moves the calls of its keys alone, and moves them back") {
  Fleet fleet(5);
  CHECK(fleet.run(by_session(), [&](Channel& channel) -> Task<void> {
    const auto before = co_await hosts_of_keys(fleet, channel, 30);
    fleet.hosts[2]->close();
    fleet.hosts[2]->peers.clear();
    co_await sleep_for(1ms);
    const auto without = co_await hosts_of_keys(fleet, channel, 30);
    for (std::size_t key = 0; key < 30; ++key) {
      CHECK(without[key] != 2);
      if (before[key] != 2) CHECK(without[key] == before[key]);
    }
    fleet.hosts[2]->open();
    co_await sleep_for(10s);
    for (int key = 0; key < 30; ++key)  // which try it again
      CHECK(co_await unary(channel, keyed("user " + std::to_string(key))));
    co_await sleep_for(100ms);
    CHECK((co_await hosts_of_keys(fleet, channel, 30)) == before);
  }));
}

TEST_CASE("calls of ring_hash that wait for a host that does not respond hold up no others") {
  Fleet fleet(4);
  CHECK(fleet.run(by_session(), [&](Channel& channel) -> Task<void> {
    const auto hosts = co_await hosts_of_keys(fleet, channel, 20);
    const std::size_t hung = hosts[0];
    fleet.hosts[hung]->greeting.clear();
    fleet.hosts[hung]->peers.clear();
    co_await sleep_for(1ms);
    auto waiting = start_calls(channel, 100, keyed("user 0"));
    for (int key = 1; key < 20; ++key) {
      if (hosts[static_cast<std::size_t>(key)] == hung) continue;
      const Instant before = now();
      CHECK(co_await unary(channel, keyed("user " + std::to_string(key))));
      CHECK(now() - before < 100ms);
    }
    for (const auto& call : waiting) CHECK_FALSE(call.done());
    co_await all_done(waiting);  // another host takes them when the attempt has failed
    for (const auto& call : waiting) CHECK(call.result());
    for (const auto& host : fleet.hosts) CHECK(host->peers.size() <= 2);
  }));
}

TEST_CASE("calls of ring_hash without the header go to a host that is ready") {
  Fleet fleet(6);
  CHECK(fleet.run(by_session(), [&](Channel& channel) -> Task<void> {
    for (int at = 0; at < 50; ++at) CHECK(co_await unary(channel));
    CHECK(connected(fleet) > 1);
    for (const auto& host : fleet.hosts) host->close();
    for (const auto& host : fleet.hosts) host->peers.clear();
    co_await sleep_for(1ms);
    const auto refused = co_await unary(channel);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::UNAVAILABLE);
  }));
}

TEST_CASE("calls of ring_hash fail when all hosts refuse") {
  Fleet fleet(3);
  for (const auto& host : fleet.hosts) host->close();
  CHECK(fleet.run(by_session(), [&](Channel& channel) -> Task<void> {
    const auto refused = co_await unary(channel, keyed("x"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::UNAVAILABLE);
    fleet.hosts[1]->open();
    co_await sleep_for(10s);
    CHECK(co_await unary(channel, keyed("x")));
  }));
}

/// Makes calls for this long, and counts those that fail.
Task<int> failures_in(Channel& channel, Nanoseconds time) {
  int failed = 0;
  for (const Instant end = now() + time; now() < end;) {
    failed += co_await unary(channel, 50ms) ? 0 : 1;
    co_await sleep_for(10ms);
  }
  co_return failed;
}

TEST_CASE("outlier_detection ejects a host that fails its calls within an interval, and takes it back") {
  for (const bool hangs : {false, true}) {
    CAPTURE(hangs);
    Fleet fleet(4);
    fleet.hosts[1]->answer = hangs ? RawHost::Answer() : failing();
    CHECK(fleet.run(outlier_detection(round_robin(), by_failures()), [&](Channel& channel) -> Task<void> {
      CHECK((co_await channel.connect()).ok());
      co_await all_connected(fleet, 4);
      CHECK((co_await failures_in(channel, 2s)) > 0);
      const std::size_t before = fleet.calls(1);
      CHECK((co_await failures_in(channel, 3s)) == 0);
      CHECK(fleet.calls(1) == before);
      CHECK(fleet.hosts[1]->peers.size() == 1);
      fleet.hosts[1]->answer = well_answered();
      CHECK((co_await failures_in(channel, 10s)) == 0);
      CHECK(fleet.calls(1) > before + 50);
    }));
  }
}

TEST_CASE("a host that keeps failing is ejected for longer each time") {
  Fleet fleet(4);
  fleet.hosts[1]->answer = failing();
  CHECK(fleet.run(outlier_detection(round_robin(), by_failures()), [&](Channel& channel) -> Task<void> {
    CHECK((co_await channel.connect()).ok());
    co_await all_connected(fleet, 4);
    const int first = co_await failures_in(channel, 7s);
    const int rest = co_await failures_in(channel, 60s);
    CHECK(first > 0);
    CHECK(rest > 0);
    CHECK(rest < 5 * first);
  }));
}

TEST_CASE("outlier_detection ejects at most the share that it may, and never the last host") {
  Fleet fleet(4);
  for (const auto& host : fleet.hosts) host->answer = failing();
  const auto used = [&](std::shared_ptr<const BalancingPolicy> policy) {
    std::size_t hosts = 0;
    CHECK(fleet.run(std::move(policy), [&](Channel& channel) -> Task<void> {
      for (const auto& host : fleet.hosts) host->peers.clear();
      CHECK((co_await channel.connect()).ok());
      co_await all_connected(fleet, 4);
      (void)co_await failures_in(channel, 3s);
      std::vector<std::size_t> before;
      for (std::size_t at = 0; at < 4; ++at) before.push_back(fleet.calls(at));
      (void)co_await failures_in(channel, 1s);
      for (std::size_t at = 0; at < 4; ++at) hosts += fleet.calls(at) > before[at] ? 1 : 0;
    }));
    return hosts;
  };
  OutlierDetectionOptions options = by_failures();
  CHECK(used(outlier_detection(round_robin(), options)) == 2);
  options.max_ejection_percent = 100;
  CHECK(used(outlier_detection(round_robin(), options)) == 1);
  options.max_ejection_percent = 0;
  CHECK(used(outlier_detection(round_robin(), options)) == 4);
  options = by_failures();
  options.failure_percentage->enforcement_percentage = 0;
  CHECK(used(outlier_detection(round_robin(), options)) == 4);
  options.failure_percentage.reset();
  CHECK(used(outlier_detection(round_robin(), options)) == 4);
}

TEST_CASE("outlier_detection by the rate of success ejects the host that is far from the mean") {
  Fleet fleet(8);
  for (const auto& host : fleet.hosts) host->answer = well_answered();
  int calls = 0;
  fleet.hosts[5]->answer = [&calls](RawPeer& peer, std::uint32_t stream) {
    return ++calls % 3 == 0 ? failing()(peer, stream) : well_answered()(peer, stream);
  };
  OutlierDetectionOptions options = by_failures();
  options.failure_percentage.reset();
  options.success_rate = OutlierDetectionOptions::SuccessRate{.request_volume = 5};
  CHECK(fleet.run(outlier_detection(round_robin(), options), [&](Channel& channel) -> Task<void> {
    CHECK((co_await channel.connect()).ok());
    co_await all_connected(fleet, 8);
    CHECK((co_await failures_in(channel, 2s)) > 0);
    CHECK((co_await failures_in(channel, 3s)) == 0);
  }));
}

TEST_CASE(
    "pick_first with outlier_detection moves to another host, and calls that wait are sent when one is "
    "back") {
  Fleet fleet(2);
  fleet.hosts[0]->answer = failing();
  OutlierDetectionOptions options = by_failures();
  options.failure_percentage->minimum_hosts = 1;
  CHECK(fleet.run(outlier_detection(nullptr, options), [&](Channel& channel) -> Task<void> {
    CHECK((co_await failures_in(channel, 2s)) > 0);
    CHECK((co_await failures_in(channel, 1s)) == 0);
    CHECK(fleet.calls(1) > 0);
    fleet.hosts[1]->close();
    fleet.hosts[1]->peers.clear();
    fleet.hosts[0]->answer = well_answered();
    co_await sleep_for(1ms);
    CallOptions patient;
    patient.wait_for_ready = true;
    CHECK(co_await unary(channel, patient));
  }));
}

/// The hosts of a fleet behind a name, whose addresses and service config a test changes.
struct NamedFleet : Fleet {
  explicit NamedFleet(int count) : Fleet(count) {
    target = "inventory:///orders";
    for (int at = 1; at <= count; ++at) inventory->addresses.push_back("127.0.0.1:" + std::to_string(at));
    inventory->valid_for = 1s;
  }
  bool run(const World::Script& script, std::shared_ptr<const BalancingPolicy> policy = nullptr) {
    return Fleet::run(std::move(policy), script, {.resolvers = {{"inventory", inventory}}});
  }
  /// Makes calls until the channel has taken over what the inventory has now. The number that failed.
  Task<int> looked_again(Channel& channel) {
    int failed = 0;
    for (const int before = inventory->answered; inventory->answered < before + 2;)
      failed += co_await failures_in(channel, 100ms);
    co_return failed;
  }

  std::shared_ptr<Inventory> inventory = std::make_shared<Inventory>();
};

TEST_CASE("outlier_detection takes the last host back when a look-up leaves no other") {
  NamedFleet fleet(3);
  fleet.hosts[0]->answer = failing();
  OutlierDetectionOptions options = by_failures();
  options.base_ejection_time = options.max_ejection_time = 1h;
  const auto script = [&](Channel& channel) -> Task<void> {
    CHECK((co_await channel.connect()).ok());
    co_await all_connected(fleet, 3);
    CHECK((co_await failures_in(channel, 2s)) > 0);
    CHECK((co_await failures_in(channel, 1s)) == 0);
    fleet.hosts[0]->answer = well_answered();
    fleet.inventory->addresses = {"127.0.0.1:1"};
    CHECK((co_await fleet.looked_again(channel)) == 0);
    const std::size_t before = fleet.calls(0);
    CHECK((co_await failures_in(channel, 1s)) == 0);
    CHECK(fleet.calls(0) > before + 50);
  };
  CHECK(fleet.run(script, outlier_detection(round_robin(), options)));
}

/// A service config with this policy, and a timeout for all methods.
std::string config_with(const std::string& policy, int timeout_s) {
  return R"({"loadBalancingConfig": [{)" + policy + R"(}], "methodConfig": [{"name": [{}], "timeout": ")" +
         std::to_string(timeout_s) + R"(s"}]})";
}

TEST_CASE("another service config keeps the random subset") {
  NamedFleet fleet(20);
  CHECK(fleet.run([&](Channel& channel) -> Task<void> {
    for (int at = 1; at <= 5; ++at) {
      const std::string size = std::to_string(at < 5 ? 4 : 5);
      fleet.inventory->service_config = config_with(
          R"("random_subsetting": {"subsetSize": )" + size + R"(, "childPolicy": [{"round_robin": {}}]})",
          at);
      CHECK((co_await fleet.looked_again(channel)) == 0);
      CHECK(connected(fleet) == (at < 5 ? 4 : 5));
    }
  }));
}

TEST_CASE(
    "another service config takes no host back that outlier_detection has ejected, unless it ejects none") {
  NamedFleet fleet(4);
  fleet.hosts[1]->answer = failing();
  const auto config = [](const std::string& rule, int timeout_s) {
    return config_with(R"("outlier_detection": {"interval": "1s", "baseEjectionTime": "3600s",
        "maxEjectionTime": "3600s", "maxEjectionPercent": 50, )" +
                           rule + R"("childPolicy": [{"round_robin": {}}]})",
                       timeout_s);
  };
  const auto above = [](int percent) {
    return R"("failurePercentageEjection": {"minimumHosts": 2, "requestVolume": 5, "threshold": )" +
           std::to_string(percent) + "}, ";
  };
  fleet.inventory->service_config = config(above(50), 1);
  CHECK(fleet.run([&](Channel& channel) -> Task<void> {
    CHECK((co_await channel.connect()).ok());
    co_await all_connected(fleet, 4);
    CHECK((co_await failures_in(channel, 2s)) > 0);
    CHECK((co_await failures_in(channel, 1s)) == 0);
    const std::size_t before = fleet.calls(1);
    fleet.inventory->service_config = config(above(50), 2);
    CHECK((co_await fleet.looked_again(channel)) == 0);
    fleet.inventory->service_config = config(above(60), 2);
    CHECK((co_await fleet.looked_again(channel)) == 0);
    CHECK(fleet.calls(1) == before);
    fleet.inventory->service_config = config("", 2);
    CHECK((co_await fleet.looked_again(channel)) > 0);
    CHECK(fleet.calls(1) > before);
    fleet.inventory->service_config = config(above(50), 3);
    (void)co_await fleet.looked_again(channel);
    (void)co_await failures_in(channel, 2s);
    CHECK((co_await failures_in(channel, 1s)) == 0);
  }));
}

TEST_CASE("random_subsetting connects to as many hosts as it may, and keeps to them") {
  Fleet fleet(20);
  CHECK(fleet.run(random_subsetting(4, round_robin()), [&](Channel& channel) -> Task<void> {
    for (int at = 0; at < 100; ++at) CHECK(co_await unary(channel));
    co_await sleep_for(1min);
    CHECK(connected(fleet) == 4);
  }));
}

TEST_CASE("calls fail when no host of the subset can be reached") {
  Fleet fleet(5);
  for (const auto& host : fleet.hosts) host->close();
  CHECK(fleet.run(random_subsetting(2, round_robin()), [&](Channel& channel) -> Task<void> {
    const auto refused = co_await unary(channel);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::UNAVAILABLE);
    CHECK(channel.state() == Connectivity::transient_failure);
  }));
}

/// Says that nothing can be reached, and has not tried.
class Hopeless final : public Balancer {
 public:
  void update(std::span<Backend* const>) override {}
  void on_state(Backend&) noexcept override {}
  void connect() noexcept override {}
  Connectivity state() const noexcept override { return Connectivity::transient_failure; }
  Backend* pick(const PickedCall&) noexcept override { return nullptr; }

  struct Policy final : BalancingPolicy {
    std::unique_ptr<Balancer> make() const override { return std::make_unique<Hopeless>(); }
  };
};

TEST_CASE("calls that fail by the policy alone say so") {
  Fleet fleet(2);
  CHECK(fleet.run(std::make_shared<Hopeless::Policy>(), [&](Channel& channel) -> Task<void> {
    const auto refused = co_await unary(channel);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().to_string() ==
          "UNAVAILABLE: " + fleet.target + ": the policy of load balancing uses none of the 2 addresses");
  }));
}

}  // namespace
}  // namespace ringrpc::test
