/// The services with which gRPC's tools inspect a process, in one bundle: at present channelz.
///
///   AdminServices admin;
///   auto debug = Server::start(admin.all(), {.listen = {"127.0.0.1:50052"}, .shards = 1});
///
/// A server that serves the bundle gets the services that later versions add to it. They tell about all peers
/// of the process and have no access control: see ringrpc/channelz.h
/// (https://github.com/grpc/proposal/blob/master/A38-admin-interface-api.md).
#pragma once

#include "ringrpc/compiler.h"

#include <array>
#include <span>

#include "ringrpc/channelz.h"
#include "ringrpc/service.h"

namespace ringrpc {

/// The services for operators. The object must outlive the server.
class AdminServices {
 public:
  AdminServices() = default;
  AdminServices(const AdminServices&) = delete;
  AdminServices& operator=(const AdminServices&) = delete;

  /// The services to give to a server, alone or with others; valid as long as this object.
  std::span<Service* const> all() const noexcept { return all_; }

 private:
  ChannelzService channelz_;
  std::array<Service*, 1> all_{&channelz_};
};

}  // namespace ringrpc
