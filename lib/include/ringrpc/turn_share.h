/// Short computations on a shard, spread over its turns, so that a burst of them holds nobody else up for
/// long.
///
///   co_await turn_share();
///   Signature signature = sign(digest);    // some tens of microseconds
///
/// What takes longer than that belongs into a WorkerPool, what takes less needs neither.
#pragma once

#include "ringrpc/task.h"

namespace ringrpc {

/// How many computations a turn of a shard has room for.
inline constexpr unsigned turn_shares = 16;

/// Ends when this turn of the shard has room for one more computation, at once where that is so, else in one
/// of the next turns, first come first served; between turns the shard takes and sends what there is. To be
/// awaited on a shard. Destroying the task gives the place up.
Task<> turn_share();

}  // namespace ringrpc
