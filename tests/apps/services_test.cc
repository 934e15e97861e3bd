#include "grpcd/services.h"

#include <doctest/doctest.h>
#include <set>
#include <string>

#include "grpc/health/v1/health.pb.h"
#include "rpc/fake_call.h"

namespace ringrpc::grpcd {
namespace {

using grpc::health::v1::HealthCheckResponse;

HealthCheckResponse::ServingStatus health_of(const Services& services, const std::string& name) {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(name);
  for (Service* service : services.all()) {
    if (service->service_name() != "grpc.health.v1.Health") continue;
    const auto response = call_unary_method<HealthCheckResponse>(*service, "Check", request);
    REQUIRE(response.has_value());
    return response->status();
  }
  FAIL("no health service");
  return {};
}

TEST_CASE("grpcd serves echo, the node, health and both reflections, whether or not payloads are logged") {
  const std::set<std::string_view> expected = {
      "echo.v1.EchoService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection", "node.v1.NodeService"};
  for (const PayloadLog kind : {PayloadLog::none, PayloadLog::size}) {
    const Services services(kind);
    std::set<std::string_view> names;
    for (const Service* service : services.all()) names.insert(service->service_name());
    CHECK(names == expected);
  }
}

TEST_CASE("health checks say SERVING, and NOT_SERVING once no new calls are wanted") {
  Services services(PayloadLog::none);
  CHECK(health_of(services, "") == HealthCheckResponse::SERVING);
  CHECK(health_of(services, "echo.v1.EchoService") == HealthCheckResponse::SERVING);
  services.stop_serving();
  CHECK(health_of(services, "") == HealthCheckResponse::NOT_SERVING);
  CHECK(health_of(services, "echo.v1.EchoService") == HealthCheckResponse::NOT_SERVING);
}

}  // namespace
}  // namespace ringrpc::grpcd
