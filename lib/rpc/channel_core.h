/// What a channel does: connects when a call wants it, hands calls to the connection, waits between failed
/// attempts.
///
/// Belongs to one shard. The wait between attempts follows connection-backoff.md: 1 s × 1.6, ±20 %, at most
/// 120 s, from the beginning again once the server's SETTINGS have arrived. A call that is made meanwhile
/// fails with the last attempt's error. A connection that ends before it has taken a call was such an attempt.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/channel.h"

#include "http2/session.h"
#include "reactor/shard.h"
#include "rpc/client_call.h"
#include "rpc/client_connection.h"
#include "transport/address.h"
#include "transport/lookup.h"

namespace ringrpc {

class ChannelCore final : private Connector::Handler, private Lookup::Handler {
 public:
  ChannelCore(Shard& shard, std::string target, const ChannelOptions& options);
  ChannelCore(const ChannelCore&) = delete;
  ChannelCore& operator=(const ChannelCore&) = delete;
  ~ChannelCore();

  /// Takes up a call: at once where there is a connection with room, else when there is.
  void submit(ClientCallImpl& call);

  /// Attaches waiting calls as far as the connection has room.
  void pump();
  /// The connection has ended; it is destroyed here.
  void on_connection_lost(ClientConnection& connection, const Status& why);

  Shard& shard() noexcept { return shard_; }
  const std::string& target() const noexcept { return target_; }
  const std::string& authority() const noexcept { return authority_; }
  std::string_view user_agent() const noexcept;
  const ChannelOptions& options() const noexcept { return options_; }
  const http2::Limits& limits() const noexcept { return limits_; }
  const ConnectionTimeouts& timeouts() const noexcept { return timeouts_; }

 private:
  /// Gives an attempt to connect up.
  class ConnectTimer final : public Timer {
   public:
    explicit ConnectTimer(ChannelCore& channel) noexcept : channel_(channel) {}
    void on_time() override { channel_.on_connect_timeout(); }

   private:
    ChannelCore& channel_;
  };

  void on_connected(UniqueFd connection, int error) override;
  void on_resolved(Result<std::vector<SocketAddress>> addresses) override;
  void on_connect_timeout();
  void connect();
  void leave(const ClientConnection& connection, const Status& why);
  void try_next_address();
  void attempt_failed(Status why);

  Shard& shard_;
  std::string target_;
  std::string authority_;
  ChannelOptions options_;
  http2::Limits limits_;
  ConnectionTimeouts timeouts_;

  ListOf<ClientCallImpl, ClientCallTag> waiting_;
  std::unique_ptr<ClientConnection> connection_;
  std::vector<std::unique_ptr<ClientConnection>> leaving_;  // told to go: their calls finish
  std::unique_ptr<Lookup> lookup_;  // these two while an attempt is under way, one after the other
  std::unique_ptr<Connector> connector_;
  ConnectTimer connect_timer_{*this};
  std::vector<SocketAddress> addresses_;
  std::size_t next_address_ = 0;
  Nanoseconds backoff_;
  Instant next_attempt_;
  Status last_failure_;
  std::minstd_rand random_;
};

}  // namespace ringrpc
