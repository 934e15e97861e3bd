#include "ringrpc/health.h"

#include <array>
#include <optional>
#include <utility>

#include "ringrpc/when.h"

#include "grpc/health/v1/health.ringrpc.h"

namespace ringrpc {

namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::health::v1::HealthListRequest;
using grpc::health::v1::HealthListResponse;
using ServingStatus = HealthCheckResponse::ServingStatus;

ServingStatus status_for(bool serving) {
  return serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

HealthCheckResponse response_of(ServingStatus status) {
  HealthCheckResponse response;
  response.set_status(status);
  return response;
}

/// Limited because a watch keeps the name as long as it runs.
constexpr std::size_t name_bytes_max = 1024;

Status check_name(std::string_view service) {
  if (service.size() <= name_bytes_max) return {};
  return Status(Code::INVALID_ARGUMENT,
                "the name of the service has " + std::to_string(service.size()) + " bytes, the limit is " +
                    std::to_string(name_bytes_max),
                Initiator::application);
}

}  // namespace

HealthService::HealthService() { serving_.emplace("", true); }

void HealthService::set(std::string_view service, bool serving) {
  {
    const std::lock_guard lock(mutex_);
    serving_.insert_or_assign(std::string(service), serving && !shut_down_);
  }
  changes_.notify();
}

void HealthService::set_all(bool serving) {
  {
    const std::lock_guard lock(mutex_);
    for (auto& [service, state] : serving_) state = serving && !shut_down_;
  }
  changes_.notify();
}

void HealthService::shut_down() {
  {
    const std::lock_guard lock(mutex_);
    shut_down_ = true;
    for (auto& [service, state] : serving_) state = false;
  }
  changes_.notify();
}

bool HealthService::serving(std::string_view service) const { return view(service).serving; }

std::string_view HealthService::service_name() const noexcept { return Health::name; }

std::span<const Method> HealthService::service_methods() const noexcept {
  static constexpr std::array methods{
      method<&HealthService::check>("Check"),
      method<&HealthService::list>("List"),
      method<&HealthService::watch>("Watch"),
  };
  return methods;
}

HealthService::View HealthService::view(std::string_view service) const {
  const std::lock_guard lock(mutex_);
  const auto known = serving_.find(service);
  if (known == serving_.end()) return {.shut_down = shut_down_};
  return {.known = true, .serving = known->second, .shut_down = shut_down_};
}

Task<Result<HealthCheckResponse>> HealthService::check(Call&, HealthCheckRequest request) {
  if (Status status = check_name(request.service()); !status.ok())
    co_return std::unexpected(std::move(status));
  const View seen = view(request.service());
  if (!seen.known)
    co_return fail(Code::NOT_FOUND, "no health is known of service \"" + request.service() + "\"");
  co_return response_of(status_for(seen.serving));
}

Task<Result<HealthListResponse>> HealthService::list(Call&, HealthListRequest) {
  const std::lock_guard lock(mutex_);
  if (serving_.size() > max_listed)
    co_return fail(Code::RESOURCE_EXHAUSTED,
                   "more services than a list may have: " + std::to_string(max_listed));
  HealthListResponse response;
  for (const auto& [service, serving] : serving_)
    (*response.mutable_statuses())[service] = response_of(status_for(serving));
  co_return response;
}

Task<Status> HealthService::watch(Call& call, HealthCheckRequest request, Writer<HealthCheckResponse>& out) {
  if (Status status = check_name(request.service()); !status.ok()) co_return status;
  std::optional<ServingStatus> sent;
  for (;;) {
    const std::uint64_t changes = changes_.count();
    const View seen = view(request.service());
    const ServingStatus status = seen.known ? status_for(seen.serving) : HealthCheckResponse::SERVICE_UNKNOWN;
    if (sent != status) {
      const HealthCheckResponse response = response_of(status);
      if (!co_await out.write(response)) co_return Status();
      sent = status;
    }
    if (seen.shut_down) co_return fail(Code::UNAVAILABLE, "the server is shutting down");
    if (call.stopping()) co_return fail(Code::UNAVAILABLE, "the server closes this connection");
    co_await when_any(changes_.past(changes), call.until_stopping());
  }
}

}  // namespace ringrpc
