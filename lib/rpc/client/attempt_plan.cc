#include "rpc/client/attempt_plan.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "rpc/client/outgoing_call.h"
#include "rpc/client/shard_channel.h"

namespace ringrpc {
namespace {

/// gRFC A6, "Exponential Backoff": each wait is up to this fraction of itself longer or shorter.
constexpr double backoff_jitter = 0.2;

}  // namespace

AttemptPlan::AttemptPlan(OutgoingCall& call, ShardChannel& channel, const Policy& policy) noexcept
    : call_(call), channel_(channel), policy_(policy), memory_(channel.call_policies().memory()) {}

unsigned AttemptPlan::begin() noexcept {
  const unsigned before = begun_++;
  if (const HedgingPolicy* const policy = std::get_if<HedgingPolicy>(&policy_);
      policy && !stopped_ && begun_ < policy->max_attempts)
    arm(policy->delay);
  return before;
}

bool AttemptPlan::goes_on(const Status& why, Pushback pushback) noexcept {
  const bool goes_on = hedges() ? hedge(why.code(), pushback) : retry(why.code(), pushback);
  if (goes_on) last_failure_ = why;
  return goes_on;
}

bool AttemptPlan::retry(Code code, Pushback pushback) noexcept {
  const RetryPolicy& policy = std::get<RetryPolicy>(policy_);
  const bool retryable = policy.retryable_codes.contains(code);
  const bool told_to_stop = pushback.kind == Pushback::Kind::stop;
  if (!retryable && !told_to_stop) return false;
  if (!channel_.call_policies().take_token() || told_to_stop || stopped_ || begun_ >= policy.max_attempts)
    return false;
  if (pushback.kind == Pushback::Kind::wait) {
    backoffs_ = 0;
    arm(pushback.delay);
  } else {
    arm(next_backoff(policy));
  }
  return true;
}

Nanoseconds AttemptPlan::next_backoff(const RetryPolicy& policy) noexcept {
  const double exact = static_cast<double>(policy.initial_backoff.count()) *
                       std::pow(policy.backoff_multiplier, static_cast<double>(backoffs_++));
  const double most = std::min(exact, static_cast<double>(policy.max_backoff.count()));
  constexpr double forever = Nanoseconds(std::chrono::years(1)).count();
  std::uniform_real_distribution<double> jitter(1 - backoff_jitter, 1 + backoff_jitter);
  return Nanoseconds(
      static_cast<std::int64_t>(std::min(most * jitter(channel_.call_policies().random()), forever)));
}

bool AttemptPlan::hedge(Code code, Pushback pushback) noexcept {
  const HedgingPolicy& policy = std::get<HedgingPolicy>(policy_);
  const bool told_to_stop = pushback.kind == Pushback::Kind::stop;
  const bool fatal = !policy.non_fatal_codes.contains(code);
  if (fatal && !told_to_stop) return false;
  const bool allowed = channel_.call_policies().take_token();
  if (fatal) return false;
  if (told_to_stop || !allowed) stop();
  if (!stopped_ && begun_ < policy.max_attempts) arm(pushback.delay);
  return true;
}

void AttemptPlan::arm(Nanoseconds wait) noexcept {
  Shard& shard = channel_.shard();
  shard.timers().arm(*this, after(shard.now(), wait));
}

void AttemptPlan::stop() noexcept {
  stopped_ = true;
  Timer::cancel();
}

void AttemptPlan::on_time() { call_.on_attempt_due(); }

}  // namespace ringrpc
