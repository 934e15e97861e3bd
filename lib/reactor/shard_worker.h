/// A thread beside a shard, for what takes too long to be done between two turns: a large message that a peer
/// sent is decompressed and parsed there.
///
///   Result<Parsed> parsed = co_await ShardWorker::of(shard).run(parse);
///
/// The thread starts with the first job. It has a lower priority than the shard, which serves others
/// meanwhile. Belongs to the shard's thread.
#pragma once

#include <memory>
#include <utility>

#include "ringrpc/sleep.h"
#include "ringrpc/task.h"
#include "ringrpc/worker_pool.h"

#include "reactor/shard.h"

namespace ringrpc {

class ShardWorker final : public ShardLocal {
 public:
  /// That of `shard`, made at the first call.
  static ShardWorker& of(Shard& shard);

  /// Has the jobs of `shard` done on the shard itself, a moment later. For simulated networks, which know
  /// nothing of time that other threads take. Call before any job.
  static void run_in_place(Shard& shard);

  /// As WorkerPool::run. RESOURCE_EXHAUSTED also where the system has no more threads.
  template <class F>
  Task<detail::WorkResult<F>> run(F function) {
    if (in_place_) co_return co_await run_here(std::move(function));
    if (Status status = start(); !status.ok()) co_return std::unexpected(std::move(status));
    co_return co_await pool_->run(std::move(function));
  }

 private:
  explicit ShardWorker(bool in_place) noexcept : in_place_(in_place) {}

  template <class F>
  static Task<detail::WorkResult<F>> run_here(F function) {
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
