/// Finds out whether the peer of a quiet connection is still there (gRFC A8).
///
/// 1. A connection from which nothing has come for `time` sends a PING, if it has calls or `without_calls`.
/// 2. When nothing at all comes within `timeout` after that, the connection is given up.
/// 3. Without calls the watch sleeps; the next call wakes it.
///
/// Belongs to its connection.
#pragma once

#include <string>

#include "ringrpc/channel.h"
#include "ringrpc/clock.h"

#include "reactor/timer.h"

namespace ringrpc {

class ClientConnection;

class Keepalive final : Timer {
 public:
  /// `time` zero for no watch at all.
  Keepalive(ClientConnection& connection, Nanoseconds time, const ChannelOptions& options) noexcept;

  /// The handshake is over.
  void start() { on_activity(); }
  /// Something has arrived.
  void on_activity();
  /// The connection has taken up a call.
  void on_call();

 private:
  void on_time() override;

  ClientConnection& connection_;
  Nanoseconds time_;
  Nanoseconds timeout_;
  bool without_calls_;
  bool pinging_ = false;
  Instant last_activity_{};
};

}  // namespace ringrpc
