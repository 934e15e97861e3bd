/// A section that must not stop halfway, inside a handler that may be cancelled at any wait.
///
///   Task<Result<Receipt>> Pay(Call& call, Order order) override {
///     co_return co_await shield(ledger_.book(std::move(order)));   // both entries or none
///   }
///
/// A call that is cancelled destroys its handler's frame and, with it, every task that the handler awaits. A
/// shielded task is not the handler's but the shard's: it runs on to its end, and its result is delivered if
/// somebody still waits for it.
#pragma once

#include <coroutine>
#include <memory>
#include <utility>

#include "ringrpc/task.h"

namespace ringrpc {

namespace detail {

/// A task of any type that has been shielded.
class Shielded {
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
class [[nodiscard("co_await it")]] ShieldAwaiter {
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

/// Runs `task` to its end, whatever becomes of the awaiter; to be awaited on a shard. Gives what the task
/// gives; throws what it throws. What the task refers to must live until its end, longer than a handler that
/// is cancelled: give it what it needs by value, and nothing of the call. It has no deadline but its own. A
/// shard that ends destroys what is not finished.
template <class T>
Task<T> shield(Task<T> task) {
  if (!task.valid()) detail::no_coroutine();
  const auto kept = std::make_shared<detail::ShieldedTask<T>>(std::move(task));
  detail::ShieldAwaiter ended(kept);
  co_await ended;
  co_return kept->task.result();
}

}  // namespace ringrpc
