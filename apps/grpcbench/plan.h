/// Everything that defines a run, complete and consistent.
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
#include "grpcbench/template.h"

namespace ringrpc::grpcbench {

struct Plan {
  std::string server;
  ChannelOptions channel;  ///< for each connection
  bool spreads = false;    ///< --lb sends calls to all addresses of the server
  unsigned threads = 1;
  Nanoseconds spin{0};  ///< how long an idle thread polls before it sleeps
  unsigned connections = 1;
  unsigned streams = 1;  ///< maximum calls in flight on each connection

  std::vector<Operation> operations;  ///< called in turn
  Metadata headers;                   ///< sent with each call
  /// The values of the headers that are filled anew for each call: none, or as many as there are headers.
  std::vector<std::optional<Template>> header_templates;

  std::optional<std::uint64_t> calls;   ///< calls to count
  std::optional<Nanoseconds> duration;  ///< of the counted part; this or `calls` is given, or both
  Nanoseconds warmup{0};                ///< before the counted part
  std::optional<Pace> pace;             ///< for open loop; closed loop without
  Nanoseconds deadline{0};              ///< of each call, from the time at which it was due
  bool keep_going = false;              ///< a server that cannot be reached does not end the run
};

/// Values that show before the run whether the placeholders fit, as far as the number of calls is known.
TemplateValues largest_values(const Plan& plan);

/// INVALID_ARGUMENT says which settings contradict each other, and where they came from. The plan has no
/// operations if --call names a method, which must be looked up at the server.
Result<Plan> make_plan(const Values& values, const apps::Origins& origins = {});

}  // namespace ringrpc::grpcbench
