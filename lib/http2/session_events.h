/// The events of an HTTP/2 connection, and the streams that its peer opens.
///
/// Events come from inside Session::receive and Session::produce only. From inside one, every method of the session
/// may be called except these two and the destructor.
#pragma once

#include <cstdint>
#include <string_view>

#include "http2/error_code.h"

namespace ringrpc::http2 {

class Stream;

class SessionEvents {
 public:
  /// The peer has opened a stream (server): its request's header block arrived whole and is well-formed, in
  /// stream.headers(). Give the stream its events here; one without any is still to be ended by its user.
  virtual void on_request(Stream& /*stream*/) {}
  /// A request's header list is over the limit and was dropped (server). Either respond here, ending the stream, and
  /// return true; of the request nothing more is heard. Or return false, and it is reset with ENHANCE_YOUR_CALM.
  virtual bool on_headers_too_large(Stream& /*stream*/) { return false; }
  /// A stream that was opened here has closed, so `open` may have capacity again (client). Follows its on_closed.
  virtual void on_capacity() {}
  /// The peer will take no stream above `last_stream_id`. `debug` is valid until this returns. On a client, the
  /// on_closed of streams follows at once, with refused_stream: for those above it by the peer; for requests that
  /// were not produced yet, and never will be, not by the peer.
  virtual void on_goaway(std::uint32_t last_stream_id, ErrorCode code, std::string_view debug) = 0;
  /// The acknowledgement of `ping`.
  virtual void on_ping_ack(std::uint64_t opaque) = 0;
  /// The peer's first SETTINGS arrived: the connection is up.
  virtual void on_settings() = 0;

 protected:
  ~SessionEvents() = default;
};

}  // namespace ringrpc::http2
