/// One stream of a session. The session owns it. It is valid from SessionEvents::on_request, or from
/// Session::open, until StreamEvents::on_closed returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "ringrpc/clock.h"

#include "http2/body_queue.h"
#include "http2/error_code.h"
#include "http2/header.h"
#include "http2/header_block.h"
#include "http2/sent_fields.h"
#include "http2/stream_events.h"
#include "http2/stream_state.h"

namespace ringrpc::http2 {

/// The fault of a message for which the session resets a stream, as far as more is known than an error code says.
enum class StreamFault : std::uint8_t { none, header_bytes, header_fields, content_length };

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

  /// The peer has announced that it cancels the stream after `timeout`. A reset after that time does not
  /// count as waste.
  void set_timeout(Nanoseconds timeout) noexcept { timeout_ = timeout; }

  /// Sets the receiver of the stream's events. It must outlive the stream or be replaced. With null there is
  /// none: the body that arrives is dropped and its window returned.
  void set_events(StreamEvents* events) noexcept { events_ = events; }

  /// True if the peer sends no more. In on_headers and on_request: the header block is all that it sends.
  bool peer_ended() const noexcept { return receiving_ >= ReceiveState::ended; }

  /// In on_closed and on_headers_too_large: the fault of the peer's message.
  StreamFault fault() const noexcept { return fault_; }

  /// Bytes of the body that are queued and not yet produced.
  std::size_t queued_bytes() const noexcept { return body_.size(); }

 private:
  friend class Session;

  Stream(std::uint32_t id, StreamEvents* events, Instant now) noexcept
      : events_(events), begun_(now), id_(id) {}
  ~Stream() = default;

  /// True if RST_STREAM is queued or the stream is closed: nothing more of it is passed on.
  bool is_reset() const noexcept { return sending_ >= SendState::reset; }
  bool end_queued() const noexcept { return sending_ >= SendState::ending; }
  /// True if the user may still add to the body.
  bool takes_body() const noexcept { return sending_ <= SendState::open && !end_with_data_; }
  bool takes_trailers() const noexcept { return !end_queued() && trailers_ == nullptr; }
  /// True if the request or the final response has arrived: another header block contains the trailers.
  bool head_arrived() const noexcept { return receiving_ >= ReceiveState::body; }

  void free_memory(const BodyMemory& memory) noexcept {
    kept_headers_.release(memory.blocks);
    body_.clear(memory);
    while (sent_fields_ != nullptr) memory.blocks.deallocate(std::exchange(sent_fields_, sent_fields_->next));
  }

  StreamEvents* events_;
  Stream* next_ = nullptr;  // links of the session's list of streams
  Stream* previous_ = nullptr;
  Nanoseconds timeout_ = Nanoseconds::max();
  std::span<const Header> headers_;
  const Instant begun_;
  std::uint64_t receipt_ = 0;  // the call of `receive` in which the stream began
  BodyQueue body_;
  KeptHeaders kept_headers_;
  SentFields* sent_fields_ = nullptr;     // they live until the stream closes
  const SentFields* trailers_ = nullptr;  // they wait for the body to be produced
  std::size_t unreturned_bytes_ = 0;      // consumed, but not yet returned to the stream's window
  std::int64_t length_due_ = -1;  // the rest of the body according to content-length; negative without one
  std::uint32_t id_;
  ErrorCode reset_code_ = ErrorCode::no_error;
  Half<SendState> sending_{SendState::headers_due};
  Half<ReceiveState> receiving_{ReceiveState::head_due};
  StreamFault fault_ = StreamFault::none;
  bool keep_headers_ = false;
  // The states do not decide these: a message may have them or not.
  bool head_request_ = false;   // the request is a HEAD: its response has no body, whatever content-length is
  bool end_with_data_ = false;  // the last DATA frame carries END_STREAM; otherwise trailers do
  bool body_begun_ = false;     // part of the body has been produced, so a reset by the peer wastes nothing
  // nghttp2 holds a DATA item for the stream, whether or not more of the body may follow.
  bool data_attached_ = false;
  bool writable_due_ = false;  // the queue has reached the low-water mark since the last on_writable
};

}  // namespace ringrpc::http2
