#include "grpcd/services.h"

#include <doctest/doctest.h>
#include <set>
#include <string>

#include "fake_call.h"

namespace ringrpc::grpcd {
namespace {

grpc::health::v1::HealthCheckResponse::ServingStatus health_of(Services& services, const std::string& name) {
  for (Service* service : services.all()) {
    auto* health = dynamic_cast<HealthService*>(service);
    if (!health) continue;
    FakeCall call;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(name);
    const auto task = health->Check(call, std::move(request));
    task.start();
    const auto response = task.result();
    REQUIRE(response.has_value());
    return response->status();
  }
  FAIL("no health service");
  return {};
}

TEST_CASE("grpcd serves echo, health and both reflections, whether or not payloads are logged") {
  const std::set<std::string_view> expected = {"echo.v1.EchoService", "grpc.health.v1.Health",
                                               "grpc.reflection.v1.ServerReflection",
                                               "grpc.reflection.v1alpha.ServerReflection"};
  for (const PayloadLog kind : {PayloadLog::none, PayloadLog::size}) {
    const Services services(kind);
    std::set<std::string_view> names;
    for (const Service* service : services.all()) names.insert(service->service_name());
    CHECK(names == expected);
  }
}

TEST_CASE("health checks say SERVING, and NOT_SERVING once no new calls are wanted") {
  using grpc::health::v1::HealthCheckResponse;
  Services services(PayloadLog::none);
  CHECK(health_of(services, "") == HealthCheckResponse::SERVING);
  CHECK(health_of(services, "echo.v1.EchoService") == HealthCheckResponse::SERVING);
  services.stop_serving();
  CHECK(health_of(services, "") == HealthCheckResponse::NOT_SERVING);
  CHECK(health_of(services, "echo.v1.EchoService") == HealthCheckResponse::NOT_SERVING);
}

}  // namespace
}  // namespace ringrpc::grpcd
