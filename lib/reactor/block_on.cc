#include "ringrpc/block_on.h"

#include <condition_variable>
#include <mutex>

#include "reactor/background_shards.h"
#include "reactor/shard.h"

namespace ringrpc::detail {
namespace {

/// Runs one task to its end and wakes the thread that waits for it.
class Watcher final : private TaskObserver, private Ready {
 public:
  Watcher(Shard& shard, BackgroundTask& task) noexcept : shard_(shard), task_(task) {}

  void start() {
    shard_.post([this] { task_.start(*this); });
  }

  void wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return over_; });
  }

 private:
  void on_task_done() override { shard_.ready().push(*this); }

  void run() override {
    task_.finish();
    // The waiting thread destroys this object as soon as it has the lock.
    const std::lock_guard lock(mutex_);
    over_ = true;
    ended_.notify_one();
  }

  Shard& shard_;
  BackgroundTask& task_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
};

}  // namespace

Status run_blocking(BackgroundTask& task) {
  if (Shard::current())
    return Status(Code::FAILED_PRECONDITION, "block_on on a shard would wait for itself; co_await the task",
                  Initiator::application);
  const Result<BackgroundShards::Lease> lease = BackgroundShards::of_process().lend();
  if (!lease) return lease.error();
  Watcher watcher(lease->shard(), task);
  watcher.start();
  watcher.wait();
  return {};
}

}  // namespace ringrpc::detail
