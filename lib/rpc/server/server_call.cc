#include "rpc/server/server_call.h"

#include <algorithm>
#include <new>
#include <ranges>
#include <span>
#include <string>
#include <utility>

#include "ringrpc/interceptor.h"
#include "ringrpc/log.h"

#include "rpc/call/contained.h"
#include "rpc/call/write_ahead.h"
#include "rpc/server/server_connection.h"
#include "rpc/wire/metadata_wire.h"
#include "rpc/wire/response_headers.h"

namespace ringrpc {
namespace {

/// Whether `list`, "gzip, zstd", has `name`.
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

/// Whether who sent these headers understands `compression`.
bool accepts(std::span<const http2::Header> headers, Compression compression) noexcept {
  return compression == Compression::identity ||
         std::ranges::any_of(headers, [&](const http2::Header& header) {
           return header.name == "grpc-accept-encoding" && lists(header.value, name(compression));
         });
}

}  // namespace

ServerCall::ServerCall(SlabPool& slabs, std::size_t max_message_bytes, std::size_t max_response_bytes)
    : max_response_bytes_(max_response_bytes), buffer_(slabs, max_message_bytes) {}

void ServerCall::begin(ServerConnection& connection, http2::Stream& stream, const RegisteredMethod& method,
                       Nanoseconds timeout, Compression encoding) {
  connection_ = &connection;
  stream_ = &stream;
  stream.set_events(this);
  method_ = &method;
  buffer_.set_encoding(encoding);
  received_at_ = connection.shard().now();
  deadline_ = after(received_at_, timeout);
  if (deadline_ != never) {
    stream.set_timeout(timeout);
    deadline_ = after(now(), timeout);  // the turn may be older than the request, whose client must be first
    connection.shard().timers().arm(*this, deadline_);
  }
  connection.join_batch(*this);
}

void ServerCall::take_data(Bytes bytes) {
  uncredited_bytes_ += bytes.size();
  received_bytes_ += bytes.size();
  if (status_sent_) return give_credit();
  if (const Status status = buffer_.add(bytes); !status.ok()) return fail_call(as_of_server(status));
  connection_->join_batch(*this);
}

void ServerCall::on_end() {
  request_ended_ = true;
  connection_->join_batch(*this);
}

void ServerCall::on_half_close() {
  if (request_ended_) return;
  fail_call(
      Status(Code::CANCELLED, "the client ended its sending before the request was whole", Initiator::peer));
}

void ServerCall::on_batch() {
  if (started_) {
    if (!stream_) return drop_handler();
    wake_reader();
  } else if (!status_sent_ && (request_ended_ || !one_request(method_->method->kind))) {
    start_handler();
  }
  if (connection_) settle();  // else it is back in the pool
}

/// After the handler has had its step: what it has not read is kept, and counted.
void ServerCall::settle() {
  if (status_sent_) [[likely]] {
    if (buffer_.held_bytes() > 0) buffer_.clear();
    return account();
  }
  const bool new_call = header_bytes_ == 0;
  if (parsed_unweighed_) weigh_parsed();
  keep_batch();
  if (new_call || !buffer_.empty() || parsed_bytes_ > 0)
    if (const Status status = connection_->check_buffered(0); !status.ok()) return fail_call(status);
  if (!buffer_.ready()) give_credit();
}

/// For a batch that waits for its turn.
void ServerCall::keep_batch() {
  if (status_sent_) {
    buffer_.clear();
  } else {
    buffer_.keep();
    if (header_bytes_ == 0) header_bytes_ = http2::kept_bytes(stream_->headers());
  }
  account();
}

void ServerCall::check_room() {
  if (status_sent_ || buffer_.empty()) return;
  if (const Status status = connection_->check_buffered(0); !status.ok()) fail_call(status);
}

void ServerCall::account() {
  const std::size_t bytes = header_bytes_ + buffer_.held_bytes() + parsed_bytes_ + parsing_bytes_ +
                            compressing_bytes_ + unsent_bytes();
  if (bytes != held_bytes_) connection_->account(std::exchange(held_bytes_, bytes), bytes);
}

void ServerCall::watch_request() {
  const Instant now = connection_->shard().now();
  if (!unfinished()) return progress_.reset();
  if (!progress_ || received_bytes_ - progress_->received_bytes >= progress_bytes_min) {
    progress_ = {now, received_bytes_};
  } else if (now - progress_->at >= connection_->stall_timeout()) {
    fail_call(Status(
        Code::DEADLINE_EXCEEDED,
        "the request was begun and not finished: " + std::to_string(connection_->stall_timeout().count()) +
            " ms passed without 1 KiB of it",
        Initiator::peer));
  }
}

/// Called again, by on_parsed, where the request is parsed elsewhere first.
void ServerCall::start_handler() {
  started_ = true;
  received_at_ = connection_->shard().now();
  if (one_request(method_->method->kind) && !parsed_ && !request_ready()) return;
  step_handler([this] {
    task_ = contained([this] {
      const Next all(connection_->interceptors(), *method_->method, *method_->service, *this, *this,
                     handler_begun_);
      return all.enter();
    });
    task_.start(this);
  });
}

/// Whether there is the one message of the request, and it may be parsed here.
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

/// Runs the handler for a while; completes the call if that ended it.
template <class Step>
void ServerCall::step_handler(Step step) {
  stepping_ = true;
  step();
  stepping_ = false;
  if (task_.done()) complete();
}

void ServerCall::wake_reader() {
  if (!message_waiter_ || !message_ready()) return;
  step_handler([this] { std::exchange(message_waiter_, nullptr)->on_ready(); });
}

void ServerCall::wake_writer() {
  if (!writable_waiter_ || !writable()) return;
  step_handler([this] { std::exchange(writable_waiter_, nullptr)->on_ready(); });
}

void ServerCall::on_task_done() {
  if (!stepping_ && connection_) connection_->shard().ready().push(*this);
}

void ServerCall::on_writable() {
  if (writable_waiter_) connection_->shard().ready().push(*this);
}

void ServerCall::go_on() {
  if (drop_handler_) return drop_handler();
  if (task_ && task_.done()) return complete();
  wake_writer();
}

/// Answers with a status: a client without a clock of its own, or a slower one, would take a reset for
/// CANCELLED. Behind messages that the client does not take it waits as any answer does (stall_timeout).
void ServerCall::on_time() {
  contain([this] { fail_call(Status(Code::DEADLINE_EXCEEDED, "the deadline passed", Initiator::library)); });
}

void ServerCall::complete() {
  const std::string_view who = connection_->interceptors().empty() ? "the handler" : "an interceptor";
  const Status status = outcome(task_, method_->path, who);
  task_ = {};
  end(status.ok() ? check_answer() : status);
  release_if_over();
}

/// Sends the handler's status, behind the response that is being compressed if there is one.
void ServerCall::end(const Status& status) {
  if (status_sent_) return;
  if (compress_turn_.taken()) {
    end_ = status;
    parse_turn_.leave();
    parsed_.reset();
    parsed_bytes_ = parsing_bytes_ = 0;
  } else {
    send_status(status);
  }
}

/// Whether OK is true: a method of one response must have given it.
Status ServerCall::check_answer() const {
  if (message_sent_ || !stream_ || !one_response(method_->method->kind)) return {};
  log::error("{}: the call ended with OK and without a message", method_->path);
  return Status(Code::INTERNAL, "the call ended with OK and without a message", Initiator::application);
}

void ServerCall::fail_call(const Status& status) {
  if (status_sent_) return;
  send_status(status);
  buffer_.clear();
  account();
  give_credit();
  if (!task_) return;
  drop_handler_ = true;
  connection_->shard().ready().push(*this);
}

/// What a step that was broken off has left of the request is not to be read any more.
void ServerCall::give_up(const Status& why) noexcept {
  stepping_ = false;
  buffer_.clear();
  if (!connection_) return;
  try {
    fail_call(why);
  } catch (...) {
    connection_->abort(caught());
  }
}

/// Fails when the caller would not take them; then only a status can follow.
Status ServerCall::send_initial_headers() {
  Status refused = send_response_headers(connection_->session(), *stream_, compression_, initial_metadata_);
  headers_sent_ = refused.ok();
  return refused;
}

void ServerCall::send_status(const Status& status) {
  if (!stream_) return count_end(status);
  // In a single block the client could not tell initial metadata from trailing.
  Status refused;
  if (!headers_sent_ && !initial_metadata_.empty()) refused = send_initial_headers();
  const Status& last = refused.ok() ? status : refused;
  const auto send = headers_sent_ ? send_response_trailers : send_trailers_only;
  count_end(send(connection_->session(), *stream_, last, trailing_metadata_));
  // The rest of the request is of no use: NO_ERROR tells the client so without taking the answer back.
  if (!request_ended_) connection_->session().reset(*stream_, http2::ErrorCode::no_error);
  connection_->flush_soon();
}

/// The call has its outcome, whether or not the caller will see it.
void ServerCall::count_end(const Status& status) noexcept {
  status_sent_ = true;
  if (!status.ok()) failure_ = status;
  cancel();
  if (worked_on_) [[unlikely]]
    drop_work();
  parsed_bytes_ = 0;
  parsed_unweighed_ = false;
  ServerCounters& counters = connection_->counters();
  (status.ok() ? counters.calls_succeeded : counters.calls_failed)++;
  if (log::enabled(log::Level::debug)) log_end(status);
  tell_interceptors(status);
}

void ServerCall::log_end(const Status& status) const try {
  log::debug("{}: {}: {}", peer(), method_->path, status.to_string());
} catch (const std::bad_alloc&) {
  // There is no memory to say it with.
}

void ServerCall::tell_interceptors(const Status& status) noexcept {
  for (Interceptor* interceptor : std::views::reverse(connection_->interceptors())) try {
      interceptor->on_end(*this, status);
    } catch (...) {
      (void)thrown_status(method_->path, "an interceptor");
    }
}

void ServerCall::give_credit() {
  const std::size_t bytes = std::exchange(uncredited_bytes_, 0);
  if (bytes == 0 || !stream_ || request_ended_) return;
  connection_->session().consumed(*stream_, bytes);
  connection_->flush_soon();
}

void ServerCall::drop_handler() noexcept {
  drop_handler_ = false;
  task_ = {};
  release_if_over();
}

/// The caller may open another call in its place at once. In the batch the old handler ends before the new one
/// starts, so there are never more handlers than calls that are allowed; the ready list is for a stream that
/// closes outside of a batch.
void ServerCall::on_closed(http2::ErrorCode, bool) {
  if (!status_sent_) count_end(Status(Code::CANCELLED, "the caller gave up", Initiator::peer));
  stream_ = nullptr;
  if (task_) {
    drop_handler_ = true;
    connection_->shard().ready().push(*this);
    connection_->join_batch(*this);
  }
  release_if_over();
}

void ServerCall::abandon() noexcept {
  if (!status_sent_) count_end(Status(Code::CANCELLED, "the connection is lost", Initiator::peer));
  stream_ = nullptr;
  drop_handler();
}

void ServerCall::release_if_over() noexcept {
  if (stream_ || task_) return;
  connection_->account(held_bytes_, 0);
  ListNodeOf<CallTag>::unlink();
  ListNodeOf<BatchTag>::unlink();
  Ready::unlink();
  cancel();
  buffer_.clear();
  if (!failure_.ok()) failure_ = Status();
  compression_ = Compression::identity;
  end_.reset();
  metadata_.reset();
  for (Metadata* const metadata : {&initial_metadata_, &trailing_metadata_, &attributes_})
    if (!metadata->empty()) *metadata = {};
  message_waiter_ = writable_waiter_ = nullptr;
  uncredited_bytes_ = held_bytes_ = header_bytes_ = 0;
  inflation_paid_ = 0;
  next_ = NextMessage::not_judged;
  received_bytes_ = 0;
  progress_.reset();
  deadline_ = never;
  request_ended_ = started_ = handler_begun_ = headers_sent_ = false;
  message_sent_ = status_sent_ = drop_handler_ = false;
  std::exchange(connection_, nullptr)->give_back(*this);
}

const Metadata& ServerCall::metadata() {
  // A handler that was on its way back from a worker may run once more after its stream has closed.
  if (!metadata_) metadata_ = stream_ ? read_metadata(stream_->headers()).value_or(Metadata()) : Metadata();
  return *metadata_;
}

void ServerCall::send_initial_metadata() {
  if (status_sent_ || headers_sent_ || !stream_) return;
  if (const Status status = send_initial_headers(); !status.ok()) return fail_call(status);
  connection_->flush_soon();
}

void ServerCall::set_compression(Compression compression) {
  if (headers_sent_ || !stream_) return;
  if (accepts(stream_->headers(), compression)) compression_ = compression;
}

std::string ServerCall::peer() const { return connection_->peer(); }

PeerIdentity ServerCall::peer_identity() const { return connection_->peer_identity(); }

Instant ServerCall::now() const noexcept { return connection_->shard().io().now(); }

bool ServerCall::message_ready() {
  if (status_sent_) return false;
  if (parsed_) return true;
  if (!buffer_.fault().ok()) {
    fail_call(as_of_server(buffer_.fault()));
    return false;
  }
  if (buffer_.ready()) return connection_->may_go_on(*this) && parsed_here();
  if (request_ended_ && !buffer_.empty()) {
    fail_call(Status(Code::INTERNAL, "the request ended inside a message", Initiator::peer));
    return false;
  }
  return request_ended_;
}

void ServerCall::wait_message(Waiter* waiter) {
  message_waiter_ = waiter;
  if (!waiter) return;
  buffer_.keep();  // the message before was parsed: its memory may go
  parsed_bytes_ = 0;
  parsed_unweighed_ = false;
}

std::optional<Pieces> ServerCall::take_message() {
  if (!buffer_.ready()) return std::nullopt;
  const std::optional<Pieces> message = buffer_.take();
  parsed_bytes_ = next_memory_bytes_;
  connection_->count_parsed(next_memory_bytes_);
  next_ = NextMessage::not_judged;
  if (!message) {
    fail_call(as_of_server(buffer_.fault()));
  } else if (!buffer_.ready()) {
    give_credit();
  }
  return message;
}

void ServerCall::reject_message() {
  fail_call(Status(Code::INTERNAL, "a request is not a message of this method's type", Initiator::peer));
}

std::span<std::uint8_t> ServerCall::reserve_message(std::size_t bytes, bool may_compress) {
  if (status_sent_ || !stream_) return {};
  if (compress_turn_.taken()) [[unlikely]] {
    fail_call(Status(Code::INTERNAL, "a response was written before there was room for it",
                     Initiator::application));
    return {};
  }
  if (bytes > max_response_bytes_) {
    fail_call(Status(Code::RESOURCE_EXHAUSTED,
                     "the response has " + std::to_string(bytes) + " bytes, the limit is " +
                         std::to_string(max_response_bytes_),
                     Initiator::application));
    return {};
  }
  buffer_.forget_taken();  // it was parsed: there is room for the response to it
  if (method_->method->kind == MethodKind::unary) parsed_bytes_ = 0;  // likewise, its handler has ended
  if (const Status status = connection_->check_buffered(bytes); !status.ok()) {
    fail_call(status);
    return {};
  }
  if (!headers_sent_) {
    if (const Status status = send_initial_headers(); !status.ok()) {
      fail_call(status);
      return {};
    }
  }
  if (may_compress && compression_ != Compression::identity) {
    worked_on_ = true;
    compressed_ = std::make_unique<CompressedMessage>(bytes);
    return compressed_->room();
  }
  connection_->count_written(MessageBuffer::prefix_bytes + bytes);
  return room_.begin(connection_->session(), *stream_, bytes);
}

std::span<std::uint8_t> ServerCall::reserve_more() {
  const std::span<std::uint8_t> room = room_.more(connection_->session(), *stream_);
  if (room.empty()) connection_->flush_soon();  // with the reset
  return room;
}

void ServerCall::commit_message() {
  message_sent_ = true;
  if (compressed_) return compress_message();
  room_.commit(connection_->session(), *stream_);
  account();
  connection_->flush_soon();
}

bool ServerCall::writable() const {
  return stream_ && stream_->queued_bytes() < write_ahead_bytes && !compress_turn_.taken();
}

}  // namespace ringrpc
