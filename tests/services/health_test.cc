#include "ringrpc/health.h"

#include <doctest/doctest.h>
#include <string>
#include <thread>

#include "grpc/health/v1/health.pb.h"
#include "rpc/direct_call.h"

namespace ringrpc {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::health::v1::HealthListRequest;
using grpc::health::v1::HealthListResponse;

Result<HealthCheckResponse> check(HealthService& health, const std::string& service) {
  HealthCheckRequest request;
  request.set_service(service);
  return call_unary_method<HealthCheckResponse>(health, "Check", request);
}

HealthCheckResponse::ServingStatus state(HealthService& health, const std::string& service) {
  const Result<HealthCheckResponse> response = check(health, service);
  return response ? response->status() : HealthCheckResponse::UNKNOWN;
}

TEST_CASE("the service has the standard's name and methods") {
  const HealthService health;
  CHECK(health.service_name() == "grpc.health.v1.Health");
  CHECK(method_named(health, "Check").kind == MethodKind::unary);
  CHECK(method_named(health, "List").kind == MethodKind::unary);
  CHECK(method_named(health, "Watch").kind == MethodKind::server_streaming);
}

TEST_CASE("the whole server is serving from the start, and nothing else is known") {
  HealthService health;
  CHECK(state(health, "") == HealthCheckResponse::SERVING);
  const Result<HealthCheckResponse> unknown = check(health, "routes.v1.RouteGuide");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code() == Code::NOT_FOUND);
  CHECK(unknown.error().message() == "no health is known of service \"routes.v1.RouteGuide\"");
}

TEST_CASE("a service is what it was last set to") {
  HealthService health;
  health.set("a", ServingStatus::serving);
  CHECK(state(health, "a") == HealthCheckResponse::SERVING);
  health.set("a", ServingStatus::not_serving);
  CHECK(state(health, "a") == HealthCheckResponse::NOT_SERVING);
  CHECK(state(health, "") == HealthCheckResponse::SERVING);
}

TEST_CASE("all services change together before a drain") {
  HealthService health;
  health.set("a", ServingStatus::serving);
  health.set_all(ServingStatus::not_serving);
  CHECK(state(health, "") == HealthCheckResponse::NOT_SERVING);
  CHECK(state(health, "a") == HealthCheckResponse::NOT_SERVING);
  CHECK_FALSE(check(health, "b"));
}

TEST_CASE("a list has every service and the whole server") {
  HealthService health;
  health.set("a", ServingStatus::not_serving);
  const Result<HealthListResponse> list =
      call_unary_method<HealthListResponse>(health, "List", HealthListRequest());
  REQUIRE(list);
  REQUIRE(list->statuses().size() == 2);
  CHECK(list->statuses().at("").status() == HealthCheckResponse::SERVING);
  CHECK(list->statuses().at("a").status() == HealthCheckResponse::NOT_SERVING);
}

TEST_CASE("a list longer than its limit is refused") {
  HealthService health;
  for (std::size_t i = 1; i < HealthService::max_listed; ++i)
    health.set(std::to_string(i), ServingStatus::serving);
  CHECK(call_unary_method<HealthListResponse>(health, "List", HealthListRequest()));
  health.set("one more", ServingStatus::serving);
  const Result<HealthListResponse> list =
      call_unary_method<HealthListResponse>(health, "List", HealthListRequest());
  REQUIRE_FALSE(list);
  CHECK(list.error().code() == Code::RESOURCE_EXHAUSTED);
}

TEST_CASE("states are set from one thread while another asks") {
  HealthService health;
  std::jthread owner([&] {
    for (int i = 0; i < 500; ++i)
      health.set(std::to_string(i % 50), i % 2 == 0 ? ServingStatus::serving : ServingStatus::not_serving);
  });
  for (int i = 0; i < 500; ++i) CHECK(state(health, "") == HealthCheckResponse::SERVING);
  owner.join();
  CHECK(state(health, "49") == HealthCheckResponse::NOT_SERVING);
}

}  // namespace
}  // namespace ringrpc
