/// Waiting for time to pass, without holding up anybody else on the shard.
///
///   co_await sleep_for(10ms);
#pragma once

#include "ringrpc/clock.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// Ends when `wait` has passed, at once when it is not positive; never early, and a millisecond or two late.
/// To be awaited on a shard. Destroying the task gives the wait up.
Task<> sleep_for(Nanoseconds wait);

}  // namespace ringrpc
