#include "ringrpc/block_on.h"

#include <condition_variable>
#include <latch>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <system_error>
#include <thread>

#include "reactor/backend.h"
#include "reactor/shard.h"

namespace ringrpc::detail {
namespace {

/// A shard on a thread that is not pinned: it serves whoever waits, and has no core of its own.
class BackgroundShard {
 public:
  BackgroundShard() {
    Result<std::unique_ptr<Io>> io = make_io();
    if (!io) {
      failure_ = std::move(io).error();
      return;
    }
    auto shard = std::make_unique<Shard>(0, *std::move(io));
    shard_ = shard.get();
    try {
      thread_ = std::jthread([this, owned = std::move(shard)] {
        ::pthread_setname_np(::pthread_self(), "shard-blocking");
        owned->run();
        stopped_.wait();
      });
    } catch (const std::system_error& error) {
      shard_ = nullptr;
      failure_ = Status(Code::RESOURCE_EXHAUSTED,
                        "cannot start a thread for the background shard: " + error.code().message(),
                        Initiator::library);
    }
  }
  BackgroundShard(const BackgroundShard&) = delete;
  BackgroundShard& operator=(const BackgroundShard&) = delete;
  ~BackgroundShard() {
    if (shard_) shard_->stop();
    stopped_.count_down();  // only now may the shard go: not while it is being stopped
  }

  /// Null when there is none: see `failure`.
  Shard* shard() const noexcept { return shard_; }
  const Status& failure() const noexcept { return failure_; }

 private:
  Shard* shard_ = nullptr;  // owned by the thread
  Status failure_;
  std::latch stopped_{1};
  std::jthread thread_;
};

/// Sees one task to its end and tells the thread that waits.
class Watcher final : private TaskObserver, private Ready {
 public:
  Watcher(Shard& shard, BlockingTask& task) noexcept : shard_(shard), task_(task) {}

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
    // The waiting thread destroys this as soon as it has the lock.
    const std::lock_guard lock(mutex_);
    over_ = true;
    ended_.notify_one();
  }

  Shard& shard_;
  BlockingTask& task_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
};

}  // namespace

Status run_blocking(BlockingTask& task) {
  if (Shard::current())
    return Status(Code::FAILED_PRECONDITION, "block_on on a shard would wait for itself; co_await the task",
                  Initiator::application);
  static const BackgroundShard background;
  if (!background.shard()) return background.failure();
  Watcher watcher(*background.shard(), task);
  watcher.start();
  watcher.wait();
  return {};
}

}  // namespace ringrpc::detail
