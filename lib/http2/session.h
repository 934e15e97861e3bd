/// One HTTP/2 connection (RFC 9113) without any I/O: bytes in → events, calls → bytes out.
///
///   Session session(Role::server, limits, clock, slabs, events);
///   session.receive(bytes);                       // events.on_request; then the stream's own on_data, on_end …
///   session.send_headers(stream, fields, false);
///   session.send_data(stream, message); session.send_trailers(stream, trailers);
///   session.produce(out);                         // everything that is due, flow control permitting
///
/// The session checks what RFC 9113 section 8 asks of messages itself and bounds what a peer can make it hold
/// or do; what it finds wrong ends the stream or the connection with the code that the RFC names. The engine
/// is nghttp2, which no other layer knows.
///
/// Where memory is short a method may throw std::bad_alloc, out of `receive` and `produce` too when the user's
/// events or chain do; after that end the connection, unless the method says what it leaves behind. What
/// nghttp2 or an event inside it fails of for want of memory comes as RESOURCE_EXHAUSTED from `receive`.
///
/// Events are called from inside `receive` and `produce` only. From inside an event every method may be
/// called except `receive`, `produce` and the destructor. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "ringrpc/bytes.h"
#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "base/slab.h"
#include "http2/error_code.h"
#include "http2/header.h"
#include "http2/session_limits.h"

namespace ringrpc::http2 {

/// The events of one stream; the call that the stream carries implements them.
///
/// After on_closed the session has let go of the object.
class StreamEvents {
 public:
  /// The response's header block arrived whole and is well-formed; its fields are in stream.headers() (client).
  virtual void on_headers() {}
  /// An interim response (1xx) arrived; the response is still to come (client).
  virtual void on_interim_headers() {}
  /// Body bytes, valid until this returns. They count against the stream's window until `consumed` is called,
  /// and no longer against the connection's.
  virtual void on_data(Bytes bytes) = 0;
  /// Trailers arrived, in stream.headers().
  virtual void on_trailers() {}
  /// The peer has finished sending; after its last on_headers, on_data or on_trailers.
  virtual void on_end() = 0;
  /// The queued body has been produced down to less than `low_water_bytes` (see send_data).
  virtual void on_writable() {}
  /// The stream is closed, and this its last event: `code` is no_error when both sides finished, else the code of
  /// the reset, and `by_peer` says whose. Where the session resets a stream because of a fault, this comes at once,
  /// while the RST_STREAM still waits to be produced.
  virtual void on_closed(ErrorCode code, bool by_peer) = 0;

 protected:
  ~StreamEvents() = default;
};

/// One stream of a session. Owned by the session: valid from on_request, or from `open`, until `on_closed`
/// returns.
class Stream {
 public:
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  std::uint32_t id() const noexcept { return id_; }

  /// The fields of the header block whose event is being called; valid until that event returns, unless kept.
  std::span<const Header> headers() const noexcept { return headers_; }

  /// Keeps the fields of the first header block valid until the stream closes. Call it from inside
  /// on_request or on_headers.
  void keep_headers() noexcept { keep_headers_ = true; }

  /// The peer has said that it gives the stream up after `timeout`, which it may then do without having wasted
  /// the stream.
  void set_timeout(Nanoseconds timeout) noexcept { timeout_ = timeout; }

  /// Who gets the stream's events from now on; must outlive the stream or be replaced. Null for nobody: the body that
  /// arrives is dropped and its window given back.
  void set_events(StreamEvents* events) noexcept { events_ = events; }

  /// Bytes given to `send_data` and not yet produced.
  std::size_t queued_bytes() const noexcept { return queued_bytes_; }

 protected:
  Stream() = default;
  ~Stream() = default;

  StreamEvents* events_ = nullptr;
  std::uint32_t id_ = 0;
  bool keep_headers_ = false;
  Nanoseconds timeout_ = Nanoseconds::max();
  std::span<const Header> headers_;
  std::size_t queued_bytes_ = 0;
};

/// The events of a connection.
class SessionEvents {
 public:
  /// The peer has opened a stream (server): its request's header block arrived whole and is well-formed, in
  /// stream.headers(). Give the stream its events here; one without any is still to be ended by its user.
  virtual void on_request(Stream& /*stream*/) {}
  /// A request's header list is over the limit and was dropped (server). Either respond here, ending the stream, and
  /// return true; of the request nothing more is heard. Or return false, and it is reset with ENHANCE_YOUR_CALM.
  virtual bool on_headers_too_large(Stream& /*stream*/) { return false; }
  /// A stream that was opened here has closed, so `open` may have capacity again (client). Follows its on_closed.
  virtual void on_capacity() {}
  /// The peer will take no stream above `last_stream_id`. `debug` is valid until this returns. On a client,
  /// the on_closed of streams follows at once, with refused_stream: for those above it by the peer; for requests that
  /// were not produced yet, and never will be, not by the peer.
  virtual void on_goaway(std::uint32_t last_stream_id, ErrorCode code, std::string_view debug) = 0;
  /// The answer to `ping`.
  virtual void on_ping_ack(std::uint64_t opaque) = 0;
  /// The peer's first SETTINGS arrived: the connection is up.
  virtual void on_settings() = 0;

 protected:
  ~SessionEvents() = default;
};

class SessionEngine;

class Session {
 public:
  /// The queue of a stream's body is low below this.
  static constexpr std::size_t low_water_bytes = 32 * 1024;

  /// `events` must outlive the session. `now` is where time is read for the rate limits: the shard's instant.
  /// Large bodies wait in `slabs`, the pool of the chains that are given to `produce`.
  Session(Role role, const Limits& limits, const Instant& now, SlabPool& slabs, SessionEvents& events);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /// Streams that remain are dropped without an event.
  ~Session();

  /// Takes what arrived. A failure means the connection is over: produce what is left (a GOAWAY with the
  /// reason, if any), send it, close. The status says what the peer did. Some faults are found while their
  /// answers are produced: `finished` says that it is over then, and the next `receive` why.
  Status receive(Bytes bytes);

  /// Appends frames that are due to `out`, until nothing is left, flow control holds the rest back, or `out`
  /// holds `limit_bytes`.
  void produce(Chain& out, std::size_t limit_bytes = 1024 * 1024);

  /// True while `produce` may have something to append.
  bool wants_to_produce() const noexcept;

  /// Whether the connection is over: a GOAWAY was sent or received and no stream is left, or it failed.
  bool finished() const noexcept;

  /// Opens a stream with a request, whose events go to `events` (client). Fails with UNAVAILABLE when the peer takes no more streams on
  /// this connection (its limit is reached, it said GOAWAY, the ids are used up).
  Result<Stream*> open(std::span<const Header> request, StreamEvents* events, bool end_stream);

  /// How many more streams `open` would take now.
  std::uint32_t open_capacity() const noexcept;

  /// The response's header block (server); with `end_stream` the only one. Names and values are copied,
  /// unless Header::static_storage says that they need not be. Where it throws nothing has been sent.
  void send_headers(Stream& stream, std::span<const Header> headers, bool end_stream);

  /// How large a header list the peer takes (its SETTINGS_MAX_HEADER_LIST_SIZE), 64 KiB at most: names,
  /// values and 32 bytes for each field (RFC 9113, 6.5.2). The session sends what is larger all the same, but
  /// for more than 64 KiB, for which it resets the stream.
  std::size_t header_list_bytes_max() const noexcept;

  /// Queues body bytes, copied; any amount. `on_writable` is called when the queue has been produced below
  /// `low_water_bytes`. Where it throws the stream has been reset.
  void send_data(Stream& stream, Bytes bytes, bool end_stream = false);

  /// Room in the stream's queue to write a body into, instead of a copy by send_data: for `bytes`, or for the
  /// first of them where they are more than a slab takes. Valid until the next call on this stream;
  /// `commit_data` queues what was written, and then the room for the rest may be asked for.
  std::span<std::uint8_t> reserve_data(Stream& stream, std::size_t bytes);
  void commit_data(Stream& stream, std::size_t bytes);

  /// Trailers after the queued body, ending the stream. Names and values are copied as by send_headers; where
  /// it throws nothing has been sent.
  void send_trailers(Stream& stream, std::span<const Header> trailers);

  /// Ends the stream at once; `on_closed` follows from `produce`, and no other event does. What is queued is
  /// dropped. With `no_error` after the stream's end was queued (send_trailers, end_stream) nothing is
  /// dropped: RST_STREAM follows the end of the answer, if the peer has not ended its side by then (RFC 9113,
  /// 8.1).
  void reset(Stream& stream, ErrorCode code);

  /// Gives `bytes` of received body back to the stream's window. The connection's is given back as they
  /// arrive, so that a stream which nobody reads holds back no other: what waits to be consumed is at most
  /// initial_window_bytes for each open stream.
  void consumed(Stream& stream, std::size_t bytes);

  /// Drain, first step: GOAWAY(2³¹−1), and behind it a PING with this payload. New streams are still taken;
  /// when `on_ping_ack` comes, all that the peer opened before it knew have arrived.
  void announce_shutdown(std::uint64_t opaque);
  /// Drain, second step, or the end for a reason: GOAWAY(last stream). Streams above it are refused, those
  /// below finish.
  void goaway(ErrorCode code, std::string_view debug = {});
  /// GOAWAY and no more: `finished` is true once it has been produced.
  void terminate(ErrorCode code, std::string_view debug = {});

  /// PING with this payload; `on_ping_ack` answers.
  void ping(std::uint64_t opaque);

  /// The peer has ended its sending and may still read (server). Resets streams whose requests are not whole,
  /// unless the response has been given its end, and says GOAWAY: `finished` once the others have ended. No
  /// deadline of `tick` is left.
  void end_input();

  /// When `tick` wants to be called: the SETTINGS that we sent must be acknowledged within 10 s, and a header
  /// block that has begun must be finished within its limit. `never` while neither is due.
  Instant next_deadline() const noexcept;
  Status tick();

  /// What frames other than DATA that wait to be produced take in memory, estimated.
  std::size_t queued_output_bytes() const noexcept;

  std::size_t open_streams() const noexcept;
  std::uint32_t last_peer_stream_id() const noexcept;

  /// Bytes that the peer's connection window still allows us to send.
  std::int64_t connection_send_window() const noexcept;

 private:
  std::unique_ptr<SessionEngine> engine_;
};

}  // namespace ringrpc::http2
