/// The time for which a server keeps a connection (gRFC A9,
/// https://github.com/grpc/proposal/blob/master/A9-server-side-conn-mgt.md).
///
/// 1. A connection that has reached its maximum age, or has had no calls for the idle time, is drained: the
///    client opens no more calls on it, and those in flight finish.
/// 2. When the grace period after the maximum age has ended, the connection is closed, which
///    cancels the remaining calls.
///
/// The timer is armed only if there is a limit. Belongs to its connection.
#pragma once

#include "ringrpc/clock.h"

#include "reactor/timer.h"

namespace ringrpc {

class ServerConnection;

/// Nanoseconds::max() means no limit.
struct AgeRule {
  Nanoseconds age = Nanoseconds::max();  ///< before jitter
  Nanoseconds grace = Nanoseconds::max();
  Nanoseconds idle = Nanoseconds::max();
};

class ConnectionAge final : Timer {
 public:
  /// `age` is the maximum age of `rule` with this connection's jitter. `rule` must outlive this object.
  ConnectionAge(ServerConnection& connection, const AgeRule& rule, Nanoseconds age) noexcept;

  /// The connection begins.
  void start();
  /// Its last call has ended.
  void on_idle() noexcept;
  /// The connection ends by itself.
  void stop() noexcept { cancel(); }
  /// The time since which there are no calls, if there are none now.
  Instant idle_since() const noexcept { return idle_since_; }

 private:
  void on_time() override;
  void check();
  void arm();
  Instant idle_due() const noexcept;

  ServerConnection& connection_;
  const AgeRule& rule_;
  Instant age_due_;  // once aged, the end of the grace period
  Instant idle_since_;
  bool aged_ = false;
};

}  // namespace ringrpc
