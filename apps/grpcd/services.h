/// Everything that grpcd serves: signing, echo, the node service, health checks and reflection.
///
///   Services services(signing.service(), PayloadLog::none);
///   Server::start(services.all(), options);
///   services.stop_serving();    // health checks return NOT_SERVING from now on
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ringrpc/health.h"
#include "ringrpc/reflection.h"

#include "grpcd/configuration.h"
#include "grpcd/services/node.h"

namespace ringrpc::grpcd {

class Services {
 public:
  /// `crypto` must outlive it.
  Services(Service& crypto, PayloadLog log_payload);
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  /// Valid as long as this object.
  std::span<Service* const> all() const noexcept { return all_; }

  /// Makes every health check return NOT_SERVING and the node service report DRAINING, and ends the watches
  /// of both. From any thread.
  void stop_serving();

  const HealthService& health() const noexcept { return health_; }

 private:
  std::unique_ptr<Service> echo_;
  NodeService node_;
  HealthService health_;
  Reflection reflection_;
  std::vector<Service*> all_;
};

}  // namespace ringrpc::grpcd
