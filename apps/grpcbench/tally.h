/// What came of the calls of one method: how many ended how, how long they took, how much was carried.
///
/// Latency is that of calls that succeeded, and of those that had no answer before our deadline, which count
/// with the time that they waited: leaving them out would hide what was worst. What the server lets fail, with
/// whatever code, tells nothing of its speed.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "ringrpc/status.h"

#include "grpcbench/histogram.h"
#include "reflected/failure.h"

namespace ringrpc::grpcbench {

inline constexpr std::size_t codes = 17;

struct Tally {
  Histogram latency;
  std::array<std::uint64_t, codes> ended{};      ///< by the number of the code
  std::array<std::string, codes> first_message;  ///< the first failure's of each code
  std::uint64_t bytes_sent = 0;                  ///< of messages of calls that succeeded, without frames
  std::uint64_t bytes_received = 0;

  /// A call ended; whether its latency was recorded.
  bool record(const Status& status, Nanoseconds took) {
    const auto code = static_cast<std::size_t>(status.code());
    if (ended[code]++ == 0) first_message[code] = reflected::with_remedy(status);
    const bool expired = status.code() == Code::DEADLINE_EXCEEDED && status.initiator() == Initiator::library;
    if (!status.ok() && !expired) return false;
    latency.record(took);
    return true;
  }

  void carry(std::uint64_t sent, std::uint64_t received) noexcept {
    bytes_sent += sent;
    bytes_received += received;
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
    carry(other.bytes_sent, other.bytes_received);
  }
};

}  // namespace ringrpc::grpcbench
