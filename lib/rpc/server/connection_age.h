/// How long a server keeps a connection (gRFC A9,
/// https://github.com/grpc/proposal/blob/master/A9-server-side-conn-mgt.md).
///
/// 1. A connection that has reached its age, or had no call for long enough, is drained: the client is told
///    to go elsewhere, and the calls in flight finish.
/// 2. What has not finished when the grace after the age is over is ended, and the connection with it.
///
/// The timer is armed only where there is a limit. Belongs to its connection.
#pragma once

#include "ringrpc/clock.h"

#include "reactor/timer.h"

namespace ringrpc {

class ServerConnection;

/// Nanoseconds::max() where there is no limit.
struct AgeRule {
  Nanoseconds age = Nanoseconds::max();  ///< before jitter
  Nanoseconds grace = Nanoseconds::max();
  Nanoseconds idle = Nanoseconds::max();
};

class ConnectionAge final : Timer {
 public:
  /// `age` is that of `rule` with this connection's jitter. `rule` must outlive it.
  ConnectionAge(ServerConnection& connection, const AgeRule& rule, Nanoseconds age) noexcept;

  /// The connection begins.
  void start();
  /// Its last call has ended.
  void on_idle() noexcept;

 private:
  void on_time() override;
  void check();
  void arm();
  Instant idle_due() const noexcept;

  ServerConnection& connection_;
  const AgeRule& rule_;
  Instant age_due_;  // then the end of the grace
  Instant idle_since_;
  bool aged_ = false;
};

}  // namespace ringrpc
