/// Logs an outage of the collector once when it begins and once when it is over, however many exports fail.
///
///   outage.failed("UNAVAILABLE: connect 127.0.0.1:4317: connection refused", now());
///   outage.succeeded(lost, now());                     // spans lost so far
///
/// An outage is over when an export succeeds and none has failed for some seconds. So a collector that fails
/// every other request costs few lines. Belongs to the exporter's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "ringrpc/clock.h"

namespace ringrpc::telemetry {

class Outage {
 public:
  static constexpr std::chrono::seconds calm{5};

  /// `signal` is "traces" or "metrics", `target` the collector; both outlive it.
  Outage(std::string_view signal, std::string_view target) noexcept : signal_(signal), target_(target) {}

  /// An export has failed, or the collector is too slow.
  void failed(std::string_view why, Instant now);
  /// An export has succeeded. `lost` is the number of items that were ever lost.
  void succeeded(std::uint64_t lost, Instant now);

 private:
  enum class State : std::uint8_t { none, under_way };

  std::string_view signal_;
  std::string_view target_;
  State state_ = State::none;
  Instant last_failure_{};
  std::uint64_t lost_before_ = 0;  // at its beginning
};

}  // namespace ringrpc::telemetry
