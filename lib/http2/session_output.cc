/// Output: from the user's calls through nghttp2 to bytes.
#include <algorithm>
#include <new>

#include "http2/session_callbacks.h"

namespace ringrpc::http2 {
namespace {

const nghttp2_nv* fields_of(const SentFields& sent) noexcept {
  return static_cast<const nghttp2_nv*>(sent.fields());
}

}  // namespace

void Session::produce(Chain& out, std::size_t limit_bytes) {
  const Inside inside(inside_);
  out_ = &out;
  out_limit_bytes_ = limit_bytes;
  while (phase_ != Phase::over && out.size() < limit_bytes) {
    const std::uint8_t* frame = nullptr;
    const ssize_t size = nghttp2_session_mem_send(engine_, &frame);
    if (size < 0) [[unlikely]] {
      engine_failed(static_cast<int>(size));
      phase_ = Phase::over;
    }
    if (size <= 0) break;
    out.append({frame, static_cast<std::size_t>(size)});
  }
  out_ = nullptr;
}

Result<Stream*> Session::open(std::span<const Header> request, StreamEvents* events, bool end_stream) {
  if (open_capacity() == 0) {
    return ringrpc::fail(Code::UNAVAILABLE, "the connection takes no more streams at present",
                         Initiator::library);
  }
  if (list_bytes(request) > header_list_bytes_most) {
    return ringrpc::fail(Code::RESOURCE_EXHAUSTED, "the request's headers exceed 64 KiB",
                         Initiator::application);
  }
  Stream* const stream = create_stream(0, events);
  stream->head_request_ = std::ranges::any_of(
      request, [](const Header& header) { return header.name == ":method" && header.value == "HEAD"; });
  const SentFields* fields = nullptr;
  try {
    fields = prepare(*stream, request);
  } catch (const std::bad_alloc&) {
    destroy_stream(*stream);
    return std::unexpected(out_of_memory());
  }
  const std::uint8_t flags = end_stream ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE;
  const std::int32_t id =
      nghttp2_submit_headers(engine_, flags, -1, nullptr, fields_of(*fields), fields->count, stream);
  if (id < 0) {
    check(id);
    destroy_stream(*stream);
    if (!failure_.ok()) return std::unexpected(failure_);
    return ringrpc::fail(Code::UNAVAILABLE, "the connection takes no more streams", Initiator::library);
  }
  stream->id_ = static_cast<std::uint32_t>(id);
  if (end_stream) stream->sending_.become(SendState::ending);
  conduct_.opened(stream->id());
  return stream;
}

std::uint32_t Session::open_capacity() const noexcept {
  if (!failure_.ok() || nghttp2_session_check_request_allowed(engine_) == 0) return 0;
  const std::uint32_t most =
      nghttp2_session_get_remote_settings(engine_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  if (most <= stream_count_) return 0;
  const std::uint32_t ids_left = (std::uint32_t{1 << 30} - nghttp2_session_get_next_stream_id(engine_) / 2);
  return std::min(most - static_cast<std::uint32_t>(stream_count_), ids_left);
}

void Session::send_headers(Stream& stream, std::span<const Header> headers, bool end_stream) {
  if (stream.sending_ == SendState::headers_due) send_head(stream, *prepare(stream, headers), end_stream);
}

void Session::send_headers(Stream& stream, const ConstantHeaders& headers, bool end_stream) {
  if (stream.sending_ == SendState::headers_due) send_head(stream, headers.fields(), end_stream);
}

void Session::send_head(Stream& stream, const SentFields& fields, bool end_stream) {
  stream.sending_.become(end_stream ? SendState::ending : SendState::open);
  submit_headers(stream, fields, end_stream);
  if (!end_stream) body_changed(stream);  // a body may have been queued before its headers
}

/// Counted like SETTINGS_MAX_HEADER_LIST_SIZE. A list of this size makes no larger block than nghttp2 sends,
/// because nghttp2 allows 12 bytes for a field where this count has 32.
std::size_t Session::header_list_bytes_max() const noexcept {
  return std::min(nghttp2_session_get_remote_settings(engine_, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE),
                  header_list_bytes_most);
}

void Session::send_data(Stream& stream, Bytes bytes, bool end_stream) {
  if (!stream.takes_body()) return;
  try {
    stream.body_.append(body_memory_, bytes);
  } catch (const std::bad_alloc&) {
    reset(stream, ErrorCode::enhance_your_calm);  // part of the bytes is queued, and nothing may follow it
    throw;
  }
  stream.end_with_data_ = end_stream;
  body_changed(stream);
}

void Session::commit_data(Stream& stream, std::size_t bytes) {
  if (!stream.takes_body()) return;
  stream.body_.commit(bytes);
  body_changed(stream);
}

void Session::body_changed(Stream& stream) {
  if (stream.body_.size() >= low_water_bytes) stream.writable_due_ = true;
  if (stream.sending_ == SendState::headers_due) return;
  if (stream.end_with_data_) stream.sending_.become(SendState::ending);
  flush(stream);
}

void Session::send_trailers(Stream& stream, std::span<const Header> trailers) {
  if (stream.takes_trailers()) queue_trailers(stream, *prepare(stream, trailers));
}

void Session::send_trailers(Stream& stream, const ConstantHeaders& trailers) {
  if (stream.takes_trailers()) queue_trailers(stream, trailers.fields());
}

void Session::queue_trailers(Stream& stream, const SentFields& trailers) {
  stream.trailers_ = &trailers;
  if (stream.sending_ == SendState::headers_due && role_ == Role::client) return;
  stream.sending_.become(SendState::ending);
  flush(stream);
}

/// Gives the engine the next part: the body, then what ends the stream.
void Session::flush(Stream& stream) {
  if (stream.data_attached_) return;
  if (!stream.body_.empty() || stream.end_with_data_) {
    nghttp2_data_provider provider{};
    provider.source.ptr = &stream;
    provider.read_callback = Callbacks::on_read;
    stream.data_attached_ = true;
    check(nghttp2_submit_data(engine_, NGHTTP2_FLAG_END_STREAM, static_cast<std::int32_t>(stream.id()),
                              &provider));
  } else if (stream.trailers_ != nullptr) {
    submit_headers(stream, *std::exchange(stream.trailers_, nullptr), true);
  }
}

void Session::reset(Stream& stream, ErrorCode code) {
  if (stream.is_reset() || (code == ErrorCode::no_error && stream.sending_ == SendState::ending_then_reset))
    return;
  if (code == ErrorCode::no_error && stream.sending_ == SendState::ending)
    return stream.sending_.become(SendState::ending_then_reset);
  stream.body_.clear(body_memory_);
  submit_reset(stream, code);
}

void Session::submit_reset(Stream& stream, ErrorCode code) {
  stream.sending_.become(SendState::reset);
  stream.reset_code_ = code;
  check(nghttp2_submit_rst_stream(engine_, NGHTTP2_FLAG_NONE, static_cast<std::int32_t>(stream.id()),
                                  static_cast<std::uint32_t>(code)));
  // A stream that the user refuses was within the limit that the peer knows.
  if (code != ErrorCode::refused_stream) count_reset(code);
}

const SentFields* Session::prepare(Stream& stream, std::span<const Header> headers) {
  void* const memory = pool_->allocate(SentFields::bytes_for(headers));
  if (memory == nullptr) throw std::bad_alloc();
  return stream.sent_fields_ = SentFields::write(headers, memory, stream.sent_fields_);
}

void Session::submit_headers(Stream& stream, const SentFields& headers, bool end_stream) {
  const std::uint8_t flags = end_stream ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE;
  check(nghttp2_submit_headers(engine_, flags, static_cast<std::int32_t>(stream.id()), nullptr,
                               fields_of(headers), headers.count, nullptr));
}

ssize_t Session::Callbacks::on_read(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t length,
                                    std::uint32_t* flags, nghttp2_data_source* source,
                                    void* user_data) noexcept {
  Session& session = self(user_data);
  Stream& stream = *static_cast<Stream*>(source->ptr);
  session.producing_ = &stream;
  const std::size_t taken = stream.body_.next_frame_bytes(length);
  if (taken != 0) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  session.read_to_the_end_ = taken == stream.body_.size();
  if (session.read_to_the_end_) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!stream.end_with_data_) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  }
  return static_cast<ssize_t>(taken);
}

int Session::Callbacks::on_send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* header,
                                     std::size_t length, nghttp2_data_source* source,
                                     void* user_data) noexcept {
  return contained(user_data, [&](Session& session) -> int {
    Stream& stream = *static_cast<Stream*>(source->ptr);
    stream.body_.drain(session.body_memory_, length, header, *session.out_);
    stream.body_begun_ = true;
    session.conduct_.sent_data(length);
    return session.out_->size() < session.out_limit_bytes_ ? 0 : NGHTTP2_ERR_PAUSE;
  });
}

int Session::Callbacks::on_frame_produced(nghttp2_session*, const nghttp2_frame* frame,
                                          void* user_data) noexcept {
  return contained(user_data, [&](Session& session) -> int {
    switch (frame->hd.type) {
      case NGHTTP2_DATA:
        session.data_produced((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
        break;
      case NGHTTP2_HEADERS:
        session.headers_produced(frame->hd.stream_id, frame->headers.cat == NGHTTP2_HCAT_REQUEST,
                                 (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
        break;
      case NGHTTP2_RST_STREAM:
        session.reset_produced(frame->hd.stream_id, static_cast<ErrorCode>(frame->rst_stream.error_code));
        break;
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
          session.settings_deadline_ = after(session.now_, std::chrono::seconds(10));
        }
        break;
      case NGHTTP2_GOAWAY:
        session.events_.on_goaway_sent(static_cast<ErrorCode>(frame->goaway.error_code));
        if (session.phase_ == Phase::terminating) session.enter(Phase::over);
        if (session.ping_behind_goaway_)
          session.ping(*std::exchange(session.ping_behind_goaway_, std::nullopt));
        // nghttp2 ends connections itself for faulty frames. The GOAWAY's reason is the only report of that.
        if (!session.error_is_ours_ && session.failure_.ok() &&
            frame->goaway.error_code != NGHTTP2_NO_ERROR) {
          session.fail(static_cast<ErrorCode>(frame->goaway.error_code),
                       as_text({frame->goaway.opaque_data, frame->goaway.opaque_data_len}));
        }
        break;
      default:
        break;
    }
    return 0;
  });
}

void Session::data_produced(bool end_stream) {
  Stream& stream = *producing_;
  if (end_stream) return end_produced(stream);
  if (read_to_the_end_) {
    stream.data_attached_ = false;
    flush(stream);
  } else [[unlikely]] {
    note_stall(stream);
  }
  if (stream.writable_due_ && stream.body_.size() < low_water_bytes) {
    stream.writable_due_ = false;
    StreamEvents* const events = stream.events_;
    if (events != nullptr && stream.sending_ == SendState::open) events->on_writable();
  }
}

void Session::headers_produced(std::int32_t id, bool request, bool end_stream) {
  conduct_.sent_headers();
  if (!end_stream && !request) return;
  const bool likely = producing_ != nullptr && producing_->id() == static_cast<std::uint32_t>(id);
  Stream* const stream = likely ? producing_ : find(id);
  if (stream == nullptr) return;
  if (end_stream) return end_produced(*stream);
  if (stream->is_reset()) return;
  const bool ending = stream->end_with_data_ || stream->trailers_ != nullptr;
  stream->sending_.become(ending ? SendState::ending : SendState::open);
  flush(*stream);
}

void Session::end_produced(Stream& stream) {
  stream.data_attached_ = false;
  if (stream.is_reset()) return;
  const bool then_reset = stream.sending_ == SendState::ending_then_reset && !stream.peer_ended();
  stream.sending_.become(SendState::ended);
  if (then_reset) submit_reset(stream, ErrorCode::no_error);
}

/// Counts a reset that nghttp2 chose to send. Resets that we submitted were counted then.
void Session::reset_produced(std::int32_t id, ErrorCode code) {
  Stream* const stream = find(id);
  if (stream != nullptr && stream->is_reset()) return;
  if (stream != nullptr) {
    stream->sending_.become(SendState::reset);
    stream->reset_code_ = code;
  }
  count_reset(code);
}

void Session::count_reset(ErrorCode code) {
  switch (code) {
    case ErrorCode::no_error:
    case ErrorCode::cancel:
    case ErrorCode::internal_error:
    case ErrorCode::stream_closed:  // the stream was closed before: see refuse_frame
      return;
    case ErrorCode::refused_stream:
      return enforce(conduct_.glitch());
    default:
      return enforce(conduct_.stream_wasted());
  }
}

int Session::Callbacks::on_frame_not_produced(nghttp2_session*, const nghttp2_frame* frame, int error,
                                              void* user_data) noexcept {
  return contained(user_data, [&](Session& session) -> int {
    if (frame->hd.type != NGHTTP2_HEADERS || error != NGHTTP2_ERR_FRAME_SIZE_ERROR) return 0;
    Stream* const stream = session.find(frame->hd.stream_id);
    if (stream != nullptr) session.fail_stream(*stream, ErrorCode::internal_error);
    return 0;
  });
}

}  // namespace ringrpc::http2
