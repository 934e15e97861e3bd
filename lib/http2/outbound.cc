/// What leaves: from the calls of the user through nghttp2 to bytes.
#include <algorithm>
#include <cstring>
#include <new>

#include "http2/engine.h"

namespace ringrpc::http2 {
namespace {

std::uint8_t* copy(std::string_view text, std::uint8_t* to) noexcept {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

/// nghttp2's type for what it only reads when told not to copy.
std::uint8_t* borrowed(std::string_view text) noexcept {
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
}

}  // namespace

void SessionEngine::produce(Chain& out, std::size_t limit_bytes) {
  out_ = &out;
  out_limit_bytes_ = limit_bytes;
  while (!over_ && out.size() < limit_bytes) {
    const std::uint8_t* frame = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &frame);
    if (size < 0) [[unlikely]] {
      engine_failed(static_cast<int>(size));
      over_ = true;
    }
    if (size <= 0) break;
    out.append({frame, static_cast<std::size_t>(size)});
  }
  out_ = nullptr;
}

Result<Stream*> SessionEngine::open(std::span<const Header> request, StreamEvents* events, bool end_stream) {
  if (open_capacity() == 0) {
    return ringrpc::fail(Code::UNAVAILABLE, "the connection takes no more streams at present",
                         Initiator::library);
  }
  if (list_bytes(request) > header_list_bytes_most) {
    return ringrpc::fail(Code::RESOURCE_EXHAUSTED, "the request's headers exceed 64 KiB",
                         Initiator::application);
  }
  LiveStream* const stream = create_stream(0, events);
  stream->head_request = std::ranges::any_of(
      request, [](const Header& header) { return header.name == ":method" && header.value == "HEAD"; });
  FieldsToSend* fields = nullptr;
  try {
    fields = prepare(*stream, request);
  } catch (const std::bad_alloc&) {
    destroy_stream(*stream);
    return std::unexpected(out_of_memory());
  }
  const std::uint8_t flags = end_stream ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE;
  const std::int32_t id =
      nghttp2_submit_headers(session_, flags, -1, nullptr, fields->fields(), fields->count, stream);
  if (id < 0) {
    check(id);
    destroy_stream(*stream);
    if (!failure_.ok()) return std::unexpected(failure_);
    return ringrpc::fail(Code::UNAVAILABLE, "the connection takes no more streams", Initiator::library);
  }
  stream->set_id(static_cast<std::uint32_t>(id));
  conduct_.opened(stream->id());
  return stream;
}

std::uint32_t SessionEngine::open_capacity() const noexcept {
  if (!failure_.ok() || nghttp2_session_check_request_allowed(session_) == 0) return 0;
  const std::uint32_t most =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  if (most <= stream_count_) return 0;
  const std::uint32_t ids_left = (std::uint32_t{1 << 30} - nghttp2_session_get_next_stream_id(session_) / 2);
  return std::min(most - static_cast<std::uint32_t>(stream_count_), ids_left);
}

void SessionEngine::send_headers(LiveStream& stream, std::span<const Header> headers, bool end_stream) {
  if (stream.reset_here || stream.send_state != SendState::headers_due) return;
  FieldsToSend* const fields = prepare(stream, headers);
  stream.send_state = end_stream ? SendState::ending : SendState::open;
  submit_headers(stream, fields, end_stream);
  if (!end_stream) body_changed(stream);  // a body may have been queued before its headers
}

/// Counted as SETTINGS_MAX_HEADER_LIST_SIZE counts, what makes no larger block than nghttp2 sends: it allows
/// for 12 bytes a field where this has 32.
std::size_t SessionEngine::header_list_bytes_max() const noexcept {
  return std::min(nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE),
                  header_list_bytes_most);
}

void SessionEngine::send_data(LiveStream& stream, Bytes bytes, bool end_stream) {
  if (stream.reset_here || stream.send_state >= SendState::ending || stream.end_with_data) return;
  try {
    stream.body.append(body_memory_, bytes);
  } catch (const std::bad_alloc&) {
    reset(stream, ErrorCode::enhance_your_calm);  // a part of them is queued, which nothing may follow
    throw;
  }
  stream.end_with_data = end_stream;
  body_changed(stream);
}

void SessionEngine::commit_data(LiveStream& stream, std::size_t bytes) {
  if (stream.reset_here || stream.send_state >= SendState::ending || stream.end_with_data) return;
  stream.body.commit(bytes);
  body_changed(stream);
}

void SessionEngine::body_changed(LiveStream& stream) {
  stream.update_queued_bytes();
  if (stream.body.size() >= Session::low_water_bytes) stream.writable_due = true;
  if (stream.send_state == SendState::headers_due) return;
  if (stream.end_with_data) stream.send_state = SendState::ending;
  flush(stream);
}

void SessionEngine::send_trailers(LiveStream& stream, std::span<const Header> trailers) {
  if (stream.reset_here || stream.send_state >= SendState::ending || stream.trailers != nullptr) return;
  stream.trailers = prepare(stream, trailers);
  if (stream.send_state == SendState::headers_due && role_ == Role::client) return;
  stream.send_state = SendState::ending;
  flush(stream);
}

/// Hands the engine what is next: the body, then what ends the stream.
void SessionEngine::flush(LiveStream& stream) {
  if (stream.data_attached) return;
  if (!stream.body.empty() || stream.end_with_data) {
    nghttp2_data_provider provider{};
    provider.source.ptr = &stream;
    provider.read_callback = on_read;
    stream.data_attached = true;
    check(nghttp2_submit_data(session_, NGHTTP2_FLAG_END_STREAM, static_cast<std::int32_t>(stream.id()),
                              &provider));
  } else if (stream.trailers != nullptr) {
    submit_headers(stream, std::exchange(stream.trailers, nullptr), true);
  }
}

void SessionEngine::reset(LiveStream& stream, ErrorCode code) {
  if (stream.reset_here) return;
  if (code == ErrorCode::no_error && stream.send_state == SendState::ending) {
    stream.reset_after_end = true;
    return;
  }
  stream.body.clear(body_memory_);
  stream.update_queued_bytes();
  submit_reset(stream, code);
}

void SessionEngine::submit_reset(LiveStream& stream, ErrorCode code) {
  stream.reset_here = true;
  stream.reset_code = code;
  check(nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, static_cast<std::int32_t>(stream.id()),
                                  static_cast<std::uint32_t>(code)));
  // A stream that the user refuses was within the limit that the peer knows.
  if (code != ErrorCode::refused_stream) count_reset(code);
}

FieldsToSend* SessionEngine::prepare(LiveStream& stream, std::span<const Header> headers) {
  std::size_t text_bytes = 0;
  for (const Header& header : headers) {
    if (!header.static_storage) text_bytes += header.name.size() + header.value.size();
  }
  void* const memory =
      pool_->allocate(sizeof(FieldsToSend) + headers.size() * sizeof(nghttp2_nv) + text_bytes);
  if (memory == nullptr) throw std::bad_alloc();
  auto* const prepared = new (memory) FieldsToSend{stream.sent_fields, headers.size()};
  stream.sent_fields = prepared;
  nghttp2_nv* field = prepared->fields();
  auto* text = reinterpret_cast<std::uint8_t*>(field + headers.size());
  for (const Header& header : headers) {
    std::uint8_t flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
    if (header.never_indexed) flags |= NGHTTP2_NV_FLAG_NO_INDEX;
    std::uint8_t* name = borrowed(header.name);
    std::uint8_t* value = borrowed(header.value);
    if (!header.static_storage) {
      name = text;
      value = copy(header.name, text);
      text = copy(header.value, value);
    }
    new (field++) nghttp2_nv{name, value, header.name.size(), header.value.size(), flags};
  }
  return prepared;
}

void SessionEngine::submit_headers(LiveStream& stream, FieldsToSend* headers, bool end_stream) {
  const std::uint8_t flags = end_stream ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE;
  check(nghttp2_submit_headers(session_, flags, static_cast<std::int32_t>(stream.id()), nullptr,
                               headers->fields(), headers->count, nullptr));
}

ssize_t SessionEngine::on_read(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t length,
                               std::uint32_t* flags, nghttp2_data_source* source, void* user_data) noexcept {
  SessionEngine& engine = self(user_data);
  LiveStream& stream = *static_cast<LiveStream*>(source->ptr);
  engine.producing_ = &stream;
  const std::size_t taken = stream.body.next_frame_bytes(length);
  if (taken != 0) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  engine.read_to_the_end_ = taken == stream.body.size();
  if (engine.read_to_the_end_) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!stream.end_with_data) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  }
  return static_cast<ssize_t>(taken);
}

int SessionEngine::on_send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* header,
                                std::size_t length, nghttp2_data_source* source, void* user_data) noexcept {
  return contained(user_data, [&](SessionEngine& engine) -> int {
    LiveStream& stream = *static_cast<LiveStream*>(source->ptr);
    stream.body.drain(engine.body_memory_, length, header, *engine.out_);
    stream.update_queued_bytes();
    stream.data_left = true;
    engine.conduct_.sent_data(length);
    return engine.out_->size() < engine.out_limit_bytes_ ? 0 : NGHTTP2_ERR_PAUSE;
  });
}

int SessionEngine::on_frame_produced(nghttp2_session*, const nghttp2_frame* frame, void* user_data) noexcept {
  return contained(user_data, [&](SessionEngine& engine) -> int {
    switch (frame->hd.type) {
      case NGHTTP2_DATA:
        engine.data_produced(*frame);
        break;
      case NGHTTP2_HEADERS:
        engine.headers_produced(*frame);
        break;
      case NGHTTP2_RST_STREAM:
        engine.reset_produced(frame->hd.stream_id, static_cast<ErrorCode>(frame->rst_stream.error_code));
        break;
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
          engine.settings_deadline_ = after(engine.now_, std::chrono::seconds(10));
        }
        break;
      case NGHTTP2_GOAWAY:
        engine.over_ = engine.terminating_;
        if (engine.ping_behind_goaway_) engine.ping(*std::exchange(engine.ping_behind_goaway_, std::nullopt));
        // nghttp2 ends connections by itself for what it finds in frames; its reason is all that tells us.
        if (!engine.error_is_ours_ && engine.failure_.ok() && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
          engine.fail(static_cast<ErrorCode>(frame->goaway.error_code),
                      as_text({frame->goaway.opaque_data, frame->goaway.opaque_data_len}));
        }
        break;
      default:
        break;
    }
    return 0;
  });
}

void SessionEngine::data_produced(const nghttp2_frame& frame) {
  LiveStream& stream = *producing_;
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) return end_produced(stream);
  if (read_to_the_end_) {
    stream.data_attached = false;
    flush(stream);
  }
  if (stream.writable_due && stream.body.size() < Session::low_water_bytes) {
    stream.writable_due = false;
    StreamEvents* const events = stream.events();
    if (events != nullptr && stream.send_state == SendState::open) events->on_writable();
  }
}

void SessionEngine::headers_produced(const nghttp2_frame& frame) {
  conduct_.sent_headers();
  const bool end_stream = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool request = frame.headers.cat == NGHTTP2_HCAT_REQUEST;
  if (!end_stream && !request) return;
  const bool likely =
      producing_ != nullptr && producing_->id() == static_cast<std::uint32_t>(frame.hd.stream_id);
  LiveStream* const stream = likely ? producing_ : find(frame.hd.stream_id);
  if (stream == nullptr) return;
  if (end_stream) return end_produced(*stream);
  const bool ending = stream->end_with_data || stream->trailers != nullptr;
  stream->send_state = ending ? SendState::ending : SendState::open;
  flush(*stream);
}

void SessionEngine::end_produced(LiveStream& stream) {
  stream.send_state = SendState::ended;
  stream.data_attached = false;
  if (stream.reset_after_end && !stream.peer_ended && !stream.reset_here) {
    submit_reset(stream, ErrorCode::no_error);
  }
}

/// Those that we submitted were counted then.
void SessionEngine::reset_produced(std::int32_t id, ErrorCode code) {
  LiveStream* const stream = find(id);
  if (stream != nullptr && stream->reset_here) return;
  if (stream != nullptr) {
    stream->reset_here = true;
    stream->reset_code = code;
  }
  count_reset(code);
}

void SessionEngine::count_reset(ErrorCode code) {
  switch (code) {
    case ErrorCode::no_error:
    case ErrorCode::cancel:
    case ErrorCode::internal_error:
    case ErrorCode::stream_closed:  // the stream was over before: see refuse_frame
      return;
    case ErrorCode::refused_stream:
      return enforce(conduct_.glitch());
    default:
      return enforce(conduct_.stream_wasted());
  }
}

int SessionEngine::on_frame_not_produced(nghttp2_session*, const nghttp2_frame* frame, int error,
                                         void* user_data) noexcept {
  return contained(user_data, [&](SessionEngine& engine) -> int {
    if (frame->hd.type != NGHTTP2_HEADERS || error != NGHTTP2_ERR_FRAME_SIZE_ERROR) return 0;
    LiveStream* const stream = engine.find(frame->hd.stream_id);
    if (stream != nullptr) engine.fail_stream(*stream, ErrorCode::internal_error);
    return 0;
  });
}

}  // namespace ringrpc::http2
