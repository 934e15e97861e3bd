/// The events of an HTTP/2 connection, and the streams that its peer opens.
///
/// Events come from inside Session::receive and Session::produce only. An event may call every method of the
/// session except these two and the destructor.
#pragma once

#include <cstdint>
#include <string_view>

#include "http2/error_code.h"

namespace ringrpc::http2 {

class Stream;

class SessionEvents {
 public:
  /// The peer has opened a stream (server). The request's header block is complete and well-formed, and its
  /// fields are in stream.headers(). Set the stream's events here. A stream without events must still be
  /// ended by its user.
  virtual void on_request(Stream& /*stream*/) {}
  /// A request's header list is over the limit and was dropped (server). Either respond here, end the stream
  /// and return true: no more of the request is passed on. Or return false, and the session resets the stream
  /// with ENHANCE_YOUR_CALM.
  virtual bool on_headers_too_large(Stream& /*stream*/) { return false; }
  /// A stream that was opened here has closed, so `open` may have capacity again (client). Follows the
  /// stream's on_closed.
  virtual void on_capacity() {}
  /// The peer takes no stream above `last_stream_id`. `debug` is valid until this returns. On a client,
  /// on_closed with refused_stream follows at once for two kinds of stream: those above the last one
  /// (`by_peer` is true), and those whose requests have not been produced and never will be (`by_peer` is
  /// false).
  virtual void on_goaway(std::uint32_t last_stream_id, ErrorCode code, std::string_view debug) = 0;
  /// A GOAWAY has been produced, of either this side's user or the session itself.
  virtual void on_goaway_sent(ErrorCode /*code*/) {}
  /// A body has used up a flow-control window, and more of it waits: the connection's
  /// window, or that of its stream.
  virtual void on_stall(bool /*connection*/) {}
  /// The peer has acknowledged a `ping`.
  virtual void on_ping_ack(std::uint64_t opaque) = 0;
  /// The peer's first SETTINGS have arrived: the connection is ready.
  virtual void on_settings() = 0;

 protected:
  ~SessionEvents() = default;
};

}  // namespace ringrpc::http2
