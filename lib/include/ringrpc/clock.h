/// Time in ringrpc: nanoseconds of the monotonic clock, for deadlines and latencies.
#pragma once

#include "ringrpc/compiler.h"

#include <chrono>
#include <cstdint>

namespace ringrpc {

/// A point on the monotonic clock, or on a test's simulated clock. Only differences have a meaning.
using Instant = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
/// Durations have this unit unless they are options.
using Nanoseconds = std::chrono::nanoseconds;

/// No deadline.
inline constexpr Instant never = Instant::max();

/// `from` + `wait`, or `never` if the sum would overflow.
constexpr Instant after(Instant from, Nanoseconds wait) noexcept {
  return wait >= never - from ? never : from + wait;
}

}  // namespace ringrpc
