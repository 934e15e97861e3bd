/// The server's side of one HTTP/1.1 connection (RFC 9112) without any I/O:
/// bytes in → events, calls → bytes out.
///
///   Session session(limits, slabs, events);
///   session.receive(bytes);                                // events.on_request, on_body …, on_request_end
///   session.respond({.fields = fields}, std::move(page));  // or begin, send …, finish
///   session.produce(out);                                  // while wants_to_produce(); then send `out`
///   if (session.finished()) ...                            // shut down sending, then close
///
/// Requests are served one after the other: bytes of the next wait inside the session until the response is
/// produced, and `wants_input` says to stop reading. Bytes may be cut anywhere; events do not depend on
/// that, except for the pieces of `on_body`.
///
/// A malformed request (RFC 9112, 11.2) gets a response with one line of text/plain that names the cause and
/// the section of the RFC, and the connection ends after it. head_scanner.h, request_check.h and
/// chunked_decoder.h have the rules, session_limits.h the limits. HTTP/1.0 is served, with `Connection:
/// keep-alive` and without chunked bodies. HTTP/0.9, CONNECT, Upgrade and transfer codings other than chunked
/// are not. Trailer fields are dropped.
///
/// The owner of the socket keeps time: `waits_for` names the event to limit, and `time_out` ends the wait. To
/// close without losing the last response, shut down sending, then read and drop bytes until the peer closes
/// or a timeout (RFC 9112, 9.6).
///
/// The session holds at most what the limits allow and what the handler queues. An idle session holds no
/// memory outside itself. If memory is short, methods that are not noexcept may throw
/// std::bad_alloc; drop the connection then. They throw nothing else. A session belongs to one thread.
///
/// The states of the input, and of the output for the request that is served:
///
///           ┌────────── next request ───────────┐
///           ▼                                   │
///   Input:  idle ──► head ──► body ──► whole ───┘        any ──► closed: refused, ended, last
///                     └────────────────▲ without a body
///
///   Output: none ──► owed ──► open ──► complete          any ──► none: aborted
///           ▲                             │
///           └────────── produced ─────────┘
///
/// session.cc takes the input; session_output.cc produces the output.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ringrpc/bytes.h"
#include "ringrpc/status.h"

#include "base/inside.h"
#include "base/slab.h"
#include "http1/chunked_decoder.h"
#include "http1/head_scanner.h"
#include "http1/refusal.h"
#include "http1/request.h"
#include "http1/response.h"
#include "http1/session_events.h"
#include "http1/session_limits.h"

namespace ringrpc::http1 {

/// The event that a session waits for, so that its owner can limit the time.
enum class WaitsFor : std::uint8_t {
  request,   ///< the first byte of a request: an idle connection
  head,      ///< the rest of a head
  body,      ///< the rest of a body
  response,  ///< the handler, which must respond or give body bytes back
  peer,      ///< output must be produced and sent
  nothing,   ///< the session is finished
};

class Session {
 public:
  /// A response's queue is high from here on, and low below that.
  static constexpr std::size_t high_water_bytes = 64 * 1024;
  static constexpr std::size_t low_water_bytes = 32 * 1024;

  /// `limits` and `events` must outlive the session. Output waits in `slabs`, the pool of the chains that are
  /// given to `respond`, `send` and `produce`.
  Session(const Limits& limits, SlabPool& slabs, SessionEvents& events) noexcept;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /// A request that is served is dropped without an event.
  ~Session() = default;

  /// Takes received bytes, even while `wants_input` is false. A failure means that the peer broke the
  /// protocol: produce the rest of the output (a response that names the fault), send it, close. Later calls
  /// drop their bytes and return the same failure.
  Status receive(Bytes bytes);

  /// Moves due output to `out`, until nothing is left or `out` holds `limit_bytes`; well-filled slabs change
  /// hands without a copy. When a response has been produced, the next request that has arrived begins. If
  /// its handler responds at once, that response follows.
  void produce(Chain& out, std::size_t limit_bytes = 1024 * 1024);

  /// True while `produce` may append something or call an event.
  bool wants_to_produce() const noexcept;

  /// False while the peer should not be read: a request is being served, or body bytes wait to be consumed.
  bool wants_input() const noexcept;

  /// True when the connection is over and all output has been produced.
  bool finished() const noexcept {
    return input_ == Input::closed && output_ == Output::none && queue_.empty();
  }

  /// The fault of the peer that ended the connection; OK if there is none. `produce` may find one too, in a
  /// request that has waited.
  const Status& failure() const noexcept { return failure_; }

  WaitsFor waits_for() const noexcept;

  /// Gives `bytes` of received body back, so that as many more may arrive.
  void consumed(std::size_t bytes) noexcept;

  /// The whole response to the request that is served. A response to HEAD goes without its body, with the
  /// fields that it would have; 204 and 304 have none, and `body` must be empty. Sets `content_length`
  /// itself.
  void respond(Response response, Chain body);
  void respond(Response response, Bytes body);

  /// The same in pieces: `begin` once, `send` for each piece, then `finish`. With a `content_length` the
  /// pieces must be as long in sum, unless the request is HEAD; otherwise each is one chunk. Empty pieces do
  /// nothing. If the request is not complete when its response begins, the connection ends with the response,
  /// and the rest of the request is dropped if it arrives after `finish`.
  void begin(const Response& response);
  void send(Bytes piece);  ///< copies
  void send(Chain piece);  ///< takes the slabs over
  void finish();

  /// False while the response's queue is high: a handler of large pages waits for `on_writable` before it
  /// sends more.
  bool writable() const noexcept { return !above_high_water_; }

  /// The connection ends after the response to the request that is served or has begun to arrive. If there is
  /// none, it ends at once. Requests behind that one are dropped, and their clients may send them again (RFC
  /// 9112, 9.6).
  void shut_down() noexcept;

  /// The peer has half-closed the connection. A complete request is served; any other is aborted.
  void end_input();

  /// The event of `waits_for` took too long, so the connection ends. Before a response has begun, an
  /// incomplete request gets a 408; an idle connection gets nothing. A response that has begun is cut off.
  /// Produce the rest of the output, then close.
  void time_out();

  /// Bytes that wait to be produced.
  std::size_t queued_output_bytes() const noexcept { return queue_.size(); }

 private:
  enum class Input : std::uint8_t { idle, head, body, whole, closed };
  enum class Output : std::uint8_t { none, owed, open, complete };

  /// Everything that belongs to one request and its response.
  struct Exchange {
    explicit Exchange(const Limits& limits) noexcept
        : scanner(limits, HeadScanner::Part::request), chunks(limits) {}

    std::vector<std::uint8_t> head;  ///< as it arrived; `request` points into it
    HeadScanner scanner;
    Request request;
    ChunkedDecoder chunks;
    std::uint64_t body_left_bytes = 0;  ///< of a body with Content-Length
    std::size_t unconsumed_bytes = 0;
    BodyEnd response_end = BodyEnd::none;
    std::uint64_t response_left_bytes = 0;  ///< of a response with Content-Length
    bool is_head = false;
    bool is_last = false;  ///< the connection ends with the response
  };

  void enter(Input next) noexcept;
  void enter(Output next) noexcept;
  bool is_served() const noexcept { return output_ != Output::none; }

  // session.cc
  Bytes advance(Bytes bytes);
  std::size_t take(Bytes bytes);
  std::size_t take_head(Bytes bytes);
  void head_complete();
  std::size_t take_body(Bytes bytes);
  std::size_t take_chunks(Bytes bytes);
  void deliver(Bytes data);
  void request_complete();
  void keep(Bytes bytes);
  void resume_kept();
  void refuse(const Refusal& refusal);
  void abort(const Status& why);
  void abort_unfinished();

  // session_output.cc
  bool is_produced() const noexcept { return output_ == Output::complete && queue_.empty(); }
  bool is_low() const noexcept { return above_high_water_ && queue_.size() < low_water_bytes; }
  void begin_response(const Response& response);
  void begin_chunk(std::size_t bytes);
  void end_chunk();
  bool accept_piece(std::size_t bytes) noexcept;
  void mark_high_water() noexcept {
    if (queue_.size() >= high_water_bytes) above_high_water_ = true;
  }
  void end_exchange();

  const Limits& limits_;
  SessionEvents& events_;
  Input input_ = Input::idle;
  Output output_ = Output::none;
  bool inside_ = false;
  bool above_high_water_ = false;
  bool input_ended_ = false;
  std::uint32_t requests_ = 0;
  Exchange exchange_;
  std::vector<std::uint8_t> kept_;  ///< arrived behind the request that is served …
  std::size_t kept_begin_ = 0;      ///< … and was not taken before here
  Chain queue_;
  Status failure_;
};

}  // namespace ringrpc::http1
