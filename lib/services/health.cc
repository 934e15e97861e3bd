#include "ringrpc/health.h"

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "ringrpc/event_count.h"
#include "ringrpc/when.h"

#include "grpc/health/v1/health.ringrpc.h"

namespace ringrpc {

namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::health::v1::HealthListRequest;
using grpc::health::v1::HealthListResponse;

/// SERVICE_UNKNOWN without a status.
HealthCheckResponse::ServingStatus on_wire(std::optional<ServingStatus> status) {
  if (!status) return HealthCheckResponse::SERVICE_UNKNOWN;
  return *status == ServingStatus::serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

HealthCheckResponse response_of(std::optional<ServingStatus> status) {
  HealthCheckResponse response;
  response.set_status(on_wire(status));
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

struct HealthService::State {
  /// The status of one service, if it was ever set, and a flag that tells whether the
  /// health service shuts down.
  struct View {
    std::optional<ServingStatus> status;
    bool shut_down;
  };

  View view(std::string_view service) {
    const std::lock_guard lock(mutex);
    const auto known = statuses.find(service);
    return {.status = known == statuses.end() ? std::nullopt : std::optional(known->second),
            .shut_down = shut_down};
  }

  std::mutex mutex;  // taken a few times per second, so waiting for it does not matter
  std::map<std::string, ServingStatus, std::less<>> statuses{{"", ServingStatus::serving}};
  bool shut_down = false;  // every status is not_serving then
  EventCount changes;
};

HealthService::HealthService() : state_(std::make_unique<State>()) {}

HealthService::~HealthService() = default;

void HealthService::set(std::string_view service, ServingStatus status) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->statuses.insert_or_assign(std::string(service),
                                      state_->shut_down ? ServingStatus::not_serving : status);
  }
  state_->changes.notify();
}

void HealthService::set_all(ServingStatus status) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->shut_down) return;
    for (auto& [service, known] : state_->statuses) known = status;
  }
  state_->changes.notify();
}

void HealthService::shut_down() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->shut_down = true;
    for (auto& [service, known] : state_->statuses) known = ServingStatus::not_serving;
  }
  state_->changes.notify();
}

bool HealthService::serving(std::string_view service) const {
  return state_->view(service).status == ServingStatus::serving;
}

std::string_view HealthService::service_name() const noexcept { return Health::name; }

std::span<const Method> HealthService::service_methods() const noexcept {
  static constexpr std::array methods{
      method<&HealthService::check>("Check"),
      method<&HealthService::list>("List"),
      method<&HealthService::watch>("Watch"),
  };
  return methods;
}

Task<Result<HealthCheckResponse>> HealthService::check(Call&, HealthCheckRequest request) {
  if (Status status = check_name(request.service()); !status.ok())
    co_return std::unexpected(std::move(status));
  const State::View seen = state_->view(request.service());
  if (!seen.status)
    co_return fail(Code::NOT_FOUND, "no health is known of service \"" + request.service() + "\"");
  co_return response_of(seen.status);
}

Task<Result<HealthListResponse>> HealthService::list(Call&, HealthListRequest) {
  const std::lock_guard lock(state_->mutex);
  if (state_->statuses.size() > max_listed)
    co_return fail(Code::RESOURCE_EXHAUSTED,
                   "more services than a list may have: " + std::to_string(max_listed));
  HealthListResponse response;
  for (const auto& [service, status] : state_->statuses)
    (*response.mutable_statuses())[service] = response_of(status);
  co_return response;
}

Task<Status> HealthService::watch(Call& call, HealthCheckRequest request, Writer<HealthCheckResponse>& out) {
  if (Status status = check_name(request.service()); !status.ok()) co_return status;
  std::optional<HealthCheckResponse::ServingStatus> sent;
  for (;;) {
    const std::uint64_t changes = state_->changes.count();
    const State::View seen = state_->view(request.service());
    const HealthCheckResponse::ServingStatus status = on_wire(seen.status);
    if (sent != status) {
      const HealthCheckResponse response = response_of(seen.status);
      if (!co_await out.write(response)) co_return Status();
      sent = status;
    }
    if (seen.shut_down) co_return fail(Code::UNAVAILABLE, "the server is shutting down");
    if (call.stopping()) co_return fail(Code::UNAVAILABLE, "the server closes this connection");
    co_await when_any(state_->changes.past(changes), call.until_stopping());
  }
}

}  // namespace ringrpc
