/// The attempts of a client call: how they begin, what follows when one ends, and
/// what is sent to all of them.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "rpc/client/attempt_plan.h"
#include "rpc/client/outgoing_call.h"
#include "rpc/client/shard_channel.h"

namespace ringrpc {

CallAttempt& OutgoingCall::begin_planned_attempt() {
  account_kept();
  const unsigned previous = plan_->begin();
  if (!plan_->hedges() || !own_)
    return *(attempt_ = &own_.emplace(*this, shard_.slabs(), max_message_bytes_, previous));
  auto& hedged = plan_->hedged();
  std::erase_if(hedged, [](const auto& attempt) { return attempt->ended(); });
  hedged.push_back(std::make_unique<CallAttempt>(*this, shard_.slabs(), max_message_bytes_, previous));
  return *hedged.back();
}

void OutgoingCall::on_attempt_due() noexcept {
  assert(under_way());
  if (state_ != State::backing_off && ListNodeOf<OutgoingCallTag>::linked())
    return;  // one waits for a connection
  if (plan_->hedges() && !channel_->call_policies().allows_attempt()) {
    plan_->stop();
    if (state_ == State::backing_off) settle(plan_->last_failure());
    return;
  }
  leave_channel();
  queue_attempt();
  channel_->submit_again(*this, plan_->kind(), plan_->begun(), plan_->last_failure());
}

void OutgoingCall::on_unplaced(Status why) noexcept {
  leave_channel();
  if (trace_) [[unlikely]]
    trace_->end_queued(why);
  if (record_) [[unlikely]]
    record_->settle_attempt(nullptr, why.code(), shard_.io().now());
  if (plan_) plan_->begin();  // an attempt that reaches no server counts too
  if (goes_on(why)) return;
  if (held()) channel_->count_end(false);
  settle(std::move(why));
}

/// True if other attempts follow or are under way, after one has failed.
bool OutgoingCall::goes_on(const Status& why) noexcept {
  if (!may_go_on() || past_deadline() || !plan_->goes_on(why, Pushback::in(response_.trailing))) return false;
  const bool live = first_live() != nullptr;
  const bool queued = ListNodeOf<OutgoingCallTag>::linked();
  if (!live && !queued && !plan_->due()) return false;
  response_ = {};
  if (record_) [[unlikely]]
    record_->drop_settled();
  if (live) return true;
  if (queued) {
    if (state_ == State::attempting) enter(State::queued);
    return true;
  }
  if (state_ != State::backing_off) enter(State::backing_off);
  channel_->hold_back(*this);
  return true;
}

template <class Visit>
void OutgoingCall::for_each_live(Visit visit) {
  if (own_ && !own_->ended()) visit(*own_);
  if (!plan_) return;
  for (const std::unique_ptr<CallAttempt>& attempt : plan_->hedged())
    if (!attempt->ended()) visit(*attempt);
}

CallAttempt* OutgoingCall::first_live() noexcept {
  CallAttempt* first = nullptr;
  for_each_live([&](CallAttempt& attempt) {
    if (!first) first = &attempt;
  });
  return first;
}

void OutgoingCall::cancel_attempts(const CallAttempt* except) noexcept {
  for_each_live([&](CallAttempt& attempt) {
    if (&attempt != except) attempt.cancel();
  });
}

void OutgoingCall::drop_others(CallAttempt& attempt) noexcept {
  attempt_ = &attempt;
  end_others(attempt);
  cancel_attempts(&attempt);
  leave_channel();  // another attempt may have waited for a connection
  plan_->stop();
  plan_->keep(0);
}

/// The outcome of the attempt is known. Responses that have arrived may still be read.
void OutgoingCall::end_attempt(const CallAttempt& attempt, const Status& status) noexcept {
  if (record_) [[unlikely]]
    record_->settle_attempt(&attempt, status.code(), shard_.io().now());
  if (trace_) [[unlikely]]
    trace_->end_attempt(attempt, status);
}

/// The attempt decides the call: the others will be cancelled.
void OutgoingCall::end_others(const CallAttempt& attempt) noexcept {
  if (!record_ && !trace_) [[likely]]
    return;
  const Status overtaken(Code::CANCELLED, "another attempt was chosen", Initiator::library);
  const Instant now = shard_.io().now();
  for_each_live([&](const CallAttempt& other) {
    if (&other == &attempt) return;
    if (record_) record_->drop_attempt(&other, overtaken.code(), now);
    if (trace_) trace_->end_attempt(other, overtaken);
  });
  if (record_) record_->drop_attempt(nullptr, overtaken.code(), now);
  if (trace_) trace_->end_queued(overtaken);
}

/// The request becomes too long to be kept.
void OutgoingCall::commit_to_first() noexcept {
  if (replay_.kept()) commit_to(may_go_on() ? *first_live() : *attempt_);
}

/// The outcome is known.
void OutgoingCall::drop_plan() noexcept {
  plan_->stop();
  plan_->keep(0);
}

bool OutgoingCall::memory_for(std::size_t more_bytes) const noexcept {
  return channel_->call_policies().memory().has_room(more_bytes);
}

void OutgoingCall::account_kept() noexcept {
  if (may_go_on()) plan_->keep(replay_.size());
}

void OutgoingCall::send_to_all(Bytes messages, std::uint32_t count, bool end_stream) {
  for_each_live([&](CallAttempt& attempt) { attempt.send(messages, count, end_stream); });
}

/// The bytes that have not left, of the attempt that sends fastest.
std::size_t OutgoingCall::queued_bytes() const noexcept {
  if (!may_go_on()) return attempt_->queued_bytes();
  std::size_t least = own_->ended() ? replay_.size() : own_->queued_bytes();
  for (const std::unique_ptr<CallAttempt>& attempt : plan_->hedged())
    if (!attempt->ended()) least = std::min(least, attempt->queued_bytes());
  return least;
}

void OutgoingCall::on_attempt_opened(CallAttempt& attempt) {
  if (replay_.size() > 0 || writes_ended_)
    attempt.send(replay_.bytes(), replay_.message_count(), writes_ended_);
  if (record_) [[unlikely]]
    record_->send_written(attempt);
  if (trace_) [[unlikely]]
    trace_->send_written(attempt);
  if (!may_keep(0)) commit_to(attempt);
  if (writable_waiter_) run_soon();
}

void OutgoingCall::on_attempt_committed(CallAttempt& attempt) noexcept {
  commit_to(attempt);
  if (headers_waiter_) run_soon();
}

void OutgoingCall::on_attempt_ended(CallAttempt& attempt, Status&& status) {
  assert(state_ == State::attempting);
  if (status.code() == Code::DEADLINE_EXCEEDED && past_deadline())
    status = no_response_in_time();  // the server has said so a moment before our own clock
  end_attempt(attempt, status);
  if (plan_) [[unlikely]] {
    if (!status.ok() && goes_on(status)) return;
    commit_to(attempt);
  }
  enter_settled(std::move(status));
}

void OutgoingCall::on_attempt_failed(CallAttempt& attempt, Status&& why) noexcept {
  end_attempt(attempt, why);
  if (may_go_on()) {
    attempt.cancel();
    if (goes_on(why)) return;
    end_others(attempt);
  }
  settle(std::move(why));
}

void OutgoingCall::on_attempt_reset(CallAttempt& attempt, Status&& why) {
  // The server may see the deadline first, and resets then.
  on_attempt_failed(attempt, past_deadline() ? no_response_in_time() : std::move(why));
}

void OutgoingCall::on_attempt_lost(CallAttempt& attempt, const Status& why) noexcept {
  on_attempt_failed(attempt, Status(why));
}

void OutgoingCall::on_attempt_refused(CallAttempt& attempt, ReplayBuffer::Refused refused) {
  assert(state_ == State::attempting);
  const bool sent = refused == ReplayBuffer::Refused::by_the_server;
  Status why(Code::UNAVAILABLE,
             sent ? "the server reset the stream: REFUSED_STREAM"
                  : "the server sent GOAWAY before the request had left",
             Initiator::peer);
  if (past_deadline() || !replay_.replay(refused)) return on_attempt_reset(attempt, std::move(why));
  end_attempt(attempt, why);
  if (record_) [[unlikely]]
    record_->drop_settled();
  if (plan_) plan_->take_back();
  if (ListNodeOf<OutgoingCallTag>::linked()) {  // another attempt of a hedged call waits for a connection
    if (!first_live()) enter(State::queued);
    return;
  }
  if (trace_) [[unlikely]]
    trace_->retry_transparently();
  queue_attempt();
  channel_->submit_again(*this, AttemptKind::transparent, 1, Status());
}

Status OutgoingCall::no_further_attempt_in_time() const {
  const unsigned attempts = plan_->begun();
  return Status(Code::DEADLINE_EXCEEDED,
                "waited for the next attempt until the deadline; " + std::to_string(attempts) +
                    (attempts == 1 ? " attempt has failed" : " attempts have failed") +
                    ", last: " + plan_->last_failure().to_string(),
                Initiator::library)
      .with_cause(late_cause_);
}

}  // namespace ringrpc
