/// The session behind Session: nghttp2 with checks and limits around it.
///
/// engine.cc makes it, ends it and keeps its streams; inbound.cc takes what arrives; outbound.cc produces
/// what leaves.
///
/// nghttp2 does framing, HPACK, stream states and flow control. Turned off in it, and done here, are its
/// checks of HTTP messages (message_check.h) and its memory of closed streams (stream_history.h): both at a
/// fraction of the cost. RFC 7540's priorities are off by SETTINGS_NO_RFC7540_PRIORITIES; streams take turns
/// in the order in which they have something to send.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <nghttp2/nghttp2.h>
#include <optional>
#include <span>

#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "base/caught.h"
#include "http2/frame_scanner.h"
#include "http2/known_blocks.h"
#include "http2/memory_pool.h"
#include "http2/message_check.h"
#include "http2/peer_conduct.h"
#include "http2/session.h"
#include "http2/stream.h"

namespace ringrpc::http2 {

class SessionEngine {
 public:
  SessionEngine(Role role, const Limits& limits, const Instant& now, SlabPool& slabs, SessionEvents& events);
  SessionEngine(const SessionEngine&) = delete;
  SessionEngine& operator=(const SessionEngine&) = delete;
  ~SessionEngine();

  Status receive(Bytes bytes);
  void consumed(LiveStream& stream, std::size_t bytes);

  void produce(Chain& out, std::size_t limit_bytes);
  bool wants_to_produce() const noexcept { return !over_ && nghttp2_session_want_write(session_) != 0; }

  Result<Stream*> open(std::span<const Header> request, StreamEvents* events, bool end_stream);
  std::uint32_t open_capacity() const noexcept;
  void send_headers(LiveStream& stream, std::span<const Header> headers, bool end_stream);
  std::size_t header_list_bytes_max() const noexcept;
  void send_data(LiveStream& stream, Bytes bytes, bool end_stream);
  std::span<std::uint8_t> reserve_data(LiveStream& stream, std::size_t bytes) {
    return stream.body.reserve(body_memory_, bytes);
  }
  void commit_data(LiveStream& stream, std::size_t bytes);
  void send_trailers(LiveStream& stream, std::span<const Header> trailers);
  void reset(LiveStream& stream, ErrorCode code);

  void announce_shutdown(std::uint64_t opaque);
  void goaway(ErrorCode code, std::string_view debug);
  void terminate(ErrorCode code, std::string_view debug);
  void ping(std::uint64_t opaque);
  void end_input();

  Instant next_deadline() const noexcept {
    return input_ended_ ? never : std::min(settings_deadline_, block_deadline_);
  }
  Status tick();
  bool finished() const noexcept;
  std::size_t open_streams() const noexcept { return stream_count_; }
  std::uint32_t last_peer_stream_id() const noexcept;
  std::size_t queued_output_bytes() const noexcept {
    return nghttp2_session_get_outbound_queue_size(session_) * queued_frame_bytes;
  }
  std::int64_t connection_send_window() const noexcept {
    return nghttp2_session_get_remote_window_size(session_);
  }

 private:
  /// What nghttp2 keeps for a frame that waits to be produced, and what becomes of it on the wire.
  static constexpr std::size_t queued_frame_bytes = 192;
  /// What an open stream accounts for: its headers, trailers, a WINDOW_UPDATE and a reset. How many streams are open
  /// is limited.
  static constexpr std::size_t stream_frames_bytes = 4 * queued_frame_bytes;

  static const nghttp2_session_callbacks* callbacks();
  static SessionEngine& self(void* user_data) noexcept { return *static_cast<SessionEngine*>(user_data); }

  // What nghttp2 calls, inbound …
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user_data) noexcept;
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                       nghttp2_rcbuf* value, std::uint8_t flags, void* user_data) noexcept;
  static int on_data_chunk(nghttp2_session*, std::uint8_t flags, std::int32_t stream_id,
                           const std::uint8_t* data, std::size_t length, void* user_data) noexcept;
  static int on_frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user_data) noexcept;
  static int on_stream_close(nghttp2_session*, std::int32_t stream_id, std::uint32_t code,
                             void* user_data) noexcept;
  // … and outbound.
  static ssize_t on_read(nghttp2_session*, std::int32_t stream_id, std::uint8_t* buffer, std::size_t length,
                         std::uint32_t* flags, nghttp2_data_source* source, void* user_data) noexcept;
  static int on_send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* header,
                          std::size_t length, nghttp2_data_source* source, void* user_data) noexcept;
  static int on_frame_produced(nghttp2_session*, const nghttp2_frame* frame, void* user_data) noexcept;
  static int on_frame_not_produced(nghttp2_session*, const nghttp2_frame* frame, int error,
                                   void* user_data) noexcept;

  /// Runs a callback: nghttp2 is C, so no exception may pass. One fails the connection.
  template <class Callback>
  static int contained(void* user_data, Callback callback) noexcept {
    SessionEngine& engine = self(user_data);
    try {
      return callback(engine);
    } catch (...) {
      engine.lose(caught());
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }

  // What nghttp2 allocates with: where the system has no memory, out of the reserve, and the session is over.
  nghttp2_mem memory() noexcept;
  void* allocate(std::size_t bytes) noexcept {
    if (void* const block = pool_->take_free(bytes)) [[likely]]
      return block;
    return allocate_slowly(bytes);
  }
  void* allocate_slowly(std::size_t bytes) noexcept;
  void* resize(void* memory, std::size_t bytes) noexcept;

  LiveStream* find(std::int32_t id) noexcept;
  bool is_live(std::uint32_t id) noexcept;
  LiveStream* create_stream(std::uint32_t id, StreamEvents* events);
  void destroy_stream(LiveStream& stream) noexcept;

  // inbound.cc
  bool feed(Bytes bytes);
  bool feed_known(Bytes frame, const KnownBlock& known);
  bool feed_unknown(Bytes frame, Bytes block);
  void refuse_frame(const Verdict& verdict);
  bool header_block_unfinished() const noexcept;
  int take_new_field(nghttp2_rcbuf* name, nghttp2_rcbuf* value, bool never_indexed);
  int refuse_field();
  void answer_oversized(LiveStream& stream, bool end_stream);
  /// Counts a field of the block; false when the block has grown too large, or its stream has failed already.
  bool field_counts(std::size_t bytes) noexcept {
    block_bytes_ += bytes;
    ++block_fields_;
    return block_bytes_ <= block_bytes_max_ && block_fields_ <= block_fields_max_ && !receiving_->reset_here;
  }
  /// Body bytes have arrived, whatever becomes of them: the connection's window is for what is under way.
  void arrived(std::size_t bytes) {
    unreturned_bytes_ += bytes;
    if (unreturned_bytes_ >= return_bytes_) [[unlikely]]
      return_window();
  }
  void return_window();
  void header_block_complete(LiveStream& stream, bool end_stream);
  void announce_headers(LiveStream& stream, bool interim);
  void announce_end(LiveStream& stream);
  bool keep_headers(LiveStream& stream) noexcept;
  bool block_is_well_formed(LiveStream& stream, bool end_stream) noexcept;
  void peer_finished(LiveStream& stream);
  void fail_stream(LiveStream& stream, ErrorCode code);
  void tell_closed(LiveStream& stream, ErrorCode code, bool by_peer);
  bool wasted(const LiveStream& stream) const noexcept;
  void peer_reset(std::int32_t id);
  void refuse_unsent();

  // outbound.cc
  FieldsToSend* prepare(LiveStream& stream, std::span<const Header> headers);
  void submit_headers(LiveStream& stream, FieldsToSend* headers, bool end_stream);
  void submit_reset(LiveStream& stream, ErrorCode code);
  void flush(LiveStream& stream);
  void body_changed(LiveStream& stream);
  void headers_produced(const nghttp2_frame& frame);
  void data_produced(const nghttp2_frame& frame);
  void end_produced(LiveStream& stream);
  void reset_produced(std::int32_t id, ErrorCode code);
  void count_reset(ErrorCode code);

  void submit_settings(const Limits& limits);
  /// What a callback returns: nghttp2 reads on, or stops where it is.
  int verdict() const noexcept { return terminating_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0; }
  /// Ends the connection for what the peer did; no effect when all is well or it has ended already.
  void enforce(const Verdict& verdict);
  void engine_failed(int error);
  void check(int error) {
    if (nghttp2_is_fatal(error)) [[unlikely]]
      engine_failed(error);
  }
  void fail(ErrorCode code, std::string_view reason);
  /// The connection is over, with no word to the peer: what is left of the session is of no use.
  void lose(Status why) noexcept;

  const std::shared_ptr<MemoryPool> pool_;
  const BodyMemory body_memory_;
  nghttp2_session* session_ = nullptr;
  SessionEvents& events_;
  const Instant& now_;
  const Role role_;
  bool settings_seen_ = false;
  bool input_ended_ = false;
  bool error_is_ours_ = false;             ///< a GOAWAY with an error was queued here, not by nghttp2
  std::uint32_t last_taken_ = UINT32_MAX;  ///< the last stream that a queued GOAWAY will let the peer have
  std::optional<std::uint64_t> ping_behind_goaway_;  ///< to be sent once the GOAWAY has been produced
  bool terminating_ = false;      ///< a last GOAWAY is queued, and nothing that arrives matters any more
  bool over_ = false;             ///< nothing that leaves does either
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

  LiveStream* receiving_ =
      nullptr;  ///< the stream of the frame received last, which the next one is likely to be for
  LiveStream* producing_ = nullptr;  ///< likewise, of the DATA frame produced last
  LiveStream* streams_ = nullptr;
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
