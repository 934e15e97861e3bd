/// Data for both sides of gRPC's interop test cases: payloads of zeros, and the metadata to echo.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "grpc/testing/messages.pb.h"

namespace ringrpc::interop {

inline constexpr std::string_view echo_initial_name = "x-grpc-test-echo-initial";
inline constexpr std::string_view echo_trailing_name = "x-grpc-test-echo-trailing-bin";

inline grpc::testing::Payload make_payload(std::int32_t bytes) {
  grpc::testing::Payload payload;
  payload.set_body(std::string(static_cast<std::size_t>(bytes), '\0'));
  return payload;
}

}  // namespace ringrpc::interop
