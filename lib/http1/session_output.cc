#include <array>
#include <charconv>
#include <utility>

#include "http1/session.h"

namespace ringrpc::http1 {

void Session::produce(Chain& out, std::size_t limit_bytes) {
  const Inside inside(inside_);
  while (out.size() < limit_bytes) {
    queue_.move_front(limit_bytes - out.size(), out);
    if (is_low()) {
      above_high_water_ = false;
      events_.on_writable();
    } else if (is_produced()) {
      end_exchange();
    } else if (queue_.empty()) {
      return;
    }
  }
}

bool Session::wants_to_produce() const noexcept { return !queue_.empty() || is_low() || is_produced(); }

void Session::end_exchange() {
  enter(Output::none);
  events_.on_response_end();
  if (input_ == Input::whole) enter(exchange_.is_last ? Input::closed : Input::idle);
  exchange_ = Exchange(limits_);
  resume_kept();
  abort_unfinished();
}

void Session::respond(Response response, Chain body) {
  if (has_body(response.status)) response.content_length = body.size();
  begin(response);
  send(std::move(body));
  finish();
}

void Session::respond(Response response, Bytes body) {
  if (has_body(response.status)) response.content_length = body.size();
  begin(response);
  send(body);
  finish();
}

void Session::begin(const Response& response) {
  const Request& request = exchange_.request;
  const bool is_1_1 = request.version == Version::http_1_1;
  // The peer may not have sent the rest, and need not send it after the response (RFC 9112, 9.3).
  if (response.close || input_ != Input::whole) exchange_.is_last = true;
  BodyEnd end = BodyEnd::chunked;
  if (!has_body(response.status)) {
    end = BodyEnd::none;
  } else if (response.content_length) {
    end = BodyEnd::length;
  } else if (!is_1_1) {
    end = BodyEnd::connection;
    exchange_.is_last = true;
  }
  enter(Output::open);
  exchange_.response_end = end;
  exchange_.response_left_bytes = end == BodyEnd::length ? *response.content_length : 0;
  const ConnectionField connection = exchange_.is_last ? ConnectionField::close
                                     : is_1_1          ? ConnectionField::none
                                                       : ConnectionField::keep_alive;
  write_head(response, end, connection, events_.time_of_day(), queue_);
  mark_high_water();
}

/// Counts a piece of the body. True if it must be queued.
bool Session::accept_piece(std::size_t bytes) noexcept {
  assert(output_ == Output::open);
  if (bytes == 0 || exchange_.is_head) return false;
  assert(exchange_.response_end != BodyEnd::none);
  if (exchange_.response_end == BodyEnd::length) {
    assert(bytes <= exchange_.response_left_bytes);
    exchange_.response_left_bytes -= bytes;
  }
  return true;
}

void Session::send(Bytes piece) {
  if (!accept_piece(piece.size())) return;
  begin_chunk(piece.size());
  queue_.append(piece);
  end_chunk();
}

void Session::send(Chain piece) {
  if (!accept_piece(piece.size())) return;
  begin_chunk(piece.size());
  piece.move_front(piece.size(), queue_);
  end_chunk();
}

void Session::begin_chunk(std::size_t bytes) {
  if (exchange_.response_end != BodyEnd::chunked) return;
  std::array<char, 18> line;
  char* end = std::to_chars(line.data(), line.data() + 16, bytes, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  queue_.append(as_bytes({line.data(), end}));
}

void Session::end_chunk() {
  if (exchange_.response_end == BodyEnd::chunked) queue_.append(as_bytes("\r\n"));
  mark_high_water();
}

void Session::finish() {
  assert(output_ == Output::open);
  assert(exchange_.is_head || exchange_.response_left_bytes == 0);
  if (exchange_.response_end == BodyEnd::chunked && !exchange_.is_head) queue_.append(as_bytes("0\r\n\r\n"));
  above_high_water_ = false;
  enter(Output::complete);
  if (input_ == Input::body) enter(Input::closed);
}

}  // namespace ringrpc::http1
