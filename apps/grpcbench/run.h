/// A whole run: threads, connections, the load, and its end, whatever brings that about.
///
///   Result<RunOutcome> outcome = run_load(plan, signals, [](const RunSoFar& so_far) { ... });
///
/// The thread that calls it waits for signals: SIGINT and SIGTERM end the run, with what was measured so far.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "common/signals.h"
#include "grpcbench/generator.h"
#include "grpcbench/plan.h"

namespace ringrpc::grpcbench {

/// For the line that shows how far a run is.
struct RunSoFar {
  enum class Phase : std::uint8_t { connecting, warming_up, measuring };
  Phase phase = Phase::connecting;
  unsigned connected = 0;
  Nanoseconds elapsed{0};  ///< of the phase; zero while connecting
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
};

struct RunOutcome {
  Status could_not_begin;  ///< a connection could not be made; nothing was measured then
  unsigned connected = 0;  ///< those that could
  bool interrupted = false;
  bool begun = false;  ///< calls counted already
  Measurement measured;
  unsigned threads = 0;
  std::string_view io;  ///< the backend of the first: "io_uring", "epoll"
};

/// `show` is called about ten times a second while calls are made. Failure where this machine does not let
/// threads begin, which has nothing to do with the server.
Result<RunOutcome> run_load(const Plan& plan, const apps::Signals& signals,
                            const std::function<void(const RunSoFar&)>& show);

}  // namespace ringrpc::grpcbench
