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
/// them and gives the failure. A scope that is destroyed cancels the tasks that have not ended. So no task
/// outlives its scope, and a handler that is cancelled takes its tasks with it.
///
/// A scope belongs to the shard that it is used on, like the tasks; nothing of it may be touched from another
/// thread. A task may spawn others in its own scope. It must not destroy the scope.
#pragma once

#include <cstddef>
#include <memory>

#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// Runs tasks at the same time, and waits for them or cancels them.
class TaskScope {
 public:
  TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;
  /// Destroys the frames of all tasks that have not ended. A failure that `join` has not given is logged.
  ~TaskScope();

  /// Runs the task until it suspends; from then on it runs beside the caller. After a failure or `cancel` it
  /// is dropped without running, until `join` has ended.
  void spawn(Task<Status> task);
  void spawn(Task<> task);

  /// Waits until no task is left. Gives the first failure, or throws the first exception; OK when all tasks
  /// ended well or were cancelled by `cancel`. One at a time. The scope is as new after it.
  Task<Status> join();

  /// Destroys the frames of all tasks that have not ended, later in this turn, so a task may call it.
  void cancel() noexcept;

  /// Tasks that have not ended.
  std::size_t size() const noexcept;

 private:
  class Children;
  class Join;

  std::unique_ptr<Children> children_;
};

}  // namespace ringrpc
