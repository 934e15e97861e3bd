/// Keepalive: a PING shows whether the peer of a quiet connection can still be reached (gRFC A8; for servers,
/// https://github.com/grpc/grpc/blob/master/doc/keepalive.md).
///
/// 1. When nothing has come from the peer for `time`, a PING is sent, if there are calls
///    or `without_calls` is set.
/// 2. If nothing comes within `timeout` after that, the connection is closed.
/// 3. While there are no calls and `without_calls` is not set, no PING is sent; the next call restarts
///    `time`.
///
/// Belongs to its connection.
#pragma once

#include "ringrpc/clock.h"

#include "reactor/timer.h"

namespace ringrpc {

class Connection;

struct KeepaliveRule {
  Nanoseconds time{0};  ///< zero for no keepalive
  Nanoseconds timeout{0};
  bool without_calls = false;
};

class Keepalive final : Timer {
 public:
  Keepalive(Connection& connection, const KeepaliveRule& rule) noexcept
      : connection_(connection), rule_(rule) {}

  /// Something has arrived; the first time starts keepalive.
  void on_activity();
  /// A call has begun on the connection.
  void on_call();
  /// The peer can no longer acknowledge PINGs: it is half-closed, or the connection lingers.
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
