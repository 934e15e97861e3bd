/// Runs a function on a shard, for threads that are not shards.
///
///   const ServerCounters counters = run_on(shard, [&] { return part.counters(); });
#pragma once

#include <future>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "reactor/shard.h"

namespace ringrpc {

/// Throws std::logic_error on a shard. For the head of a function that blocks.
inline void refuse_on_shard(const char* function) {
  if (Shard::current())
    throw std::logic_error(std::string(function) +
                           " on a shard would wait for itself: call it on a thread of your own");
}

/// Calls `work` on the shard's thread and returns what it returns. Blocks until then. Throws std::logic_error
/// on the shard itself, which in a destructor ends the process.
template <class Work>
auto run_on(Shard& shard, Work work) {
  if (Shard::current() == &shard) refuse_on_shard("a function that blocks");
  std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
  auto outcome = task.get_future();
  shard.post([&task] { task(); });
  return outcome.get();
}

}  // namespace ringrpc
