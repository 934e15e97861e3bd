#include "reactor/shard_worker.h"

#include <limits>

namespace ringrpc {
namespace {

/// Names the worker among what a shard keeps.
constexpr char key = 0;

/// As the threads that sign: a shard whose core they share gets it as soon as it has something to do.
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
  shard.keep(&key, std::unique_ptr<ShardWorker>(new ShardWorker(true)));
}

/// Every connection has one job at a time, so their number bounds the queue.
Status ShardWorker::start() {
  if (pool_) return {};
  Result<std::unique_ptr<WorkerPool>> pool = WorkerPool::start(
      {.threads = 1, .queue_limit = std::numeric_limits<std::size_t>::max(), .nice = niceness});
  if (!pool) return std::move(pool).error();
  pool_ = std::move(*pool);
  return {};
}

}  // namespace ringrpc
