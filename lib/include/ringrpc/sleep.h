/// Waits for time to pass, without blocking the shard, and gives the time.
///
///   co_await sleep_for(10ms);
///   for (Instant due = now();; due += 1min) {  // a period that does not drift
///     co_await sleep_until(due);
///     take_sample();
///   }
///
/// In a test that runs such code in testing::InProcess (ringrpc/testing/in_process.h), the time is
/// the world's, which advances without waiting. Use `now` instead of std::chrono::steady_clock,
/// which no test can advance.
#pragma once

#include "ringrpc/compiler.h"

#include "ringrpc/clock.h"
#include "ringrpc/export.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// Ends when `wait` has passed, or at once if it is not positive: never early, and at most a millisecond
/// and a turn of the shard late. Await it on a shard. Destroying the task cancels the wait.
RINGRPC_EXPORT Task<> sleep_for(Nanoseconds wait);

/// The same until `due`, on the clock of `now`. Ends at once if it is past.
RINGRPC_EXPORT Task<> sleep_until(Instant due);

/// The current time on the clock of the shard whose turn runs on this thread, which is that of timers,
/// deadlines and Call::now. On other threads, std::chrono::steady_clock's.
RINGRPC_EXPORT Instant now() noexcept;

}  // namespace ringrpc
