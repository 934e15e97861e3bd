/// Refuses calls beyond a rate, by a token bucket.
///
///   RateLimiter limiter(1000, 200);            // 1,000 calls a second, 200 at once after a pause
///   options.interceptors = {&limiter};
///
/// A call too many gets RESOURCE_EXHAUSTED at once, and in `grpc-retry-pushback-ms` how long to wait before
/// trying again (gRFC A6). All callers and all shards share the one bucket, which is a single atomic number.
#pragma once

#include <atomic>
#include <cstdint>

#include "ringrpc/interceptor.h"

namespace ringrpc {

/// Limits how often calls begin.
class RateLimiter final : public Interceptor {
 public:
  /// The bucket fills with `calls_per_second` and holds `burst`, with which it begins. Both are more than 0;
  /// a burst below 1 counts as 1.
  RateLimiter(double calls_per_second, double burst) noexcept;

  Task<Status> intercept(Call& call, Next next) override;

  /// Takes a token at `now`: zero, or how long it takes until there is one.
  Nanoseconds take(Instant now) noexcept;

 private:
  double calls_per_second_;
  std::int64_t interval_ns_;  // in which one token comes
  std::int64_t burst_ns_;     // in which the bucket fills
  /// When the bucket will be full again (the theoretical arrival time of the generic cell rate algorithm).
  std::atomic<std::int64_t> full_at_ns_{0};
};

}  // namespace ringrpc
