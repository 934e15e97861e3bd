/// Counts the calls of one method: status codes, latencies and messages.
///
/// A call has a latency if it succeeded, or if it had no response before our deadline; the latter count with
/// the time that they waited, because leaving them out would hide the worst. A call that the server fails has
/// no latency: it says nothing about the server's speed. A stream that is still open at the end of the run is neither
/// a success nor a failure, and has no latency: it lasted as long as the run.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "ringrpc/status.h"

#include "grpcbench/histogram.h"
#include "grpcbench/traffic.h"
#include "reflected/failure.h"

namespace ringrpc::grpcbench {

inline constexpr std::size_t codes = 17;

struct Tally {
  Histogram latency;
  std::array<std::uint64_t, codes> ended{};      ///< calls by the number of their code
  std::array<std::string, codes> first_message;  ///< of the first failure with each code
  std::uint64_t open = 0;  ///< streams with messages that were open at the end of the run
  /// Of a method without streams, the messages of calls that succeeded; of others, all.
  Traffic traffic;

  /// Counts a call that has ended. Returns whether it has a latency.
  bool record(const Status& status, Nanoseconds took) {
    const auto code = static_cast<std::size_t>(status.code());
    if (ended[code]++ == 0) first_message[code] = reflected::with_remedy(status);
    const bool expired = status.code() == Code::DEADLINE_EXCEEDED && status.initiator() == Initiator::library;
    if (!status.ok() && !expired) return false;
    latency.record(took);
    return true;
  }

  std::uint64_t succeeded() const noexcept { return ended[0]; }
  std::uint64_t total() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : ended) sum += count;
    return sum;
  }
  std::uint64_t failed() const noexcept { return total() - succeeded(); }

  void merge(const Tally& other) {
    latency.merge(other.latency);
    for (std::size_t code = 0; code < codes; ++code) {
      if (ended[code] == 0) first_message[code] = other.first_message[code];
      ended[code] += other.ended[code];
    }
    open += other.open;
    traffic += other.traffic;
  }
};

}  // namespace ringrpc::grpcbench
