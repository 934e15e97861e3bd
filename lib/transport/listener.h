/// Accepts on one shard and hands every connection, whatever its transport, to the least-loaded shard.
///
///   Listener listener(shards, sink, max_connections, max_connections_per_address);
///   Result<std::string> bound = listener.listen(address);       // on the accepting shard
///
/// gRPC has few, long-lived connections. SO_REUSEPORT's hashing balances these badly, and not every transport
/// has it. Connections beyond a limit are closed at once, with a log line as often as the log's quota
/// permits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ringrpc/status.h"

#include "base/log_quota.h"
#include "base/testing_export.h"
#include "reactor/io.h"
#include "reactor/shard.h"
#include "transport/address.h"
#include "transport/peer_counts.h"

namespace ringrpc {

/// Takes connections on the shard that will serve them.
class ConnectionSink {
 public:
  /// Called on `shard`'s thread. The shard's load already counts the connection; the sink subtracts it when
  /// the connection ends, and keeps `counted` until then. `tls` is true if the address that accepted the
  /// connection uses TLS.
  virtual void on_connection(Shard& shard, UniqueFd connection, bool tls, PeerCounts::Hold counted) = 0;

 protected:
  ~ConnectionSink() = default;
};

class Listener final {
 public:
  /// `shards` and `sink` must outlive the listener and the mail that it has posted to the shards. The first
  /// shard accepts. `max_connections_per_address` applies to each key of reactor/peer_key.h; 0 means no
  /// limit.
  RINGRPC_TESTING_EXPORT Listener(std::span<Shard* const> shards, ConnectionSink& sink,
                                  std::uint32_t max_connections,
                                  std::uint32_t max_connections_per_address = 0);

  /// Listens on the first socket address of `address` and returns the bound address. A failure names the
  /// address, the cause and the remedy. Call it on the accepting shard's thread, or before that shard runs.
  RINGRPC_TESTING_EXPORT Result<std::string> listen(const Address& address);

  /// Stops listening. On the accepting shard's thread.
  void close() { entrances_.clear(); }

  /// From any thread.
  std::uint64_t accepted() const noexcept { return accepted_.load(std::memory_order_relaxed); }
  /// Connections closed at once because `max_connections` were open, or too many of the same address.
  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }
  /// Failures to accept a connection, for example because no descriptor is free.
  std::uint64_t accept_errors() const noexcept { return accept_errors_.load(std::memory_order_relaxed); }
  /// Those of the refused connections that exceeded the limit of their address.
  std::uint64_t refused_of_address() const noexcept {
    return refused_of_address_.load(std::memory_order_relaxed);
  }

 private:
  /// One address that the listener accepts on.
  class Entrance final : public Acceptor::Handler {
   public:
    Entrance(Listener& listener, bool tls) noexcept : listener_(listener), tls_(tls) {}
    void on_accepted(UniqueFd connection) override { listener_.take(std::move(connection), tls_); }
    void on_accept_error(int error) override { listener_.report(error); }

    std::unique_ptr<Acceptor> acceptor;

   private:
    Listener& listener_;
    bool tls_;
  };

  /// Explains why this listener itself already has the address `wanted`; empty if it does not.
  std::string why_ours(const SocketAddress& wanted) const;
  void take(UniqueFd connection, bool tls);
  void refuse(const UniqueFd& connection, LogQuota& logged, const std::string& why);
  void report(int accept_error);
  Shard& least_loaded() const;
  std::uint32_t connections() const;

  std::span<Shard* const> shards_;
  ConnectionSink& sink_;
  std::uint32_t max_connections_;
  std::uint32_t max_connections_per_address_;
  std::shared_ptr<PeerCounts> peer_counts_ = std::make_shared<PeerCounts>();
  std::vector<std::unique_ptr<Entrance>> entrances_;
  LogQuota errors_logged_;
  LogQuota full_logged_;
  LogQuota full_address_logged_;
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> refused_of_address_{0};
  std::atomic<std::uint64_t> accept_errors_{0};
};

}  // namespace ringrpc
