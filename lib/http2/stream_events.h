/// The events of one HTTP/2 stream; the call that the stream carries implements them.
///
/// Events come from inside Session::receive and Session::produce only. An event may call every method of the
/// session except these two and the destructor.
#pragma once

#include "ringrpc/bytes.h"

#include "http2/error_code.h"

namespace ringrpc::http2 {

class StreamEvents {
 public:
  /// The response's header block is complete and well-formed; its fields are in stream.headers() (client).
  virtual void on_headers() {}
  /// An interim response (1xx) arrived; the response is still to come (client).
  virtual void on_interim_headers() {}
  /// Body bytes, valid until this returns. They count against the stream's window until Session::consumed is
  /// called, and no longer against the connection's window.
  virtual void on_data(Bytes bytes) = 0;
  /// Trailers arrived, in stream.headers().
  virtual void on_trailers() {}
  /// The peer has half-closed the stream. Comes after its last on_headers, on_data or on_trailers.
  virtual void on_end() = 0;
  /// The queued body has shrunk below Session::low_water_bytes.
  virtual void on_writable() {}
  /// The stream is closed; this is its last event. `code` is no_error if both sides finished, else the code
  /// of the reset, and `by_peer` tells whose reset it was. If the session resets a stream because of a fault,
  /// this event comes at once, while the RST_STREAM still waits to be produced.
  virtual void on_closed(ErrorCode code, bool by_peer) = 0;

 protected:
  ~StreamEvents() = default;
};

}  // namespace ringrpc::http2
