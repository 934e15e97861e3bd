/// A rate limit with a burst: a bucket of tokens that refills steadily.
///
///   TokenBucket resets(100, 10);                 // 100 at once, 10 a second in the long run
///   if (!resets.take(now)) close();
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "ringrpc/clock.h"

namespace ringrpc::http2 {

class TokenBucket {
 public:
  TokenBucket(std::uint32_t burst, std::uint32_t per_second) noexcept
      : tokens_(burst), burst_(burst), per_second_(std::min(per_second, 1'000'000'000u)) {}

  /// Takes a token; false when there is none.
  bool take(Instant now) noexcept {
    if (tokens_ == 0 || now - refilled_ >= std::chrono::seconds(1)) refill(now);
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }

 private:
  void refill(Instant now) noexcept {
    if (refilled_ == Instant{}) refilled_ = now;  // the first take starts the clock
    if (per_second_ == 0) return;
    const Nanoseconds per_token = Nanoseconds(std::chrono::seconds(1)) / per_second_;
    const std::int64_t gained = (now - refilled_) / per_token;
    if (gained <= 0) return;
    refilled_ += gained * per_token;
    tokens_ = static_cast<std::uint32_t>(std::min<std::int64_t>(burst_, tokens_ + gained));
  }

  std::uint32_t tokens_;
  std::uint32_t burst_;
  std::uint32_t per_second_;
  Instant refilled_{};
};

}  // namespace ringrpc::http2
