#include "rpc/server/server_call.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <new>
#include <ranges>
#include <span>
#include <string>
#include <utility>

#include "ringrpc/interceptor.h"
#include "ringrpc/log.h"

#include "base/frame_allocator.h"
#include "base/internals.h"
#include "base/probe.h"
#include "base/ticks.h"
#include "rpc/call/contained.h"
#include "rpc/call/write_ahead.h"
#include "rpc/server/request_fields.h"
#include "rpc/server/server_connection.h"
#include "rpc/server/server_shard.h"
#include "rpc/wire/metadata_wire.h"
#include "rpc/wire/response_headers.h"

namespace ringrpc {
namespace {

/// True if `list`, "gzip, zstd", has `name`.
bool lists(std::string_view list, std::string_view name) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view entry = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    entry.remove_prefix(std::min(entry.find_first_not_of(' '), entry.size()));
    if (entry.substr(0, entry.find(' ')) == name) return true;
  }
  return false;
}

/// The memory of an open call without its request, its response and its handler.
constexpr std::size_t object_bytes = sizeof(ServerCall) + http2::Session::stream_bytes;

/// The status of a call whose stream was reset: by the client, or by the session for the client's error.
[[gnu::cold]] Status closed_status(http2::ErrorCode code, bool by_peer) {
  return Status(
      Code::CANCELLED,
      by_peer ? "the client cancelled the call" : "the stream was reset: " + std::string(http2::name(code)),
      Initiator::peer);
}

/// True if the sender of these headers accepts `compression`.
bool accepts(std::span<const http2::Header> headers, Compression compression) noexcept {
  return compression == Compression::identity ||
         std::ranges::any_of(headers, [&](const http2::Header& header) {
           return header.name == "grpc-accept-encoding" && lists(header.value, name(compression));
         });
}

}  // namespace

ServerCall::ServerCall(SlabPool& slabs, std::size_t max_message_bytes, std::size_t max_response_bytes)
    : max_response_bytes_(max_response_bytes), buffer_(slabs, max_message_bytes) {}

bool ServerCall::follows(Handler from, Handler to) noexcept {
  const auto any_of = [from](auto... states) { return ((from == states) || ...); };
  switch (to) {
    case Handler::waiting:
      return false;  // as made
    case Handler::parsing:
      return any_of(Handler::waiting);
    case Handler::running:
      return any_of(Handler::waiting, Handler::parsing, Handler::suspended);
    case Handler::suspended:
      return any_of(Handler::running);
    case Handler::doomed:
      return any_of(Handler::running, Handler::suspended);
    case Handler::ended:
      return true;
  }
  return false;
}

void ServerCall::begin(ServerConnection& connection, http2::Stream& stream, const RegisteredMethod& method,
                       const RequestFields& request) {
  assert(!call_.connection && buffer_.empty());
  call_.connection = &connection;
  call_.stream = &stream;
  stream.set_events(this);
  call_.method = &method;
  RINGRPC_PROBE(server_call_begin, this, method.path.c_str());
  if (ServerMetrics* const metrics = connection.metrics()) {
    call_.metrics = &metrics->of(method);
    call_.metrics->start();
  }
  buffer_.set_encoding(*request.compression);
  call_.begun = call_.received_at = connection.shard().now();
  call_.deadline = after(call_.received_at, request.timeout);
  if (call_.deadline != never) {
    stream.set_timeout(request.timeout);
    // The turn's time may be older than the request, and the client's deadline must pass first.
    call_.deadline = after(now(), request.timeout);
    connection.shard().timers().arm(*this, call_.deadline);
  }
  if (connection.follows_calls()) [[unlikely]]
    begin_trace(request.traced);
  connection.batch().join(*this);
}

void ServerCall::take_data(Bytes bytes) {
  call_.uncredited_bytes += bytes.size();
  call_.received_bytes += bytes.size();
  if (call_.response == Response::ended) return give_credit();
  if (const Status status = buffer_.add(bytes); !status.ok()) return fail_message(status);
  call_.connection->batch().join(*this);
}

void ServerCall::on_end() {
  assert(call_.request == Request::open);
  call_.request = Request::ended;
  call_.connection->batch().join(*this);
}

void ServerCall::on_half_close() {
  if (call_.request == Request::ended) return;
  fail_call(Status(Code::CANCELLED, "the client half-closed the connection before the request was complete",
                   Initiator::peer));
}

void ServerCall::on_batch() {
  const bool begins = call_.handler == Handler::waiting;
  if (call_.handler != Handler::waiting) {
    if (!call_.stream) return drop_handler();
    wake_reader();
  } else if (call_.response != Response::ended &&
             (call_.request == Request::ended || !one_request(call_.method->method->kind))) {
    start_handler();
  }
  if (call_.connection) settle(begins);  // else it is back in the pool
}

/// After a step of the handler: keeps the input that it has not read, and accounts for it.
void ServerCall::settle(bool begins) {
  if (call_.response == Response::ended) [[likely]] {
    if (buffer_.held_bytes() > 0) buffer_.clear();
    return account();
  }
  if (call_.estimate == Estimate::heaviest) weigh_parsed();
  keep_batch();
  if (begins || !buffer_.empty() || call_.parsed_bytes > 0)
    if (const Status status = call_.connection->check_buffered(0); !status.ok()) return refuse(status);
  if (!buffer_.ready()) give_credit();
}

/// Ends the call for lack of memory. Not from inside the handler.
void ServerCall::refuse(const Status& status) {
  call_.refused = true;
  fail_call(status);
  if (call_.handler == Handler::doomed) drop_handler();
  if (call_.connection) account();
}

void ServerCall::keep_batch() {
  if (call_.response == Response::ended) {
    buffer_.clear();
  } else {
    buffer_.keep();
    if (call_.header_bytes == 0) count_headers();
  }
  account();
}

/// With the metadata that was read from them, and the method if it belongs to this call alone.
void ServerCall::count_headers() {
  call_.header_bytes = http2::kept_bytes(call_.stream->headers());
  if (call_.metadata) call_.header_bytes *= 2;
  if (call_.unregistered)
    call_.header_bytes += sizeof(RegisteredMethod) + 2 * call_.unregistered->path.size();
}

void ServerCall::check_room() {
  const bool begins = call_.handler == Handler::waiting;
  if (!call_.stream || call_.response == Response::ended || (!begins && buffer_.empty())) return;
  const Status status = call_.connection->check_buffered(0);
  if (status.ok()) return;
  // A handler may be running: it reads a message, and its connection begins to wait for a turn.
  if (begins) return refuse(status);
  fail_call(status);
}

void ServerCall::account() {
  std::size_t bytes = object_bytes + call_.frame_bytes + call_.header_bytes + buffer_.held_bytes() +
                      call_.parsed_bytes + unsent_bytes();
  if (call_.work) [[unlikely]] {
    bytes += call_.work->parsing_bytes + call_.work->compressing_bytes;
  } else if (call_.refused && !call_.task.valid() && unsent_bytes() == 0 && !call_.connection->holds_output())
      [[unlikely]] {
    bytes = 0;  // its stream closes at the end of this turn, so it takes no room from others
  }
  if (bytes != call_.held_bytes) call_.connection->account(std::exchange(call_.held_bytes, bytes), bytes);
}

void ServerCall::watch_request() {
  const Instant now = call_.connection->shard().now();
  if (!unfinished()) return call_.progress.reset();
  if (!call_.progress || call_.received_bytes - call_.progress->received_bytes >= progress_bytes_min) {
    call_.progress = {now, call_.received_bytes};
  } else if (now - call_.progress->at >= call_.connection->stall_timeout()) {
    fail_call(Status(Code::DEADLINE_EXCEEDED,
                     "the request stalled: less than 1 KiB arrived in " +
                         std::to_string(call_.connection->stall_timeout().count()) + " ms",
                     Initiator::peer));
  }
}

/// Called again when a request has been parsed off the shard.
void ServerCall::start_handler() {
  call_.received_at = call_.connection->shard().now();
  if (one_request(call_.method->method->kind) && !parses_ahead_ && !request_ready()) {
    if (call_.response != Response::ended) enter(Handler::parsing);
    return;
  }
  step_handler([this] {
    call_.task = contained([this] {
      const Next all =
          detail::Internals::make<Next>(call_.connection->interceptors(), *call_.method->method,
                                        *call_.method->service, *this, *this, call_.method_entered);
      return detail::Internals::enter(all);
    });
    const ContextScope scope(call_.connection->shard(), this);
    call_.task.start(this);
  });
}

/// True if the request has exactly one message and it may be parsed on the shard. If not, the call fails, or
/// the message's work beside the shard begins.
bool ServerCall::request_ready() {
  if (!buffer_.ready()) {
    fail_call(buffer_.empty()
                  ? Status(Code::UNIMPLEMENTED, "the request ended without a message", Initiator::peer)
                  : Status(Code::INTERNAL, "the request ended inside a message", Initiator::peer));
    return false;
  }
  if (buffer_.more_than_one()) {
    fail_call(Status(Code::UNIMPLEMENTED, "the request has several messages, this method takes one",
                     Initiator::peer));
    return false;
  }
  return parsed_here();
}

/// Runs the handler until it suspends; completes the call if it ends.
template <class Step>
void ServerCall::step_handler(Step step) {
  const bool begins = call_.handler != Handler::suspended;
  enter(Handler::running);
  const std::uint64_t begun = ticks();
  const std::size_t frames_before = held_frame_bytes();
  step();
  if (ticks() - begun > detail::Context::ticks_unnoticed) [[unlikely]]
    call_.connection->part().check_hold(call_.method->logged_path, begun);
  if (call_.task.done()) return complete();
  // Later steps would count frames that are made in a step and freed outside of one, or the other way around.
  if (begins) call_.frame_bytes = held_frame_bytes() - frames_before;
  if (call_.handler == Handler::running) return enter(Handler::suspended);
  // Not from the ready list, which destroys fewer handlers in a turn than a client can start.
  drop_handler();
}

void ServerCall::wake_reader() {
  if (!call_.message_waiter || !message_ready()) return;
  step_handler([this] { std::exchange(call_.message_waiter, nullptr)->on_ready(); });
}

void ServerCall::wake_writer() {
  if (!call_.writable_waiter || !writable()) return;
  step_handler([this] { std::exchange(call_.writable_waiter, nullptr)->on_ready(); });
}

void ServerCall::on_task_done() {
  if (call_.handler != Handler::running) call_.connection->shard().ready().push(*this);
}

void ServerCall::on_writable() {
  if (call_.writable_waiter) call_.connection->shard().ready().push(*this);
}

void ServerCall::go_on() {
  if (call_.handler == Handler::doomed) return drop_handler();
  if (call_.task.done()) return complete();
  wake_writer();
}

/// Sends a status instead of resetting the stream: to a client whose own deadline has not passed yet, a
/// reset would be CANCELLED. Like any response, the status waits behind messages that the client does
/// not read (stall_timeout).
void ServerCall::on_time() {
  contain([this] { fail_call(Status(Code::DEADLINE_EXCEEDED, "the deadline passed", Initiator::library)); });
}

void ServerCall::complete() {
  const std::string_view who = call_.connection->interceptors().empty() ? "the handler" : "an interceptor";
  const Status status = outcome(call_.task, call_.method->logged_path, who);
  call_.task = {};
  call_.frame_bytes = 0;
  enter(Handler::ended);
  end(status.ok() ? check_response() : status);
  release_if_over();
}

/// Sends the handler's status, after the response that is being compressed if there is one.
void ServerCall::end(const Status& status) {
  if (call_.response == Response::ended) return;
  if (!compressing()) return send_status(status);
  Work& work = *call_.work;
  work.end = status;
  work.parse_turn.leave();
  (void)take_parsed();
  call_.parsed_bytes = work.parsing_bytes = 0;
}

/// Fails if the handler ended with OK and did not give the one response of its method.
Status ServerCall::check_response() const {
  if (call_.response >= Response::message || !call_.stream || !one_response(call_.method->method->kind))
    return {};
  log_fault(call_.method->logged_path, "the call ended with OK and without a message");
  return Status(Code::INTERNAL, "the call ended with OK and without a message", Initiator::application);
}

void ServerCall::fail_call(const Status& status) {
  if (call_.response == Response::ended) return;
  send_status(status);
  buffer_.clear();
  account();
  give_credit();
  if (call_.task.valid()) doom_handler();
}

void ServerCall::doom_handler() {
  if (call_.handler != Handler::doomed) enter(Handler::doomed);
  call_.connection->shard().ready().push(*this);
}

/// After a step that threw. The rest of the request is not read.
void ServerCall::on_exception(const Status& why) noexcept {
  if (call_.handler == Handler::running) enter(call_.task.valid() ? Handler::suspended : Handler::ended);
  buffer_.clear();
  if (!call_.connection) return;
  try {
    fail_call(why);
  } catch (...) {
    call_.connection->abort(caught());
  }
}

/// Fails when they exceed what the client accepts. Only a status can follow then.
Status ServerCall::send_initial_headers() {
  Status refused = send_response_headers(call_.connection->session(), *call_.stream, call_.compression,
                                         call_.initial_metadata);
  if (refused.ok()) enter(Response::headers);
  return refused;
}

void ServerCall::send_status(const Status& status) {
  if (!call_.stream) return count_end(status);
  // In a single header block the client could not tell initial metadata from trailing.
  Status refused;
  if (call_.response == Response::nothing && !call_.initial_metadata.empty())
    refused = send_initial_headers();
  const Status& last = refused.ok() ? status : refused;
  const auto send = call_.response == Response::nothing ? send_trailers_only : send_response_trailers;
  count_end(send(call_.connection->session(), *call_.stream, last, call_.trailing_metadata));
  // The rest of the request is not needed. NO_ERROR keeps the response valid (RFC 9113, 8.1).
  if (call_.request == Request::open)
    call_.connection->session().reset(*call_.stream, http2::ErrorCode::no_error);
  call_.connection->flush_soon();
}

/// The call has its outcome, even if the client does not see it.
void ServerCall::count_end(const Status& status) noexcept {
  enter(Response::ended);
  RINGRPC_PROBE(server_call_end, this, static_cast<int>(status.code()));
  if (!status.ok()) {
    call_.failure = status;
    if (call_.metrics && status.cause() == Cause::unparsable_message) call_.metrics->reject_message();
    call_.connection->keep_failure(lasting_path(), status);
  }
  cancel();
  if (call_.work) [[unlikely]]
    drop_work();
  call_.parsed_bytes = 0;
  call_.estimate = Estimate::weighed;
  ServerCounters& counters = call_.connection->counters();
  (status.ok() ? counters.calls_succeeded : counters.calls_failed)++;
  ++call_.connection->counts().streams_ended;
  if (call_.metrics) record_end(status.code());
  if (call_.span) [[unlikely]]
    end_span(status);
  if (log::enabled(log::Level::debug)) log_end(status);
  tell_interceptors(status);
}

void ServerCall::tell_interceptors(const Status& status) noexcept {
  for (Interceptor* interceptor : std::views::reverse(call_.connection->interceptors())) try {
      interceptor->on_end(*this, status);
    } catch (...) {
      (void)thrown_status(call_.method->logged_path, "an interceptor");
    }
}

void ServerCall::give_credit() {
  const std::size_t bytes = std::exchange(call_.uncredited_bytes, 0);
  if (bytes == 0 || !call_.stream || call_.request == Request::ended) return;
  call_.connection->session().consumed(*call_.stream, bytes);
  call_.connection->flush_soon();
}

void ServerCall::drop_handler() noexcept {
  assert(call_.handler != Handler::running);
  enter(Handler::ended);
  Ready::unlink();
  call_.task = {};
  call_.frame_bytes = 0;
  release_if_over();
}

/// The client may open another call in place of this one at once. Joining the batch ends the old handler
/// before the new one starts, so there are never more handlers than concurrent calls allowed. A stream that
/// closes outside a batch uses the ready list.
void ServerCall::on_closed(http2::ErrorCode code, bool by_peer) {
  if (code != http2::ErrorCode::no_error) [[unlikely]]
    count_reset(code, by_peer);
  if (call_.response != Response::ended) count_lost(closed_status(code, by_peer));
  call_.stream = nullptr;
  if (call_.task.valid()) {
    doom_handler();
    call_.connection->batch().join(*this);
  }
  release_if_over();
}

void ServerCall::abandon() noexcept {
  if (call_.response != Response::ended)
    count_lost(Status(Code::CANCELLED, "the connection is lost", Initiator::peer));
  call_.stream = nullptr;
  drop_handler();
}

/// Flattened, because most members have nothing to destroy, and calling their destructors would cost more.
[[gnu::flatten]] void ServerCall::release_if_over() noexcept {
  if (call_.stream || call_.task.valid()) return;
  ServerConnection& connection = *call_.connection;
  connection.account(call_.held_bytes, 0);
  ListNodeOf<CallTag>::unlink();
  ListNodeOf<BatchTag>::unlink();
  Ready::unlink();
  cancel();
  buffer_.clear();
  drop_context();
  std::destroy_at(&call_);
  ::new (&call_) State;  // std::construct_at would clear all of its bytes first
  connection.give_back(*this);
}

CallState ServerCall::state() const noexcept {
  if (call_.response == Response::ended) return CallState::responding;
  if (call_.handler == Handler::waiting) return CallState::receiving;
  if (call_.handler == Handler::parsing) return CallState::parsing;
  if (call_.message_waiter) return CallState::reading;
  return call_.writable_waiter ? CallState::writing : CallState::handling;
}

const Metadata& ServerCall::metadata() {
  if (call_.metadata) return *call_.metadata;
  // A handler that a worker resumes may run once more after the stream has closed.
  if (!call_.stream) return call_.metadata.emplace();
  call_.metadata = read_metadata(call_.stream->headers()).value_or(Metadata());
  count_headers();
  return *call_.metadata;
}

FoundMetadata ServerCall::find_metadata(std::string_view name) {
  const bool as_sent = call_.stream && !call_.metadata && !is_binary(name);
  return as_sent ? find_text(call_.stream->headers(), name) : Call::find_metadata(name);
}

unsigned ServerCall::previous_attempts() {
  return call_.stream ? previous_attempts_in(call_.stream->headers()) : 0;
}

void ServerCall::send_initial_metadata() {
  if (call_.response != Response::nothing || !call_.stream) return;
  if (const Status status = send_initial_headers(); !status.ok()) return fail_call(status);
  call_.connection->flush_soon();
}

void ServerCall::set_compression(Compression compression) {
  if (call_.response != Response::nothing || !call_.stream) return;
  if (accepts(call_.stream->headers(), compression)) call_.compression = compression;
}

std::string ServerCall::peer() const { return call_.connection->peer(); }

PeerIdentity ServerCall::peer_identity() const { return call_.connection->peer_identity(); }

bool ServerCall::stopping() const noexcept { return call_.connection->draining(); }

Task<> ServerCall::until_stopping() { co_await call_.connection->drain_begins(); }

Instant ServerCall::now() const noexcept { return call_.connection->shard().io().now(); }

bool ServerCall::message_ready() {
  if (call_.response == Response::ended) return false;
  if (parses_ahead_) return true;
  if (!buffer_.fault().ok()) {
    fail_message(buffer_.fault());
    return false;
  }
  if (buffer_.ready()) return call_.connection->batch().may_go_on(*this) && parsed_here();
  const bool request_ended = call_.request == Request::ended;
  if (request_ended && !buffer_.empty()) {
    fail_call(Status(Code::INTERNAL, "the request ended inside a message", Initiator::peer));
    return false;
  }
  return request_ended;
}

void ServerCall::wait_message(Waiter* waiter) {
  set_waiter(call_.message_waiter, waiter, "next()");
  if (!waiter) return;
  buffer_.keep();  // the handler no longer uses the previous message
  call_.parsed_bytes = 0;
  call_.estimate = Estimate::weighed;
}

std::optional<Pieces> ServerCall::take_message() {
  if (!buffer_.ready()) return std::nullopt;
  count_received();
  call_.taken_wire_bytes = buffer_.next_bytes();
  const std::optional<Pieces> message = buffer_.take();
  if (call_.span && message) [[unlikely]]
    note_received(total_bytes(*message));
  call_.parsed_bytes = call_.next.memory_bytes;
  call_.connection->batch().count_parsed(call_.next.memory_bytes);
  call_.next.place = NextMessage::Place::not_judged;
  if (!message) {
    fail_message(buffer_.fault());
  } else if (!buffer_.ready()) {
    give_credit();
  }
  return message;
}

void ServerCall::reject_message(std::string_view why) { fail_call(detail::unparsable("a request", why)); }

std::span<std::uint8_t> ServerCall::reserve_message(std::size_t bytes, bool may_compress) {
  if (call_.response == Response::ended || !call_.stream) return {};
  if (compressing()) [[unlikely]] {
    fail_call(Status(Code::INTERNAL, "a response was written before there was room for it",
                     Initiator::application));
    return {};
  }
  if (bytes > max_response_bytes_) {
    call_.connection->count_refused(CallLimit::response_bytes);
    fail_call(Status(Code::RESOURCE_EXHAUSTED,
                     "the response has " + std::to_string(bytes) + " bytes, the limit is " +
                         std::to_string(max_response_bytes_),
                     Initiator::application));
    return {};
  }
  call_.written_bytes = bytes;
  buffer_.forget_taken();  // the request has been parsed: makes room for the response
  if (call_.method->method->kind == MethodKind::unary) call_.parsed_bytes = 0;  // its handler has ended
  if (const Status status = call_.connection->check_buffered(bytes); !status.ok()) {
    call_.refused = true;
    fail_call(status);
    return {};
  }
  if (call_.response == Response::nothing) {
    if (const Status status = send_initial_headers(); !status.ok()) {
      fail_call(status);
      return {};
    }
  }
  if (may_compress && call_.compression != Compression::identity) {
    std::unique_ptr<CompressedMessage>& compressed = work().compressed;
    compressed = std::make_unique<CompressedMessage>(bytes);
    return compressed->room();
  }
  call_.connection->count_written(MessageBuffer::prefix_bytes + bytes);
  call_.traffic.sent_bytes += bytes;
  return call_.room.begin(call_.connection->session(), *call_.stream, bytes);
}

std::span<std::uint8_t> ServerCall::reserve_more() {
  const std::span<std::uint8_t> room = call_.room.more(call_.connection->session(), *call_.stream);
  if (room.empty()) call_.connection->flush_soon();  // with the reset
  return room;
}

bool ServerCall::commit_message() {
  if (call_.response == Response::headers) enter(Response::message);
  if (call_.work && call_.work->compressed) [[unlikely]] {
    compress_message();
    return true;
  }
  call_.room.commit(call_.connection->session(), *call_.stream);
  count_sent();
  if (call_.span) [[unlikely]]
    note_sent(call_.written_bytes);
  account();
  call_.connection->flush_soon();
  return true;
}

void ServerCall::wait_writable(Waiter* waiter) { set_waiter(call_.writable_waiter, waiter, "write()"); }

bool ServerCall::writable() const {
  return call_.stream && call_.stream->queued_bytes() < write_ahead_bytes && !compressing();
}

}  // namespace ringrpc
