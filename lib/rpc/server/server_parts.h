/// The parts of every server, on sockets or simulated: the methods, a part on each shard, and the listener.
///
///   ServerParts parts;
///   if (Status status = parts.add(services, options); !status.ok()) return status;
///   parts.begin(shards, options);
///   Result<std::string> bound = parts.listener().listen(address);
///
/// `drop_listener` and then `drop` of each shard, on its thread, end the server.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "ringrpc/server.h"

#include "base/testing_export.h"
#include "reactor/shard.h"
#include "rpc/server/method_table.h"
#include "rpc/server/server_shard.h"
#include "transport/listener.h"

namespace ringrpc {

class RINGRPC_TESTING_EXPORT ServerParts final : private ConnectionSink {
 public:
  ServerParts() = default;
  ServerParts(const ServerParts&) = delete;
  ServerParts& operator=(const ServerParts&) = delete;
  ~ServerParts();

  /// Checks the options, except for the addresses, and adds the services. Fails as Server::start does.
  Status add(std::span<Service* const> services, const ServerOptions& options);
  /// Makes the parts. `shards`, in the order of their indices, must outlive this object.
  void begin(std::span<Shard* const> shards, const ServerOptions& options);

  const MethodTable& methods() const noexcept { return methods_; }
  /// The number of shards.
  std::size_t size() const noexcept { return parts_.size(); }
  /// The part on `shard`; null once it was dropped.
  ServerShard* on(const Shard& shard) const noexcept { return parts_[shard.index()].get(); }
  /// Null before `begin`, and once it was dropped.
  Listener* listener() const noexcept { return listener_.get(); }

  /// On the thread of the first shard.
  void drop_listener() noexcept { listener_.reset(); }
  /// Closes the connections on `shard`, on its thread.
  void drop(const Shard& shard) noexcept { parts_[shard.index()].reset(); }
  /// Puts `part` in the place of that on `shard`, on its thread, and returns that.
  std::unique_ptr<ServerShard> replace(const Shard& shard, std::unique_ptr<ServerShard> part) noexcept {
    return std::exchange(parts_[shard.index()], std::move(part));
  }

 private:
  void on_connection(Shard& shard, UniqueFd connection, bool tls, PeerCounts::Hold counted) override {
    on(shard)->add(std::move(connection), tls, std::move(counted));
  }

  MethodTable methods_;
  std::vector<std::unique_ptr<ServerShard>> parts_;  // by the shard's index
  std::unique_ptr<Listener> listener_;
};

}  // namespace ringrpc
