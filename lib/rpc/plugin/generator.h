/// Writes the C++ of a .proto file's services: `protoc --ringrpc_out=DIR routes.proto` gives routes.ringrpc.h
/// and routes.ringrpc.cc.
///
/// Each service becomes a struct with its name: derive from `RouteGuide::Service` to serve, and use
/// `RouteGuide::Stub` to call (see ringrpc/service.h and ringrpc/channel.h). All bodies are in the .cc file,
/// so that coroutines are compiled once and not in every file that includes the header.
#pragma once

#include <cstdint>
#include <google/protobuf/compiler/code_generator.h>
#include <string>

namespace ringrpc::plugin {

class Generator final : public google::protobuf::compiler::CodeGenerator {
 public:
  /// Files in editions, too (`respond`), which libprotoc 3.21 has no name for.
  std::uint64_t GetSupportedFeatures() const override { return FEATURE_PROTO3_OPTIONAL | 2; }

  /// Refuses any parameter: there are none.
  bool Generate(const google::protobuf::FileDescriptor* file, const std::string& parameter,
                google::protobuf::compiler::GeneratorContext* context, std::string* error) const override;
};

}  // namespace ringrpc::plugin
