/// Time as the stack counts it: nanoseconds of the monotonic clock, for deadlines and latencies.
#pragma once

#include <chrono>
#include <cstdint>

namespace ringrpc {

/// A point on the monotonic clock, or on the simulated one; only differences mean anything.
using Instant = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using Nanoseconds = std::chrono::nanoseconds;

inline constexpr Instant never = Instant::max();

/// `from` + `wait` without overflow.
constexpr Instant after(Instant from, Nanoseconds wait) noexcept {
  return wait >= never - from ? never : from + wait;
}

}  // namespace ringrpc
