/// The further attempts of one call: when they begin, and when there are no more (gRFC A6).
///
///   const unsigned before = plan.begin();          // for `grpc-previous-rpc-attempts`
///   if (plan.goes_on(status, pushback)) ...   // the attempt's failure is not the call's
///
/// 1. With a retry policy, an attempt that fails with a retryable code is followed
///    by another after a backoff.
/// 2. With a hedging policy, attempts begin one after the other while the first ones are under way, or at
///    once when one fails with a code that is not fatal. Any other outcome is that of the call.
/// 3. In both cases the server's pushback says when the next attempt begins, or that there is none.
///
/// Only a call with a policy has a plan. The plan keeps the call's share of the memory for
/// replays. Belongs to its call.
#pragma once

#include <cstddef>
#include <memory>
#include <variant>
#include <vector>

#include "ringrpc/service_config.h"
#include "ringrpc/status.h"

#include "base/frame_allocator.h"
#include "reactor/timer.h"
#include "rpc/client/call_attempt.h"
#include "rpc/client/pushback.h"
#include "rpc/client/retry_memory.h"
#include "rpc/metrics/attempt_kind.h"

namespace ringrpc {

class OutgoingCall;
class ShardChannel;

class AttemptPlan final : public Pooled, private Timer {
 public:
  using Policy = std::variant<RetryPolicy, HedgingPolicy>;

  AttemptPlan(OutgoingCall& call, ShardChannel& channel, const Policy& policy) noexcept;

  AttemptKind kind() const noexcept { return hedges() ? AttemptKind::hedge : AttemptKind::retry; }
  bool hedges() const noexcept { return std::holds_alternative<HedgingPolicy>(policy_); }

  /// An attempt begins. Gives the number of those before it, apart from transparent retries.
  unsigned begin() noexcept;
  /// Undoes `begin` for an attempt that the server has not begun to serve.
  void take_back() noexcept { --begun_; }

  /// An attempt has failed. Returns false if the call fails with it. Otherwise the next attempt is `due`,
  /// unless a hedged call has begun all of its attempts.
  bool goes_on(const Status& why, Pushback pushback) noexcept;
  /// True if another attempt will begin.
  bool due() const noexcept { return Timer::armed(); }
  /// No other attempt begins.
  void stop() noexcept;
  /// The last failure that was not the outcome of the call.
  const Status& last_failure() const noexcept { return last_failure_; }
  unsigned begun() const noexcept { return begun_; }

  /// The attempts of a hedged call beside its first.
  std::vector<std::unique_ptr<CallAttempt>>& hedged() noexcept { return hedged_; }

  /// The call keeps this many bytes for its further attempts.
  void keep(std::size_t bytes) noexcept { memory_.keep(bytes); }

 private:
  void on_time() override;
  bool retry(Code code, Pushback pushback) noexcept;
  bool hedge(Code code, Pushback pushback) noexcept;
  void arm(Nanoseconds wait) noexcept;
  Nanoseconds next_backoff(const RetryPolicy& policy) noexcept;

  OutgoingCall& call_;
  ShardChannel& channel_;
  const Policy policy_;
  unsigned begun_ = 0;
  unsigned backoffs_ = 0;  // since the server's last pushback
  bool stopped_ = false;
  Status last_failure_;
  std::vector<std::unique_ptr<CallAttempt>> hedged_;
  RetryMemory::Share memory_;
};

}  // namespace ringrpc
