/// The results of a run, ready for output: rows of figures, and warnings about them.
///
///   const Results results(plan, outcome);
///   print(results.rows.front());
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grpcbench/plan.h"
#include "grpcbench/run.h"
#include "grpcbench/tally.h"
#include "grpcbench/timeline.h"

namespace ringrpc::grpcbench {

/// The percentiles to report, by name.
inline constexpr std::array<std::pair<std::string_view, double>, 5> percentiles = {
    {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99}}};

/// The number of calls that ended with a code other than OK, and the message of the first.
struct ErrorCount {
  std::string_view code;
  std::uint64_t count = 0;
  std::string_view first_message;  ///< not escaped; valid as long as the row
};

/// The calls of one method, or of all.
struct Row {
  std::string name;  ///< "echo.v1.EchoService/Echo"
  Tally tally;
  double duration_s = 0;

  /// Of calls that succeeded.
  double calls_per_second() const noexcept;
  double messages_sent_per_second() const noexcept { return a_second(tally.traffic.messages_sent); }
  double messages_received_per_second() const noexcept { return a_second(tally.traffic.messages_received); }
  /// Between 0 and 1; 0 without calls.
  double success_rate() const noexcept;
  /// The errors that occurred, the most frequent first.
  std::vector<ErrorCount> errors() const;
  /// The latencies in µs by name, from `min` to `max`; all zero if no call has a latency.
  std::vector<std::pair<std::string_view, double>> latency_us() const;

 private:
  double a_second(std::uint64_t count) const noexcept;
};

/// The calls that went to one address.
struct BackendRow {
  std::string address;  ///< not escaped
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t open = 0;          ///< streams, as in a Tally
  double calls_per_second = 0;     ///< of calls that succeeded
  std::uint64_t messages = 0;      ///< received
  double messages_per_second = 0;  ///< the same
  bool timed = false;              ///< a call has a latency
  double p50_us = 0;
  double p99_us = 0;
};

struct Results {
  Results(const Plan& plan, const RunOutcome& outcome);

  std::string server;
  std::string load;      ///< "10 connections of 1 stream, 2 threads on io_uring, closed loop"
  bool streams = false;  ///< a method has a stream
  Row all;
  std::vector<Row> services;  ///< one for each method, if there are several
  /// One for each address, sorted, also without calls, and one for all other addresses; none if there is one.
  std::vector<BackendRow> backends;
  Timeline timeline;
  double cpu_s = 0;  ///< processor time of the generator
  double cpu_us_per_call = 0;
  double busiest_thread = 0;  ///< the part of the time that the busiest thread ran, 0 to 1
  bool interrupted = false;
  std::string ended_early;            ///< why the run ended early; empty if it did not
  std::vector<std::string> warnings;  ///< reasons to doubt the figures, as sentences
};

}  // namespace ringrpc::grpcbench
