/// Tasks that run beside their owner and end with it.
///
///   Task<Status> Chat(Call&, Reader<Note>& in, Writer<Note>& out) {
///     TaskScope scope;
///     scope.spawn(hear(in));  // two tasks of this handler, at once
///     scope.spawn(speak(out));
///     co_return co_await scope.join();  // the first failure, once both have ended
///   }
///
/// The first task that fails, by a status or by an exception, cancels the others. `join` waits for all of
/// them and gives the failure. Destroying a scope cancels its remaining tasks, so no task outlives its
/// scope, and cancelling a handler cancels its tasks.
///
/// A scope and its tasks belong to the shard on which the scope is used; no other thread may touch them. A
/// task may spawn others in its own scope. It must not destroy the scope.
#pragma once

#include "ringrpc/compiler.h"

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "ringrpc/export.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

namespace detail {

template <class T>
Task<Status> without_value(Task<T> task) {
  T result = co_await std::move(task);
  if (!result) co_return std::move(result).error();
  co_return Status();
}

}  // namespace detail

/// Runs tasks at the same time and waits for them or cancels them.
class RINGRPC_EXPORT TaskScope {
 public:
  TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;
  /// Destroys the frames of all tasks that have not ended. A failure that `join` did not give is logged.
  ~TaskScope();

  /// Runs the task until it suspends; from then on it runs beside the caller. After a failure or `cancel`
  /// the task is dropped without running, until `join` has ended.
  void spawn(Task<Status> task);
  /// The same for a task without a value.
  void spawn(Task<> task);
  /// The same for a Result or a CallResult, whose value is dropped.
  template <class T>
    requires std::convertible_to<T, Result<typename T::value_type>>
  void spawn(Task<T> task) {
    task.refuse_lambda();
    spawn(detail::without_value(std::move(task)));
  }
  /// The same for a function that returns such a task, for example a lambda that is a coroutine. It is kept
  /// until the task has ended. The task of a lambda that was called, `spawn([x]() -> Task<> { ... }())`, does not keep
  /// its captures: that throws std::logic_error, even if the lambda has a name and lives long enough.
  template <TaskMaker F>
  void spawn(F&& make) {
    spawn(detail::keeping<std::decay_t<F>>(std::forward<F>(make)));
  }
  /// Refused at compile time.
  template <class Other>
    requires(!TaskMaker<Other>)
  void spawn(Other&&) {
    static_assert(
        detail::never<Other>,
        "spawn takes a task without a value, of a Status or of a Result, or a function that returns "
        "one: `[&]() -> Task<> { ... }`");
  }

  /// Waits until no task is left. Gives the first failure, or throws the first exception; OK if all tasks
  /// succeeded or were cancelled by `cancel`. One at a time: a second one throws std::logic_error. The scope
  /// can be used again afterwards.
  Task<Status> join();

  /// Destroys the frames of all tasks that have not ended, later in this turn. A task of the scope may call
  /// it.
  void cancel() noexcept;

  /// The number of tasks that have not ended.
  std::size_t size() const noexcept;

 private:
  class Children;
  class Join;

  std::unique_ptr<Children> children_;
};

}  // namespace ringrpc
