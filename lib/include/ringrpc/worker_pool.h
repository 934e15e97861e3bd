/// Threads for work that keeps a processor busy, so that the shards stay free to serve.
///
///   Result<std::unique_ptr<WorkerPool>> pool = WorkerPool::start({.threads = 4, .queue_limit = 256});
///   ...
///   Result<Signature> signature = co_await (*pool)->run([key, digest] { return key->sign(digest); });
///   if (!signature) co_return ...;   // RESOURCE_EXHAUSTED: 256 jobs were waiting already
///
/// The function runs on one of the pool's threads, once; its value comes back to the shard that awaits it. A
/// pool serves any number of shards, and may be destroyed before or after them. So a service may have a pool
/// of its own, or share one that outlives its server; whatever awaits a job must be gone before its shard, as
/// a server's handlers are when it has been destroyed.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

namespace detail {

template <class F>
using WorkResult = typename ResultOf<std::invoke_result_t<F&>>::type;

/// A function to run on another thread.
class Job {
 public:
  virtual ~Job() = default;
  virtual void work() noexcept = 0;
};

/// The exception that is being handled as the status of a job: RESOURCE_EXHAUSTED for want of memory, else
/// INTERNAL.
Status thrown_by_job() noexcept;

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
      result_.emplace(std::unexpected(thrown_by_job()));
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
class [[nodiscard("co_await it")]] WorkAwaiter {
 public:
  WorkAwaiter(std::shared_ptr<WorkQueue> queue, std::unique_ptr<Job> job);
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
  unsigned threads = 0;           ///< 0 takes one for each core that the process may use
  std::size_t queue_limit = 256;  ///< jobs that may wait for a thread
  /// The niceness of the threads, 0 to 19; never less than the process's.
  /// Where there are as many of them as cores, those of niceness 0 keep a shard that gets something to do
  /// waiting for whole time slices, which are milliseconds.
  int nice = 0;
};

/// Threads for work that would hold a shard up, behind a bounded queue.
class WorkerPool {
 public:
  /// Starts the threads. RESOURCE_EXHAUSTED when the system has no more of them.
  static Result<std::unique_ptr<WorkerPool>> start(const WorkerPoolOptions& options = {});
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  /// Waits for the jobs that are running; those not begun are dropped, and who awaits one gets CANCELLED.
  ~WorkerPool();

  /// Runs `function()`, to be awaited on a shard: a function of T gives Result<T>, one of nothing gives
  /// Status, Status and Result stay what they are. RESOURCE_EXHAUSTED, at once, when `queue_limit` jobs are
  /// waiting, or when the function throws std::bad_alloc; INTERNAL when it throws anything else. Destroying
  /// the task abandons the job: it is not run unless it has begun, and its value is dropped. The function
  /// itself is destroyed on the shard, or by the pool once it is abandoned, so what it holds must be fit to be
  /// used by one thread after another, and to outlive the pool's threads.
  template <class F>
  Task<detail::WorkResult<F>> run(F function) {
    auto job = std::make_unique<detail::JobOf<F>>(std::move(function));
    detail::JobOf<F>& work = *job;
    detail::WorkAwaiter finished(queue_, std::move(job));
    if (Status status = co_await finished; !status.ok()) co_return std::unexpected(std::move(status));
    co_return work.take();
  }

  /// Jobs that wait for a thread.
  std::size_t waiting() const;

 private:
  struct Threads;
  explicit WorkerPool(std::size_t queue_limit);

  std::shared_ptr<detail::WorkQueue> queue_;
  std::unique_ptr<Threads> threads_;
};

}  // namespace ringrpc
