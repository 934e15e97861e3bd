/// The events of one HTTP/2 stream; the call that the stream carries implements them.
///
/// Events come from inside Session::receive and Session::produce only. From inside one, every method of the session
/// may be called except these two and the destructor.
#pragma once

#include "ringrpc/bytes.h"

#include "http2/error_code.h"

namespace ringrpc::http2 {

class StreamEvents {
 public:
  /// The response's header block arrived whole and is well-formed; its fields are in stream.headers() (client).
  virtual void on_headers() {}
  /// An interim response (1xx) arrived; the response is still to come (client).
  virtual void on_interim_headers() {}
  /// Body bytes, valid until this returns. They count against the stream's window until Session::consumed is called,
  /// and no longer against the connection's.
  virtual void on_data(Bytes bytes) = 0;
  /// Trailers arrived, in stream.headers().
  virtual void on_trailers() {}
  /// The peer has finished sending; after its last on_headers, on_data or on_trailers.
  virtual void on_end() = 0;
  /// The queued body has been produced down to less than Session::low_water_bytes.
  virtual void on_writable() {}
  /// The stream is closed, and this is its last event: `code` is no_error when both sides finished, else the code of
  /// the reset, and `by_peer` says whose. Where the session resets a stream because of a fault, this comes at once,
  /// while the RST_STREAM still waits to be produced.
  virtual void on_closed(ErrorCode code, bool by_peer) = 0;

 protected:
  ~StreamEvents() = default;
};

}  // namespace ringrpc::http2
