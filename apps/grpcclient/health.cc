#include "grpcclient/health.h"

#include <optional>
#include <string_view>
#include <utility>

#include "grpc/health/v1/health.ringrpc.h"

namespace ringrpc::grpcclient {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

/// A newer server may send a state that has no name here.
std::string state_name(const HealthCheckResponse& response) {
  const std::string& name = HealthCheckResponse::ServingStatus_Name(response.status());
  return name.empty() ? "state " + std::to_string(response.status()) : name;
}

/// True for SERVING.
Outcome<bool> show_state(const HealthCheckResponse& response) {
  const Outcome<bool> printed = print(state_name(response) + "\n");
  if (!printed) return printed;
  return response.status() == HealthCheckResponse::SERVING;
}

/// Servers seldom name the service that they do not know.
std::string called(std::string_view method, const std::string& service) {
  std::string name("grpc.health.v1.Health/");
  name.append(method);
  if (!service.empty()) name.append(" of '").append(service).append("'");
  return name;
}

Task<Outcome<bool>> check(Session& session, std::string service) {
  const Health::Stub stub(session.channel);
  HealthCheckRequest request;
  request.set_service(service);
  const CallResult<HealthCheckResponse> response =
      co_await stub.Check(std::move(request), session.short_call_options());
  if (!response) co_return std::unexpected(call_failure(called("Check", service), response.error()));
  co_return show_state(*response);
}

Task<Outcome<bool>> watch(Session& session, std::string service) {
  const Health::Stub stub(session.channel);
  HealthCheckRequest request;
  request.set_service(service);
  ClientReader<HealthCheckResponse> states = stub.Watch(request, session.call_options());
  Outcome<bool> serving = false;
  while (const std::optional<HealthCheckResponse> response = co_await states.next()) {
    serving = show_state(*response);
    if (!serving) co_return serving;
  }
  const Status status = co_await states.finish();
  if (!status.ok()) co_return std::unexpected(call_failure(called("Watch", service), status));
  co_return serving;
}

}  // namespace

Task<Outcome<bool>> health(Session& session, std::string service) {
  return session.values.watch ? watch(session, std::move(service)) : check(session, std::move(service));
}

}  // namespace ringrpc::grpcclient
