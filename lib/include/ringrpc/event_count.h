/// Notifies coroutines on any shards that state shared between threads has changed.
///
///   void Board::set(State state) {  // from any thread
///     {
///       const std::lock_guard lock(mutex_);
///       state_ = state;
///     }
///     changes_.notify();  // after the change
///   }
///   Task<Status> Board::Watch(Call& call, Request request, Writer<State>& out) {
///     while (!call.stopping()) {
///       const std::uint64_t seen = changes_.count();  // before the state is read, so that no change is missed
///       co_await out.write(state());
///       co_await when_any(changes_.past(seen), call.until_stopping());
///     }
///     co_return fail(Code::UNAVAILABLE, "the server is shutting down");
///   }
///
/// An EventCount does not hold the state. Notifications while no coroutine waits are counted, not queued.
#pragma once

#include "ringrpc/compiler.h"

#include <cstdint>
#include <memory>

#include "ringrpc/clock.h"
#include "ringrpc/export.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// Notifies coroutines on any shards of changes to shared state.
class RINGRPC_EXPORT EventCount {
 public:
  EventCount();
  EventCount(const EventCount&) = delete;
  EventCount& operator=(const EventCount&) = delete;
  /// Tasks that wait in `past` end with std::logic_error, each on its shard.
  ~EventCount();

  /// The number of notifications so far. From any thread.
  std::uint64_t count() const noexcept;

  /// Resumes all coroutines that wait, each on its shard. From any thread, including shards. Returns
  /// without waiting for them.
  void notify();

  /// Waits until `count` differs from `seen`, which may be so already, or `timeout` has passed. Await it on a
  /// shard. Any number of tasks may wait at the same time. Destroying the task ends the wait. Throws
  /// std::logic_error once the EventCount has been destroyed: it must outlive the tasks that use it.
  Task<> past(std::uint64_t seen, Nanoseconds timeout = Nanoseconds::max());

 private:
  struct Waiters;
  class Wait;

  static Task<> wait(std::shared_ptr<Waiters> waiters, std::uint64_t seen, Nanoseconds timeout);

  std::shared_ptr<Waiters> waiters_;
};

}  // namespace ringrpc
