/// A coroutine that gives a T: what handlers return and what callers await.
///
///   Task<Result<Reply>> Echo(Call& call, Request request) override {
///     co_await sleep_for(10ms);
///     co_return Reply{...};
///   }
///
/// A task is lazy: it runs when it is first awaited, and its awaiter goes on when it ends, by symmetric
/// transfer, so a chain of tasks uses no stack. Destroying a task destroys its frame and, with it, every task
/// that it awaits; that is how a call is cancelled. A task that is running must not be destroyed: cancel it
/// from the ready list.
///
/// A task belongs to one shard; nothing of it may be touched from another thread. Frames come from a pool of
/// the thread, so a task that never suspends costs no allocation once the pool is warm.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>

namespace ringrpc {

/// A coroutine that gives a T.
template <class T>
class Task;

/// Is told when a root task has ended. It must not destroy the task from inside the call, only later.
class TaskObserver {
 public:
  virtual void on_task_done() = 0;

 protected:
  ~TaskObserver() = default;
};

namespace detail {

/// Frames of coroutines, recycled by size class on the thread that frees them.
void* allocate_frame(std::size_t bytes);
void free_frame(void* frame, std::size_t bytes) noexcept;

[[noreturn]] inline void no_coroutine() {
  throw std::logic_error("a task without a coroutine was to run: has a function returned {} for one?");
}

struct TaskFinalAwaiter {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
    auto& promise = finished.promise();
    if (promise.observer) promise.observer->on_task_done();
    return promise.continuation;
  }
  void await_resume() const noexcept {}
};

struct TaskPromiseBase {
  static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { free_frame(frame, bytes); }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  TaskFinalAwaiter final_suspend() const noexcept { return {}; }

  std::coroutine_handle<> continuation = std::noop_coroutine();
  TaskObserver* observer = nullptr;
};

template <class T>
struct TaskPromise : TaskPromiseBase {
  Task<T> get_return_object() noexcept;
  template <class U = T>
    requires std::is_constructible_v<T, U&&>
  void return_value(U&& value) {
    outcome.template emplace<1>(std::forward<U>(value));
  }
  void unhandled_exception() noexcept { outcome.template emplace<2>(std::current_exception()); }
  T& value() {
    if (outcome.index() == 2) std::rethrow_exception(std::get<2>(outcome));
    return *std::get_if<1>(&outcome);
  }
  T take() { return std::move(value()); }

  std::variant<std::monostate, T, std::exception_ptr> outcome;
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void unhandled_exception() noexcept { thrown = std::current_exception(); }
  void take() const {
    if (thrown) std::rethrow_exception(thrown);
  }

  std::exception_ptr thrown;
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  /// No coroutine: to be assigned to or destroyed. Who runs or awaits it gets std::logic_error.
  Task() noexcept = default;
  explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  explicit operator bool() const noexcept { return static_cast<bool>(frame_); }
  bool done() const noexcept { return frame_ && frame_.done(); }

  /// Runs the task until it ends or suspends, as the root of a chain of tasks. Call once. `observer`, if any,
  /// is told of the end and must outlive the task; an exception that ends the task is kept and thrown by
  /// `result`.
  void start(TaskObserver* observer = nullptr) const {
    frame().promise().observer = observer;
    frame_.resume();
  }

  /// The value of a task that is done; throws what the coroutine threw.
  T result() const { return frame_.promise().take(); }

  auto operator co_await() && {
    struct TakeAwaiter : Awaiter {
      T await_resume() const { return this->frame.promise().take(); }
    };
    return TakeAwaiter{{frame()}};
  }

  /// Awaits the task and gives a reference to its value, which stays in the task. Not for Task<void>.
  auto in_place() & {
    struct PeekAwaiter : Awaiter {
      T& await_resume() const { return this->frame.promise().value(); }
    };
    return PeekAwaiter{{frame()}};
  }

 private:
  struct Awaiter {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) const noexcept {
      frame.promise().continuation = awaiting;
      return frame;
    }

    std::coroutine_handle<promise_type> frame;
  };

  std::coroutine_handle<promise_type> frame() const {
    if (!frame_) [[unlikely]]
      detail::no_coroutine();
    return frame_;
  }

  std::coroutine_handle<promise_type> frame_;
};

template <class T>
Task<T> detail::TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> detail::TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace ringrpc
