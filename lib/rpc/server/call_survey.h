/// Collects the oldest calls of a server, in steps of limited time.
///
///   CallSurvey survey(100);
///   while (!survey.visit_some(server_shard, slice)) ...    // in later turns of that shard
///   CallsSnapshot calls = std::move(survey).finish();      // when all shards have been visited
///
/// A step ends with the first connection that exceeds a slice of time (reactor/slices.h). It reads only the
/// first `most` calls of a connection, which are its oldest. One thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "ringrpc/clock.h"
#include "ringrpc/server_snapshot.h"

#include "reactor/slices.h"
#include "rpc/server/connection_walk.h"
#include "rpc/server/server_shard.h"

namespace ringrpc {

class CallSurvey {
 public:
  explicit CallSurvey(std::size_t most) : most_(most) {}

  /// On the thread of `shard`. True once all of its connections have been visited.
  bool visit_some(ServerShard& shard, const Slices& slice);

  CallsSnapshot finish() &&;

 private:
  struct Entry {
    Instant received_at;
    CallSnapshot call;
  };

  static bool older(const Entry& one, const Entry& other) noexcept {
    return one.received_at < other.received_at;
  }
  void visit(ServerConnection& connection, const Shard& shard);
  void add(const ServerCall& call, const Shard& shard);

  std::size_t most_;
  std::shared_ptr<ConnectionWalk> walk_;
  std::uint64_t in_flight_ = 0;
  std::vector<Entry> oldest_;  ///< a heap; the youngest of them is first
};

}  // namespace ringrpc
