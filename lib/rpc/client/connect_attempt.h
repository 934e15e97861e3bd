/// One attempt to reach a server: its name is looked up, then each address tried in turn until a connection
/// has completed the HTTP/2 handshake.
///
/// 1. `start` looks the name up, off the shard if that may take time.
/// 2. Each address is connected to; a `ClientConnection` on top of it exchanges SETTINGS. Each has
///    `timeout` for both.
/// 3. Once the connection is usable, `take` it. When no address is left, the attempt has failed: the channel gets
///    one line with the cause of each address.
///
/// Belongs to its ShardChannel, which destroys it when it fails.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "base/caught.h"
#include "reactor/shard.h"
#include "rpc/client/client_connection.h"
#include "transport/address.h"
#include "transport/lookup.h"

namespace ringrpc {

class ShardChannel;

class ConnectAttempt final : ExceptionBarrier<ConnectAttempt>, Connector::Handler, Lookup::Handler, Timer {
 public:
  ConnectAttempt(ShardChannel& channel, Nanoseconds timeout) noexcept
      : channel_(channel), timeout_(timeout) {}

  /// Call once, with an address that outlives this. The attempt may have failed, and be destroyed, when this
  /// returns.
  void start(const Address& address) noexcept;

  /// The connection whose handshake is under way or complete; null while there is none.
  ClientConnection* connection() noexcept { return connection_.get(); }
  /// Takes the connection out. The attempt can only be destroyed then.
  std::unique_ptr<ClientConnection> take() noexcept { return std::move(connection_); }

  /// `connection()` has ended before it was taken: tries the next address.
  void connection_failed(const Status& why) noexcept;

 private:
  friend ExceptionBarrier<ConnectAttempt>;
  void on_exception(Status why) noexcept;

  void on_resolved(Result<std::vector<SocketAddress>> addresses) override;
  void on_connected(UniqueFd connection, int error) override;
  void on_time() override;
  void look_up();
  void shake_hands(UniqueFd descriptor, int error);
  void give_up_address();
  void try_next_address();
  Cause of_handshake(Cause cause) const;
  void address_failed(std::string_view words, Cause cause);

  ShardChannel& channel_;
  Nanoseconds timeout_;
  std::unique_ptr<Lookup> lookup_;  // these three one after the other
  std::unique_ptr<Connector> connector_;
  std::unique_ptr<ClientConnection> connection_;
  const Address* address_ = nullptr;
  std::vector<SocketAddress> addresses_;
  std::size_t tried_ = 0;
  std::string causes_;             // of all addresses, in words
  Cause furthest_ = Cause::other;  // of the address that came furthest
};

}  // namespace ringrpc
