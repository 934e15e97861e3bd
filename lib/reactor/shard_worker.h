/// A thread beside a shard, for work that takes too long between two turns. It decompresses and parses large
/// messages from peers.
///
///   Result<Parsed> parsed = co_await ShardWorker::of(shard).run(parse);
///
/// The thread starts with the first job. It has a lower priority than the shard, which continues to serve
/// others. Belongs to the shard's thread.
#pragma once

#include <memory>
#include <utility>

#include "ringrpc/sleep.h"
#include "ringrpc/task.h"
#include "ringrpc/worker_pool.h"

#include "base/testing_export.h"
#include "reactor/shard.h"

namespace ringrpc {

class ShardWorker final : public ShardLocal {
 public:
  /// The worker of `shard`, made at the first call.
  static ShardWorker& of(Shard& shard);

  /// Runs the jobs of `shard` on the shard itself, a millisecond later, because simulated time does not
  /// include other threads. Call it before the first job.
  RINGRPC_TESTING_EXPORT static void run_in_place(Shard& shard);

  /// Like WorkerPool::run. RESOURCE_EXHAUSTED also when the system has no more threads.
  template <class F>
  Task<WorkResult<F>> run(F function) {
    if (in_place_) co_return co_await run_here(std::move(function));
    if (Status status = start(); !status.ok()) co_return std::unexpected(std::move(status));
    co_return co_await pool_->run(std::move(function));
  }

 private:
  explicit ShardWorker(bool in_place) noexcept : in_place_(in_place) {}

  template <class F>
  static Task<WorkResult<F>> run_here(F function) {
    co_await sleep_for(std::chrono::milliseconds(1));
    detail::JobOf<F> job(std::move(function));
    job.work();
    co_return job.take();
  }
  Status start();

  const bool in_place_;
  std::unique_ptr<WorkerPool> pool_;
};

}  // namespace ringrpc
