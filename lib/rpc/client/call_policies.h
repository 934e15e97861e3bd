/// The service config that calls of one shard's channel use, and what their retries and hedging share.
///
///   if (const ServiceConfig* config = policies.config()) ...   // at the beginning of a call
///   Status kept = policies.use(ServiceConfig::parse(json));      // from the resolver; keeps the last good one
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <utility>

#include "ringrpc/channel.h"
#include "ringrpc/clock.h"
#include "ringrpc/service_config.h"

#include "rpc/client/retry_memory.h"
#include "rpc/client/retry_throttle.h"
#include "rpc/metrics/channel_metrics.h"

namespace ringrpc {

class CallPolicies {
 public:
  /// Backoffs are seeded by the time in nanoseconds and the shard, as those of connecting
  /// are. `metrics` may be null.
  CallPolicies(const ChannelOptions& options, RetryThrottle& throttle, ChannelMetrics* metrics, Instant now,
               unsigned shard)
      : fallback_(options.service_config),
        throttle_(throttle),
        metrics_(metrics),
        memory_(options.retry_buffer_total_bytes),
        random_(static_cast<std::uint32_t>(now.time_since_epoch().count()) + shard) {
    (void)use(nullptr);
  }
  CallPolicies(const CallPolicies&) = delete;
  CallPolicies& operator=(const CallPolicies&) = delete;

  /// Null if there is none.
  const ServiceConfig* config() const noexcept { return config_.get(); }
  /// Calls that begin from now on use this; null stands for that of the channel's options. Calls that have
  /// begun keep theirs. If it is a failure, nothing changes, and the failure is returned.
  Status use(Result<std::shared_ptr<const ServiceConfig>> config) {
    if (!config) return std::move(config).error();
    config_ = *config ? *std::move(config) : fallback_;
    throttling_ = config_ && config_->retry_throttling() ? &*config_->retry_throttling() : nullptr;
    return {};
  }

  /// An attempt has failed. True if another may follow.
  bool take_token() noexcept {
    return !ended_ && (!throttling_ || throttle_.take(*throttling_) || throttled());
  }
  /// True if another attempt may begin.
  bool allows_attempt() noexcept { return !throttling_ || throttle_.allows(*throttling_) || throttled(); }
  void note_success() noexcept {
    if (throttling_) [[unlikely]]
      throttle_.give_back(*throttling_);
  }

  /// The channel ends: no other attempt follows.
  void end() noexcept { ended_ = true; }

  RetryMemory& memory() noexcept { return memory_; }
  std::minstd_rand& random() noexcept { return random_; }

 private:
  bool throttled() noexcept {
    if (metrics_) ++metrics_->counts.throttled;
    return false;
  }

  const std::shared_ptr<const ServiceConfig> fallback_;
  std::shared_ptr<const ServiceConfig> config_;
  const RetryThrottling* throttling_ = nullptr;  // of config_
  RetryThrottle& throttle_;
  ChannelMetrics* const metrics_;
  RetryMemory memory_;
  std::minstd_rand random_;
  bool ended_ = false;
};

}  // namespace ringrpc
