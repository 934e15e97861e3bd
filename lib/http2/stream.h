/// What a session keeps of a stream beside what its user sees.
#pragma once

#include <cstdint>
#include <nghttp2/nghttp2.h>
#include <utility>

#include "ringrpc/clock.h"

#include "http2/body_queue.h"
#include "http2/error_code.h"
#include "http2/header_block.h"
#include "http2/memory_pool.h"
#include "http2/session.h"

namespace ringrpc::http2 {

/// The sending side, in the order in which it goes through them:
///
///   headers_due ─▶ open ─(send_trailers, end_stream)─▶ ending ─(END_STREAM produced)─▶ ended
///
/// A client's stream is `headers_due` until its request has been produced, because the engine takes no body
/// before that.
enum class SendState : std::uint8_t { headers_due, open, ending, ended };

/// Fields that are sent, with copies of their names and values behind them; they live until the stream
/// closes.
struct FieldsToSend {
  FieldsToSend* next;
  std::size_t count;
  nghttp2_nv* fields() noexcept { return reinterpret_cast<nghttp2_nv*>(this + 1); }
};

/// `next` and `previous` chain the streams of a session.
class LiveStream final : public Stream {
 public:
  LiveStream* next = nullptr;
  LiveStream* previous = nullptr;

  LiveStream(std::uint32_t id, StreamEvents* events, Instant now) noexcept : begun(now) {
    id_ = id;
    events_ = events;
  }

  /// Null while nobody listens.
  StreamEvents* events() const noexcept { return events_; }

  Nanoseconds timeout() const noexcept { return timeout_; }
  bool keeps_headers() const noexcept { return keep_headers_; }
  void show(std::span<const Header> headers) noexcept { headers_ = headers; }
  void set_id(std::uint32_t id) noexcept { id_ = id; }
  void update_queued_bytes() noexcept { queued_bytes_ = body.size(); }

  void free_memory(const BodyMemory& memory) noexcept {
    kept_headers.release(memory.blocks);
    body.clear(memory);
    while (sent_fields != nullptr) memory.blocks.deallocate(std::exchange(sent_fields, sent_fields->next));
  }

  const Instant begun;
  std::uint64_t receipt = 0;  ///< the call of `receive` that it began in
  BodyQueue body;
  KeptHeaders kept_headers;
  FieldsToSend* sent_fields = nullptr;
  FieldsToSend* trailers = nullptr;  ///< one of sent_fields, waiting for the body to be produced
  std::size_t unreturned_bytes = 0;  ///< consumed, and not yet given back to the stream's window
  std::int64_t length_due = -1;      ///< of what content-length promised; negative when it did not
  SendState send_state = SendState::headers_due;
  ErrorCode reset_code = ErrorCode::no_error;
  bool over = false;              ///< as far as the user is concerned; nghttp2 may still have to reset it
  bool first_block_seen = false;  ///< the request, or the final response
  bool head_request = false;      ///< a client's: the response has no body whatever its content-length says
  bool oversized = false;         ///< the header list is over the limit; what still arrives is dropped
  bool peer_ended = false;
  bool peer_reset = false;
  bool reset_here = false;       ///< RST_STREAM is queued; nothing of this stream is passed on any more
  bool reset_after_end = false;  ///< RST_STREAM(NO_ERROR) is to follow our END_STREAM
  bool data_left = false;        ///< of its body some has been produced
  bool data_attached = false;    ///< the engine holds a DATA item for this stream
  bool end_with_data = false;    ///< the last DATA frame carries END_STREAM
  bool writable_due = false;     ///< the queue has been filled up to the low-water mark since on_writable
};

}  // namespace ringrpc::http2
