/// Lets so many events a second pass, from any thread.
///
///   RateGate gate(1000);
///   if (const auto suppressed = gate.pass(now)) write(*suppressed);
///
/// The largest burst is a second's worth. The rate 0 lets everything pass.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

#include "ringrpc/clock.h"

namespace ringrpc {

class RateGate {
 public:
  explicit RateGate(std::uint32_t per_second) noexcept
      : interval_(per_second == 0 ? 0 : std::max<std::int64_t>(burst / per_second, 1)) {}

  /// The number of events that were suppressed since the last one that passed, if this one passes. Otherwise
  /// this one counts as suppressed.
  std::optional<std::uint64_t> pass(Instant now) noexcept {
    if (interval_ == 0) return 0;
    if (spend(now.time_since_epoch().count())) return suppressed_.exchange(0, std::memory_order_relaxed);
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }

  std::uint64_t suppressed() const noexcept { return suppressed_.load(std::memory_order_relaxed); }

 private:
  /// Nanoseconds of a second.
  static constexpr std::int64_t burst = 1'000'000'000;

  /// Each event spends one interval of the past second.
  bool spend(std::int64_t now) noexcept {
    std::int64_t spent = spent_until_.load(std::memory_order_relaxed);
    for (;;) {
      const std::int64_t from = std::max(spent, now - burst);
      if (from + interval_ > now) return false;
      if (spent_until_.compare_exchange_weak(spent, from + interval_, std::memory_order_relaxed)) return true;
    }
  }

  const std::int64_t interval_;
  std::atomic<std::int64_t> spent_until_{INT64_MIN / 2};
  std::atomic<std::uint64_t> suppressed_{0};
};

}  // namespace ringrpc
