/// A whole run: threads, connections, load, and end.
///
///   Result<RunOutcome> outcome = run_load(plan, signals, [](const RunSoFar& so_far) { ... });
///
/// The calling thread waits for signals: SIGINT and SIGTERM end the run with the results so far.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "common/signals.h"
#include "grpcbench/generator.h"
#include "grpcbench/plan.h"

namespace ringrpc::grpcbench {

/// The progress of a run.
struct RunSoFar {
  enum class Phase : std::uint8_t { connecting, warming_up, measuring };
  Phase phase = Phase::connecting;
  unsigned connected = 0;
  Nanoseconds elapsed{0};  ///< of the phase; zero while connecting
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t messages_received = 0;  ///< of methods with streams
};

struct RunOutcome {
  Status could_not_begin;  ///< why a connection could not be made; nothing was measured then
  unsigned connected = 0;  ///< connections that were made
  bool interrupted = false;
  bool begun = false;  ///< the warm-up was over, so calls counted
  Measurement measured;
  std::vector<std::string> addresses;  ///< of the server, as the channels know them at the end
  unsigned threads = 0;
  std::string_view io;  ///< the first thread's backend: "io_uring", "epoll"
};

/// Calls `show` about ten times a second. An error means that the threads could not be started; it does not
/// concern the server.
Result<RunOutcome> run_load(const Plan& plan, const apps::Signals& signals,
                            const std::function<void(const RunSoFar&)>& show);

}  // namespace ringrpc::grpcbench
