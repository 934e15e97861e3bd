/// One attempt to connect to an address.
///
/// 1. `start` connects. A `ClientConnection` on top of that exchanges SETTINGS. Both
///    together may take `timeout`.
/// 2. Once the connection is usable, `take` it.
///
/// Belongs to its Subchannel, which destroys it when it fails.
#pragma once

#include <cassert>
#include <memory>

#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "base/caught.h"
#include "reactor/shard.h"
#include "rpc/client/client_connection.h"

namespace ringrpc {

class Subchannel;

class ConnectAttempt final : ExceptionBarrier<ConnectAttempt>, Connector::Handler, Timer {
 public:
  ConnectAttempt(Subchannel& subchannel, Nanoseconds timeout, Chance chance) noexcept
      : subchannel_(subchannel), timeout_(timeout), chance_(chance) {}

  /// Call once. If the attempt fails at once, it is destroyed before this returns.
  void start() noexcept;

  /// The connection whose handshake is under way or complete; null while there is none.
  ClientConnection* connection() noexcept { return connection_.get(); }
  /// Takes the connection, whose handshake is complete. The attempt can only be destroyed then.
  std::unique_ptr<ClientConnection> take() noexcept {
    assert(connection_ && connection_->ready());
    return std::move(connection_);
  }

  /// `connection()` has ended before it was taken.
  void connection_failed(const Status& why) noexcept;

 private:
  friend ExceptionBarrier<ConnectAttempt>;
  void on_exception(const Status& why) noexcept;

  void on_connected(UniqueFd connection, int error) override;
  void on_time() override;
  void connect();
  void shake_hands(UniqueFd descriptor, int error);
  void give_up();
  Cause of_handshake(Cause cause) const;
  void fail(std::string_view words, Cause cause);

  Subchannel& subchannel_;
  const Nanoseconds timeout_;
  const Chance chance_;
  std::unique_ptr<Connector> connector_;  // these two one after the other
  std::unique_ptr<ClientConnection> connection_;
};

}  // namespace ringrpc
