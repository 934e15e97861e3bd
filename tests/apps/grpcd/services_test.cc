#include "grpcd/services.h"

#include <doctest/doctest.h>
#include <set>
#include <string>

#include "grpc/health/v1/health.pb.h"
#include "rpc/direct_call.h"

namespace ringrpc::grpcd {
namespace {

using grpc::health::v1::HealthCheckResponse;

std::unique_ptr<Signing> without_keys() { return Signing::start({.generated = {"none"}}).value(); }

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

TEST_CASE(
    "grpcd serves signing, echo, the node, health and both reflections, whether or not payloads are logged") {
  const std::set<std::string_view> expected = {"crypto.v1.CryptoService",
                                               "echo.v1.EchoService",
                                               "grpc.health.v1.Health",
                                               "grpc.reflection.v1.ServerReflection",
                                               "grpc.reflection.v1alpha.ServerReflection",
                                               "node.v1.NodeService"};
  const auto signing = without_keys();
  for (const PayloadLog kind : {PayloadLog::none, PayloadLog::size}) {
    const Services services(signing->service(), kind);
    std::set<std::string_view> names;
    for (const Service* service : services.all()) names.insert(service->service_name());
    CHECK(names == expected);
  }
}

TEST_CASE("health checks return SERVING, and NOT_SERVING once the server drains") {
  const auto signing = without_keys();
  Services services(signing->service(), PayloadLog::none);
  CHECK(health_of(services, "") == HealthCheckResponse::SERVING);
  CHECK(health_of(services, "echo.v1.EchoService") == HealthCheckResponse::SERVING);
  CHECK(health_of(services, "crypto.v1.CryptoService") == HealthCheckResponse::SERVING);
  services.stop_serving();
  CHECK(health_of(services, "") == HealthCheckResponse::NOT_SERVING);
  CHECK(health_of(services, "echo.v1.EchoService") == HealthCheckResponse::NOT_SERVING);
}

}  // namespace
}  // namespace ringrpc::grpcd
