/// One call on the client, from its first message to its status.
///
///   held ──▶ queued ◀──▶ attempting ──▶ settled ──▶ finished
///     │         ▲            │ ▲
///     └─────────┴──▶ backing_off
///
///   held → queued or attempting   the channel takes the call: no connection has room for it, or one has
///   queued → attempting           a connection has room
///   attempting → queued           the server has not begun to serve the request, which may be sent again
///   these three → backing_off     all attempts have failed, and the call's policy has another one later
///   backing_off → queued or attempting   its time has come
///   any of these → settled        the outcome is known: a status for the interceptors
///   held or settled → finished    the interceptors have returned, or are waited for no longer
///   any of these → finished       the outcome is known, and there are no interceptors
///
/// 1. A call begins `held`. Without interceptors the channel takes it at once. Interceptors
///    (interceptor_chain.h) hold it until the innermost `next` runs, or respond themselves.
/// 2. `queued`, it waits for a connection with room. Messages written until then wait in the replay buffer.
/// 3. Each attempt (call_attempt.h) is a stream on one connection. A request that the server has not
///    begun to serve may be attempted again (replay_buffer.h). A call with a retry or hedging policy has
///    a plan (attempt_plan.h) for further attempts, of which those of a hedged call run at the same
///    time. When an attempt has headers, it is the call's, and the others are cancelled. The call
///    decides what follows when an attempt ends.
/// 4. The call is `settled` once its outcome is known: the last attempt has ended, the deadline has passed,
///    the caller has cancelled, or the connection was lost. Without interceptors it is `finished` then. With
///    interceptors they see the outcome first, and what they return is the caller's status. Messages that
///    have arrived can still be read.
///
/// The deadline, a cancellation and the end of the channel settle a call that is queued or attempted. They
/// finish one that interceptors hold, before or after, whose frames are destroyed from the ready list.
///
/// Belongs to its shard.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "ringrpc/channel.h"
#include "ringrpc/log.h"

#include "base/caught.h"
#include "base/frame_allocator.h"
#include "base/lifetime.h"
#include "base/probe.h"
#include "reactor/intrusive_list.h"
#include "reactor/shard.h"
#include "rpc/client/call_attempt.h"
#include "rpc/client/call_record.h"
#include "rpc/client/call_request.h"
#include "rpc/client/call_trace.h"
#include "rpc/client/replay_buffer.h"
#include "rpc/message/compressed_message.h"

namespace ringrpc {

class AttemptPlan;
class ClientConnection;
class InterceptorChain;
class ShardChannel;
class StopWatch;
class ChannelCore;
struct ClientRequest;

struct OutgoingCallTag;

/// On one of its channel's lists while it is held or queued.
class OutgoingCall final : public ClientCall,
                           public ListNodeOf<OutgoingCallTag>,
                           public Pooled,
                           public ExceptionBarrier<OutgoingCall>,
                           private Ready,
                           private Timer {
 public:
  OutgoingCall(Shard& shard, const ChannelOptions& channel_options, std::string_view path, MethodKind kind,
               const CallOptions& options);
  ~OutgoingCall() override;

  /// Counts the call, if called before it is started.
  void count_in(ChannelMetrics::Method& method) noexcept { record_.emplace(method, shard_.now()); }

  /// Traces the call if the channel has a tracer, or `handler`, which makes it, has one; before it is
  /// started. Both may be null.
  void trace_by(const ShardTracer::Ref& of_channel, const CallContext* handler) noexcept {
    trace_ = CallTrace::begin(shard_, of_channel, handler, request_.path);
  }

  // Each call is started by one of these, once.
  /// Submits the call to the channel.
  void start(ShardChannel& channel);
  /// Runs the channel's interceptors, the innermost of which submits the call.
  void start_interceptors(std::shared_ptr<ChannelCore> channel);

  // For the channel.
  const CallRequest& request() const noexcept { return request_; }
  enum class Addresses : std::uint8_t { known, awaited };
  void join_queue(ListOf<OutgoingCall, OutgoingCallTag>& queue, Addresses addresses) noexcept;
  /// The addresses that the queued call has waited for are known.
  void on_addresses() noexcept {
    if (trace_) trace_->on_addresses();
  }
  /// Makes an attempt on `connection`, which has room for it.
  void attempt_on(ClientConnection& connection) noexcept;
  /// The channel has no connection for the call, or none any more, for this reason.
  void on_unplaced(Status why) noexcept;
  /// The outcome of a call that is queued or attempted, or was submitted just now; no effect once it has one.
  void settle(Status status) noexcept;
  /// Ends the call from outside, in whatever state it is.
  void stop(Status why) noexcept;

  // For its plan.
  /// It is time for another attempt.
  void on_attempt_due() noexcept;

  // For its attempts.
  /// True if it may go on when an attempt has failed.
  bool has_policy() const noexcept { return plan_ != nullptr; }
  /// While the call is queued or attempted.
  ShardChannel& channel() const noexcept {
    assert(channel_);
    return *channel_;
  }
  ResponseMetadata& response() noexcept { return response_; }
  bool writes_ended() const noexcept { return writes_ended_; }
  /// Null if the call is not traced.
  CallTrace* trace() const noexcept { return trace_.get(); }
  /// The attempt's stream is open: sends what was written so far.
  void on_attempt_opened(CallAttempt& attempt);
  /// The server has begun to respond: there will be no other attempt.
  void on_attempt_committed(CallAttempt& attempt) noexcept;
  /// The response has arrived completely. Waiters are resumed at the end of the batch.
  void on_attempt_ended(CallAttempt& attempt, Status&& status);
  /// The response violates the protocol, or the request cannot be sent.
  void on_attempt_failed(CallAttempt& attempt, Status&& why) noexcept;
  /// The stream was reset for this reason.
  void on_attempt_reset(CallAttempt& attempt, Status&& why);
  /// The connection was lost for this reason.
  void on_attempt_lost(CallAttempt& attempt, const Status& why) noexcept;
  /// The server has not begun to serve the request (RFC 9113, 8.7).
  void on_attempt_refused(CallAttempt& attempt, ReplayBuffer::Refused refused);
  /// Fails the call, even if the server has ended it with OK: the response violates the
  /// protocol or was not read.
  void fail(const Status& why) noexcept;
  /// Resumes all waiters that can go on. One of them may destroy the call.
  void wake() noexcept;
  /// The same from the ready list.
  void wake_soon() noexcept;
  void run_soon() noexcept { shard_.ready().push(*this); }

  // For its interceptors.
  Shard& shard() const noexcept { return shard_; }
  bool held() const noexcept { return state_ == State::held; }
  /// True while the channel has it: it was submitted, and has no outcome.
  bool under_way() const noexcept { return state_ > State::held && state_ < State::settled; }
  /// True once the outcome is known.
  bool settled() const noexcept { return state_ >= State::settled; }
  /// The innermost `next` runs: submits a call that is held, with the request as the
  /// interceptors have changed it.
  void submit(const ClientRequest& changed) noexcept;
  /// The outcome of a settled call. From then on, the caller's deadline and cancellation
  /// apply to the interceptors.
  Status show_outcome() noexcept;
  /// The fault that the caller has found in the response since then; OK if none.
  Status take_fault() noexcept { return std::exchange(status_, Status()); }
  /// They have dropped the call before it was settled: cancels it and discards the outcome.
  void abandon() noexcept;
  /// True once the caller has read the one response of a unary or client-streaming call, or waits for the
  /// status without reading it.
  bool response_read() const noexcept;
  /// Drops the responses that the caller has not taken.
  void drop_messages() noexcept {
    if (attempt_) attempt_->drop_messages();
  }

  // MessageStream
  bool message_ready() override { return (attempt_ && attempt_->message_ready()) || settled(); }
  std::optional<Pieces> take_message() override;
  bool message_compressed() const noexcept override { return attempt_ && attempt_->message_compressed(); }
  void reject_message(std::string_view why) override;
  void wait_message(Waiter* waiter) override { wait(message_waiter_, waiter, "next()"); }
  std::span<std::uint8_t> reserve_message(std::size_t bytes, bool may_compress) override;
  std::span<std::uint8_t> reserve_more() override;
  bool commit_message() override;
  bool writable() const override;
  void wait_writable(Waiter* waiter) override { wait(writable_waiter_, waiter, "write()"); }
  void fail_call(const Status& why) override { fail(why); }

  // ClientCall
  void writes_done() override;
  bool queued() const noexcept override { return state_ == State::queued; }
  bool has_initial_metadata() const noexcept override {
    return (attempt_ && attempt_->has_headers() && !may_go_on()) || settled();
  }
  void wait_initial_metadata(Waiter* waiter) override { wait(headers_waiter_, waiter, "initial_metadata()"); }
  const ResponseMetadata& response_metadata() const noexcept override { return response_; }
  std::string_view peer() const noexcept override { return attempt_ ? attempt_->peer() : std::string_view(); }
  bool finished() const noexcept override { return state_ == State::finished; }
  void wait_finished(Waiter* waiter) override;
  Status take_status() override;
  void cancel() override;

 private:
  /// In the order in which a call goes through them.
  enum class State : std::uint8_t { held, queued, attempting, backing_off, settled, finished };

  /// Throws std::logic_error on another thread than that of the call's shard.
  void refuse_elsewhere() const;
  void wait(Waiter*& place, Waiter* waiter, const char* operation);

  friend ExceptionBarrier<OutgoingCall>;
  void on_exception(const Status& why) noexcept;
  void run() override;
  void on_time() override { stop(overdue()); }

  void leave_channel() noexcept {
    if (ListNodeOf<OutgoingCallTag>::linked()) leave_channel_list();
  }
  void leave_channel_list() noexcept;
  /// Takes a step of the diagram. Any other step is a fault of this class.
  void enter(State next) noexcept {
    assert(may_follow(state_, next));
    state_ = next;
    if (next == State::finished) RINGRPC_PROBE(client_call_end, this, static_cast<int>(status_.code()));
    if (log::enabled(log::Level::trace)) [[unlikely]]
      log_state();
  }
  static constexpr bool may_follow(State from, State to) noexcept {
    switch (to) {
      case State::held:
        return false;
      case State::queued:
        return from == State::held || from == State::attempting || from == State::backing_off;
      case State::attempting:
        return from == State::held || from == State::queued || from == State::backing_off;
      case State::backing_off:
        return from < State::backing_off;
      case State::settled:
      case State::finished:
        return from < to;
    }
    return false;
  }
  void enter_settled(Status&& status) noexcept {
    if (state_ != State::held) count_end(status);
    if (trace_) [[unlikely]]
      trace_->end_attempts(status);
    if (record_) [[unlikely]]
      record_->settle_attempts(status.code(), shard_.io().now());
    status_ = std::move(status);
    enter(interceptors_ ? State::settled : State::finished);
    if (plan_) [[unlikely]]
      drop_plan();
    channel_ = nullptr;
    Timer::cancel();
    if (record_ || trace_) [[unlikely]]
      record_outcome();
  }
  void log_state() const noexcept;
  void queue_attempt() noexcept;
  void count_end(const Status& status) noexcept;
  void record_outcome() noexcept;
  void record_end(const Status& status) noexcept;
  void finish(Status status) noexcept;
  void finish_with_interceptors() noexcept;
  void advance_interceptors() noexcept;
  Status overdue() const noexcept;
  Status no_response_in_time() const;
  Status no_further_attempt_in_time() const;
  bool past_deadline() const noexcept;

  void apply(const ServiceConfig& config);
  void limit_messages(const MethodConfig& method) noexcept;
  /// True if the request is kept for further attempts of the policy.
  bool may_go_on() const noexcept { return plan_ && replay_.kept(); }
  bool goes_on(const Status& why) noexcept;
  CallAttempt& begin_attempt() {
    if (plan_) [[unlikely]]
      return begin_planned_attempt();
    return *(attempt_ = &own_.emplace(*this, shard_.slabs(), max_message_bytes_));
  }
  CallAttempt& begin_planned_attempt();
  /// The call has no other attempt than this one.
  void commit_to(CallAttempt& attempt) noexcept {
    replay_.commit();
    if (plan_) [[unlikely]]
      drop_others(attempt);
  }
  void drop_others(CallAttempt& attempt) noexcept;
  void end_attempt(const CallAttempt& attempt, const Status& status) noexcept;
  void end_others(const CallAttempt& attempt) noexcept;
  void commit_to_first() noexcept;
  void cancel_attempts(const CallAttempt* except = nullptr) noexcept;
  void drop_plan() noexcept;
  template <class Visit>
  void for_each_live(Visit visit);
  CallAttempt* first_live() noexcept;
  /// True if the request may still be kept when this much more is written.
  bool may_keep(std::size_t more_bytes) const noexcept {
    return replay_.fits(more_bytes) && (!plan_ || memory_for(more_bytes));
  }
  bool memory_for(std::size_t more_bytes) const noexcept;
  void account_kept() noexcept;
  void send_to_attempts(Bytes messages, std::uint32_t count, bool end_stream = false) {
    if (may_go_on()) [[unlikely]]
      return send_to_all(messages, count, end_stream);
    attempt_->send(messages, count, end_stream);
  }
  void send_to_all(Bytes messages, std::uint32_t count, bool end_stream);
  std::size_t queued_bytes() const noexcept;
  Waiter* next_waiter() noexcept;

  /// True if nothing more can be sent: the call is settled, or will fail when its interceptors submit it.
  bool failed() const noexcept { return settled() || !status_.ok(); }
  std::span<std::uint8_t> make_room(std::size_t bytes, bool may_compress);
  void send_message();
  void send_compressed();

  /// True if interceptors see its messages.
  bool observed() const noexcept { return interceptors_ && chain_observed(); }
  bool chain_observed() const noexcept;
  Status show_held_requests();
  bool show_written_request();
  bool show_response(Pieces message);

  Shard& shard_;
  ShardChannel* channel_ = nullptr;  // until the call is settled
  CallRequest request_;
  ResponseMetadata response_;
  std::size_t max_request_bytes_;
  std::size_t max_message_bytes_;

  State state_ = State::held;
  Cause late_cause_ = Cause::other;  // of the status when the deadline has passed
  bool writes_ended_ = false;
  ReplayBuffer replay_;
  std::unique_ptr<CompressedMessage>
      compressed_;                  // the message that is being written, if it will be compressed
  CallAttempt* attempt_ = nullptr;  // the one that has headers, or the latest of own_
  std::unique_ptr<InterceptorChain> interceptors_;  // null for a channel without
  std::optional<CallRecord> record_;                // none if metrics are off
  std::unique_ptr<CallTrace> trace_;                // null if the call is not traced
  Status status_;  // once settled; while held, why the call will fail when it would begin

  Waiter* message_waiter_ = nullptr;
  Waiter* writable_waiter_ = nullptr;
  Waiter* headers_waiter_ = nullptr;
  Waiter* finish_waiter_ = nullptr;
  Lifetime lifetime_;
  std::unique_ptr<StopWatch> stop_watch_;  // null unless CallOptions::stop may stop it

  // Destroyed first, because they refer to the rest.
  std::optional<CallAttempt> own_;     // the latest attempt, or the first of a hedged call
  std::unique_ptr<AttemptPlan> plan_;  // null without a policy
};

}  // namespace ringrpc
