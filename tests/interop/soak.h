/// gRPC's soak tests: repeat the same unary call over one channel (rpc_soak), or each time over a new channel
/// (channel_soak).
///
///   Status status = co_await soak("127.0.0.1:10000", Soak::new_channel_each, {.iterations = 1000});
///
/// Prints a line for each iteration on standard error, in the format of gRPC's own clients.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "ringrpc/channel.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc::interop {

enum class Soak : std::uint8_t { one_channel, new_channel_each };

struct SoakOptions {
  std::uint32_t iterations = 10;
  std::uint32_t max_failures = 0;  ///< an iteration fails by its status or its duration
  std::int64_t per_iteration_max_ms = 1000;
  std::int64_t overall_timeout_s = 10;  ///< iterations that have not begun by then are skipped
  std::int64_t min_ms_between_rpcs = 0;
  std::int32_t request_bytes = 271'828;
  std::int32_t response_bytes = 314'159;
  std::uint32_t threads = 1;  ///< workers that share the iterations; all on one shard
  ChannelOptions channel{};
};

/// OK if all iterations were made and at most `max_failures` failed.
Task<Status> soak(std::string target, Soak kind, SoakOptions options);

}  // namespace ringrpc::interop
