/// The protocol of one connection to the admin server: HTTP/1.1 (http1_pages.h) or HTTP/2 (http2_pages.h).
///
///   session->receive(bytes);
///   session->produce(out, bytes_max);        // at the end of the turn; then send `out`
///   if (session->finished()) ...             // shut down sending, then close
///
/// It requests the pages itself (page_reply.h). Its owner, the connection, carries the bytes and keeps the
/// time. Methods may throw std::bad_alloc; close the connection then.
#pragma once

#include <cstddef>
#include <string_view>

#include "ringrpc/bytes.h"
#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "base/slab.h"
#include "http1/session.h"

namespace ringrpc::admin {

class PageSession {
 public:
  /// The connection. Its methods are called at any time between the session's creation and destruction.
  class Carrier {
   public:
    /// True if requests for this host, the value of Host or :authority, are served. A refusal is logged.
    virtual bool admits_host(std::string_view host) noexcept = 0;
    /// There may be output, or the session may have finished.
    virtual void flush_soon() noexcept = 0;
    /// The connection cannot go on. It destroys the session later, not inside.
    virtual void finish() noexcept = 0;

   protected:
    ~Carrier() = default;
  };

  PageSession() = default;
  PageSession(const PageSession&) = delete;
  PageSession& operator=(const PageSession&) = delete;
  virtual ~PageSession() = default;

  /// A failure is a fault of the peer that ends the connection: produce the rest, send it, close.
  virtual Status receive(Bytes bytes) = 0;
  /// The peer has half-closed the connection.
  virtual void end_input() = 0;
  virtual void produce(Chain& out, std::size_t bytes_max) = 0;
  /// True when the connection is over and all output has been produced.
  virtual bool finished() const noexcept = 0;
  /// False while the peer should not be read.
  virtual bool wants_input() const noexcept = 0;

  /// The event that it waits for, and the time at which the wait began.
  virtual http1::WaitsFor waits_for() noexcept = 0;
  virtual Instant waits_since() const noexcept = 0;

  /// The end of the present wait. Ask after each `produce`. `sending`: output is on its way to the peer.
  virtual Instant next_deadline(bool sending) noexcept = 0;
  /// The deadline has passed. False if the connection must close at once.
  [[nodiscard]] virtual bool on_deadline() = 0;
};

}  // namespace ringrpc::admin
