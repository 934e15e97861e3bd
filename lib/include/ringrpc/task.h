/// A coroutine that gives a T: handlers return it and callers await it.
///
///   Task<Result<Reply>> Echo(Call& call, Request request) override {
///     co_await sleep_for(10ms);
///     co_return Reply{...};
///   }
///
/// A task is lazy: it runs once, when it is awaited. When it ends, its awaiter resumes by symmetric
/// transfer, so a chain of tasks uses no stack. Await a task that has a name with `co_await
/// std::move(task)`. Destroying a task destroys its frame and, with it, every task that it awaits; that is
/// how a call is cancelled. A task must not be destroyed while it runs, from inside itself: cancel it from
/// the ready list.
///
/// A coroutine of a task with a value that ends without `co_return` throws std::logic_error from the
/// `co_await` (compilers warn of it: -Wreturn-type). In a handler it ends the call with INTERNAL.
///
/// A task belongs to one shard; no other thread may touch it. Waits of the library (sleep_for, when_all, a
/// call) need a shard: a handler has one, and block_on and submit give one. Elsewhere they fail with
/// FAILED_PRECONDITION if they give a Status or a Result, and throw std::logic_error if not. Frames of up to
/// 4 KiB come from a pool of the thread, so they cost no allocation once the pool is warm.
#pragma once

#include "ringrpc/compiler.h"

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "ringrpc/export.h"

namespace ringrpc {

/// A coroutine that gives a T.
template <class T>
class Task;

/// Learns that a root task has ended. It must not destroy the task from inside the call, only later.
class RINGRPC_EXPORT TaskObserver {
 public:
  /// The task has ended: its `result` is there.
  virtual void on_task_done() = 0;

 protected:
  ~TaskObserver() = default;
};

namespace detail {

/// The memory of coroutine frames, recycled by size class on the thread that frees it.
RINGRPC_EXPORT void* allocate_frame(std::size_t bytes);
RINGRPC_EXPORT void free_frame(void* frame, std::size_t bytes) noexcept;

/// Always false, but only once a template that must not be used is instantiated.
template <class...>
inline constexpr bool never = false;

[[noreturn, gnu::cold]] inline void no_coroutine() {
  throw std::logic_error("this task has no coroutine; did a function return {} instead of a task?");
}

[[noreturn, gnu::cold]] inline void runs_already() {
  throw std::logic_error("a task runs once; was it started or awaited before?");
}

[[noreturn, gnu::cold]] inline void not_ended() {
  throw std::logic_error("this task has no result: it has not ended");
}

/// The coroutine of a task ended without a value.
class RINGRPC_EXPORT NoCoReturn final : public std::logic_error {
 public:
  NoCoReturn() : std::logic_error("a coroutine ended without co_return") {}
};

/// The observer of a task that was made by a call of a lambda with captures and without parameters, until the task is
/// started. The frame of such a task refers to the lambda, and does not keep it.
RINGRPC_EXPORT TaskObserver& of_lambda() noexcept;

[[noreturn, gnu::cold]] inline void lambda_is_lost() {
  throw std::logic_error(
      "the task of a lambda that was called does not keep its captures: give the lambda itself, or its name, "
      "without `()` behind it; or let the task keep them: `[x](this auto) -> Task<> { ... }()`");
}

[[noreturn, gnu::cold]] inline void no_value(const std::exception_ptr* thrown) {
  if (thrown) std::rethrow_exception(*thrown);
  throw NoCoReturn();
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

  std::coroutine_handle<> continuation;  ///< null until the task runs
  TaskObserver* observer = nullptr;
};

template <class T>
struct TaskPromise : TaskPromiseBase {
  Task<T> get_return_object() noexcept;
  template <class U = T>
  void return_value(U&& value) {
    constexpr bool fits = std::is_constructible_v<T, U&&>;
    static_assert(fits,
                  "co_return must give the T of the coroutine's Task<T>; a failure of a Task<Result<...>> is "
                  "`co_return fail(code, message);` or `co_return std::unexpected(status);`");
    if constexpr (fits) outcome.template emplace<1>(std::forward<U>(value));
  }
  void unhandled_exception() noexcept { outcome.template emplace<2>(std::current_exception()); }
  T& value() {
    T* const given = std::get_if<1>(&outcome);
    if (!given) [[unlikely]]
      no_value(std::get_if<2>(&outcome));
    return *given;
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

/// True for the type of a lambda, which only the compiler's way to print it tells from a named class.
template <class T>
consteval bool is_closure() {
  const std::string_view printed = __PRETTY_FUNCTION__;
#ifdef __clang__
  return printed.contains("[T = (lambda at ");
#else
  return printed.ends_with("<lambda()>]");
#endif
}

/// The promise of a coroutine whose only parameter is a reference to an Object, or that is a member function of one
/// without parameters. It marks the task of a lambda with captures.
template <class T, class Object>
struct MemberPromise : TaskPromise<T> {
  MemberPromise() {
    static_assert(sizeof(MemberPromise) == sizeof(TaskPromise<T>), "a Task refers to it as to a TaskPromise");
    if constexpr (is_closure<std::remove_const_t<Object>>() && !std::is_empty_v<Object>)
      if constexpr (requires(Object& lambda) { requires std::same_as<decltype(lambda()), Task<T>>; })
        this->observer = &of_lambda();
  }
};

}  // namespace detail

template <class T = void>
class [[nodiscard("a task runs when it is awaited: co_await it")]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;  ///< for the compiler
  using Value = T;                              ///< of the coroutine

  /// A task without a coroutine, to be assigned to or destroyed. Running or awaiting it throws
  /// std::logic_error.
  Task() noexcept = default;
  /// For the compiler.
  explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  /// Takes the coroutine over.
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
#ifdef __clang__  // it has the reasons of C++26 in C++23 too
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc++26-extensions"
  Task(const Task&) = delete("a task that has a name is given away by `std::move(task)`");
#pragma clang diagnostic pop
#else
  Task(const Task&) = delete;
#endif
  /// Destroys the task that was here.
  Task& operator=(Task&& other) noexcept {
    const Task replaced(std::exchange(frame_, std::exchange(other.frame_, nullptr)));
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  /// True if there is a coroutine.
  bool valid() const noexcept { return static_cast<bool>(frame_); }
  /// True if the coroutine has ended.
  bool done() const noexcept { return frame_ && frame_.done(); }

  /// Runs the task until it ends or suspends, as the root of a chain of tasks. It must not be awaited then.
  /// `observer`, if any, learns of the end and must outlive the task. `result` throws the exception that
  /// ended the task. Throws std::logic_error if the task was started or awaited before.
  void start(TaskObserver* observer = nullptr) const {
    promise_type& promise = new_frame().promise();
    promise.observer = observer;
    promise.continuation = std::noop_coroutine();
    frame_.resume();
  }

  /// For functions that take a task and keep it beyond the expression. Throws std::logic_error if it was made by a
  /// call of a lambda that has captures and no parameters, because the frame does not keep these.
  void refuse_lambda() const {
    if (frame_ && frame_.promise().observer == &detail::of_lambda()) [[unlikely]]
      detail::lambda_is_lost();
  }

  /// Takes the value of a task that has ended. Call it once. Rethrows the exception that ended the task.
  /// Throws std::logic_error if the task has not ended, or has no coroutine.
  T result() const {
    if (!done()) [[unlikely]]
      detail::not_ended();
    return frame_.promise().take();
  }

  /// Runs the task; gives its value, or throws the exception that ended it.
  auto operator co_await() && { return TakeAwaiter{{new_frame()}}; }

  /// Refused at compile time: a task is awaited once and gives its value away.
  template <class Never = void>
  auto operator co_await() const& {
    static_assert(detail::never<Never>, "a task that has a name is awaited by `co_await std::move(task)`");
    return TakeAwaiter{{frame_}};
  }

  /// Awaits the task and gives a reference to its value, which stays in the task. Task<void> has none.
  auto in_place() & {
    struct PeekAwaiter : Awaiter {
      T& await_resume() const { return this->frame.promise().value(); }
    };
    return PeekAwaiter{{new_frame()}};
  }

  /// Refused at compile time: the use of a task as its value, whose `co_await` was forgotten.
  template <class U>
    requires(std::same_as<T, U> || std::derived_from<T, U>)
  operator U() const {
    return not_awaited<U>();
  }
  /// The same.
  template <class U = T>
    requires(!std::same_as<U, bool>)
  explicit operator bool() const {
    return not_awaited<U, bool>();
  }
  /// The same.
  template <class U = T>
  U& operator->() const {
    return not_awaited<U, U&>();
  }

 private:
  struct [[nodiscard("co_await it")]] Awaiter {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) const noexcept {
      frame.promise().continuation = awaiting;
      return frame;
    }

    std::coroutine_handle<promise_type> frame;
  };

  struct TakeAwaiter : Awaiter {
    T await_resume() const { return this->frame.promise().take(); }
    [[nodiscard("it may be a failure")]] T await_resume() const
      requires requires { typename T::error_type; }  // of std::expected
    {
      return this->frame.promise().take();
    }
  };

  template <class U, class Wanted = U>
  [[noreturn]] static Wanted not_awaited() {
    static_assert(detail::never<U>, "a task is not yet its value: write `co_await` before it");
    detail::no_coroutine();
  }

  std::coroutine_handle<promise_type> new_frame() const {
    if (!frame_) [[unlikely]]
      detail::no_coroutine();
    if (frame_.promise().continuation) [[unlikely]]
      detail::runs_already();
    return frame_;
  }

  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<Task<T>> = true;

}  // namespace detail

/// A function without arguments that returns a task, such as a lambda that is a coroutine.
template <class F>
concept TaskMaker = std::invocable<F&> && detail::is_task<std::invoke_result_t<F&>>;

namespace detail {

/// An object that `co_await` takes as it is, such as the result of Reader::next.
template <class A>
concept Awaiter = requires(A& awaiter) {
  { awaiter.await_ready() } -> std::same_as<bool>;
  awaiter.await_resume();
};

/// The task that `make` makes. Keeps `make`, whose captures the task may use, until the task has ended.
template <TaskMaker F>
std::invoke_result_t<F&> keeping(F make) {
  co_return co_await make();
}

}  // namespace detail

template <class T>
Task<T> detail::TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> detail::TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace ringrpc

/// @cond
// Of coroutines whose only parameter is an object, such as that of a lambda without parameters.
template <class T, class Object>
  requires std::is_class_v<Object>
struct std::coroutine_traits<ringrpc::Task<T>, Object&> {
  using promise_type = ringrpc::detail::MemberPromise<T, Object>;
};
/// @endcond
