/// Shared by both grpc++ programs: whether the last received message was compressed. grpc++ reports that
/// only to its own tests, by these names.
#pragma once

#include <cstdint>
#include <grpcpp/grpcpp.h>

std::uint32_t grpc_call_test_only_get_message_flags(grpc_call* call);

namespace ringrpc::interop {

inline bool message_compressed(grpc_call* call) {
  constexpr std::uint32_t was_compressed = 0x40000000;  // GRPC_WRITE_INTERNAL_TEST_ONLY_WAS_COMPRESSED
  constexpr std::uint32_t is_compressed = 0x80000000;   // GRPC_WRITE_INTERNAL_COMPRESS
  return (grpc_call_test_only_get_message_flags(call) & (was_compressed | is_compressed)) != 0;
}

}  // namespace ringrpc::interop

namespace grpc::testing {

class InteropServerContextInspector {
 public:
  static bool message_compressed(const ServerContextBase& context) {
    return ringrpc::interop::message_compressed(context.call_.call);
  }
};

class InteropClientContextInspector {
 public:
  static bool message_compressed(const ClientContext& context) {
    return ringrpc::interop::message_compressed(context.call_);
  }
};

}  // namespace grpc::testing
