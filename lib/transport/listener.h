/// Accepts on one shard and hands every connection, whatever its transport, to the least-loaded shard.
///
///   Listener listener(shards, sink, max_connections);
///   Result<std::string> bound = listener.listen(address);       // on the accepting shard
///
/// gRPC has few, long-lived connections, for which SO_REUSEPORT's hashing balances badly, and not every
/// transport has it.
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

namespace ringrpc {

/// Takes connections on the shard that is to serve them.
class ConnectionSink {
 public:
  /// Called on `shard`'s thread, whose load already counts this connection; the sink takes it off the count
  /// when the connection ends. `tls` says whether the address that it came to is one with TLS.
  virtual void on_connection(Shard& shard, UniqueFd connection, bool tls) = 0;

 protected:
  ~ConnectionSink() = default;
};

class Listener final {
 public:
  /// `shards` and `sink` must outlive the listener and the mail that it has posted to the shards. The first
  /// shard accepts.
  Listener(std::span<Shard* const> shards, ConnectionSink& sink, std::uint32_t max_connections);

  /// Listens on the first socket address of `address`; gives the address as bound. A failure names the
  /// address, the cause and the remedy. On the accepting shard's thread, or before it runs.
  Result<std::string> listen(const Address& address);

  /// Stops listening. On the accepting shard's thread.
  void close() { entrances_.clear(); }

  /// From any thread.
  std::uint64_t accepted() const noexcept { return accepted_.load(std::memory_order_relaxed); }
  /// Connections closed at once because there were `max_connections` already.
  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

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
  void report(int accept_error);
  Shard& least_loaded() const;
  std::uint32_t connections() const;

  std::span<Shard* const> shards_;
  ConnectionSink& sink_;
  std::uint32_t max_connections_;
  std::vector<std::unique_ptr<Entrance>> entrances_;
  LogQuota errors_logged_;
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace ringrpc
