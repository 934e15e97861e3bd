/// gRPC's interop test cases, except those of compression, on Debian's grpc++.
///
///   Target target("127.0.0.1:10000");
///   for (const Case& each : call_cases())
///     if (each.name == wanted) return each.run(target);      // an error says what the server did wrong
#pragma once

#include <grpcpp/grpcpp.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "grpc/testing/test.grpc.pb.h"

namespace ringrpc::interop {

/// The server under test, and a connection to it.
struct Target {
  explicit Target(std::string where);

  std::string address;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<grpc::testing::TestService::Stub> stub;
};

struct Case {
  std::string_view name;
  grpc::Status (*run)(Target&);
};

std::span<const Case> call_cases();

/// An error about a server that behaves differently from the descriptions.
inline grpc::Status wrong(std::string what) {
  return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, std::move(what));
}

}  // namespace ringrpc::interop
