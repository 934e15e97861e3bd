/// Collects the oldest and the newest connections of a server.
///
///   ConnectionSurvey survey(50);
///   survey.visit(server_shard);                                    // on the thread of each shard
///   ConnectionsSnapshot connections = std::move(survey).finish();
///
/// A shard's connections are in the order in which it accepted them, so a visit looks only at
/// the first and the last of them. That takes some tens of microseconds for the most that are
/// allowed. One thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "ringrpc/clock.h"
#include "ringrpc/server_snapshot.h"

#include "rpc/server/server_shard.h"

namespace ringrpc {

class ConnectionSurvey {
 public:
  static constexpr std::size_t most_max = 64;

  explicit ConnectionSurvey(std::size_t most) noexcept : most_(std::min(most, most_max)) {}

  /// On the thread of `shard`.
  void visit(ServerShard& shard);

  ConnectionsSnapshot finish() &&;

 private:
  struct Entry {
    Instant started;
    ConnectionSnapshot connection;
  };

  static Entry entry_of(const ServerConnection& connection, const Shard& shard);

  std::size_t most_;
  std::uint64_t open_ = 0;
  ConnectionMetrics metrics_;
  std::vector<Entry> oldest_;
  std::vector<Entry> newest_;
};

}  // namespace ringrpc
