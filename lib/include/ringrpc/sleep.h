/// Waits for time to pass, without blocking the shard.
///
///   co_await sleep_for(10ms);
#pragma once

#include "ringrpc/clock.h"
#include "ringrpc/export.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// Ends when `wait` has passed, or at once if it is not positive: never early, and at most a millisecond
/// and a turn of the shard late. Await it on a shard. Destroying the task cancels the wait.
RINGRPC_EXPORT Task<> sleep_for(Nanoseconds wait);

}  // namespace ringrpc
