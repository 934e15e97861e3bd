#include "services/health.h"

namespace ringrpc {

namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::health::v1::HealthListRequest;
using grpc::health::v1::HealthListResponse;

HealthCheckResponse response_for(bool serving) {
  HealthCheckResponse response;
  response.set_status(serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING);
  return response;
}

}  // namespace

HealthService::HealthService() { serving_.emplace("", true); }

void HealthService::set(std::string_view service, bool serving) {
  const std::lock_guard lock(mutex_);
  const auto known = serving_.find(service);
  if (known == serving_.end())
    serving_.emplace(service, serving);
  else
    known->second = serving;
}

void HealthService::set_all(bool serving) {
  const std::lock_guard lock(mutex_);
  for (auto& [service, state] : serving_) state = serving;
}

Task<Result<HealthCheckResponse>> HealthService::Check(Call&, HealthCheckRequest request) {
  const std::lock_guard lock(mutex_);
  const auto known = serving_.find(request.service());
  if (known == serving_.end())
    co_return fail(Code::NOT_FOUND, "no health is known of service \"" + request.service() + "\"");
  co_return response_for(known->second);
}

Task<Result<HealthListResponse>> HealthService::List(Call&, HealthListRequest) {
  const std::lock_guard lock(mutex_);
  if (serving_.size() > max_listed)
    co_return fail(Code::RESOURCE_EXHAUSTED,
                   "more services than a list may have: " + std::to_string(max_listed));
  HealthListResponse response;
  for (const auto& [service, serving] : serving_)
    (*response.mutable_statuses())[service] = response_for(serving);
  co_return response;
}

}  // namespace ringrpc
