/// Flow control (RFC 9113, 5.2): when received bytes are returned to the peer's windows, and when the peer's
/// windows hold output back. nghttp2 keeps the windows themselves.
#include <utility>

#include "http2/session_callbacks.h"

namespace ringrpc::http2 {

void Session::consumed(Stream& stream, std::size_t bytes) {
  if (stream.peer_ended()) return;  // the stream's window is no longer needed
  stream.unreturned_bytes_ += bytes;
  if (stream.unreturned_bytes_ < stream_return_bytes_) [[likely]]
    return;
  const std::size_t returned = std::exchange(stream.unreturned_bytes_, 0);
  check(nghttp2_session_consume_stream(engine_, static_cast<std::int32_t>(stream.id()), returned));
}

void Session::return_window() {
  check(nghttp2_session_consume_connection(engine_, std::exchange(unreturned_bytes_, 0)));
}

/// More of the body waits than the last frame has.
[[gnu::noinline]] void Session::note_stall(const Stream& stream) {
  const auto id = static_cast<std::int32_t>(stream.id());
  if (nghttp2_session_get_remote_window_size(engine_) <= 0) return events_.on_stall(true);
  if (nghttp2_session_get_stream_remote_window_size(engine_, id) <= 0) events_.on_stall(false);
}

std::int64_t Session::connection_send_window() const noexcept {
  return nghttp2_session_get_remote_window_size(engine_);
}

std::int64_t Session::connection_receive_window() const noexcept {
  return nghttp2_session_get_local_window_size(engine_);
}

}  // namespace ringrpc::http2
