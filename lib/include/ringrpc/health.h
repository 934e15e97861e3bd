/// grpc.health.v1.Health: reports to load balancers and orchestrators which services can take calls.
///
///   HealthService health;  // the whole server, "", is serving from the start
///   health.set("routes.v1.RouteGuide", ServingStatus::serving);
///   auto server = Server::start({&routes, &health}, options);
///   ...
///   health.shut_down();  // no new calls are sent here
///   (*server)->drain(30s);
///
/// `Check` and `List` return the current states. `Watch` sends the current state and then every change; a
/// client that reads more slowly than the state changes sees only the latest one. A service that was never
/// set is NOT_FOUND to `Check`, and SERVICE_UNKNOWN to `Watch` until it is set. A watch ends with UNAVAILABLE
/// when its connection drains (Call::stopping), so it does not delay a drain. Names of services have at most
/// 1,024 bytes; requests with longer ones get INVALID_ARGUMENT
/// (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
///
/// All methods may be called from any threads at the same time.
#pragma once

#include "ringrpc/compiler.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "ringrpc/export.h"
#include "ringrpc/service.h"

namespace grpc::health::v1 {
class HealthCheckRequest;
class HealthCheckResponse;
class HealthListRequest;
class HealthListResponse;
}  // namespace grpc::health::v1

namespace ringrpc {

/// The readiness of a service to take calls.
enum class ServingStatus : std::uint8_t { not_serving, serving };

/// The service grpc.health.v1.Health.
class RINGRPC_EXPORT HealthService final : public Service {
 public:
  /// The most services that `List` returns. If more were set, it fails with RESOURCE_EXHAUSTED.
  static constexpr std::size_t max_listed = 100;

  HealthService();
  ~HealthService() override;

  /// Sets whether `service` ("package.Service") can take calls; "" is the whole server.
  void set(std::string_view service, ServingStatus status);
  /// Sets it for all services that were set before, including "".
  void set_all(ServingStatus status);

  /// Makes every service NOT_SERVING permanently. Every `Watch` reports that and then ends with UNAVAILABLE.
  /// Call it before Server::drain, so that clients see NOT_SERVING instead of the mere end of their watches.
  void shut_down();

  /// True if `service` was last set to serving and `shut_down` was not called.
  bool serving(std::string_view service = "") const;

  std::string_view service_name() const noexcept override;
  std::span<const Method> service_methods() const noexcept override;

 private:
  struct State;

  Task<Result<grpc::health::v1::HealthCheckResponse>> check(Call& call,
                                                            grpc::health::v1::HealthCheckRequest request);
  Task<Result<grpc::health::v1::HealthListResponse>> list(Call& call,
                                                          grpc::health::v1::HealthListRequest request);
  Task<Status> watch(Call& call, grpc::health::v1::HealthCheckRequest request,
                     Writer<grpc::health::v1::HealthCheckResponse>& out);

  std::unique_ptr<State> state_;
};

}  // namespace ringrpc
