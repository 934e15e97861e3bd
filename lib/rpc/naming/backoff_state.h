/// The time at which the next attempt to connect may begin, after some have failed (connection-backoff.md).
///
///   if (!backoff.over(now)) ...            // too soon
///   backoff.failed(now);                   // waits longer than the last time
///   backoff.succeeded();                   // the next wait is the shortest again
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

#include "ringrpc/channel.h"
#include "ringrpc/clock.h"

namespace ringrpc {

class BackoffState {
 public:
  /// Attempts go on without a call, so they must not keep a shard busy.
  static constexpr std::chrono::milliseconds wait_min{1};

  /// Jitter is seeded by the time in nanoseconds and the shard: it differs between machines, processes and
  /// shards, but not between runs of a simulation.
  BackoffState(const ConnectBackoff& rule, Instant now, unsigned shard)
      : rule_(rule),
        wait_(rule.initial),
        random_(static_cast<std::uint32_t>(now.time_since_epoch().count()) + shard) {}

  bool over(Instant now) const noexcept { return now >= ends_; }
  /// The end of the present wait.
  Instant ends() const noexcept { return ends_; }
  /// The wait that another failure would start, without jitter.
  Nanoseconds next_wait() const noexcept { return wait_; }

  /// No effect while a wait is under way already.
  void failed(Instant now) {
    if (!over(now)) return;
    std::uniform_real_distribution<double> jitter(1 - rule_.jitter, 1 + rule_.jitter);
    ends_ = after(now, std::max<Nanoseconds>(
                           wait_min, std::chrono::duration_cast<Nanoseconds>(wait_ * jitter(random_))));
    wait_ =
        std::min<Nanoseconds>(rule_.max, std::chrono::duration_cast<Nanoseconds>(wait_ * rule_.multiplier));
  }
  void succeeded() noexcept { wait_ = rule_.initial; }

 private:
  ConnectBackoff rule_;
  Nanoseconds wait_;
  Instant ends_ = Instant::min();
  std::minstd_rand random_;
};

}  // namespace ringrpc
