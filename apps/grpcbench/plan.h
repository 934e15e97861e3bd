/// What a run does, complete and without contradiction.
///
///   Result<Plan> plan = make_plan(values);
///   if (!plan) return refuse("grpcbench", plan.error());
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ringrpc/channel.h"
#include "ringrpc/clock.h"

#include "grpcbench/configuration.h"
#include "grpcbench/operation.h"
#include "grpcbench/schedule.h"

namespace ringrpc::grpcbench {

struct Plan {
  std::string server;
  ChannelOptions channel;  ///< of each connection
  unsigned threads = 1;
  Nanoseconds spin{0};  ///< how long each may look on before it sleeps
  unsigned connections = 1;
  unsigned streams = 1;  ///< calls in flight on each connection, at most

  std::vector<Operation> operations;  ///< called in turn

  std::optional<std::uint64_t> calls;   ///< that count
  std::optional<Nanoseconds> duration;  ///< of what counts; one of the two at least is given
  Nanoseconds warmup{0};                ///< before that, in which calls are made and not counted
  std::optional<Pace> pace;             ///< open loop; else a call starts when another has ended
  Nanoseconds deadline{0};              ///< of each call, from when it was due
};

/// INVALID_ARGUMENT says which settings do not go together and why, by where they came from. Without operations where --call names a
/// method, which the server has to be asked for.
Result<Plan> make_plan(const Values& values, const apps::Origins& origins = {});

}  // namespace ringrpc::grpcbench
