/// Input: from bytes through nghttp2 to events.
#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "http2/session_callbacks.h"

namespace ringrpc::http2 {
namespace {

/// The bytes of a buffer, valid as long as a reference to it is held.
std::string_view view(nghttp2_rcbuf* buffer) noexcept {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

}  // namespace

/// Gives nghttp2 the bytes before `end` that it does not have yet. Returns false once it accepts no more.
[[gnu::always_inline]] inline bool Session::feed_until(Input& input, std::size_t end) {
  const std::size_t begin = std::exchange(input.fed, std::max(input.fed, end));
  return feed(input.bytes.subspan(begin, input.fed - begin));
}

/// Takes the HEADERS or CONTINUATION frame that the scanner has found. The fields of requests are
/// looked up, and may be learnt; other blocks only show whether what was learnt still holds. False
/// when nghttp2 takes no more.
[[gnu::always_inline]] inline bool Session::take_block(Input& input, bool request) {
  if (head_.type == FrameType::headers) {  // the previous block has ended
    block_deadline_ = never;
    block_frames_bytes_ = 0;
  }
  block_frames_bytes_ += head_.length;
  if (!request && !known_blocks_.any()) return true;
  const Bytes block = scanner_.whole_block(head_);
  const KnownBlock* const known = request ? known_blocks_.find(block) : nullptr;
  if (known == nullptr && (block.empty() || !leaves_table_alone(block))) {
    known_blocks_.forget(*pool_);
    return true;
  }
  if (!request) return true;
  if (!feed_until(input, scanner_.frame_begin())) return false;
  const Bytes frame = input.bytes.subspan(input.fed, FrameScanner::header_bytes + block.size());
  input.fed += frame.size();
  return known != nullptr ? feed_known(frame, *known) : feed_unknown(frame, block);
}

/// The time of a header block that has begun is limited.
[[gnu::always_inline]] inline void Session::set_block_deadline() noexcept {
  if (!header_block_unfinished()) [[likely]] {
    block_deadline_ = never;
  } else if (block_deadline_ == never) {
    block_deadline_ = after(now_, block_timeout_);
  }
}

Status Session::receive(Bytes bytes) {
  if (phase_ >= Phase::terminating) return failure_;
  const Inside inside(inside_);
  ++receipt_;
  const auto is_live = [](void* session, std::uint32_t id) {
    return static_cast<Session*>(session)->is_live(id);
  };
  Verdict verdict;
  Input input{bytes};
  std::size_t end = bytes.size();
  bool going_on = true;
  scanner_.feed(bytes);
  while (going_on && scanner_.next(head_)) {
    const bool request = conduct_.begins_stream(head_);
    verdict = conduct_.judge(head_, is_live, this);
    if (verdict) [[unlikely]] {
      const std::size_t begin = scanner_.frame_begin();  // earlier frames are still processed
      if (verdict.on == Verdict::On::connection) {
        end = begin;
        break;
      }
      going_on = feed_until(input, begin);
      if (!going_on) break;
      refuse_frame(std::exchange(verdict, {}));
    }
    if (head_.type == FrameType::headers || head_.type == FrameType::continuation)
      going_on = take_block(input, request);
  }
  if (going_on) feed_until(input, end);
  if (verdict) [[unlikely]]
    enforce(verdict);
  set_block_deadline();
  if (queued_output_bytes() > queued_output_bytes_max_ + stream_count_ * stream_frames_bytes) [[unlikely]] {
    enforce({ErrorCode::enhance_your_calm, "too many frames are queued that the peer does not read"});
  }
  if (!failure_.ok()) [[unlikely]]
    return failure_;
  return {};
}

/// Resets the stream of a bad frame, for which only that stream is at fault. The stream no longer exists, and
/// nghttp2 ignores the frame.
void Session::refuse_frame(const Verdict& verdict) {
  check(nghttp2_submit_rst_stream(engine_, NGHTTP2_FLAG_NONE, static_cast<std::int32_t>(head_.stream_id),
                                  static_cast<std::uint32_t>(verdict.code)));
}

bool Session::header_block_unfinished() const noexcept {
  if (head_.type != FrameType::headers && head_.type != FrameType::continuation) return false;
  return (head_.flags & FrameHead::end_headers) == 0 || scanner_.inside_payload();
}

/// Gives bytes to nghttp2. Returns false once nghttp2 accepts no more.
bool Session::feed(Bytes bytes) {
  if (bytes.empty()) return true;
  const ssize_t taken = nghttp2_session_mem_recv(engine_, bytes.data(), bytes.size());
  if (taken < 0) [[unlikely]]
    engine_failed(static_cast<int>(taken));
  return taken >= 0;
}

/// A request whose fields are known: nghttp2 gets its HEADERS frame without them.
bool Session::feed_known(Bytes frame, const KnownBlock& known) {
  std::array<std::uint8_t, FrameScanner::header_bytes> bare;
  std::memcpy(bare.data(), frame.data(), bare.size());
  std::fill_n(bare.begin(), 3, std::uint8_t{0});  // its length
  known_ = &known;
  const bool taken = feed(bare);
  known_ = nullptr;
  return taken;
}

/// A request whose fields may be learnt.
bool Session::feed_unknown(Bytes frame, Bytes block) {
  unknown_ = block;
  const bool taken = feed(frame);
  unknown_ = {};
  known_ = nullptr;
  return taken;
}

int Session::Callbacks::on_begin_headers(nghttp2_session* engine, const nghttp2_frame* frame,
                                         void* user_data) noexcept {
  return contained(user_data, [&](Session& session) -> int {
    Stream* stream = nullptr;
    MessageCheck::Kind kind = MessageCheck::Kind::request;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      stream = session.create_stream(static_cast<std::uint32_t>(frame->hd.stream_id), nullptr);
      stream->receipt_ = session.receipt_;
      nghttp2_session_set_stream_user_data(engine, frame->hd.stream_id, stream);
    } else {
      stream = session.find(frame->hd.stream_id);
      kind = stream->head_arrived() ? MessageCheck::Kind::trailers : MessageCheck::Kind::response;
    }
    session.receiving_ = stream;
    session.check_ = session.known_ != nullptr ? session.known_->check : MessageCheck(kind);
    session.block_ = kind == MessageCheck::Kind::trailers ? &session.later_blocks_ : &session.first_blocks_;
    session.block_->begin();
    session.block_bytes_ = 0;
    session.block_fields_ = 0;
    return 0;
  });
}

int Session::Callbacks::on_header(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf* name,
                                  nghttp2_rcbuf* value, std::uint8_t flags, void* user_data) noexcept {
  return contained(user_data, [&](Session& session) -> int {
    HeaderBlock& block = *session.block_;
    const bool never_indexed = (flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0;
    if (!block.repeats(name, value) && !block.repeats(name, view(value), never_indexed)) {
      return session.take_new_field(name, value, never_indexed);
    }
    const bool taken = session.field_counts(block.bytes()) && session.check_.take(block.meaning());
    if (!taken) [[unlikely]]
      return session.refuse_field();
    block.accept();
    return 0;
  });
}

int Session::take_new_field(nghttp2_rcbuf* name, nghttp2_rcbuf* value, bool never_indexed) {
  const Header field{view(name), view(value), never_indexed};
  if (!field_counts(list_bytes(field))) return refuse_field();
  const bool name_is_known = nghttp2_rcbuf_is_static(name) != 0;
  const bool value_is_known = nghttp2_rcbuf_is_static(value) != 0;
  const auto meaning = MessageCheck::meaning_of(field.name, field.value, name_is_known, value_is_known);
  if (!meaning || !check_.take(*meaning)) return refuse_field();
  if (!block_->put(*pool_, field, *meaning, name, value)) throw std::bad_alloc();
  block_->accept();
  return 0;
}

/// An oversized or malformed field fails its stream. The block is still decoded to its end, so that HPACK's
/// state stays in step, unless the block is so large that the connection ends.
int Session::refuse_field() {
  Stream& stream = *receiving_;
  if (block_fields_ > block_fields_max_) stream.fault_ = StreamFault::header_fields;
  if (block_bytes_ > block_bytes_max_) stream.fault_ = StreamFault::header_bytes;
  const bool too_much = stream.fault_ != StreamFault::none;
  if (block_bytes_ > block_bytes_close_) {
    enforce({ErrorCode::enhance_your_calm, "header list far over the limit"});
  } else if (too_much && role_ == Role::server && !stream.head_arrived()) {
    // The user may respond to the request once it is decoded.
    if (stream.receiving_ == ReceiveState::head_due) stream.receiving_.become(ReceiveState::head_too_large);
  } else if (!stream.is_reset()) {
    fail_stream(stream, too_much ? ErrorCode::enhance_your_calm : ErrorCode::protocol_error);
  }
  return verdict();
}

void Session::refuse_oversized(Stream& stream, bool end_stream) {
  stream.receiving_.become(end_stream ? ReceiveState::ended : ReceiveState::discarding);
  const bool responded = events_.on_headers_too_large(stream) && stream.sending_ != SendState::headers_due;
  if (responded) return reset(stream, ErrorCode::no_error);
  fail_stream(stream, ErrorCode::enhance_your_calm);
}

int Session::Callbacks::on_data_chunk(nghttp2_session*, std::uint8_t, std::int32_t stream_id,
                                      const std::uint8_t* data, std::size_t length,
                                      void* user_data) noexcept {
  return contained(user_data, [&](Session& session) -> int {
    session.arrived(length);
    Stream* const stream = session.find(stream_id);
    if (stream == nullptr || stream->is_reset() || stream->receiving_ == ReceiveState::discarding) return 0;
    session.receiving_ = stream;
    const auto arrived = static_cast<std::int64_t>(length);
    const bool too_long = stream->length_due_ >= 0 && arrived > stream->length_due_;
    if (too_long) stream->fault_ = StreamFault::content_length;
    if (too_long || !stream->head_arrived()) {
      session.fail_stream(*stream, ErrorCode::protocol_error);
      return session.verdict();
    }
    if (stream->length_due_ > 0) stream->length_due_ -= arrived;
    if (StreamEvents* const events = stream->events_) [[likely]] {
      events->on_data({data, length});
    } else {
      session.consumed(*stream, length);
    }
    return session.verdict();
  });
}

int Session::Callbacks::on_frame_received(nghttp2_session*, const nghttp2_frame* frame,
                                          void* user_data) noexcept {
  return contained(user_data, [&](Session& session) -> int {
    const bool end_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        session.header_block_complete(*session.receiving_, end_stream);
        break;
      case NGHTTP2_DATA:
        if (!end_stream) break;
        if (Stream* const stream = session.find(frame->hd.stream_id)) session.peer_finished(*stream);
        break;
      case NGHTTP2_RST_STREAM:
        session.peer_reset(frame->hd.stream_id);
        break;
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
          session.settings_deadline_ = never;
        } else if (session.phase_ == Phase::handshake) {
          session.enter(Phase::open);
          session.events_.on_settings();
        }
        break;
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
          std::uint64_t opaque = 0;
          std::memcpy(&opaque, frame->ping.opaque_data, sizeof opaque);
          session.events_.on_ping_ack(opaque);
        }
        break;
      case NGHTTP2_GOAWAY: {
        const nghttp2_goaway& goaway = frame->goaway;
        session.events_.on_goaway(static_cast<std::uint32_t>(goaway.last_stream_id),
                                  static_cast<ErrorCode>(goaway.error_code),
                                  as_text({goaway.opaque_data, goaway.opaque_data_len}));
        if (session.role_ == Role::client) session.refuse_unsent();
        break;
      }
      default:
        break;
    }
    return session.verdict();
  });
}

void Session::header_block_complete(Stream& stream, bool end_stream) {
  if (stream.is_reset()) return;
  if (role_ == Role::server && stream.id() > last_taken_) {
    // The GOAWAY tells the peer that this stream was not begun and may be sent again, so it must not be
    // begun. nghttp2 accepts the stream while the GOAWAY waits to be produced, and closes it then.
    return stream.sending_.become(SendState::reset);
  }
  if (stream.receiving_ == ReceiveState::head_too_large) return refuse_oversized(stream, end_stream);
  if (stream.receiving_ == ReceiveState::discarding) {  // trailers that no one reads
    if (end_stream) peer_finished(stream);
    return;
  }
  if (!block_is_well_formed(stream, end_stream)) return fail_stream(stream, ErrorCode::protocol_error);
  const bool trailers = stream.head_arrived();
  const bool interim = check_.interim();
  if (!interim) stream.receiving_.become(end_stream ? ReceiveState::ended : ReceiveState::body);
  if (!unknown_.empty()) known_ = known_blocks_.learn(*pool_, unknown_, *block_, check_);
  stream.headers_ = known_ != nullptr ? known_->fields.fields() : block_->fields();
  if (trailers) {
    if (StreamEvents* const events = stream.events_) events->on_trailers();
  } else {
    announce_headers(stream, interim);
    if (stream.keep_headers_ && !interim && !keep_headers(stream)) throw std::bad_alloc();
  }
  stream.headers_ = stream.kept_headers_.fields();
  block_->shrink(*pool_);
  if (end_stream) announce_end(stream);
}

void Session::announce_headers(Stream& stream, bool interim) {
  if (role_ == Role::server) return events_.on_request(stream);
  StreamEvents* const events = stream.events_;
  if (events == nullptr) return;
  if (interim) return events->on_interim_headers();
  events->on_headers();
}

void Session::announce_end(Stream& stream) {
  StreamEvents* const events = stream.events_;
  if (events != nullptr && !stream.is_reset()) events->on_end();
}

bool Session::keep_headers(Stream& stream) noexcept {
  if (known_ == nullptr) return stream.kept_headers_.keep(*pool_, *block_);
  stream.kept_headers_.share(known_->fields);
  return true;
}

bool Session::block_is_well_formed(Stream& stream, bool end_stream) noexcept {
  if (!check_.complete()) return false;
  if (stream.head_arrived()) return end_stream && body_is_complete(stream);  // trailers
  if (check_.interim()) return !end_stream;
  const bool bodiless = stream.head_request_ || check_.status() == 204 || check_.status() == 304;
  if (!bodiless) stream.length_due_ = check_.content_length();
  return !end_stream || body_is_complete(stream);
}

/// True if the body that has ended is as long as content-length says, or as long as it is.
bool Session::body_is_complete(Stream& stream) noexcept {
  if (stream.length_due_ > 0) stream.fault_ = StreamFault::content_length;
  return stream.length_due_ <= 0;
}

void Session::peer_finished(Stream& stream) {
  if (stream.is_reset()) return;
  if (!body_is_complete(stream) || !stream.head_arrived())
    return fail_stream(stream, ErrorCode::protocol_error);
  const bool heard = stream.receiving_ != ReceiveState::discarding;
  stream.receiving_.become(ReceiveState::ended);
  if (heard) announce_end(stream);
}

/// Resets a stream because of an error and tells its user now. The reset itself may wait for the peer to
/// read; data written until then would be lost without ever waiting for room.
void Session::fail_stream(Stream& stream, ErrorCode code) {
  if (stream.is_reset()) return;
  reset(stream, code);
  tell_closed(stream, code, false);
}

/// Tells the user once. A closed stream no longer counts; a stream that is opened in its place waits in
/// nghttp2 until the reset has been produced.
void Session::tell_closed(Stream& stream, ErrorCode code, bool by_peer) {
  if (stream.sending_ == SendState::closed) return;
  stream.sending_.become(SendState::closed);  // data sent by the event is dropped
  --stream_count_;
  if (StreamEvents* const events = stream.events_) events->on_closed(code, by_peer);
  if (role_ == Role::client) events_.on_capacity();
}

/// True if the peer resets a stream that it opened for nothing. A peer that waits for a while, or for part of
/// the response, makes no more work than one that waits for the end, so deadlines and cancellations are not
/// limited. A stream past its timeout is not wasted either, because the server would have ended it too. A
/// server that resets its client's streams harms only itself.
bool Session::wasted(const Stream& stream) const noexcept {
  if (stream.is_reset()) return false;  // it was counted when we reset it
  const bool responded = stream.body_begun_ || stream.end_queued();
  // Half of the timeout, because the two clocks may differ.
  const Nanoseconds abandoned_within = std::min(wasted_age_max_, stream.timeout_ / 2);
  return role_ == Role::server && !responded && now_ - stream.begun_ < abandoned_within;
}

void Session::peer_reset(std::int32_t id) {
  Stream* const stream = find(id);
  if (stream != nullptr) stream->receiving_.become(ReceiveState::reset);
  if (stream == nullptr || !wasted(*stream)) return enforce(conduct_.stream_abandoned());
  // The user starts no work before `receive` returns.
  const bool unbegun = stream->receipt_ == receipt_ && stream->timeout_ != Nanoseconds::max();
  enforce(unbegun ? conduct_.stream_unbegun() : conduct_.stream_wasted());
}

/// After a GOAWAY no request is produced. nghttp2 reports each waiting request when its turn comes, but the
/// peer may close the connection first, and then nghttp2 is not asked again. nghttp2 knows the streams that
/// it has begun, and closes those above the GOAWAY's last stream itself.
void Session::refuse_unsent() {
  for (Stream* stream = streams_; stream != nullptr; stream = stream->next_) {
    const bool begun =
        nghttp2_session_find_stream(engine_, static_cast<std::int32_t>(stream->id())) != nullptr;
    if (begun || stream->is_reset()) continue;
    tell_closed(*stream, ErrorCode::refused_stream, false);
  }
}

int Session::Callbacks::on_stream_close(nghttp2_session*, std::int32_t stream_id, std::uint32_t code,
                                        void* user_data) noexcept {
  return contained(user_data, [&](Session& session) -> int {
    Stream* const stream = session.find(stream_id);
    if (stream == nullptr) return 0;
    const bool reset_by_peer = stream->receiving_ == ReceiveState::reset;
    if (!stream->peer_ended()) session.conduct_.dropped(stream->id());
    auto why = static_cast<ErrorCode>(code);
    if (stream->is_reset() && !reset_by_peer) why = stream->reset_code_;
    // If no one has reset a client's stream, the server's GOAWAY refused it.
    const bool refused = session.role_ == Role::client && !stream->is_reset() && why != ErrorCode::no_error;
    const bool by_peer = reset_by_peer || refused;
    session.tell_closed(*stream, why, by_peer);
    session.destroy_stream(*stream);
    return 0;
  });
}

}  // namespace ringrpc::http2
