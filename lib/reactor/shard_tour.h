/// Visits shards one after another, to read what belongs to their threads.
///
///   auto sum = std::make_shared<std::vector<CallMetrics>>(methods);
///   Status status = co_await tour(shards, [sum, at = 0uz](Shard& shard) mutable {
///     ...                                     // some tens of microseconds
///     return Visit::again;                    // or Visit::done
///   });
///
/// A shard is visited once in each turn, until the visit is done. So a reader of many numbers takes its time
/// in steps that delay no call.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "ringrpc/status.h"
#include "ringrpc/task.h"

#include "reactor/shard.h"

namespace ringrpc {

enum class Visit : std::uint8_t {
  again,  ///< in the next turn of the same shard
  done,   ///< with this shard
};

/// Calls `visit` on the thread of each of `shards` until it is done there. Await the task on any shard
/// (elsewhere it fails with FAILED_PRECONDITION), and keep `shards` running until it ends. Destroying the
/// task does not stop the tour, so `visit` owns what it writes to; it is never called on two threads at a
/// time. What `visit` throws ends the tour: the status is that of `caught` (base/caught.h).
Task<Status> tour(std::span<Shard* const> shards, std::move_only_function<Visit(Shard&)> visit);

}  // namespace ringrpc
