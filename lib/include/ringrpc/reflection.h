/// Server reflection: lets tools such as grpcurl find services and their messages without having the .proto
/// files.
///
///   Reflection reflection({&routes, &health});
///   auto server = Server::start({&routes, &health, &reflection.v1(), &reflection.v1alpha()}, options);
///
/// Both versions of the protocol answer alike; most tools still ask for v1alpha when they do not find v1
/// (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md). Nothing changes after the
/// constructor, so that all shards are served at once.
#pragma once

#include <google/protobuf/descriptor.h>
#include <initializer_list>
#include <memory>
#include <span>

#include "ringrpc/service.h"

namespace ringrpc {

class DescriptorIndex;

/// The services grpc.reflection.v1 and v1alpha.
class Reflection {
 public:
  /// `services` are listed, and reflection itself with them. Descriptors are taken from `pool`, which must
  /// outlive this; the generated one knows all .proto files that are linked in.
  explicit Reflection(
      std::span<const Service* const> services,
      const google::protobuf::DescriptorPool& pool = *google::protobuf::DescriptorPool::generated_pool());
  explicit Reflection(
      std::initializer_list<const Service*> services,
      const google::protobuf::DescriptorPool& pool = *google::protobuf::DescriptorPool::generated_pool())
      : Reflection(std::span<const Service* const>(services.begin(), services.size()), pool) {}
  Reflection(const Reflection&) = delete;
  Reflection& operator=(const Reflection&) = delete;
  ~Reflection();

  /// To be served; valid as long as this.
  Service& v1() noexcept { return *v1_; }
  Service& v1alpha() noexcept { return *v1alpha_; }

 private:
  std::unique_ptr<const DescriptorIndex> index_;
  std::unique_ptr<Service> v1_;
  std::unique_ptr<Service> v1alpha_;
};

}  // namespace ringrpc
