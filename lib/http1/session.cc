#include "http1/session.h"

#include <algorithm>
#include <string>
#include <utility>

#include "http1/head_parser.h"
#include "http1/request_check.h"

namespace ringrpc::http1 {
namespace {

/// The head without the empty line that may precede it.
Bytes without_empty_line(Bytes head) noexcept {
  return as_text(head).starts_with("\r\n") ? head.subspan(2) : head;
}

Status to_status(const Refusal& refusal) {
  const bool too_large = refusal.status == 413 || refusal.status == 414 || refusal.status == 431;
  const Code code = refusal.status == 408 ? Code::DEADLINE_EXCEEDED
                    : too_large           ? Code::RESOURCE_EXHAUSTED
                                          : Code::INVALID_ARGUMENT;
  return {code, std::string(refusal.reason), Initiator::peer};
}

}  // namespace

Session::Session(const Limits& limits, SlabPool& slabs, SessionEvents& events) noexcept
    : limits_(limits), events_(events), exchange_(limits), queue_(slabs) {}

void Session::enter(Input next) noexcept {
  // Forward within a request, to the next one when it is complete, and to the end from anywhere.
  assert(next > input_ || (input_ == Input::whole && next == Input::idle));
  input_ = next;
}

void Session::enter(Output next) noexcept {
  assert(next > output_ || next == Output::none);
  assert(next != Output::open || output_ == Output::owed);
  output_ = next;
}

Status Session::receive(Bytes bytes) {
  const Inside inside(inside_);
  if (kept_.empty()) bytes = advance(bytes);
  if (input_ == Input::whole) keep(bytes);
  return failure_;
}

/// Returns the rest, which belongs to later requests.
Bytes Session::advance(Bytes bytes) {
  while (!bytes.empty() && input_ < Input::whole) bytes = bytes.subspan(take(bytes));
  return bytes;
}

std::size_t Session::take(Bytes bytes) {
  if (input_ != Input::body) return take_head(bytes);
  return exchange_.request.framing == Framing::chunked ? take_chunks(bytes) : take_body(bytes);
}

std::size_t Session::take_head(Bytes bytes) {
  HeadScanner& scanner = exchange_.scanner;
  const std::size_t taken = scanner.scan(bytes);
  exchange_.head.insert(exchange_.head.end(), bytes.begin(),
                        bytes.begin() + static_cast<std::ptrdiff_t>(taken));
  if (input_ == Input::idle && !scanner.before_head()) enter(Input::head);
  if (scanner.refusal()) {
    refuse(scanner.refusal());
  } else if (scanner.complete()) {
    head_complete();
  }
  return taken;
}

void Session::head_complete() {
  Request& request = exchange_.request;
  Refusal refusal = parse_head(without_empty_line(exchange_.head), request);
  if (!refusal) refusal = check_request(request, limits_.body_bytes_max);
  if (refusal) return refuse(refusal);
  exchange_.is_head = request.method == "HEAD";
  if (!request.keep_alive || ++requests_ >= limits_.requests_max) exchange_.is_last = true;
  exchange_.body_left_bytes = request.content_length;
  enter(Output::owed);
  enter(request.framing == Framing::none ? Input::whole : Input::body);
  events_.on_request(request);
  if (input_ == Input::whole) return events_.on_request_end();
  if (request.expects_continue && output_ == Output::owed && input_ == Input::body)
    queue_.append(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"));
}

std::size_t Session::take_body(Bytes bytes) {
  const Bytes data = bytes.first(std::min<std::uint64_t>(bytes.size(), exchange_.body_left_bytes));
  exchange_.body_left_bytes -= data.size();
  deliver(data);
  if (input_ == Input::body && exchange_.body_left_bytes == 0) request_complete();
  return data.size();
}

std::size_t Session::take_chunks(Bytes bytes) {
  const auto [taken, data] = exchange_.chunks.decode(bytes);
  if (!data.empty()) deliver(data);
  if (input_ != Input::body) return taken;
  if (exchange_.chunks.refusal()) {
    refuse(exchange_.chunks.refusal());
  } else if (exchange_.chunks.complete()) {
    request_complete();
  }
  return taken;
}

void Session::deliver(Bytes data) {
  exchange_.unconsumed_bytes += data.size();
  events_.on_body(data);
}

void Session::request_complete() {
  enter(Input::whole);
  events_.on_request_end();
}

/// Keeps the bytes that arrived behind the request that is served. Drops bytes beyond the limit, and all that
/// follow.
void Session::keep(Bytes bytes) {
  if (exchange_.is_last || bytes.empty()) return;
  if (bytes.size() > limits_.pipelined_bytes_max - (kept_.size() - kept_begin_)) {
    exchange_.is_last = true;
    kept_ = {};
    kept_begin_ = 0;
    return;
  }
  if (kept_begin_ > 0) {
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(kept_begin_));
    kept_begin_ = 0;
  }
  kept_.insert(kept_.end(), bytes.begin(), bytes.end());
}

void Session::resume_kept() {
  if (kept_.empty()) return;
  const Bytes rest = advance(Bytes(kept_).subspan(kept_begin_));
  kept_begin_ = kept_.size() - rest.size();
  if (!rest.empty() && input_ == Input::whole && !exchange_.is_last) return;
  kept_ = {};
  kept_begin_ = 0;
}

bool Session::wants_input() const noexcept {
  switch (input_) {
    case Input::idle:
    case Input::head:
      return true;
    case Input::body:
      return exchange_.unconsumed_bytes < limits_.body_window_bytes;
    case Input::whole:
    case Input::closed:
      break;
  }
  return false;
}

WaitsFor Session::waits_for() const noexcept {
  if (finished()) return WaitsFor::nothing;
  if (wants_to_produce()) return WaitsFor::peer;
  if (input_ == Input::idle) return WaitsFor::request;
  if (input_ == Input::head) return WaitsFor::head;
  return wants_input() ? WaitsFor::body : WaitsFor::response;
}

void Session::consumed(std::size_t bytes) noexcept {
  assert(bytes <= exchange_.unconsumed_bytes);
  exchange_.unconsumed_bytes -= bytes;
}

void Session::shut_down() noexcept {
  exchange_.is_last = true;
  if (input_ == Input::idle) enter(Input::closed);
}

void Session::end_input() {
  const Inside inside(inside_);
  input_ended_ = true;
  abort_unfinished();
}

/// Ends a request that cannot become complete, because the peer has half-closed the connection.
void Session::abort_unfinished() {
  if (!input_ended_ || input_ >= Input::whole) return;
  enter(Input::closed);
  abort({Code::CANCELLED, "the peer half-closed the connection within a request", Initiator::peer});
}

void Session::time_out() {
  const Inside inside(inside_);
  const bool in_request = input_ == Input::head || input_ == Input::body;
  if (in_request && output_ <= Output::owed)
    return refuse({408, "the request took too long to arrive (RFC 9110, 15.5.9)"});
  if (input_ != Input::closed) enter(Input::closed);
  queue_.clear();
  abort({Code::DEADLINE_EXCEEDED, "the connection timed out", Initiator::peer});
}

/// Responds with the cause if no response has begun, and ends the connection.
void Session::refuse(const Refusal& refusal) {
  failure_ = to_status(refusal);
  enter(Input::closed);
  const bool can_respond = output_ <= Output::owed;
  if (can_respond) exchange_.is_head = as_text(without_empty_line(exchange_.head)).starts_with("HEAD ");
  abort(failure_);
  if (!can_respond) return;
  const std::string text = std::string(refusal.reason) + '\n';
  const Field content_type{"content-type", "text/plain"};
  const Response response{
      .status = refusal.status, .fields = {&content_type, 1}, .content_length = text.size(), .close = true};
  write_head(response, BodyEnd::length, ConnectionField::close, events_.time_of_day(), queue_);
  if (!exchange_.is_head) queue_.append(as_bytes(text));
}

/// Ends the request that is served: its handler gets no more events.
void Session::abort(const Status& why) {
  above_high_water_ = false;
  if (!is_served()) return;
  enter(Output::none);
  events_.on_aborted(why);
}

}  // namespace ringrpc::http1
