#include "http2/session.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "http2/session_callbacks.h"

namespace ringrpc::http2 {
namespace {

/// Freed window goes back to nghttp2 in parts of this size rather than for every few bytes. nghttp2 updates
/// the peer when half a window is free, so the parts delay no update for long.
constexpr std::size_t window_parts = 8;

/// The limit of a GOAWAY's debug data; the rest is cut.
constexpr std::size_t debug_bytes_max = 1024;

/// An entry of HPACK's table counts with its text and 32 bytes (RFC 7541, 4.1). The smallest entry takes eight
/// times as much in three blocks of memory.
constexpr std::size_t table_memory_factor = 8;

/// The memory of a field in a header block that has not ended, without its text, as measured.
constexpr std::size_t field_memory_bytes = 288;
/// Huffman's code takes at least five bits for a byte of text.
constexpr std::size_t text_memory_factor = 2;

struct OptionDeleter {
  void operator()(nghttp2_option* option) const noexcept { nghttp2_option_del(option); }
};

std::unique_ptr<nghttp2_option, OptionDeleter> make_options(const Limits& limits) {
  nghttp2_option* option = nullptr;
  if (nghttp2_option_new(&option) != 0) throw std::bad_alloc();
  nghttp2_option_set_no_http_messaging(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_max_settings(option, limits.max_settings_entries);
  // PeerConduct limits both, and counts exactly: nghttp2 counts a CONTINUATION frame again for each piece of
  // its header.
  nghttp2_option_set_max_continuations(option, SIZE_MAX);
  nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
  return std::unique_ptr<nghttp2_option, OptionDeleter>(option);
}

/// Maps the error that ended a connection to the status of its calls.
Code status_code(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::enhance_your_calm:
      return Code::RESOURCE_EXHAUSTED;
    case ErrorCode::settings_timeout:
      return Code::UNAVAILABLE;
    default:
      return Code::INTERNAL;
  }
}

}  // namespace

nghttp2_mem Session::Callbacks::memory(Session& session) noexcept {
  return {
      .mem_user_data = &session,
      .malloc = [](std::size_t bytes, void* user_data) { return self(user_data).allocate(bytes); },
      .free = [](void* memory, void* user_data) { self(user_data).pool_->deallocate(memory); },
      .calloc =
          [](std::size_t count, std::size_t bytes, void* user_data) {
            void* const memory = self(user_data).allocate(count * bytes);
            if (memory != nullptr)
              std::fill_n(static_cast<std::uint8_t*>(memory), count * bytes, std::uint8_t{0});
            return memory;
          },
      .realloc = [](void* memory, std::size_t bytes,
                    void* user_data) { return self(user_data).resize(memory, bytes); },
  };
}

void* Session::allocate_slowly(std::size_t bytes) noexcept {
  if (void* const memory = pool_->allocate(bytes)) return memory;
  lose(out_of_memory());
  return pool_->allocate_from_reserve(bytes);
}

void* Session::resize(void* memory, std::size_t bytes) noexcept {
  void* const larger = pool_->resize(memory, bytes);
  if (larger != nullptr) return larger;
  lose(out_of_memory());
  return pool_->resize_into_reserve(memory, bytes);
}

Session::Session(Role role, const Limits& limits, const Instant& now, SlabPool& slabs, SessionEvents& events)
    : pool_(MemoryPool::of_this_thread()),
      body_memory_{*pool_, slabs},
      events_(events),
      now_(now),
      role_(role),
      block_bytes_max_(limits.max_header_list_bytes),
      block_fields_max_(limits.max_header_fields),
      block_bytes_close_(std::uint64_t{limits.max_header_list_bytes} * limits.max_header_list_close_factor),
      wasted_age_max_(limits.wasted_age_max),
      queued_output_bytes_max_(limits.max_queued_output_bytes),
      return_bytes_(limits.connection_window_bytes / window_parts),
      stream_return_bytes_(limits.initial_window_bytes / window_parts),
      block_timeout_(limits.header_block_timeout),
      scanner_(role == Role::server),
      conduct_(role, limits, now, stream_count_) {
  const auto options = make_options(limits);
  nghttp2_mem memory = Callbacks::memory(*this);
  const auto make = role == Role::server ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  if (make(&engine_, Callbacks::table(), this, options.get(), &memory) != 0) throw std::bad_alloc();
  submit_settings(limits);
  if (failure_.ok()) return;
  nghttp2_session_del(engine_);  // the SETTINGS could not be queued
  throw std::bad_alloc();
}

Session::~Session() {
  assert(!inside_);
  nghttp2_session_del(engine_);
  first_blocks_.release(*pool_);
  later_blocks_.release(*pool_);
  known_blocks_.forget(*pool_);
  while (streams_ != nullptr) destroy_stream(*streams_);
}

const nghttp2_session_callbacks* Session::Callbacks::table() {
  static const nghttp2_session_callbacks* const made = [] {
    nghttp2_session_callbacks* table = nullptr;
    if (nghttp2_session_callbacks_new(&table) != 0) throw std::bad_alloc();
    nghttp2_session_callbacks_set_on_begin_headers_callback(table, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(table, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(table, on_frame_received);
    nghttp2_session_callbacks_set_on_stream_close_callback(table, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(table, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(table, on_frame_produced);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(table, on_frame_not_produced);
    return table;
  }();
  return made;
}

void Session::submit_settings(const Limits& limits) {
  std::array<nghttp2_settings_entry, 6> entries;
  std::size_t count = 0;
  const auto announce = [&](nghttp2_settings_id id, std::uint32_t value) {
    entries[count++] = {static_cast<std::int32_t>(id), value};
  };
  if (role_ == Role::server) {
    announce(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.max_concurrent_streams);
  } else {
    announce(NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
  }
  announce(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
           std::min<std::uint32_t>(limits.initial_window_bytes, INT32_MAX));
  announce(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.max_header_list_bytes);
  announce(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1);
  const std::uint32_t frame_bytes = std::clamp<std::uint32_t>(limits.max_frame_bytes, 1 << 14, (1 << 24) - 1);
  if (frame_bytes != 1 << 14) announce(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, frame_bytes);
  check(nghttp2_submit_settings(engine_, NGHTTP2_FLAG_NONE, entries.data(), count));
  const auto window =
      static_cast<std::int32_t>(std::min<std::uint32_t>(limits.connection_window_bytes, INT32_MAX));
  check(nghttp2_session_set_local_window_size(engine_, NGHTTP2_FLAG_NONE, 0, window));
}

Stream* Session::find(std::int32_t id) noexcept {
  const auto wanted = static_cast<std::uint32_t>(id);
  if (receiving_ != nullptr && receiving_->id() == wanted) return receiving_;
  if (producing_ != nullptr && producing_->id() == wanted) return producing_;
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(engine_, id));
}

/// PeerConduct judges frames before nghttp2 has them. So a frame judged earlier may have opened a stream that
/// nghttp2 does not know yet.
bool Session::is_live(std::uint32_t id) noexcept {
  return (role_ == Role::server && id > last_peer_stream_id()) ||
         find(static_cast<std::int32_t>(id)) != nullptr;
}

Stream* Session::create_stream(std::uint32_t id, StreamEvents* events) {
  void* const memory = pool_->allocate(sizeof(Stream));
  if (memory == nullptr) throw std::bad_alloc();
  auto* const stream = new (memory) Stream(id, events, now_);
  stream->next_ = streams_;
  if (streams_ != nullptr) streams_->previous_ = stream;
  streams_ = stream;
  ++stream_count_;
  return stream;
}

void Session::destroy_stream(Stream& stream) noexcept {
  if (receiving_ == &stream) receiving_ = nullptr;
  if (producing_ == &stream) producing_ = nullptr;
  (stream.previous_ != nullptr ? stream.previous_->next_ : streams_) = stream.next_;
  if (stream.next_ != nullptr) stream.next_->previous_ = stream.previous_;
  if (stream.sending_ != SendState::closed) --stream_count_;
  stream.free_memory(body_memory_);
  stream.~Stream();
  pool_->deallocate(&stream);
}

void Session::announce_shutdown(std::uint64_t opaque) {
  check(nghttp2_submit_shutdown_notice(engine_));
  ping_behind_goaway_ = opaque;  // nghttp2 would let a PING overtake the queued GOAWAY
}

void Session::goaway(ErrorCode code, std::string_view debug) {
  error_is_ours_ = error_is_ours_ || code != ErrorCode::no_error;
  debug = debug.substr(0, debug_bytes_max);
  const std::int32_t last = nghttp2_session_get_last_proc_stream_id(engine_);
  last_taken_ = std::min(last_taken_, static_cast<std::uint32_t>(last));
  check(nghttp2_submit_goaway(engine_, NGHTTP2_FLAG_NONE, last, static_cast<std::uint32_t>(code),
                              reinterpret_cast<const std::uint8_t*>(debug.data()), debug.size()));
}

void Session::terminate(ErrorCode code, std::string_view debug) {
  if (phase_ >= Phase::terminating) return;
  enter(Phase::terminating);
  goaway(code, debug);
}

void Session::ping(std::uint64_t opaque) {
  std::array<std::uint8_t, 8> payload;
  std::memcpy(payload.data(), &opaque, payload.size());
  conduct_.sent_ping();
  check(nghttp2_submit_ping(engine_, NGHTTP2_FLAG_NONE, payload.data()));
}

void Session::end_input() {
  if (phase_ < Phase::input_ended) enter(Phase::input_ended);
  for (Stream* stream = streams_; stream != nullptr; stream = stream->next_) {
    if (!stream->peer_ended() && !stream->end_queued()) reset(*stream, ErrorCode::cancel);
  }
  goaway(ErrorCode::no_error, {});
}

Status Session::tick() {
  if (phase_ >= Phase::input_ended) return failure_;
  if (now_ >= settings_deadline_) {
    settings_deadline_ = never;
    enforce({ErrorCode::settings_timeout, "SETTINGS were not acknowledged within 10 s"});
  }
  if (now_ >= block_deadline_) {
    block_deadline_ = never;
    enforce({ErrorCode::enhance_your_calm, "a header block was not finished in time"});
  }
  return failure_;
}

bool Session::wants_to_produce() const noexcept {
  return phase_ != Phase::over && nghttp2_session_want_write(engine_) != 0;
}

bool Session::finished() const noexcept {
  return phase_ == Phase::over ||
         (nghttp2_session_want_read(engine_) == 0 && nghttp2_session_want_write(engine_) == 0);
}

std::uint32_t Session::last_peer_stream_id() const noexcept {
  return static_cast<std::uint32_t>(nghttp2_session_get_last_proc_stream_id(engine_));
}

std::size_t Session::queued_output_bytes() const noexcept {
  return nghttp2_session_get_outbound_queue_size(engine_) * queued_frame_bytes;
}

std::size_t Session::remembered_bytes() const noexcept {
  return nghttp2_session_get_hd_inflate_dynamic_table_size(engine_) * table_memory_factor +
         known_blocks_.held_bytes() + unfinished_bytes();
}

/// An estimate for what nghttp2 and the header block hold of a frame that has not arrived whole, or of a header block
/// that has not. DATA is passed on as it arrives.
std::size_t Session::unfinished_bytes() const noexcept {
  if (header_block_unfinished()) {
    return text_memory_factor * block_frames_bytes_ +
           field_memory_bytes * std::min(block_fields_, block_fields_max_);
  }
  return scanner_.inside_payload() && head_.type != FrameType::data ? head_.length : 0;
}

std::uint32_t Session::peer_max_concurrent_streams() const noexcept {
  return nghttp2_session_get_remote_settings(engine_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

void Session::enforce(const Verdict& verdict) {
  if (!verdict || !failure_.ok()) return;
  fail(verdict.code, verdict.reason);
  terminate(verdict.code, verdict.reason);
}

void Session::fail(ErrorCode code, std::string_view reason) {
  std::string message = "connection ended with ";
  message += name(code);
  if (!reason.empty()) message.append(": ").append(reason);
  failure_ = Status(status_code(code), std::move(message), Initiator::peer);
}

void Session::engine_failed(int error) {
  switch (error) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
      return enforce({ErrorCode::protocol_error, "no HTTP/2 connection preface"});
    case NGHTTP2_ERR_FLOODED:
      return enforce({ErrorCode::enhance_your_calm, "too many PING or SETTINGS frames to acknowledge"});
    case NGHTTP2_ERR_NOMEM:
      return lose(out_of_memory());
    case NGHTTP2_ERR_CALLBACK_FAILURE:
      if (phase_ >= Phase::terminating) return;  // the callback has ended the session itself
      [[fallthrough]];
    default:
      lose(Status(Code::INTERNAL, std::string("nghttp2: ") + nghttp2_strerror(error), Initiator::library));
  }
}

void Session::lose(Status why) noexcept {
  phase_ = Phase::over;
  if (failure_.ok()) failure_ = std::move(why);
}

}  // namespace ringrpc::http2
