/// Protects a section that must not stop halfway from the cancellation of its handler.
///
///   Task<Result<Receipt>> Pay(Call& call, Order order) override {
///     co_return co_await shield(ledger_.book(std::move(order)));   // both entries or none
///   }
///
/// Cancelling a call destroys its handler's frame and, with it, every task that the handler awaits. A
/// shielded task belongs to the shard instead of the handler: it runs to its end, and its result is
/// delivered if the handler still waits for it.
#pragma once

#include "ringrpc/compiler.h"

#include <coroutine>
#include <memory>
#include <utility>

#include "ringrpc/export.h"
#include "ringrpc/task.h"

namespace ringrpc {

namespace detail {

/// A shielded task of any type.
class RINGRPC_EXPORT Shielded {
 public:
  virtual ~Shielded() = default;
  virtual void start(TaskObserver& observer) = 0;
};

template <class T>
class ShieldedTask final : public Shielded {
 public:
  explicit ShieldedTask(Task<T> shielded) noexcept : task(std::move(shielded)) {}
  void start(TaskObserver& observer) override { task.start(&observer); }

  const Task<T> task;
};

class ShieldKeeper;

/// Hands a task to the shard and waits for its end. Destroying it leaves the task to the shard.
class [[nodiscard("co_await it")]] RINGRPC_EXPORT ShieldAwaiter {
 public:
  explicit ShieldAwaiter(std::shared_ptr<Shielded> shielded) noexcept : shielded_(std::move(shielded)) {}
  ShieldAwaiter(const ShieldAwaiter&) = delete;
  ShieldAwaiter& operator=(const ShieldAwaiter&) = delete;
  ~ShieldAwaiter();

  bool await_ready() const noexcept { return false; }
  /// False when the task has ended without suspending.
  bool await_suspend(std::coroutine_handle<> waiting);
  void await_resume() noexcept { keeper_ = nullptr; }

 private:
  std::shared_ptr<Shielded> shielded_;
  ShieldKeeper* keeper_ = nullptr;  // while it waits
};

}  // namespace detail

/// Runs `task` to its end, even if the awaiter is destroyed. Await it on a shard. It gives what the task
/// gives and throws what it throws. The task may outlive a cancelled handler: give it what it needs by
/// value, and nothing of the call. No deadline applies but the task's own. A shard that ends destroys its
/// unfinished tasks.
///
/// The task of a lambda with captures that was called throws std::logic_error: give the lambda itself.
template <class T>
Task<T> shield(Task<T> task) {
  if (!task.valid()) detail::no_coroutine();
  task.refuse_lambda();
  const auto kept = std::make_shared<detail::ShieldedTask<T>>(std::move(task));
  detail::ShieldAwaiter ended(kept);
  co_await ended;
  co_return kept->task.result();
}

/// The same for a function that returns a task, for example a lambda that is a coroutine. It is kept until the task
/// has ended.
template <TaskMaker F>
auto shield(F&& make) {
  return shield(detail::keeping<std::decay_t<F>>(std::forward<F>(make)));
}

}  // namespace ringrpc
