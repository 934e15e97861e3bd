/// Spreads short computations on a shard over its turns, so that a burst of them delays other calls little.
///
///   co_await turn_share();
///   Signature signature = sign(digest);    // some tens of microseconds
///
/// Longer computations belong in a WorkerPool; shorter ones need neither.
#pragma once

#include "ringrpc/compiler.h"

#include "ringrpc/export.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// The number of computations that one turn of a shard has room for.
inline constexpr unsigned turn_shares = 16;

/// Ends when the shard's turn has room for one more computation: at once, or in one of the next turns,
/// first come, first served. Between turns the shard receives and sends. Await it on a shard. Destroying
/// the task leaves the queue.
RINGRPC_EXPORT Task<> turn_share();

}  // namespace ringrpc
