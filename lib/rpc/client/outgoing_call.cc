#include "rpc/client/outgoing_call.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "rpc/call/call_context.h"
#include "rpc/call/write_ahead.h"
#include "rpc/client/attempt_plan.h"
#include "rpc/client/interceptor_chain.h"
#include "rpc/client/shard_channel.h"
#include "rpc/client/stop_watch.h"

namespace ringrpc {
namespace {

Status cancelled_status() noexcept {
  return Status(Code::CANCELLED, "cancelled by the caller", Initiator::application);
}

/// The deadline of the call whose handler makes this one.
Instant inherited_deadline(Shard& shard, const CallOptions& options) noexcept {
  const CallContext* const handler = options.inherit ? CallContext::of(shard) : nullptr;
  return handler ? handler->deadline : never;
}

Status check_request_bytes(std::size_t bytes, std::size_t max_request_bytes) {
  const std::size_t limit = std::min(max_request_bytes, MessageBuffer::length_max);
  if (bytes <= limit) return {};
  return Status(Code::RESOURCE_EXHAUSTED,
                "the request has a message of " + std::to_string(bytes) + " bytes, the limit is " +
                    std::to_string(limit) + " (max_request_bytes)",
                Initiator::application);
}

}  // namespace

OutgoingCall::OutgoingCall(Shard& shard, const ChannelOptions& channel_options, std::string_view path,
                           MethodKind kind, const CallOptions& options)
    : shard_(shard),
      request_(path, kind, options, shard.now(), inherited_deadline(shard, options)),
      max_request_bytes_(channel_options.max_request_bytes.value_or(MessageBuffer::length_max)),
      max_message_bytes_(channel_options.max_message_bytes) {
  RINGRPC_PROBE(client_call_begin, this, request_.path.c_str());
  if (request_.deadline != never) shard_.timers().arm(*this, request_.deadline);
  if (options.stop.stop_possible()) [[unlikely]]
    stop_watch_ = std::make_unique<StopWatch>(*this, options.stop);
}

OutgoingCall::~OutgoingCall() {
  if (!finished()) RINGRPC_PROBE(client_call_end, this, static_cast<int>(Code::CANCELLED));
  if (record_ || trace_) [[unlikely]]
    record_end(finished() ? status_ : cancelled_status());
  interceptors_.reset();  // their frames refer to all the rest
  if (under_way()) channel_->count_end(false);
  leave_channel();
}

void OutgoingCall::start(ShardChannel& channel) {
  assert(state_ == State::held && !channel_);
  channel_ = &channel;
  if (const ServiceConfig* const config = channel.call_policies().config()) [[unlikely]]
    apply(*config);
  queue_attempt();
  channel.submit(*this);
}

/// Takes the settings of its method for a call that is about to be submitted.
void OutgoingCall::apply(const ServiceConfig& config) {
  const MethodConfig* const method = config.find(request_.path);
  if (!method) return;
  limit_messages(*method);
  if (method->wait_for_ready && !request_.waiting_given) request_.wait_for_ready = *method->wait_for_ready;
  if (method->timeout) {
    const Instant deadline = after(shard_.now(), *method->timeout);
    late_cause_ = deadline < request_.deadline ? Cause::method_timeout : Cause::other;
    request_.deadline = std::min(request_.deadline, deadline);
    shard_.timers().arm(*this, request_.deadline);
  }
  if (method->retry_policy) {
    plan_ = std::make_unique<AttemptPlan>(*this, *channel_, *method->retry_policy);
  } else if (method->hedging_policy) {
    plan_ = std::make_unique<AttemptPlan>(*this, *channel_, *method->hedging_policy);
  }
  if (plan_) replay_.set_limit(channel_->options().retry_buffer_bytes);
}

void OutgoingCall::limit_messages(const MethodConfig& method) noexcept {
  max_request_bytes_ =
      std::min(max_request_bytes_, method.max_request_message_bytes.value_or(max_request_bytes_));
  max_message_bytes_ =
      std::min(max_message_bytes_, method.max_response_message_bytes.value_or(max_message_bytes_));
}

void OutgoingCall::start_interceptors(std::shared_ptr<ChannelCore> channel) {
  assert(state_ == State::held && !channel_ && !interceptors_);
  if (const Result<ShardChannel*> here = channel->on_shard(shard_); here && (*here)->hold(*this))
    channel_ = *here;
  if (const ServiceConfig* const config = channel_ ? channel_->call_policies().config() : nullptr)
    if (const MethodConfig* const method = config->find(request_.path)) limit_messages(*method);
  interceptors_ = std::make_unique<InterceptorChain>(*this, std::move(channel));
  interceptors_->start();
}

void OutgoingCall::submit(const ClientRequest& changed) noexcept {
  assert(state_ == State::held && interceptors_);
  leave_channel();
  try {
    if (!status_.ok()) return settle(std::exchange(status_, Status()));
    if (!channel_) return settle(ShardChannel::closed(interceptors_->target()));
    if (Status refused = channel_->admit_held(); !refused.ok()) return settle(std::move(refused));
    if (Status refused = show_held_requests(); !refused.ok()) return settle(std::move(refused));
    request_.set_metadata(changed.metadata);
    request_.compression = changed.compression;
    request_.wait_for_ready = changed.wait_for_ready.value_or(false);
    request_.waiting_given = changed.wait_for_ready.has_value();
    request_.deadline = std::min(changed.deadline, interceptors_->deadline());
    replay_.settle_compression(request_.compression);
    if (record_) record_->settle_held(replay_.size(), MessageBuffer::prefix_bytes);
    shard_.timers().arm(*this, request_.deadline);
    if (const ServiceConfig* const config = channel_->call_policies().config()) apply(*config);
    queue_attempt();
    channel_->submit(*this);
  } catch (...) {
    settle(caught());
  }
}

void OutgoingCall::queue_attempt() noexcept {
  if (record_) [[unlikely]]
    record_->queue_attempt(shard_.now());
}

void OutgoingCall::join_queue(ListOf<OutgoingCall, OutgoingCallTag>& queue, Addresses addresses) noexcept {
  queue.push_back(*this);
  // Other attempts of a hedged call may be under way.
  const bool beside = state_ == State::attempting && first_live();
  if (!beside) enter(State::queued);
  if (trace_) [[unlikely]]
    addresses == Addresses::known ? trace_->queue() : trace_->await_addresses();
}

void OutgoingCall::log_state() const noexcept {
  constexpr std::array<std::string_view, 6> names = {"held",        "queued",  "attempting",
                                                     "backing off", "settled", "finished"};
  const std::string_view outcome = settled() ? name(status_.code()) : "";
  log::trace("{}: {}: {}{}{}",
             log::Field("target", channel_ ? std::string_view(channel_->target()) : "not submitted"),
             log::Field("method", std::string_view(request_.path)), names[static_cast<std::size_t>(state_)],
             outcome.empty() ? "" : ": ", outcome);
}

void OutgoingCall::leave_channel_list() noexcept {
  ListNodeOf<OutgoingCallTag>::unlink();
  const bool held_back = state_ == State::held || state_ == State::backing_off;
  held_back ? channel_->left_hold() : channel_->left_queue();
}

void OutgoingCall::attempt_on(ClientConnection& connection) noexcept {
  leave_channel();
  const bool beside = state_ == State::attempting;
  if (!beside) enter(State::attempting);
  contain([&] {
    CallAttempt& attempt = begin_attempt();
    if (record_) [[unlikely]]
      record_->begin_attempt(attempt);
    if (trace_) [[unlikely]]
      trace_->begin_attempt(attempt);
    attempt.open(connection);
  });
}

void OutgoingCall::settle(Status status) noexcept {
  if (settled()) return;
  leave_channel();
  enter_settled(std::move(status));
  cancel_attempts();
  wake_soon();
}

Status OutgoingCall::show_outcome() noexcept {
  assert(settled());
  if (state_ == State::settled) shard_.timers().arm(*this, interceptors_->deadline());
  return std::exchange(status_, Status());
}

void OutgoingCall::fail(const Status& why) noexcept {
  if (under_way()) return settle(why);
  if (status_.ok()) status_ = why;
}

void OutgoingCall::abandon() noexcept {
  settle(cancelled_status());
  (void)show_outcome();
}

/// The response that an interrupted step leaves must not be read.
void OutgoingCall::on_exception(const Status& why) noexcept {
  if (attempt_) attempt_->drop_messages();
  fail(why);
}

void OutgoingCall::refuse_elsewhere() const {
  if (Shard::current() != &shard_) [[unlikely]]
    throw std::logic_error(
        "a call is used on the shard on which it was begun; another thread cancels it by CallOptions::stop");
}

void OutgoingCall::cancel() {
  refuse_elsewhere();
  stop(cancelled_status());
}

void OutgoingCall::stop(Status why) noexcept {
  switch (state_) {
    case State::queued:
    case State::attempting:
    case State::backing_off:
      return settle(std::move(why));
    case State::held:
    case State::settled:
      if (interceptors_->done()) return finish_with_interceptors();
      if (interceptors_->awaits_outcome()) return;  // it is about to see that
      if (!interceptors_->awaits_reader()) return finish(std::move(why));
      fail(why);
      return run_soon();
    case State::finished:
      return;
  }
}

/// The interceptors have returned: their status is the caller's. A fault that the caller found in a
/// message after that replaces OK.
void OutgoingCall::finish_with_interceptors() noexcept {
  Status status = interceptors_->result();
  if (under_way()) abandon();
  if (state_ == State::settled && status.ok()) status = std::exchange(status_, Status());
  finish(std::move(status));
}

void OutgoingCall::finish(Status status) noexcept {
  assert(state_ == State::held || state_ == State::settled);
  leave_channel();
  status_ = std::move(status);
  enter(State::finished);
  channel_ = nullptr;
  replay_.commit();
  Timer::cancel();
  if (record_ || trace_) record_outcome();
  run_soon();
}

void OutgoingCall::count_end(const Status& status) noexcept { channel_->count_end(status.ok()); }

/// Reading may still fail a call that the server has ended with OK.
void OutgoingCall::record_outcome() noexcept {
  const bool unread = attempt_ && attempt_->message_ready();
  if (finished() && !(status_.ok() && unread)) record_end(status_);
}

void OutgoingCall::record_end(const Status& status) noexcept {
  if (record_) record_->end(status.code(), shard_.io().now(), trace_ ? trace_->sampled() : nullptr);
  if (trace_) trace_->end(status);
}

bool OutgoingCall::past_deadline() const noexcept { return shard_.io().now() >= request_.deadline; }

/// DEADLINE_EXCEEDED, naming what the call was waiting for.
Status OutgoingCall::overdue() const noexcept {
  try {
    switch (state_) {
      case State::held:
        return Status(Code::DEADLINE_EXCEEDED, "an interceptor held the call back until the deadline",
                      Initiator::application);
      case State::queued:
        return Status(Code::DEADLINE_EXCEEDED, channel_->describe_wait(), Initiator::library)
            .with_cause(late_cause_);
      case State::attempting:
        return no_response_in_time();
      case State::backing_off:
        return no_further_attempt_in_time();
      case State::settled:
        return Status(Code::DEADLINE_EXCEEDED,
                      interceptors_->awaits_reader() ? "the response was not read before the deadline"
                                                     : "an interceptor did not end before the deadline",
                      Initiator::application);
      case State::finished:
        break;
    }
  } catch (...) {
    return caught();
  }
  return {};
}

Status OutgoingCall::no_response_in_time() const {
  const std::uint64_t messages = attempt_->messages_taken();
  const std::string where = channel_->core().place(attempt_->peer());
  std::string words = "no response from " + where + " before the deadline";
  if (messages > 0)
    words = "the call to " + where + " did not end before the deadline; " + std::to_string(messages) +
            (messages == 1 ? " message" : " messages") + " arrived";
  return Status(Code::DEADLINE_EXCEEDED, std::move(words), Initiator::library).with_cause(late_cause_);
}

void OutgoingCall::run() {
  if (interceptors_) advance_interceptors();
  wake();
}

void OutgoingCall::advance_interceptors() noexcept {
  if (response_read()) interceptors_->on_response_read();
  if (state_ != State::finished && interceptors_->done()) finish_with_interceptors();
  if (state_ == State::finished) interceptors_->destroy_frames();
}

void OutgoingCall::wake_soon() noexcept {
  if (message_waiter_ || writable_waiter_ || headers_waiter_ || finish_waiter_ || interceptors_) run_soon();
}

/// Withdraws and returns the next waiter that can go on.
MessageStream::Waiter* OutgoingCall::next_waiter() noexcept {
  if (headers_waiter_ && has_initial_metadata()) return std::exchange(headers_waiter_, nullptr);
  if (message_waiter_ && message_ready()) return std::exchange(message_waiter_, nullptr);
  if (writable_waiter_ && writable()) return std::exchange(writable_waiter_, nullptr);
  if (finish_waiter_ && finished()) return std::exchange(finish_waiter_, nullptr);
  return nullptr;
}

void OutgoingCall::wake() noexcept {
  const Lifetime::Watch watch(lifetime_);
  if (!settled() && attempt_ && !attempt_->fault().ok()) fail(attempt_->fault());
  while (Waiter* waiter = next_waiter()) {
    waiter->on_ready();
    if (watch.ended()) return;
  }
  if (interceptors_ && settled()) interceptors_->on_settled();
  if (attempt_) attempt_->after_wake();
}

bool OutgoingCall::response_read() const noexcept {
  const bool waits = attempt_ && attempt_->message_ready() && (one_response(request_.kind) || observed());
  return !waits || finish_waiter_ || !status_.ok();
}

std::optional<Pieces> OutgoingCall::take_message() {
  refuse_elsewhere();
  if (!attempt_ || !attempt_->message_ready()) return std::nullopt;
  if (state_ == State::settled) run_soon();  // the interceptors may wait for the response to be read
  if (record_) [[unlikely]]
    record_->receive(*attempt_, attempt_->next_message_bytes());
  const std::size_t wire_bytes = attempt_->next_message_bytes();
  std::optional<Pieces> message = attempt_->take_message();
  if (trace_ && message) [[unlikely]]
    trace_->receive(*attempt_, {.bytes = total_bytes(*message), .wire_bytes = wire_bytes});
  response_.compressed = attempt_->message_compressed();
  if (message && observed() && !show_response(*message)) [[unlikely]]
    message.reset();
  else if (!message) {
    fail(attempt_->fault());
  } else if (!attempt_->fault().ok()) {
    run_soon();  // the fault behind the message ends the call once the message, in the same memory, is parsed
  }
  attempt_->give_credit();
  return message;
}

void OutgoingCall::reject_message(std::string_view why) {
  if (record_) record_->reject();
  fail(detail::unparsable("a response", why));
}

void OutgoingCall::wait(Waiter*& place, Waiter* waiter, const char* operation) {
  if (waiter) refuse_elsewhere();
  set_waiter(place, waiter, operation);
}

void OutgoingCall::wait_finished(Waiter* waiter) {
  wait(finish_waiter_, waiter, "finish()");
  if (waiter && state_ == State::settled) run_soon();  // as above: it will not be read
}

Status OutgoingCall::take_status() {
  refuse_elsewhere();
  assert(finished());
  if (attempt_ && attempt_->message_ready()) attempt_->drop_messages();
  if (record_ || trace_) [[unlikely]]
    record_end(status_);
  return std::exchange(status_, Status());
}

std::span<std::uint8_t> OutgoingCall::reserve_message(std::size_t bytes, bool may_compress) {
  refuse_elsewhere();
  if (failed() || writes_ended_) return {};
  std::span<std::uint8_t> room;
  contain([&] {
    if (Status status = check_request_bytes(bytes, max_request_bytes_); !status.ok()) return fail(status);
    if (record_) [[unlikely]]
      record_->reserve(bytes);
    if (trace_) [[unlikely]]
      trace_->reserve(bytes);
    room = observed() && !held() ? interceptors_->reserve_request(bytes, may_compress)
                                 : make_room(bytes, may_compress);
  });
  return failed() ? std::span<std::uint8_t>() : room;
}

std::span<std::uint8_t> OutgoingCall::make_room(std::size_t bytes, bool may_compress) {
  if (held()) return replay_.add_message(bytes, may_compress);
  if (may_compress && request_.compression != Compression::identity) {
    compressed_ = std::make_unique<CompressedMessage>(bytes);
    return compressed_->room();
  }
  if (state_ != State::attempting) return replay_.add_message(bytes);
  if (!may_keep(MessageBuffer::prefix_bytes + bytes)) [[unlikely]]
    commit_to_first();
  return replay_.kept() ? replay_.add_message(bytes) : attempt_->reserve_message(bytes);
}

/// Only an attempt gives room in pieces.
std::span<std::uint8_t> OutgoingCall::reserve_more() {
  const std::span<std::uint8_t> room = attempt_->reserve_more();
  if (room.empty()) settle(out_of_memory());
  return room;
}

bool OutgoingCall::commit_message() {
  contain([this] { send_message(); });
  return !failed();
}

void OutgoingCall::send_message() {
  if (settled()) return compressed_.reset();
  if (observed() && !show_written_request()) [[unlikely]]
    return;
  if (compressed_) return send_compressed();
  if (record_) [[unlikely]]
    held() ? record_->send_held() : record_->send();
  if (trace_) [[unlikely]]
    trace_->send();
  if (state_ != State::attempting) return;
  if (!replay_.kept()) return attempt_->commit_message();
  account_kept();
  send_to_attempts(replay_.last_message(), 1);
}

void OutgoingCall::send_compressed() {
  const std::unique_ptr<CompressedMessage> message = std::move(compressed_);
  const Bytes framed = message->finish(request_.compression);
  if (record_) record_->send(framed.size() - MessageBuffer::prefix_bytes);
  if (trace_) trace_->send(framed.size() - MessageBuffer::prefix_bytes);
  if (state_ == State::attempting && !may_keep(framed.size())) commit_to_first();
  if (replay_.kept()) replay_.append(framed);
  account_kept();
  if (state_ == State::attempting) send_to_attempts(framed, 1);
}

bool OutgoingCall::chain_observed() const noexcept { return interceptors_->observed(); }

/// Shows the observers the messages that were written before the interceptors submitted the call.
Status OutgoingCall::show_held_requests() {
  if (!observed()) return {};
  for (const Bytes message : replay_.messages())
    if (Status refused = interceptors_->show_request(message); !refused.ok()) return refused;
  return {};
}

/// Shows the written message to the observers and copies it to the room that `send_message` sends from.
/// False if the call has failed.
bool OutgoingCall::show_written_request() {
  const std::optional<InterceptorChain::Request> request = interceptors_->take_request();
  if (!request) return true;  // the call is held: its messages will be shown
  const Bytes bytes = as_bytes(request->message.bytes);
  if (const Status refused = interceptors_->show_request(bytes); !refused.ok()) {
    fail(refused);
    return false;
  }
  const std::span<std::uint8_t> room = make_room(bytes.size(), request->may_compress);
  if (room.data() == nullptr) return false;
  detail::RoomStream to(*this, room, bytes.size());
  detail::copy_in_pieces(bytes, to);
  return !failed();
}

/// Shows a response to the observers. False if one refuses it; the call has failed then.
bool OutgoingCall::show_response(Pieces message) {
  const Status refused = interceptors_->show_response(message);
  if (refused.ok()) return true;
  attempt_->drop_messages();
  fail(refused);
  return false;
}

void OutgoingCall::writes_done() {
  refuse_elsewhere();
  if (std::exchange(writes_ended_, true) || state_ != State::attempting) return;
  contain([this] { send_to_attempts({}, 0, true); });
}

bool OutgoingCall::writable() const {
  if (settled()) return true;
  const std::size_t waiting = state_ == State::attempting ? queued_bytes() : replay_.size();
  return waiting < write_ahead_bytes;
}

}  // namespace ringrpc
