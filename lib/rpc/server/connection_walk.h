/// Visits the connections of a shard, in as many turns as it takes.
///
///   const std::shared_ptr<ConnectionWalk> walk = server_shard.begin_walk();
///   while (ServerConnection* connection = walk->next()) ...
///
/// Connections that close between two steps are left out; those that open are visited too. All methods belong
/// to the shard's thread; the walk may be destroyed on any.
#pragma once

#include <utility>

#include "reactor/intrusive_list.h"

namespace ringrpc {

class ServerConnection;
struct ConnectionTag;

class ConnectionWalk final {
 public:
  using Connections = ListOf<ServerConnection, ConnectionTag>;

  explicit ConnectionWalk(Connections& connections) noexcept
      : connections_(connections), next_(connections.front()) {}

  /// The next connection; null at the end.
  ServerConnection* next() noexcept {
    if (!next_) return nullptr;
    return std::exchange(next_, connections_.after(*next_));
  }

  /// `connection` is about to close.
  void leave_out(ServerConnection& connection) noexcept {
    if (next_ == &connection) next_ = connections_.after(connection);
  }

 private:
  Connections& connections_;
  ServerConnection* next_;
};

}  // namespace ringrpc
