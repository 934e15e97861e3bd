/// Runs a coroutine to its end from ordinary code, such as a plain `main`, and returns its result.
///
///   Channel channel("127.0.0.1:50051");
///   EchoService::Stub echo(channel);
///   Result<EchoResponse> response = block_on(echo.Echo(request));
///
/// A stream belongs to the shard on which it was started, so start a streaming call inside the task:
///
///   Status status = block_on([&]() -> Task<Status> {
///     auto features = routes.ListFeatures(area);
///     while (auto feature = co_await features.next()) print(*feature);
///     co_return co_await features.finish();
///   });
///
/// The task runs on a background shard. Any number of threads may call block_on at the same time. Up to 64 of
/// them have a shard each until their tasks end, so a task that computes for long, or blocks, delays no
/// other. Each further one shares the shard with the fewest tasks, which take turns on it: a task that blocks
/// delays those beside it. Shards start as threads need them. A free shard is used again, with its
/// connections. On a shard block_on would wait for itself, so there it fails with FAILED_PRECONDITION.
/// Threads that must not block use ringrpc/submit.h.
#pragma once

#include "ringrpc/compiler.h"

#include <exception>
#include <expected>
#include <optional>
#include <type_traits>
#include <utility>

#include "ringrpc/export.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

namespace detail {

/// A task that a thread outside of all shards waits for. Both functions are called on the background shard.
class RINGRPC_EXPORT BackgroundTask {
 public:
  virtual ~BackgroundTask() = default;
  virtual void start(TaskObserver& observer) = 0;
  /// Called once the task has ended: takes its result and destroys it.
  virtual void finish() noexcept = 0;
};

/// Returns when `task` has finished, or with the reason why it was never started.
RINGRPC_EXPORT Status run_blocking(BackgroundTask& task);

/// The type of the task that a call of F returns.
template <class F>
struct TaskMadeBy {
  static_assert(
      never<F>,
      "give a function that returns a task: `[=] { return stub.Get(key); }`, or around the whole use "
      "of a stream `[=]() -> Task<Status> { ... }`");
  using type = Task<>;
};
template <TaskMaker F>
struct TaskMadeBy<F> {
  using type = std::invoke_result_t<F&>;
};

/// Runs the task that a call of F returns. F may be a reference.
template <class F>
class BackgroundTaskOf : public BackgroundTask {
 public:
  using Running = typename TaskMadeBy<F>::type;
  using Outcome = typename ResultOf<decltype(std::declval<Running&>().result())>::type;

  explicit BackgroundTaskOf(F&& make) noexcept : make_(std::forward<F>(make)) {}

  void start(TaskObserver& observer) override {
    try {
      running_ = make_();
      running_.start(&observer);
    } catch (...) {
      thrown_ = std::current_exception();
      observer.on_task_done();
    }
  }

  void finish() noexcept override {
    try {
      if (thrown_) std::rethrow_exception(thrown_);
      if constexpr (std::is_void_v<decltype(running_.result())>) {
        running_.result();
        outcome_.emplace();
      } else {
        outcome_.emplace(running_.result());
      }
    } catch (...) {
      outcome_.emplace(std::unexpected(thrown_status("the task")));
    }
    running_ = Running();
  }

  Outcome take() { return *std::move(outcome_); }

 private:
  F make_;
  std::exception_ptr thrown_;  // by make_
  Running running_;
  std::optional<Outcome> outcome_;
};

}  // namespace detail

/// Calls `make` on the background shard, runs the Task that it returns, and waits for the task's end.
/// Returns Result<T> for a Task<T>, Status for a Task<>, and the task's own type for a Task of a Status, a
/// Result or a CallResult. Fails as the task does, and with the backend's status when no shard can be
/// started, FAILED_PRECONDITION on a shard, and when `make` or the task throws with INTERNAL, or with
/// RESOURCE_EXHAUSTED for std::bad_alloc.
template <class F>
  requires(!detail::is_task<std::remove_cvref_t<F>>)
[[nodiscard("it may be a failure")]] auto block_on(F&& make) {
  using Blocking = detail::BackgroundTaskOf<std::remove_reference_t<F>&>;
  using Outcome = typename Blocking::Outcome;
  Blocking task(make);
  if (Status status = detail::run_blocking(task); !status.ok())
    return Outcome(std::unexpected(std::move(status)));
  return task.take();
}

/// The same for a task that exists already. It starts on the background shard.
template <class T>
[[nodiscard("it may be a failure")]] auto block_on(Task<T> task) {
  const auto made = [&task] { return std::move(task); };
  return block_on(made);
}

}  // namespace ringrpc
