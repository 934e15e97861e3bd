/// grpc.health.v1.Health: tells balancers and orchestrators which services can take calls.
///
///   HealthService health;                          // the whole server, "", is serving from the start
///   health.set("routes.v1.RouteGuide", true);
///   Server::start({&routes, &health}, options);
///   health.set_all(false);                         // before draining, so that no new calls are sent here
///
/// All methods may be called from any thread. Watch answers UNIMPLEMENTED, which callers take as "do not
/// watch" (health-checking.md).
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "grpc/health/v1/health.ringrpc.h"

namespace ringrpc {

class HealthService final : public grpc::health::v1::Health::Service {
 public:
  /// What `List` answers with at most; RESOURCE_EXHAUSTED beyond.
  static constexpr std::size_t max_listed = 100;

  HealthService();

  /// Whether `service` can take calls; "" is the whole server. A service that was never set is NOT_FOUND for
  /// callers.
  void set(std::string_view service, bool serving);
  /// The same for all services set so far, "" among them.
  void set_all(bool serving);

  Task<Result<grpc::health::v1::HealthCheckResponse>> Check(
      Call& call, grpc::health::v1::HealthCheckRequest request) override;
  Task<Result<grpc::health::v1::HealthListResponse>> List(
      Call& call, grpc::health::v1::HealthListRequest request) override;

 private:
  mutable std::mutex mutex_;  // probes come a few times a second: they may wait for one another
  std::map<std::string, bool, std::less<>> serving_;
};

}  // namespace ringrpc
