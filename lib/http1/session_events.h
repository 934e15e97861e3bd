/// The events of an HTTP/1.1 connection.
///
/// They come from inside Session::receive, produce, end_input and time_out only; of the last two only
/// `on_aborted`. From inside an event every method of the session may be called except these four and the
/// destructor. The order for one request is
///
///   on_request, on_body *, on_request_end, on_response_end      // on_writable in between
///
/// `on_aborted` may replace all events that have not come yet. A request without a body has `on_request` and
/// `on_request_end` at once. The next request begins after `on_response_end`.
#pragma once

#include <chrono>

#include "ringrpc/bytes.h"
#include "ringrpc/status.h"

#include "http1/request.h"

namespace ringrpc::http1 {

class SessionEvents {
 public:
  /// A request's head has arrived and is well-formed. A client that waits for 100 (Continue) gets it when
  /// this returns, unless a response has begun by then.
  virtual void on_request(const Request& request) = 0;
  /// Bytes of its body, without the chunked coding; valid until this returns. Give them back by
  /// Session::consumed.
  virtual void on_body(Bytes bytes) = 0;
  /// The request is complete.
  virtual void on_request_end() = 0;
  /// The queue of the response has been produced below Session::low_water_bytes after Session::writable said
  /// no.
  virtual void on_writable() {}
  /// The response has been produced to its end. Nothing of the request is valid once this returns.
  virtual void on_response_end() = 0;
  /// The request or its response cannot be completed: the peer broke the protocol, half-closed the connection
  /// within the request, or took too long. No other event of the request follows, and no response may be
  /// given to it. Nothing of the request is valid once this returns.
  virtual void on_aborted(const Status& why) = 0;

  /// The time of day, for the Date of a response (RFC 9110, 6.6.1).
  virtual std::chrono::sys_seconds time_of_day() = 0;

 protected:
  ~SessionEvents() = default;
};

}  // namespace ringrpc::http1
