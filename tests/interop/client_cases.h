/// The client's side of gRPC's interop test cases
/// (https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md).
///
///   for (const ClientCase& test : client_cases())
///     if (test.name == wanted) co_return co_await test.run(channel);
///
/// A case ends with OK if the server behaved as described, else with a status that says what it did instead.
#pragma once

#include <span>
#include <string_view>

#include "ringrpc/channel.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

#include "grpc/testing/test.ringrpc.h"

namespace ringrpc::interop {

struct ClientCase {
  std::string_view name;  ///< its name in gRPC's clients
  Task<Status> (*run)(Channel& channel);
};

std::span<const ClientCase> client_cases() noexcept;

/// One unary call with payloads of these sizes. large_unary and the soak tests make it.
Task<Status> call_unary_with_payload(Channel& channel, std::int32_t request_bytes,
                                     std::int32_t response_bytes);

}  // namespace ringrpc::interop
