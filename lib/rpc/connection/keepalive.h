/// Finds out whether the peer of a quiet connection is still there (gRFC A8; for servers,
/// https://github.com/grpc/grpc/blob/master/doc/keepalive.md).
///
/// 1. A connection from which nothing has come for `time` sends a PING, if it has calls or `without_calls`.
/// 2. When nothing at all comes within `timeout` after that, the connection is given up.
/// 3. Without calls the watch sleeps, unless it is for those too; the next call wakes it.
///
/// Belongs to its connection.
#pragma once

#include "ringrpc/clock.h"

#include "reactor/timer.h"

namespace ringrpc {

class Connection;

struct KeepaliveRule {
  Nanoseconds time{0};  ///< zero for no watch at all
  Nanoseconds timeout{0};
  bool without_calls = false;
};

class Keepalive final : Timer {
 public:
  Keepalive(Connection& connection, const KeepaliveRule& rule) noexcept
      : connection_(connection), rule_(rule) {}

  /// Something has arrived; the first time begins the watch.
  void on_activity();
  /// The connection has taken up a call.
  void on_call();
  /// The peer has ended its sending, and can give no sign any more.
  void stop() noexcept;

 private:
  void on_time() override;
  void check();

  Connection& connection_;
  KeepaliveRule rule_;
  bool pinging_ = false;
  Instant last_activity_{};
};

}  // namespace ringrpc
