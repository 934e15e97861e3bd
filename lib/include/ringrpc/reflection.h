/// Server reflection: lets tools such as grpcurl call a server without having its .proto files.
///
///   Reflection reflection;
///   auto server = Server::start({&routes, &health, &reflection.v1(), &reflection.v1alpha()}, options);
///
/// The server tells reflection which services it serves when it starts (Service::on_start). Both versions of
/// the protocol give the same responses; most tools ask for v1alpha if they do not find v1
/// (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md).
///
/// A Reflection lists the services of the server that started last. It may serve one server after another, as
/// when a program restarts its server. Servers that run at the same time and differ in their services need a
/// Reflection each. A stream that is open when a server starts keeps the list that it began with.
#pragma once

#include "ringrpc/compiler.h"

#include <google/protobuf/descriptor.h>
#include <memory>

#include "ringrpc/export.h"
#include "ringrpc/service.h"

namespace ringrpc {

class ReflectedServices;

/// The services grpc.reflection.v1 and v1alpha.
class RINGRPC_EXPORT Reflection {
 public:
  /// Takes descriptors from `pool`, which must outlive this object; other threads may use it at the same
  /// time. The default is the generated pool, which has all .proto files that are linked into the program.
  explicit Reflection(
      const google::protobuf::DescriptorPool& pool = *google::protobuf::DescriptorPool::generated_pool());
  Reflection(const Reflection&) = delete;
  Reflection& operator=(const Reflection&) = delete;
  ~Reflection();

  /// The services to give to a server; valid as long as this object. Either may be served without the other.
  Service& v1() noexcept { return *v1_; }
  /// The older version, with the same responses.
  Service& v1alpha() noexcept { return *v1alpha_; }

 private:
  std::unique_ptr<ReflectedServices> services_;
  std::unique_ptr<Service> v1_;
  std::unique_ptr<Service> v1alpha_;
};

}  // namespace ringrpc
