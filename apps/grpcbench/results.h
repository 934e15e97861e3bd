/// What a run has shown, ready for people and programs: rows of figures, and what to make of them.
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

/// The percentiles that are told, by their names.
inline constexpr std::array<std::pair<std::string_view, double>, 5> percentiles = {
    {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99}}};

/// How many calls ended with a code other than OK, and what the first of them said.
struct ErrorCount {
  std::string_view code;
  std::uint64_t count = 0;
  std::string_view first_message;  ///< as it came, control bytes and all; lives in the row
};

/// The calls of one method, or of all.
struct Row {
  std::string name;  ///< "echo.v1.EchoService/Echo"
  Tally tally;
  double duration_s = 0;

  /// Succeeded ones: failing is not a service.
  double calls_per_second() const noexcept;
  /// Between 0 and 1; 0 where there was no call.
  double success_rate() const noexcept;
  /// Those that happened, the most frequent first.
  std::vector<ErrorCount> errors() const;
  /// The figures of latency in µs by their names, from `min` to `max`; all zero where nothing has one.
  std::vector<std::pair<std::string_view, double>> latency_us() const;
};

struct Results {
  Results(const Plan& plan, const RunOutcome& outcome);

  std::string server;
  std::string load;  ///< "10 connections of 1 stream, 2 threads on io_uring, closed loop"
  Row all;
  std::vector<Row> services;  ///< of each method, where there are several
  Timeline timeline;
  double cpu_s = 0;  ///< processor time of the generator
  double cpu_us_per_call = 0;
  double busiest_thread = 0;  ///< the part of the time that it ran, 0 to 1
  bool interrupted = false;
  std::string ended_early;            ///< why, where that was nobody's wish; empty otherwise
  std::vector<std::string> warnings;  ///< what makes the figures say less than they seem to; sentences
};

}  // namespace ringrpc::grpcbench
