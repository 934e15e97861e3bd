/// Runs a function on a shard, for threads that are not shards.
///
///   const ServerCounters counters = run_on(shard, [&] { return part.counters(); });
#pragma once

#include <future>
#include <type_traits>
#include <utility>

#include "reactor/shard.h"

namespace ringrpc {

/// Calls `work` on the shard's thread and returns what it returns. Blocks until then, so a shard must not call it.
template <class Work>
auto run_on(Shard& shard, Work work) {
  std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
  auto outcome = task.get_future();
  shard.post([&task] { task(); });
  return outcome.get();
}

}  // namespace ringrpc
