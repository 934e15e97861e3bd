/// Threads for work that keeps a processor busy, so that the shards stay free to serve calls.
///
///   Result<std::unique_ptr<WorkerPool>> pool = WorkerPool::start({.threads = 4, .queue_limit = 256});
///   ...
///   Result<Signature> signature = co_await (*pool)->run([key, digest] { return key->sign(digest); });
///   if (!signature) co_return ...;   // RESOURCE_EXHAUSTED: 256 jobs were waiting already
///
/// The function runs once, on one of the pool's threads; its value returns to the shard that awaits it. A
/// pool serves any number of shards and may be destroyed before or after them. So a service may have a pool
/// of its own, or share one that outlives its server. Awaiters of jobs must be destroyed before their
/// shard, as a server's handlers are when the server is destroyed.
#pragma once

#include "ringrpc/compiler.h"

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "ringrpc/export.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

struct WorkOrigin;

/// The result of a job `F`: Result<T> if the function returns T, Status if it returns void. A function that
/// returns a Status or a Result gives just that.
template <class F>
using WorkResult = typename detail::ResultOf<std::invoke_result_t<F&>>::type;

namespace detail {

/// A function to run on another thread.
class RINGRPC_EXPORT Job {
 public:
  virtual ~Job() = default;
  virtual void work() noexcept = 0;
};

template <class F>
class JobOf final : public Job {
 public:
  explicit JobOf(F function) : function_(std::move(function)) {}

  void work() noexcept override {
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
        function_();
        result_.emplace();
      } else {
        result_.emplace(function_());
      }
    } catch (...) {
      result_.emplace(std::unexpected(thrown_status("the job")));
    }
  }

  WorkResult<F> take() { return *std::move(result_); }

 private:
  F function_;
  std::optional<WorkResult<F>> result_;
};

class WorkQueue;
struct WorkTicket;

/// Hands a job to the pool and waits for its end. Destroying it abandons the job.
class [[nodiscard("co_await it")]] RINGRPC_EXPORT WorkAwaiter {
 public:
  WorkAwaiter(std::shared_ptr<WorkQueue> queue, std::unique_ptr<Job> job, const WorkOrigin* origin);
  WorkAwaiter(const WorkAwaiter&) = delete;
  WorkAwaiter& operator=(const WorkAwaiter&) = delete;
  ~WorkAwaiter();

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting);
  Status await_resume();

 private:
  std::shared_ptr<WorkQueue> queue_;
  std::shared_ptr<WorkTicket> ticket_;
};

}  // namespace detail

/// Threads and queue of a worker pool.
struct WorkerPoolOptions {
  unsigned threads = 0;           ///< 0 means one for each core that the process may use
  std::size_t queue_limit = 256;  ///< jobs that may wait for a thread
  /// The niceness of the threads, 0 to 19; at least that of the process. As many threads of niceness 0 as
  /// there are cores can delay a shard by whole time slices, which are milliseconds.
  int nice = 0;
  /// The label "pool" of the pool's metrics (Server::metrics_text). Pools of one name count together.
  std::string name = "worker";
};

/// Threads for work that would delay a shard, behind a bounded queue.
class RINGRPC_EXPORT WorkerPool {
 public:
  /// Starts the threads. RESOURCE_EXHAUSTED if the system has no more threads.
  [[nodiscard]] static Result<std::unique_ptr<WorkerPool>> start(const WorkerPoolOptions& options = {});
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  /// Waits for the running jobs. Jobs that have not begun are dropped: their awaiters get CANCELLED.
  ~WorkerPool();

  /// Runs `function()` on a thread of the pool. Await it on a shard. A function that returns T gives
  /// Result<T>, one that returns void gives Status; Status and Result stay as they are. Fails with
  /// RESOURCE_EXHAUSTED at once if `queue_limit` jobs are waiting, or if the function throws
  /// std::bad_alloc, and with INTERNAL if it throws anything else. Destroying the task abandons the job: a
  /// job that has not begun does not run, and the value of one that has is dropped. The function object is
  /// destroyed on the shard, or by the pool once it is abandoned. So its members must not depend on
  /// one thread, and the objects to which they refer must outlive the pool's threads.
  template <class F>
  Task<WorkResult<F>> run(F function) {
    return run_for(nullptr, std::move(function));
  }

  /// The number of jobs that wait for a thread.
  std::size_t waiting() const;

 private:
  friend struct detail::Internals;
  struct Threads;
  explicit WorkerPool(const WorkerPoolOptions& options);

  /// The same for work of `origin`, which must exist until the task has suspended: the jobs of different
  /// callers take turns, and share the queue (reactor/fair_queue.h). A job that has been queued fails with
  /// RESOURCE_EXHAUSTED if it must give way to one of a caller who has fewer.
  template <class F>
  Task<WorkResult<F>> run_for(const WorkOrigin* origin, F function) {
    static_assert(!detail::is_task<std::invoke_result_t<F&>>,
                  "a job runs on a thread outside of all shards, so it cannot be a coroutine: give a "
                  "function that returns a value, and await tasks outside of it");
    auto job = std::make_unique<detail::JobOf<F>>(std::move(function));
    detail::JobOf<F>& work = *job;
    detail::WorkAwaiter finished(queue_, std::move(job), origin);
    if (Status status = co_await finished; !status.ok()) co_return std::unexpected(std::move(status));
    co_return work.take();
  }

  std::shared_ptr<detail::WorkQueue> queue_;
  std::unique_ptr<Threads> threads_;
};

}  // namespace ringrpc
