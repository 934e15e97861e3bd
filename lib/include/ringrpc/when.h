/// Runs several tasks at once, until all of them have ended or until the first one has.
///
///   auto [price, stock] = co_await when_all(prices.Echo(item), stocks.Echo(item));  // two Results
///   auto first = co_await when_any(board.next_change(), sleep_for(30s));
///   if (first.index() == 1) co_return fail(Code::NOT_FOUND, "nothing has changed for 30 s");
///
/// The tasks run on the shard of their awaiter. Each starts in the order of the arguments and runs until it
/// suspends. None of them outlives the wait: cancelling the awaiter destroys the frames of all tasks that
/// have not ended. When a task throws, the others are cancelled and the awaiter gets the exception. A
/// Status or a Result that holds a failure is a value like any other and cancels nothing. TaskScope
/// (ringrpc/task_scope.h) cancels the others on the first failure and takes tasks one by one.
#pragma once

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

/// Gives the values of all tasks, in the order of the arguments, once all have ended. A Task<> has
/// std::monostate.
template <class... T>
  requires(sizeof...(T) > 0)
Task<std::tuple<detail::ItemOf<T>...>> when_all(Task<T>... tasks) {
  detail::Endings endings(sizeof...(T));
  const std::tuple<Task<T>...> running(std::move(tasks)...);  // destroys the tasks when this scope ends
  std::tuple<std::optional<detail::ItemOf<T>>...> items;
  std::size_t index = 0;
  std::apply([&](const auto&... task) { (task.start(endings.observer(index++)), ...); }, running);
  for (std::size_t ended = 0; ended < sizeof...(T); ++ended) {
    const std::size_t next = co_await endings.next();
    detail::with_index<sizeof...(T)>(
        next, [&](auto at) { std::get<at()>(items).emplace(detail::item_of(std::get<at()>(running))); });
  }
  co_return std::apply([](auto&... item) { return std::tuple<detail::ItemOf<T>...>(*std::move(item)...); },
                       items);
}

/// The same for any number of tasks of one type. Without tasks it ends at once.
template <class T>
  requires(!std::is_void_v<T>)
Task<std::vector<T>> when_all(std::vector<Task<T>> tasks) {
  detail::Endings endings(tasks.size());
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

inline Task<> when_all(std::vector<Task<>> tasks) {
  detail::Endings endings(tasks.size());
  std::vector<Task<>> running = std::move(tasks);
  for (std::size_t index = 0; index < running.size(); ++index) running[index].start(endings.observer(index));
  for (std::size_t ended = 0; ended < running.size(); ++ended) {
    const std::size_t next = co_await endings.next();
    running[next].result();
    running[next] = Task<>();
  }
}

/// Gives the value of the task that ends first, at that task's index among the arguments. The other tasks are
/// cancelled before this one ends. A task that ends while it is being started keeps those behind it from
/// starting.
template <class... T>
  requires(sizeof...(T) > 0)
Task<std::variant<detail::ItemOf<T>...>> when_any(Task<T>... tasks) {
  using Value = std::variant<detail::ItemOf<T>...>;
  detail::Endings endings(sizeof...(T));
  const std::tuple<Task<T>...> running(std::move(tasks)...);
  std::size_t index = 0;
  std::apply(
      [&](const auto&... task) { (void)((task.start(endings.observer(index++)), endings.any()) || ...); },
      running);
  const std::size_t first = co_await endings.next();
  std::optional<Value> value;
  detail::with_index<sizeof...(T)>(first, [&](auto at) {
    value.emplace(std::in_place_index<at()>, detail::item_of(std::get<at()>(running)));
  });
  co_return *std::move(value);
}

/// The first task of several to end: its index and its value.
template <class T>
struct FirstOf {
  std::size_t index;
  detail::ItemOf<T> value;
};

/// The same for any number of tasks of one type. Without tasks it would wait for ever, so it throws
/// std::invalid_argument.
template <class T>
Task<FirstOf<T>> when_any(std::vector<Task<T>> tasks) {
  if (tasks.empty()) throw std::invalid_argument("when_any needs at least one task");
  detail::Endings endings(tasks.size());
  const std::vector<Task<T>> running = std::move(tasks);
  for (std::size_t index = 0; index < running.size() && !endings.any(); ++index)
    running[index].start(endings.observer(index));
  const std::size_t first = co_await endings.next();
  co_return FirstOf<T>{first, detail::item_of(running[first])};
}

}  // namespace ringrpc
