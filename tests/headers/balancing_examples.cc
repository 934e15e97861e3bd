// The examples at the heads of the headers about names and balancing, as in examples.cc.
#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "ringrpc/channel.h"
#include "ringrpc/load_balancing.h"
#include "ringrpc/resolver.h"
#include "ringrpc/service_config.h"

using namespace ringrpc;
using namespace std::chrono_literals;

// [resolver.h]
class Inventory final : public Resolver {
  Task<Result<Resolution>> resolve(ResolveRequest request) override {
    co_return Resolution{.addresses = {{.address = "10.0.0.7:50051"}, {.address = "unix:/run/near.sock"}},
                         .valid_for = 30s};
  }
};
// [/resolver.h]

void show_resolver() {
  // [resolver.h]
  Channel channel("inventory:///orders", {.resolvers = {{"inventory", std::make_shared<Inventory>()}}});
  // [/resolver.h]
}

void show_load_balancing() {
  // [load_balancing.h]
  Channel channel("dns:///orders.example:443", {.balancing = round_robin()});
  // [/load_balancing.h]
}

// [load_balancing.h]
class Nearest final : public Balancer {
 public:
  void update(std::span<Backend* const> backends) override {
    backends_.assign(backends.begin(), backends.end());
  }
  void on_state(Backend&) noexcept override {}
  void connect() noexcept override {
    for (Backend* each : backends_) each->connect();
  }
  Connectivity state() const noexcept override { return joint_state(backends_); }
  Backend* pick(const PickedCall&) noexcept override {
    for (Backend* each : backends_)
      if (each->has_room()) return each;
    return nullptr;
  }
  std::vector<Backend*> backends_;
};
// [/load_balancing.h]

Status show_service_config(ChannelOptions& options) {
  const auto report = [](const Status& status) { return status; };
  // [service_config.h]
  Result<std::shared_ptr<const ServiceConfig>> config = ServiceConfig::parse(R"({
    "methodConfig": [{
      "name": [{"service": "echo.v1.EchoService"}],
      "timeout": "2s",
      "retryPolicy": {
        "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]
      }
    }]
  })");
  if (!config) return report(config.error());  // names the field: "methodConfig[0].timeout: ..."
  options.service_config = *config;            // of ChannelOptions
  // [/service_config.h]
  return {};
}
