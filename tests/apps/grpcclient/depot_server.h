/// A server of depot.Depot with reflection, in this process.
///
///   DepotServer server;
///   Values values = server.values();
///   Result<bool> done = block_on(ask(values));
#pragma once

#include <memory>

#include "ringrpc/reflection.h"
#include "ringrpc/server.h"

#include "grpcclient/configuration.h"

namespace ringrpc::grpcclient {

class DepotServer {
 public:
  DepotServer();

  /// Settings for a session with this server.
  Values values() const;

 private:
  std::unique_ptr<Service> depot_;
  Reflection reflection_;
  std::unique_ptr<Server> server_;
};

}  // namespace ringrpc::grpcclient
