#include "reactor/shard_worker.h"

#include <cassert>

#include "reactor/worker_pool_counts.h"

namespace ringrpc {
namespace {

/// The key of the worker on its shard.
constexpr char key = 0;

/// The niceness of signing threads: a shard that shares the core gets it as soon as it has work.
constexpr int niceness = 10;

}  // namespace

ShardWorker& ShardWorker::of(Shard& shard) {
  if (ShardLocal* const kept = shard.local(&key)) return static_cast<ShardWorker&>(*kept);
  auto made = std::unique_ptr<ShardWorker>(new ShardWorker(false));
  ShardWorker& worker = *made;
  shard.keep(&key, std::move(made));
  return worker;
}

void ShardWorker::run_in_place(Shard& shard) {
  assert(!shard.local(&key));
  shard.keep(&key, std::unique_ptr<ShardWorker>(new ShardWorker(true)));
}

/// Every connection has one job at a time, so the number of connections limits the queue.
Status ShardWorker::start() {
  if (pool_) return {};
  Result<std::unique_ptr<WorkerPool>> pool = WorkerPool::start(
      {.threads = 1, .queue_limit = WorkerPoolCounts::no_limit, .nice = niceness, .name = "shard"});
  if (!pool) return std::move(pool).error();
  pool_ = std::move(*pool);
  return {};
}

}  // namespace ringrpc
