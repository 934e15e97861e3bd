/// One HTTP/2 connection (RFC 9113) without any I/O: bytes in → events, calls → bytes out.
///
///   Session session(Role::server, limits, clock, slabs, events);
///   session.receive(bytes);                    // calls on_request, then the stream's own on_data, on_end …
///   session.send_headers(stream, fields, false);
///   session.send_data(stream, message); session.send_trailers(stream, trailers);
///   session.produce(out);                      // everything that is due, flow control permitting
///
/// The session itself checks messages as RFC 9113, section 8, demands, and limits what a peer can make it
/// hold or do. A violation ends the stream or the connection with the RFC's error code.
///
/// When memory is short, a method may throw std::bad_alloc; so do `receive` and `produce` if the user's
/// events or chain throw it. End the connection then, unless the method documents its state after a throw. If
/// nghttp2, or an event that it calls, runs out of memory, `receive` returns RESOURCE_EXHAUSTED.
///
/// Events are called from inside `receive` and `produce` only. An event may call every method except
/// `receive`, `produce` and the destructor. A session belongs to one thread.
///
/// The engine is nghttp2, which no other layer knows: framing, HPACK, stream states and flow control. Two of
/// its parts are turned off and done here at a fraction of the cost: the checks of HTTP messages
/// (message_check.h) and the memory of closed streams (stream_history.h). SETTINGS_NO_RFC7540_PRIORITIES
/// turns off RFC 7540's priorities; streams take turns in the order in which they have something to send.
///
/// session.cc begins and ends the session and keeps its streams. session_input.cc takes the bytes that
/// arrive, session_output.cc produces those that leave, session_flow_control.cc returns windows, and
/// session_callbacks.h declares the callbacks of nghttp2.
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

#include "base/inside.h"
#include "base/slab.h"
#include "http2/constant_headers.h"
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
  /// A stream's body queue is low below this size.
  static constexpr std::size_t low_water_bytes = 32 * 1024;
  /// The memory of an open stream without its headers and its body, as measured.
  static constexpr std::size_t stream_bytes = 640;

  /// `events` must outlive the session. The rate limits read the time from `now`, the shard's instant. Large
  /// bodies wait in `slabs`, which must be the pool of the chains given to `produce`.
  Session(Role role, const Limits& limits, const Instant& now, SlabPool& slabs, SessionEvents& events);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /// Drops the remaining streams without an event.
  ~Session();

  /// Takes bytes that arrived. A failure means that the connection is over: produce the rest (a GOAWAY with
  /// the reason, if any), send it, and close. The status describes the peer's fault. nghttp2 reports some
  /// faults only when it produces the GOAWAY: `finished` is true from then on, and the next `receive` returns
  /// the reason.
  Status receive(Bytes bytes);

  /// Appends the frames that are due to `out`, until none is left, flow control holds the rest back, or `out`
  /// has `limit_bytes`.
  void produce(Chain& out, std::size_t limit_bytes = 1024 * 1024);

  /// True while `produce` may have something to append.
  bool wants_to_produce() const noexcept;

  /// True if the connection is over: it failed, or a GOAWAY was sent or received and no stream is left.
  bool finished() const noexcept;

  /// Opens a stream with a request (client). `events` gets the stream's events. Fails with UNAVAILABLE when
  /// the peer takes no more streams on this connection: its limit is reached, it has sent GOAWAY, or the ids
  /// are used up.
  Result<Stream*> open(std::span<const Header> request, StreamEvents* events, bool end_stream);

  /// The number of streams that `open` would accept now.
  std::uint32_t open_capacity() const noexcept;

  /// Sends the response's header block (server); with `end_stream` it is the only one. Names and values are
  /// copied, except those of fields with Header::static_storage and of ConstantHeaders. If it throws, nothing
  /// has been sent.
  void send_headers(Stream& stream, std::span<const Header> headers, bool end_stream);
  void send_headers(Stream& stream, const ConstantHeaders& headers, bool end_stream);

  /// The largest header list that the peer takes (its SETTINGS_MAX_HEADER_LIST_SIZE), at most 64 KiB: names,
  /// values and 32 bytes for each field (RFC 9113, 6.5.2). The session sends larger lists all the same, up to
  /// 64 KiB; for more than that it resets the stream.
  std::size_t header_list_bytes_max() const noexcept;

  /// Queues a copy of any number of body bytes. `on_writable` is called when `produce` has brought the queue
  /// below `low_water_bytes`. If it throws, the stream has been reset.
  void send_data(Stream& stream, Bytes bytes, bool end_stream = false);

  /// Reserves room in the stream's queue, so that a body can be written in place instead of copied by
  /// send_data: room for `bytes`, or for as many of them as fit in a slab. Valid until the next call on this
  /// stream. Call `commit_data` to queue the written bytes, then reserve room for the rest.
  std::span<std::uint8_t> reserve_data(Stream& stream, std::size_t bytes) {
    return stream.body_.reserve(body_memory_, bytes);
  }
  void commit_data(Stream& stream, std::size_t bytes);

  /// Sends trailers after the queued body and ends the stream. Names and values are copied as by
  /// send_headers. If it throws, nothing has been sent.
  void send_trailers(Stream& stream, std::span<const Header> trailers);
  void send_trailers(Stream& stream, const ConstantHeaders& trailers);

  /// Ends the stream at once and drops the queued bytes. The only event that follows is `on_closed`, from
  /// `produce`. With `no_error` after the stream's end was queued (send_trailers, end_stream) nothing is
  /// dropped: RST_STREAM follows the end of the response, unless the peer has half-closed the stream by then
  /// (RFC 9113, 8.1).
  void reset(Stream& stream, ErrorCode code);

  /// Returns `bytes` of received body to the stream's window. The connection's window is returned as bytes
  /// arrive, so that an unread stream holds back no other. At most initial_window_bytes wait to be consumed
  /// for each open stream.
  void consumed(Stream& stream, std::size_t bytes);

  /// First step of a drain: sends GOAWAY(2³¹−1), then a PING with this payload. New streams are still taken.
  /// When `on_ping_ack` comes, every stream that the peer opened before it had the GOAWAY has arrived.
  void announce_shutdown(std::uint64_t opaque);
  /// Second step of a drain, or the end because of an error: sends GOAWAY(last stream). Later streams
  /// are refused; the last and those before it finish.
  void goaway(ErrorCode code, std::string_view debug = {});
  /// Sends GOAWAY and nothing else: `finished` is true once the frame has been produced.
  void terminate(ErrorCode code, std::string_view debug = {});

  /// Sends a PING with this payload. `on_ping_ack` follows.
  void ping(std::uint64_t opaque);

  /// The peer has half-closed the transport and may still read (server). Resets streams whose requests are
  /// incomplete, unless the end of the response is queued, and sends GOAWAY. `finished` is true once the
  /// other streams have ended. No deadline of `tick` remains.
  void end_input();

  /// The time at which to call `tick`. The peer must acknowledge our SETTINGS within 10 s, and finish a
  /// header block that it has begun within its limit. `never` while neither is due.
  Instant next_deadline() const noexcept {
    return phase_ >= Phase::input_ended ? never : std::min(settings_deadline_, block_deadline_);
  }
  Status tick();

  /// An estimate of the memory that frames other than DATA take while they wait to be produced.
  std::size_t queued_output_bytes() const noexcept;

  /// An estimate of the memory that the peer's header fields take between requests, in HPACK's table and in
  /// known blocks, and of a header block or another frame that has not arrived whole.
  std::size_t remembered_bytes() const noexcept;

  /// Has scanned the bytes of all calls of `receive`.
  const FrameScanner& input_scanner() const noexcept { return scanner_; }

  std::size_t open_streams() const noexcept { return stream_count_; }
  std::uint32_t last_peer_stream_id() const noexcept;

  /// Bytes that the peer's connection window still allows us to send.
  std::int64_t connection_send_window() const noexcept;
  /// Bytes that our connection window still allows the peer to send.
  std::int64_t connection_receive_window() const noexcept;
  /// The peer's SETTINGS_MAX_CONCURRENT_STREAMS; 2^32 - 1 if it has not set any.
  std::uint32_t peer_max_concurrent_streams() const noexcept;

 private:
  /// The memory that a frame takes in nghttp2's queue and later on the wire.
  static constexpr std::size_t queued_frame_bytes = 192;
  /// The allowance for an open stream: its headers, trailers, a WINDOW_UPDATE and a reset. The number of open
  /// streams is limited.
  static constexpr std::size_t stream_frames_bytes = 4 * queued_frame_bytes;

  struct Callbacks;

  /// A session goes through these phases in order and may skip some.
  enum class Phase : std::uint8_t {
    handshake,    ///< the peer's SETTINGS have not arrived
    open,         ///< both sides may open streams and send
    input_ended,  ///< nothing more arrives; the responses still leave
    terminating,  ///< a last GOAWAY is queued; input no longer matters
    over,         ///< output no longer matters either
  };
  void enter(Phase next) noexcept {
    assert(phase_ < next);
    phase_ = next;
  }

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
  /// The bytes that were given to `receive`, and how many of them nghttp2 has.
  struct Input {
    Bytes bytes;
    std::size_t fed = 0;
  };
  bool feed_until(Input& input, std::size_t end);
  bool take_block(Input& input, bool request);
  void set_block_deadline() noexcept;
  bool feed(Bytes bytes);
  bool feed_known(Bytes frame, const KnownBlock& known);
  bool feed_unknown(Bytes frame, Bytes block);
  void refuse_frame(const Verdict& verdict);
  bool header_block_unfinished() const noexcept;
  std::size_t unfinished_bytes() const noexcept;
  int take_new_field(nghttp2_rcbuf* name, nghttp2_rcbuf* value, bool never_indexed);
  int refuse_field();
  void refuse_oversized(Stream& stream, bool end_stream);
  /// Counts a field of the block. False if the block has become too large or its stream has failed.
  bool field_counts(std::size_t bytes) noexcept {
    block_bytes_ += bytes;
    ++block_fields_;
    return block_bytes_ <= block_bytes_max_ && block_fields_ <= block_fields_max_ && !receiving_->is_reset();
  }
  void header_block_complete(Stream& stream, bool end_stream);
  void announce_headers(Stream& stream, bool interim);
  void announce_end(Stream& stream);
  bool keep_headers(Stream& stream) noexcept;
  bool block_is_well_formed(Stream& stream, bool end_stream) noexcept;
  bool body_is_complete(Stream& stream) noexcept;
  void peer_finished(Stream& stream);
  void fail_stream(Stream& stream, ErrorCode code);
  void tell_closed(Stream& stream, ErrorCode code, bool by_peer);
  bool wasted(const Stream& stream) const noexcept;
  void peer_reset(std::int32_t id);
  void refuse_unsent();

  // session_output.cc
  const SentFields* prepare(Stream& stream, std::span<const Header> headers);
  void send_head(Stream& stream, const SentFields& fields, bool end_stream);
  void queue_trailers(Stream& stream, const SentFields& trailers);
  void submit_headers(Stream& stream, const SentFields& headers, bool end_stream);
  void submit_reset(Stream& stream, ErrorCode code);
  void flush(Stream& stream);
  void body_changed(Stream& stream);
  void headers_produced(std::int32_t id, bool request, bool end_stream);
  void data_produced(bool end_stream);
  void end_produced(Stream& stream);
  void reset_produced(std::int32_t id, ErrorCode code);
  void count_reset(ErrorCode code);

  // session_flow_control.cc
  /// Counts body bytes that arrived, even if they are dropped: the connection's window is for bytes in
  /// flight.
  void arrived(std::size_t bytes) {
    unreturned_bytes_ += bytes;
    if (unreturned_bytes_ >= return_bytes_) [[unlikely]]
      return_window();
  }
  void return_window();
  void note_stall(const Stream& stream);

  // session.cc
  void submit_settings(const Limits& limits);
  int verdict() const noexcept;
  /// Ends the connection because of the peer. No effect if the verdict is good or the connection has ended
  /// already.
  void enforce(const Verdict& verdict);
  void engine_failed(int error);
  /// Ends the connection if nghttp2 has failed.
  void check(int error);
  void fail(ErrorCode code, std::string_view reason);
  /// Ends the connection without a frame to the peer, because the session can no longer be used.
  void lose(Status why) noexcept;

  const std::shared_ptr<MemoryPool> pool_;
  const BodyMemory body_memory_;
  nghttp2_session* engine_ = nullptr;
  SessionEvents& events_;
  const Instant& now_;
  const Role role_;
  Phase phase_ = Phase::handshake;
  bool inside_ = false;                    ///< `receive` or `produce` is running and may call an event
  bool error_is_ours_ = false;             ///< a GOAWAY with an error was queued here, not by nghttp2
  std::uint32_t last_taken_ = UINT32_MAX;  ///< the last stream that a queued GOAWAY still accepts
  std::optional<std::uint64_t> ping_behind_goaway_;  ///< to send once the GOAWAY has been produced
  bool read_to_the_end_ = false;  ///< the DATA frame in production takes all that was queued

  // The arriving header block. Blocks of different streams never interleave.
  MessageCheck check_{MessageCheck::Kind::request};
  HeaderBlock first_blocks_;  ///< requests or responses
  HeaderBlock later_blocks_;  ///< trailers
  HeaderBlock* block_ = nullptr;
  KnownBlocks known_blocks_;
  const KnownBlock* known_ = nullptr;     ///< the decoded block that is being fed, if it is known
  Bytes unknown_;                         ///< the bytes of the block being fed, if it may be learnt
  std::uint32_t block_frames_bytes_ = 0;  ///< the lengths of the block's frames, of a partial one as well
  std::uint32_t block_bytes_ = 0;
  std::uint32_t block_fields_ = 0;
  const std::uint32_t block_bytes_max_;
  const std::uint32_t block_fields_max_;
  const std::uint64_t block_bytes_close_;
  const Nanoseconds wasted_age_max_;
  std::uint64_t receipt_ = 0;  ///< the number of calls of `receive`

  Stream* receiving_ =
      nullptr;  ///< the stream of the last frame received; the next frame is likely to belong to it
  Stream* producing_ = nullptr;  ///< the stream of the last DATA frame produced, likewise
  Stream* streams_ = nullptr;
  std::size_t stream_count_ = 0;  ///< of streams that are not closed
  Chain* out_ = nullptr;
  std::size_t out_limit_bytes_ = 0;
  const std::size_t queued_output_bytes_max_;
  /// Bytes that arrived but are not yet returned to the connection's window, …
  std::size_t unreturned_bytes_ = 0;
  const std::size_t return_bytes_;         ///< … because they are fewer than this …
  const std::size_t stream_return_bytes_;  ///< … or than this for a stream
  Instant settings_deadline_ = never;
  Instant block_deadline_ = never;  ///< of a header block that has begun and not ended
  const Nanoseconds block_timeout_;
  FrameScanner scanner_;
  FrameHead head_{};  ///< of the frame that is arriving or arrived last
  PeerConduct conduct_;
  Status failure_;
};

}  // namespace ringrpc::http2
