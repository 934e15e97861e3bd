/// One HTTP/2 connection (RFC 9113) without any I/O: bytes in → events, calls → bytes out.
///
///   Session session(Role::server, limits, clock, slabs, events);
///   session.receive(bytes);                       // events.on_request; then the stream's own on_data, on_end …
///   session.send_headers(stream, fields, false);
///   session.send_data(stream, message); session.send_trailers(stream, trailers);
///   session.produce(out);                         // everything that is due, flow control permitting
///
/// The session checks what RFC 9113 section 8 asks of messages itself and bounds what a peer can make it hold
/// or do; what it finds wrong ends the stream or the connection with the code that the RFC names.
///
/// Where memory is short a method may throw std::bad_alloc, out of `receive` and `produce` too when the user's
/// events or chain do; after that end the connection, unless the method says what it leaves behind. What
/// nghttp2 or an event inside it fails of for want of memory comes as RESOURCE_EXHAUSTED from `receive`.
///
/// Events are called from inside `receive` and `produce` only. From inside an event every method may be
/// called except `receive`, `produce` and the destructor. One thread.
///
/// The engine behind it is nghttp2, which no other layer knows: framing, HPACK, stream states and flow control. Turned
/// off in it, and done here, are its checks of HTTP messages (message_check.h) and its memory of closed streams
/// (stream_history.h): both at a fraction of the cost. RFC 7540's priorities are off by
/// SETTINGS_NO_RFC7540_PRIORITIES; streams take turns in the order in which they have something to send.
///
/// session.cc begins and ends the session and keeps its streams; session_input.cc takes what arrives;
/// session_output.cc produces what leaves; session_callbacks.h has what nghttp2 calls.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "ringrpc/bytes.h"
#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "base/slab.h"
#include "http2/error_code.h"
#include "http2/frame_scanner.h"
#include "http2/header.h"
#include "http2/header_block.h"
#include "http2/known_blocks.h"
#include "http2/memory_pool.h"
#include "http2/message_check.h"
#include "http2/peer_conduct.h"
#include "http2/session_events.h"
#include "http2/session_limits.h"
#include "http2/stream.h"

struct nghttp2_rcbuf;
struct nghttp2_session;

namespace ringrpc::http2 {

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
  std::span<std::uint8_t> reserve_data(Stream& stream, std::size_t bytes) {
    return stream.body_.reserve(body_memory_, bytes);
  }
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
  Instant next_deadline() const noexcept {
    return phase_ >= Phase::input_ended ? never : std::min(settings_deadline_, block_deadline_);
  }
  Status tick();

  /// What frames other than DATA that wait to be produced take in memory, estimated.
  std::size_t queued_output_bytes() const noexcept;

  std::size_t open_streams() const noexcept { return stream_count_; }
  std::uint32_t last_peer_stream_id() const noexcept;

  /// Bytes that the peer's connection window still allows us to send.
  std::int64_t connection_send_window() const noexcept;

 private:
  /// What nghttp2 keeps for a frame that waits to be produced, and what becomes of it on the wire.
  static constexpr std::size_t queued_frame_bytes = 192;
  /// What an open stream accounts for: its headers, trailers, a WINDOW_UPDATE and a reset. How many streams are open
  /// is limited.
  static constexpr std::size_t stream_frames_bytes = 4 * queued_frame_bytes;

  struct Callbacks;

  /// In this order, of which it may skip some.
  enum class Phase : std::uint8_t {
    handshake,    ///< the peer's SETTINGS have not arrived
    open,         ///< both sides may open streams and send
    input_ended,  ///< nothing more arrives; the responses still leave
    terminating,  ///< a last GOAWAY is queued, and nothing that arrives matters any more
    over,         ///< nothing that leaves does either
  };
  void enter(Phase next) noexcept {
    assert(phase_ < next);
    phase_ = next;
  }

  /// While it lives, events may be called.
  class Inside {
   public:
    explicit Inside(Session& session) noexcept : session_(session) {
      assert(!session.inside_);
      session.inside_ = true;
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() { session_.inside_ = false; }

   private:
    Session& session_;
  };

  void* allocate(std::size_t bytes) noexcept {
    if (void* const block = pool_->take_free(bytes)) [[likely]]
      return block;
    return allocate_slowly(bytes);
  }
  void* allocate_slowly(std::size_t bytes) noexcept;
  void* resize(void* memory, std::size_t bytes) noexcept;

  Stream* find(std::int32_t id) noexcept;
  bool is_live(std::uint32_t id) noexcept;
  Stream* create_stream(std::uint32_t id, StreamEvents* events);
  void destroy_stream(Stream& stream) noexcept;

  // session_input.cc
  bool feed(Bytes bytes);
  bool feed_known(Bytes frame, const KnownBlock& known);
  bool feed_unknown(Bytes frame, Bytes block);
  void refuse_frame(const Verdict& verdict);
  bool header_block_unfinished() const noexcept;
  int take_new_field(nghttp2_rcbuf* name, nghttp2_rcbuf* value, bool never_indexed);
  int refuse_field();
  void answer_oversized(Stream& stream, bool end_stream);
  /// Counts a field of the block; false when the block has grown too large, or its stream has failed already.
  bool field_counts(std::size_t bytes) noexcept {
    block_bytes_ += bytes;
    ++block_fields_;
    return block_bytes_ <= block_bytes_max_ && block_fields_ <= block_fields_max_ && !receiving_->is_reset();
  }
  /// Body bytes have arrived, whatever becomes of them: the connection's window is for what is under way.
  void arrived(std::size_t bytes) {
    unreturned_bytes_ += bytes;
    if (unreturned_bytes_ >= return_bytes_) [[unlikely]]
      return_window();
  }
  void return_window();
  void header_block_complete(Stream& stream, bool end_stream);
  void announce_headers(Stream& stream, bool interim);
  void announce_end(Stream& stream);
  bool keep_headers(Stream& stream) noexcept;
  bool block_is_well_formed(Stream& stream, bool end_stream) noexcept;
  void peer_finished(Stream& stream);
  void fail_stream(Stream& stream, ErrorCode code);
  void tell_closed(Stream& stream, ErrorCode code, bool by_peer);
  bool wasted(const Stream& stream) const noexcept;
  void peer_reset(std::int32_t id);
  void refuse_unsent();

  // session_output.cc
  SentFields* prepare(Stream& stream, std::span<const Header> headers);
  void submit_headers(Stream& stream, SentFields* headers, bool end_stream);
  void submit_reset(Stream& stream, ErrorCode code);
  void flush(Stream& stream);
  void body_changed(Stream& stream);
  void headers_produced(std::int32_t id, bool request, bool end_stream);
  void data_produced(bool end_stream);
  void end_produced(Stream& stream);
  void reset_produced(std::int32_t id, ErrorCode code);
  void count_reset(ErrorCode code);

  // session.cc
  void submit_settings(const Limits& limits);
  int verdict() const noexcept;
  /// Ends the connection for what the peer did; no effect when all is well or it has ended already.
  void enforce(const Verdict& verdict);
  void engine_failed(int error);
  /// Ends the connection where nghttp2 has failed.
  void check(int error);
  void fail(ErrorCode code, std::string_view reason);
  /// The connection is over, with no word to the peer: what is left of the session is of no use.
  void lose(Status why) noexcept;

  const std::shared_ptr<MemoryPool> pool_;
  const BodyMemory body_memory_;
  nghttp2_session* engine_ = nullptr;
  SessionEvents& events_;
  const Instant& now_;
  const Role role_;
  Phase phase_ = Phase::handshake;
  bool inside_ = false;                    ///< `receive` or `produce` runs, and may call an event
  bool error_is_ours_ = false;             ///< a GOAWAY with an error was queued here, not by nghttp2
  std::uint32_t last_taken_ = UINT32_MAX;  ///< the last stream that a queued GOAWAY will let the peer have
  std::optional<std::uint64_t> ping_behind_goaway_;  ///< to be sent once the GOAWAY has been produced
  bool read_to_the_end_ = false;  ///< the DATA frame being produced takes all that was queued

  // The header block that is arriving; blocks of different streams never interleave.
  MessageCheck check_{MessageCheck::Kind::request};
  HeaderBlock first_blocks_;  ///< requests or responses
  HeaderBlock later_blocks_;  ///< trailers
  HeaderBlock* block_ = nullptr;
  KnownBlocks known_blocks_;
  const KnownBlock* known_ = nullptr;  ///< what the block being fed means, when that is known
  Bytes unknown_;                      ///< the block being fed, when it may be learnt
  std::uint32_t block_bytes_ = 0;
  std::uint32_t block_fields_ = 0;
  const std::uint32_t block_bytes_max_;
  const std::uint32_t block_fields_max_;
  const std::uint64_t block_bytes_close_;
  const Nanoseconds wasted_age_max_;
  std::uint64_t receipt_ = 0;  ///< counts calls of `receive`

  Stream* receiving_ =
      nullptr;  ///< the stream of the frame received last, which the next one is likely to be for
  Stream* producing_ = nullptr;  ///< likewise, of the DATA frame produced last
  Stream* streams_ = nullptr;
  std::size_t stream_count_ = 0;  ///< of those that are not over
  Chain* out_ = nullptr;
  std::size_t out_limit_bytes_ = 0;
  const std::size_t queued_output_bytes_max_;
  std::size_t unreturned_bytes_ = 0;       ///< arrived, and not yet given back to the connection's window …
  const std::size_t return_bytes_;         ///< … because it is less than this,
  const std::size_t stream_return_bytes_;  ///< and this for a stream
  Instant settings_deadline_ = never;
  Instant block_deadline_ = never;  ///< of the header block that has begun and not ended
  const Nanoseconds block_timeout_;
  FrameScanner scanner_;
  FrameHead head_{};  ///< of the frame that arrived last, or is arriving
  PeerConduct conduct_;
  Status failure_;
};

}  // namespace ringrpc::http2
