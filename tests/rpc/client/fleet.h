/// Several hosts in one simulated network, and a channel to all of them.
///
///   Fleet fleet(3);
///   CHECK(fleet.run(round_robin(), [&](Channel& channel) -> Task<void> { ... }));
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/load_balancing.h"
#include "ringrpc/sleep.h"

#include "rpc/client/raw_host.h"

namespace ringrpc::test {

/// Hosts at 127.0.0.1:1 and on, and the target that lists them.
struct Fleet {
  explicit Fleet(int count, std::uint64_t seed = 1) : world(seed) {
    for (int at = 1; at <= count; ++at) {
      const std::string address = "127.0.0.1:" + std::to_string(at);
      hosts.push_back(std::make_unique<RawHost>(world, address));
      hosts.back()->answer = well_answered();
      target += (at == 1 ? "" : ",") + address;
    }
  }

  bool run(std::shared_ptr<const BalancingPolicy> policy, const World::Script& script,
           ChannelOptions options = {}) {
    options.balancing = std::move(policy);
    return world.run_against(target, script, options);
  }

  /// The number of calls that a host got, on all its connections.
  std::size_t calls(std::size_t host) const {
    std::size_t count = 0;
    for (const auto& peer : hosts[host]->peers)
      for (std::uint32_t id = 1; id < 20'000 && peer->field(id, ":path"); id += 2) ++count;
    return count;
  }

  SimulatedWorld world;
  std::vector<std::unique_ptr<RawHost>> hosts;
  std::string target;
};

/// Ejects hosts that fail most of five calls or more in a second, for five seconds at first.
inline OutlierDetectionOptions by_failures() {
  return {.interval = std::chrono::seconds(1),
          .base_ejection_time = std::chrono::seconds(5),
          .max_ejection_percent = 50,
          .failure_percentage = OutlierDetectionOptions::FailurePercentage{
              .threshold = 50, .minimum_hosts = 2, .request_volume = 5}};
}

/// Waits until each host has a connection that answers.
inline Task<void> all_connected(const Fleet& fleet, std::size_t hosts) {
  for (;;) {
    std::size_t connected = 0;
    for (const auto& host : fleet.hosts) connected += host->peers.empty() ? 0 : 1;
    if (connected >= hosts) break;
    co_await sleep_for(std::chrono::milliseconds(1));
  }
  co_await sleep_for(std::chrono::milliseconds(1));
}

}  // namespace ringrpc::test
