#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/health.h"

#include "grpc/health/v1/health.pb.h"
#include "rpc/direct_call.h"
#include "rpc/server/raw_peer.h"

namespace ringrpc {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using Statuses = std::vector<HealthCheckResponse::ServingStatus>;

constexpr auto serving = HealthCheckResponse::SERVING;
constexpr auto not_serving = HealthCheckResponse::NOT_SERVING;
constexpr auto unknown = HealthCheckResponse::SERVICE_UNKNOWN;

HealthCheckRequest request_for(const std::string& service) {
  HealthCheckRequest request;
  request.set_service(service);
  return request;
}

/// One call of Watch on a shard of the simulation.
class Watch {
 public:
  Watch(Simulation& simulation, unsigned shard, HealthService& health, const std::string& service)
      : simulation_(simulation), shard_(simulation.shard(shard)) {
    stream.receive(request_for(service));
    on_shard([&] {
      task = method_named(health, "Watch").serve(health, call, stream);
      task.start();
    });
  }

  /// Runs `work` on the call's shard, and everything that follows from it.
  void on_shard(const std::function<void()>& work) {
    shard_.post([&] { work(); });
    simulation_.run_until_quiet();
  }

  Statuses seen() const {
    Statuses statuses;
    for (const HealthCheckResponse& response : stream.sent<HealthCheckResponse>())
      statuses.push_back(response.status());
    return statuses;
  }

  testing::FakeStream stream;
  testing::FakeCall call{"/grpc.health.v1.Health/Watch"};
  Task<Status> task;

 private:
  Simulation& simulation_;
  Shard& shard_;
};

TEST_CASE("a watch reports the state at once and then every change, on every shard") {
  Simulation simulation(1, {.shards = 2});
  HealthService health;
  Watch here(simulation, 0, health, "");
  Watch there(simulation, 1, health, "");
  CHECK(here.seen() == Statuses{serving});
  CHECK(there.seen() == Statuses{serving});
  health.set("", ServingStatus::not_serving);  // from a thread outside of all shards
  simulation.run_until_quiet();
  here.on_shard([&] { health.set("", ServingStatus::serving); });
  CHECK(here.seen() == Statuses{serving, not_serving, serving});
  CHECK(there.seen() == Statuses{serving, not_serving, serving});
  CHECK_FALSE(here.task.done());
}

TEST_CASE("a watch of an unknown service reports that, and goes on") {
  Simulation simulation(1);
  HealthService health;
  const Watch watch(simulation, 0, health, "routes.v1.RouteGuide");
  CHECK(watch.seen() == Statuses{unknown});
  health.set("routes.v1.RouteGuide", ServingStatus::serving);
  simulation.run_until_quiet();
  CHECK(watch.seen() == Statuses{unknown, serving});
  CHECK_FALSE(watch.task.done());
}

TEST_CASE("a name that is too long is not watched") {
  Simulation simulation(1);
  HealthService health;
  const Watch longest(simulation, 0, health, std::string(1024, 'x'));
  CHECK_FALSE(longest.task.done());
  const Watch longer(simulation, 0, health, std::string(1025, 'x'));
  REQUIRE(longer.task.done());
  const Status refused = longer.task.result();
  CHECK(refused.code() == Code::INVALID_ARGUMENT);
  CHECK(refused.message() == "the name of the service has 1025 bytes, the limit is 1024");
}

TEST_CASE("a watch reports only its own service, and only changes") {
  Simulation simulation(1);
  HealthService health;
  health.set("a", ServingStatus::serving);
  const Watch watch(simulation, 0, health, "a");
  health.set("b", ServingStatus::not_serving);
  health.set("", ServingStatus::not_serving);
  health.set("a", ServingStatus::serving);
  simulation.run_until_quiet();
  CHECK(watch.seen() == Statuses{serving});
}

TEST_CASE("a watcher that reads slowly gets the latest state, not each one before") {
  Simulation simulation(1);
  HealthService health;
  Watch watch(simulation, 0, health, "");
  watch.stream.set_room(0);
  for (const ServingStatus status :
       {ServingStatus::not_serving, ServingStatus::serving, ServingStatus::not_serving}) {
    health.set("", status);
    simulation.run_until_quiet();
  }
  health.set("", ServingStatus::serving);
  health.set("other", ServingStatus::serving);
  CHECK(watch.seen() == Statuses{serving});
  watch.on_shard([&] { watch.stream.set_room(100); });
  CHECK(watch.seen() == Statuses{serving, not_serving, serving});
}

TEST_CASE("shutting down reports NOT_SERVING and ends every watch, later ones too") {
  Simulation simulation(1);
  HealthService health;
  const Watch known(simulation, 0, health, "");
  const Watch other(simulation, 0, health, "x");
  health.shut_down();
  simulation.run_until_quiet();
  const Watch late(simulation, 0, health, "");
  CHECK(known.seen() == Statuses{serving, not_serving});
  CHECK(other.seen() == Statuses{unknown});
  CHECK(late.seen() == Statuses{not_serving});
  for (const Watch* const watch : {&known, &other, &late}) {
    REQUIRE(watch->task.done());
    CHECK(watch->task.result().code() == Code::UNAVAILABLE);
  }
  health.set("", ServingStatus::serving);
  health.set("x", ServingStatus::serving);
  health.set_all(ServingStatus::serving);
  CHECK(Watch(simulation, 0, health, "").seen() == Statuses{not_serving});
  CHECK(Watch(simulation, 0, health, "x").seen() == Statuses{not_serving});
}

TEST_CASE("a watch that its caller drops is forgotten") {
  Simulation simulation(1);
  HealthService health;
  {
    const Watch dropped(simulation, 0, health, "");
    health.set("", ServingStatus::not_serving);  // the notification is in flight
  }
  simulation.run_until_quiet();
  CHECK(simulation.clean());
}

TEST_CASE("a watch ends when its connection drains, and reports no change of a service that serves on") {
  Simulation simulation(1);
  HealthService health;
  Watch watch(simulation, 0, health, "");
  watch.on_shard([&] { watch.call.stop(); });
  CHECK(watch.seen() == Statuses{serving});
  REQUIRE(watch.task.done());
  CHECK(watch.task.result().to_string() == "UNAVAILABLE: the server closes this connection");
}

TEST_CASE("a drain does not wait for watches, whether health was shut down or not") {
  for (const bool shut_down : {false, true}) {
    CAPTURE(shut_down);
    HealthService health;
    SimulatedWorld world(1);
    world.also_serve(health);
    world.serve({});
    const auto peer = RawPeer::before_server(world);
    peer->request(1, "/grpc.health.v1.Health/Watch", message(request_for("").SerializeAsString()));
    REQUIRE(world.run_until([&] { return !peer->body(1).empty(); }));
    bool drained = false;
    if (shut_down) health.shut_down();
    world.server_shard().post([&] { world.server().drain([&] { drained = true; }); });
    REQUIRE(world.run_until([&] { return drained; }));
    CHECK(peer->field(1, "grpc-status") == "14");
    CHECK(peer->body(1) == message("\x08\x01") + (shut_down ? message("\x08\x02") : ""));
  }
}

}  // namespace
}  // namespace ringrpc
