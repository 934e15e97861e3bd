/// grpc.health.v1.Health: tells balancers and orchestrators which services can take calls.
///
///   HealthService health;                          // the whole server, "", is serving from the start
///   health.set("routes.v1.RouteGuide", true);
///   auto server = Server::start({&routes, &health}, options);
///   ...
///   health.shut_down();                            // no new calls are sent here
///   (*server)->drain(30s);
///
/// `Check` and `List` answer with the present states. `Watch` sends the state at once and then every change,
/// whichever thread makes it; changes that come faster than the watcher reads are seen as one. A service that
/// was never set is NOT_FOUND to Check, and SERVICE_UNKNOWN to Watch until it is set
/// (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). All methods may be called from any
/// thread.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "ringrpc/event_count.h"
#include "ringrpc/service.h"

namespace grpc::health::v1 {
class HealthCheckRequest;
class HealthCheckResponse;
class HealthListRequest;
class HealthListResponse;
}  // namespace grpc::health::v1

namespace ringrpc {

/// The service grpc.health.v1.Health.
class HealthService final : public Service {
 public:
  /// What `List` answers with at most; RESOURCE_EXHAUSTED beyond.
  static constexpr std::size_t max_listed = 100;

  HealthService();

  /// Whether `service` ("package.Service") can take calls; "" is the whole server.
  void set(std::string_view service, bool serving);
  /// The same for all services set so far, "" among them.
  void set_all(bool serving);

  /// Makes all of them NOT_SERVING for good, and ends every Watch with UNAVAILABLE once it has said so: a
  /// drain would wait for them otherwise. Call it right before Server::drain.
  void shut_down();

  std::string_view service_name() const noexcept override;
  std::span<const Method> service_methods() const noexcept override;

 private:
  /// What a watcher of one service is told.
  struct View {
    bool known = false;
    bool serving = false;
    bool shut_down = false;
  };

  View view(std::string_view service) const;

  Task<Result<grpc::health::v1::HealthCheckResponse>> check(Call& call,
                                                            grpc::health::v1::HealthCheckRequest request);
  Task<Result<grpc::health::v1::HealthListResponse>> list(Call& call,
                                                          grpc::health::v1::HealthListRequest request);
  Task<Status> watch(Call& call, grpc::health::v1::HealthCheckRequest request,
                     Writer<grpc::health::v1::HealthCheckResponse>& out);

  mutable std::mutex mutex_;  // probes come a few times a second: they may wait for one another
  std::map<std::string, bool, std::less<>> serving_;
  bool shut_down_ = false;
  EventCount changes_;
};

}  // namespace ringrpc
