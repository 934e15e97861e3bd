/// The tokens of a channel that stop retries and hedging while too many calls fail (gRFC A6, "Throttling
/// Retry Attempts and Hedged RPCs").
///
///   if (!throttle.take(rule)) ...      // a failure; false if there may be no further attempt
///   throttle.give_back(rule);          // a success
///
/// All shards of the channel share it, so that the limit is one of the channel. It counts the tokens that are
/// missing: while calls succeed none are, and nobody writes to it. Only channels whose service config has
/// `retryThrottling` use it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "ringrpc/service_config.h"

namespace ringrpc {

class RetryThrottle {
 public:
  /// Counts a failure. True if another attempt may follow.
  bool take(const RetryThrottling& rule) noexcept {
    constexpr std::uint32_t cost = 1000;
    return enough(
        change(rule, [&](std::uint32_t missing) { return std::min(missing + cost, rule.max_milli_tokens); }),
        rule);
  }
  /// Counts a success.
  void give_back(const RetryThrottling& rule) noexcept {
    if (missing_.load(std::memory_order_relaxed) == 0) return;
    change(rule, [&](std::uint32_t missing) { return missing - std::min(missing, rule.milli_token_ratio); });
  }
  bool allows(const RetryThrottling& rule) const noexcept {
    return enough(missing_.load(std::memory_order_relaxed), rule);
  }

 private:
  /// True if more than half of the tokens are left.
  static bool enough(std::uint32_t missing, const RetryThrottling& rule) noexcept {
    return std::uint64_t{missing} * 2 < rule.max_milli_tokens;
  }

  /// A service config may have lowered the maximum since the last change.
  template <class Change>
  std::uint32_t change(const RetryThrottling& rule, Change next) noexcept {
    std::uint32_t before = missing_.load(std::memory_order_relaxed);
    std::uint32_t after = 0;
    do {
      after = next(std::min(before, rule.max_milli_tokens));
    } while (!missing_.compare_exchange_weak(before, after, std::memory_order_relaxed));
    return after;
  }

  std::atomic<std::uint32_t> missing_ = 0;
};

}  // namespace ringrpc
