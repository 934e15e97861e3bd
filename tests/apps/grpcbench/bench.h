/// A generator and a server on a simulated network: runs of any length take no time and always have the
/// same result.
///
///   Bench bench(10ms);
///   const Measurement measured = bench.run(bench.plan({.rate = 1000, .duration = 10s}));
///
/// Several threads are several generators on the one shard, which inform one another as in a real run.
///
/// Use one at a time: a thread has one simulated network.
#pragma once

#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grpcbench/generator.h"
#include "paced_service.h"
#include "rpc/world.h"

namespace ringrpc::grpcbench {

class Bench {
 public:
  /// The server takes `takes` for each response.
  explicit Bench(Nanoseconds takes, const ServerOptions& options = {}) : service(takes), world_(1) {
    world_.also_serve(service);
    world_.serve(options);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  /// A plan for this server. Without `calls` it calls PacedService's method.
  Plan plan(Values values, std::vector<Operation> calls = {}) const {
    values.threads = values.threads.value_or(1);
    values.server = world_.address();
    Result<Plan> made = make_plan(values);
    REQUIRE_MESSAGE(made, made.error().message());
    made->operations = std::move(calls);
    if (made->operations.empty())
      made->operations.push_back(
          make_operation("test.v1.Paced/Answer", MethodKind::unary, {RawMessage("x")}));
    if (made->pace) made->pace->seed = 1;
    return *made;
  }

  /// Runs the plan. Calls `meanwhile` once the run has begun, which can then change the world.
  Measurement run(const Plan& plan, const std::function<void()>& meanwhile = [] {}) {
    connect(plan);
    begin();
    meanwhile();
    wait();
    return end();
  }

  /// Connects. `connect_status` has the outcome.
  void connect(const Plan& plan) {
    plan_ = plan;
    on_client([&] {
      for (unsigned index = 0; index < plan_.threads; ++index)
        generators_.push_back(std::make_unique<Generator>(world_.client_shard(), plan_, index, events()));
      for (const auto& generator : generators_) generator->connect();
    });
    REQUIRE(world_.run_until([&] { return connect_status.has_value(); }));
  }
  void begin() {
    REQUIRE(connect_status);
    REQUIRE_MESSAGE(connect_status->ok(), connect_status->to_string());
    on_client([&] {
      for (const auto& generator : generators_) generator->begin(now());
    });
  }
  void wait() {
    REQUIRE(world_.run_until([&] { return done(); }));
  }
  Measurement end() {
    Measurement measured;
    on_client([&] {
      for (const auto& generator : generators_) measured.merge(generator->take());
      generators_.clear();
    });
    return measured;
  }
  void cease() {
    on_client([&] { cease_all(); });
  }
  void stop() {
    on_client([&] {
      for (const auto& generator : generators_) generator->stop();
    });
  }

  void run_for(Nanoseconds time) { world_.simulation().run_for(time); }
  Instant now() { return world_.simulation().now(); }
  SimulatedWorld& world() noexcept { return world_; }
  bool ended_early() const noexcept { return ended_early_; }
  bool done() const noexcept { return done_ == plan_.threads; }

  PacedService service;
  std::optional<Status> connect_status;

 private:
  Generator::Events events() {
    return {.on_connected =
                [this](Status status) {
                  if (++connected_ == plan_.threads || !status.ok()) connect_status = std::move(status);
                },
            .on_ended_early =
                [this] {
                  ended_early_ = true;
                  world_.client_shard().post([this] { cease_all(); });
                },
            .on_done = [this] { ++done_; }};
  }
  void cease_all() {
    for (const auto& generator : generators_) generator->cease();
  }
  void on_client(const std::function<void()>& act) {
    bool acted = false;
    world_.client_shard().post([&] {
      act();
      acted = true;
    });
    REQUIRE(world_.run_until([&] { return acted; }));
  }

  SimulatedWorld world_;
  Plan plan_;
  bool ended_early_ = false;
  unsigned connected_ = 0;
  unsigned done_ = 0;
  std::vector<std::unique_ptr<Generator>> generators_;  // destroyed before the world
};

}  // namespace ringrpc::grpcbench
