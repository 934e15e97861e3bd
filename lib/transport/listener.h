/// Accepts on one shard and hands every connection, whatever its transport, to the least-loaded shard.
///
///   Listener listener(shards, sink, max_connections, max_connections_per_address);
///   Result<std::string> bound = listener.listen(address);       // on the accepting shard
///
/// gRPC has few, long-lived connections, for which SO_REUSEPORT's hashing balances badly, and not every
/// transport has it. Connections beyond a limit are closed at once; the log says so, as often as it bears.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ringrpc/status.h"

#include "base/log_quota.h"
#include "reactor/io.h"
#include "reactor/shard.h"
#include "transport/address.h"
#include "transport/peer_counts.h"

namespace ringrpc {

/// Takes connections on the shard that is to serve them.
class ConnectionSink {
 public:
  /// Called on `shard`'s thread, whose load already counts this connection; the sink takes it off the count
  /// when the connection ends, and keeps `counted` until then. `tls` says whether the address that it came to
  /// is one with TLS.
  virtual void on_connection(Shard& shard, UniqueFd connection, bool tls, PeerCounts::Hold counted) = 0;

 protected:
  ~ConnectionSink() = default;
};

class Listener final {
 public:
  /// `shards` and `sink` must outlive the listener and the mail that it has posted to the shards. The first
  /// shard accepts. `max_connections_per_address` is for each key of reactor/peer_key.h; 0 for no limit.
  Listener(std::span<Shard* const> shards, ConnectionSink& sink, std::uint32_t max_connections,
           std::uint32_t max_connections_per_address = 0);

  /// Listens on the first socket address of `address`; gives the address as bound. A failure names the
  /// address, the cause and the remedy. On the accepting shard's thread, or before it runs.
  Result<std::string> listen(const Address& address);

  /// Stops listening. On the accepting shard's thread.
  void close() { entrances_.clear(); }

  /// From any thread.
  std::uint64_t accepted() const noexcept { return accepted_.load(std::memory_order_relaxed); }
  /// Connections closed at once because there were `max_connections` already, or as many of their address as
  /// there may be.
  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }
  /// Those of them that were beyond the limit of their address.
  std::uint64_t refused_of_address() const noexcept {
    return refused_of_address_.load(std::memory_order_relaxed);
  }

 private:
  /// One address.
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

  /// Why it is this listener that has the address `wanted`; empty where it is not.
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
};

}  // namespace ringrpc
