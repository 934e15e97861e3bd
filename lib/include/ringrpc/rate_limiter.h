/// Refuses calls beyond a rate, with a token bucket.
///
///   RateLimiter limiter(1000, 200);            // 1,000 calls a second, 200 at once after a pause
///   options.interceptors = {&limiter};
///
/// A call beyond the rate gets RESOURCE_EXHAUSTED at once. Its `grpc-retry-pushback-ms` says how long the
/// client should wait before a retry (gRFC A6). All callers and all shards share one bucket, which is one
/// atomic number.
#pragma once

#include "ringrpc/compiler.h"

#include <atomic>
#include <cstdint>

#include "ringrpc/export.h"
#include "ringrpc/interceptor.h"

namespace ringrpc {

/// An interceptor that limits the rate at which calls start.
class RINGRPC_EXPORT RateLimiter final : public Interceptor {
 public:
  /// The bucket gains `calls_per_second` tokens a second and holds at most `burst`. It is full at first. Both
  /// are more than 0; a burst below 1 counts as 1.
  RateLimiter(double calls_per_second, double burst) noexcept;

  Task<Status> intercept(Call& call, Next next) override;

  /// Takes a token at `now` and returns zero; or takes none and returns the time until the next one. From
  /// any thread.
  Nanoseconds take(Instant now) noexcept;

 private:
  double calls_per_second_;
  std::int64_t interval_ns_;  // between two tokens
  std::int64_t burst_ns_;     // to fill the empty bucket
  /// The time at which the bucket is full again (the theoretical arrival time of the generic cell rate
  /// algorithm).
  std::atomic<std::int64_t> full_at_ns_{0};
};

}  // namespace ringrpc
