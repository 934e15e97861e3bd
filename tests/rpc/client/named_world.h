/// A channel whose target is a name, and a resolver that the test leads.
///
///   NamedWorld named;
///   named.inventory->addresses = {"127.0.0.1:7"};
///   CHECK(named.run([&](Channel& channel) -> Task<void> { ... }));
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/resolver.h"
#include "ringrpc/sleep.h"

#include "rpc/client/raw_host.h"

namespace ringrpc::test {

/// A resolver that a test leads.
struct Inventory final : Resolver {
  Task<Result<Resolution>> resolve(ResolveRequest request) override {
    ++asked;
    last = std::move(request);
    if (thinks_for > Nanoseconds::zero()) co_await sleep_for(thinks_for);
    ++answered;
    if (throws) throw std::runtime_error("the inventory is on fire");
    if (!failure.ok()) co_return std::unexpected(failure);
    Resolution resolution{.addresses = {}, .valid_for = valid_for};
    for (const std::string& address : addresses) resolution.addresses.push_back({.address = address});
    resolution.service_config = service_config;
    co_return resolution;
  }

  std::vector<std::string> addresses;
  std::chrono::milliseconds valid_for{30'000};
  Result<std::string> service_config{};
  Status failure;
  bool throws = false;
  Nanoseconds thinks_for{};
  int asked = 0;
  int answered = 0;
  ResolveRequest last;
};

struct NamedWorld {
  explicit NamedWorld(std::uint64_t seed = 1) : world(seed) {}

  bool run(const World::Script& script, ChannelOptions options = {},
           const std::string& target = "inventory:///orders") {
    options.resolvers = {{"inventory", inventory}};
    return world.run_against(target, script, options);
  }

  SimulatedWorld world;
  std::shared_ptr<Inventory> inventory = std::make_shared<Inventory>();
};

}  // namespace ringrpc::test
