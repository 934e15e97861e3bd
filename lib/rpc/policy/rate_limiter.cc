#include "ringrpc/rate_limiter.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

namespace ringrpc {

RateLimiter::RateLimiter(double calls_per_second, double burst) noexcept
    : calls_per_second_(calls_per_second),
      interval_ns_(std::max<std::int64_t>(1, std::llround(1e9 / calls_per_second))),
      burst_ns_(std::llround(std::max(1.0, burst) * static_cast<double>(interval_ns_))) {}

Nanoseconds RateLimiter::take(Instant now) noexcept {
  const std::int64_t now_ns = now.time_since_epoch().count();
  std::int64_t full_at = full_at_ns_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t full_then = std::max(full_at, now_ns) + interval_ns_;
    if (full_then - now_ns > burst_ns_) return Nanoseconds(full_then - now_ns - burst_ns_);
    if (full_at_ns_.compare_exchange_weak(full_at, full_then, std::memory_order_relaxed)) return {};
  }
}

Task<Status> RateLimiter::intercept(Call& call, Next next) {
  const Nanoseconds wait = take(call.now());
  if (wait == Nanoseconds::zero()) co_return co_await next();
  const std::string wait_ms = std::to_string(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
  (void)call.trailing_metadata().add("grpc-retry-pushback-ms", wait_ms);
  co_return Status(Code::RESOURCE_EXHAUSTED,
                   "more than the " + std::to_string(std::llround(calls_per_second_)) +
                       " calls a second that this server accepts; try again in " + wait_ms + " ms",
                   Initiator::library);
}

}  // namespace ringrpc
