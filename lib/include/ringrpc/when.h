/// Runs several tasks at once, until all of them have ended or until the first one has.
///
///   auto [price, stock] = co_await when_all(prices.Echo(item), stocks.Echo(item));  // two Results
///   auto first = co_await when_any(in.next(), sleep_for(30s));
///   if (first.index() == 1) co_return fail(Code::DEADLINE_EXCEEDED, "no message for 30 s");
///
/// Beside tasks, they take `next()`, `write()` and `initial_metadata()` of a stream, and functions that
/// return a task, such as lambdas that are coroutines. Such a function is kept until its task has ended.
///
/// The tasks run on the shard of their awaiter. Each starts in the order of the arguments and runs until it
/// suspends. None of them outlives the wait: cancelling the awaiter destroys the frames of all tasks that
/// have not ended. When a task throws, the others are cancelled and the awaiter gets the exception. A
/// Status or a Result that holds a failure is a value like any other and cancels nothing. TaskScope
/// (ringrpc/task_scope.h) cancels the others on the first failure and takes tasks one by one.
#pragma once

#include "ringrpc/compiler.h"

#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "ringrpc/export.h"
#include "ringrpc/task.h"

namespace ringrpc {

namespace detail {

/// Gives one coroutine the indices of its tasks in the order in which they end.
class RINGRPC_EXPORT Endings {
 public:
  explicit Endings(std::size_t tasks);
  Endings(const Endings&) = delete;
  Endings& operator=(const Endings&) = delete;
  ~Endings();

  /// The observer to start the task of that index with. This object owns it.
  TaskObserver* observer(std::size_t index) noexcept;
  /// True if `next` would give an index at once.
  bool any() const noexcept;

  struct [[nodiscard("co_await it")]] NextAwaiter {
    bool await_ready() const noexcept { return endings.any(); }
    void await_suspend(std::coroutine_handle<> waiting) const noexcept { endings.wait(waiting); }
    std::size_t await_resume() const noexcept { return endings.take(); }

    Endings& endings;
  };
  /// Awaits the next end of a task and gives its index.
  NextAwaiter next() noexcept { return {*this}; }

 private:
  class Queue;

  void wait(std::coroutine_handle<> waiting) noexcept;
  std::size_t take() noexcept;

  std::unique_ptr<Queue> queue_;
};

/// The value of a task in tuples and variants, which cannot hold void.
template <class T>
using ItemOf = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
ItemOf<T> item_of(const Task<T>& ended) {
  if constexpr (std::is_void_v<T>) {
    ended.result();
    return {};
  } else {
    return ended.result();
  }
}

/// Calls `use` with std::integral_constant<std::size_t, index>, for an index below `count`.
template <std::size_t count, class Use>
void with_index(std::size_t index, const Use& use) {
  [&]<std::size_t... each>(std::index_sequence<each...>) {
    (void)((each == index && (use(std::integral_constant<std::size_t, each>()), true)) || ...);
  }(std::make_index_sequence<count>());
}

}  // namespace detail

/// The first task of several to end: its index and its value.
template <class T>
struct FirstOf {
  std::size_t index;  ///< from 0, in the order of the arguments
  /// Of that task; std::monostate if it gives none.
  std::conditional_t<std::is_void_v<T>, std::monostate, T> value;
};

namespace detail {

/// One of several things to wait for: a task.
template <class T>
struct TaskItem {
  using Value = ItemOf<T>;

  void start(TaskObserver* observer) { task.start(observer); }
  Value take() { return item_of(task); }

  Task<T> task;
};

/// Waits until `awaiter` is ready, and leaves to others what it then gives.
template <class A>
struct Readiness {
  bool await_ready() const { return awaiter.await_ready(); }
  auto await_suspend(std::coroutine_handle<> waiting) const { return awaiter.await_suspend(waiting); }
  void await_resume() const noexcept {}

  A& awaiter;
};

template <class A>
Task<> until_ready(A& awaiter) {
  co_await Readiness<A>{awaiter};
}

/// One of several things to wait for: an awaiter, which reads or writes its message only in `take`, so that
/// no message is lost if another one is first.
template <Awaiter A>
struct AwaiterItem {
  using Value = ItemOf<std::decay_t<decltype(std::declval<A&>().await_resume())>>;

  void start(TaskObserver* observer) {
    ready = until_ready(awaiter);
    ready.start(observer);
  }
  Value take() {
    ready.result();
    if constexpr (std::is_void_v<decltype(awaiter.await_resume())>) {
      awaiter.await_resume();
      return {};
    } else {
      return awaiter.await_resume();
    }
  }

  A awaiter;
  Task<> ready{};
};

template <class A>
auto item(A&& waited_for) {
  using Waited = std::remove_cvref_t<A>;
  if constexpr (is_task<Waited>) {
    return TaskItem<typename Waited::Value>{std::forward<A>(waited_for)};
  } else if constexpr (Awaiter<Waited>) {
    return AwaiterItem<Waited>{std::forward<A>(waited_for)};
  } else if constexpr (TaskMaker<Waited>) {
    return item(keeping<Waited>(std::forward<A>(waited_for)));
  } else {
    static_assert(never<A>,
                  "when_all and when_any take tasks, `next()` and `write()` of a stream, and functions that "
                  "return a task; or a vector of tasks, given away by `std::move(tasks)`");
    return TaskItem<void>();
  }
}

template <class... Item>
Task<std::tuple<typename Item::Value...>> all_of(Item... items) {
  Endings endings(sizeof...(Item));
  std::tuple<Item...> running(std::move(items)...);  // destroys the tasks when this scope ends
  std::tuple<std::optional<typename Item::Value>...> values;
  std::size_t index = 0;
  std::apply([&](auto&... each) { (each.start(endings.observer(index++)), ...); }, running);
  for (std::size_t ended = 0; ended < sizeof...(Item); ++ended) {
    const std::size_t next = co_await endings.next();
    with_index<sizeof...(Item)>(
        next, [&](auto at) { std::get<at()>(values).emplace(std::get<at()>(running).take()); });
  }
  co_return std::apply(
      [](auto&... value) { return std::tuple<typename Item::Value...>(*std::move(value)...); }, values);
}

template <class T>
  requires(!std::is_void_v<T>)
Task<std::vector<T>> all_of(std::vector<Task<T>> tasks) {
  Endings endings(tasks.size());
  std::vector<Task<T>> running = std::move(tasks);
  std::vector<std::optional<T>> items(running.size());
  for (std::size_t index = 0; index < running.size(); ++index) running[index].start(endings.observer(index));
  for (std::size_t ended = 0; ended < running.size(); ++ended) {
    const std::size_t next = co_await endings.next();
    items[next].emplace(running[next].result());
    running[next] = Task<T>();  // an ended task keeps no memory while others run
  }
  std::vector<T> values;
  values.reserve(items.size());
  for (std::optional<T>& item : items) values.push_back(*std::move(item));
  co_return values;
}

inline Task<> all_of(std::vector<Task<>> tasks) {
  Endings endings(tasks.size());
  std::vector<Task<>> running = std::move(tasks);
  for (std::size_t index = 0; index < running.size(); ++index) running[index].start(endings.observer(index));
  for (std::size_t ended = 0; ended < running.size(); ++ended) {
    const std::size_t next = co_await endings.next();
    running[next].result();
    running[next] = Task<>();
  }
}

template <class... Item>
Task<std::variant<typename Item::Value...>> any_of(Item... items) {
  using Value = std::variant<typename Item::Value...>;
  Endings endings(sizeof...(Item));
  std::tuple<Item...> running(std::move(items)...);
  std::size_t index = 0;
  std::apply([&](auto&... each) { (void)((each.start(endings.observer(index++)), endings.any()) || ...); },
             running);
  const std::size_t first = co_await endings.next();
  std::optional<Value> value;
  with_index<sizeof...(Item)>(
      first, [&](auto at) { value.emplace(std::in_place_index<at()>, std::get<at()>(running).take()); });
  co_return *std::move(value);
}

template <class T>
Task<FirstOf<T>> any_of(std::vector<Task<T>> tasks) {
  if (tasks.empty()) throw std::invalid_argument("when_any needs at least one task");
  Endings endings(tasks.size());
  const std::vector<Task<T>> running = std::move(tasks);
  for (std::size_t index = 0; index < running.size() && !endings.any(); ++index)
    running[index].start(endings.observer(index));
  const std::size_t first = co_await endings.next();
  co_return FirstOf<T>{first, item_of(running[first])};
}

}  // namespace detail

/// Gives a task of the std::tuple of all values, in the order of the arguments, once all have ended. A
/// Task<> has std::monostate.
template <class... A>
  requires(sizeof...(A) > 0)
auto when_all(A&&... tasks) {
  return detail::all_of(detail::item(std::forward<A>(tasks))...);
}

/// The same for any number of tasks of one type: gives a task of a std::vector, or a Task<>.
/// Without tasks it ends at once.
template <class T>
auto when_all(std::vector<Task<T>>&& tasks) {
  return detail::all_of(std::move(tasks));
}

/// Gives a task of a std::variant: the value of the task that ends first, at that task's index among the
/// arguments. The other tasks are cancelled before this one ends; of two that end in the same turn, the later
/// one's value is lost. `next()` and `write()` take or send their message only if they are first, so they
/// lose none. A task that ends while it is being started keeps those behind it from starting.
template <class... A>
  requires(sizeof...(A) > 0)
auto when_any(A&&... tasks) {
  return detail::any_of(detail::item(std::forward<A>(tasks))...);
}

/// The same for any number of tasks of one type: gives a task of a FirstOf<T>. Without tasks it would wait
/// for ever, so it throws std::invalid_argument.
template <class T>
auto when_any(std::vector<Task<T>>&& tasks) {
  return detail::any_of(std::move(tasks));
}

}  // namespace ringrpc
