/// Tells coroutines, on whichever shards they run, that something which threads share has changed.
///
///   void Board::set(State state) {                       // from any thread
///     { const std::lock_guard lock(mutex_); state_ = state; }
///     changes_.notify();                                 // after the change
///   }
///   Task<Status> Board::Watch(Call&, Request request, Writer<State>& out) {
///     for (;;) {
///       const std::uint64_t seen = changes_.count();     // before the state is read: so no change is missed
///       co_await out.write(state());
///       co_await changes_.past(seen);
///     }
///   }
///
/// What has changed is not its business, nor how often: notifications that come while nobody waits are one.
#pragma once

#include <cstdint>
#include <memory>

#include "ringrpc/clock.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// Announces changes of shared state to coroutines on all shards.
class EventCount {
 public:
  EventCount();
  EventCount(const EventCount&) = delete;
  EventCount& operator=(const EventCount&) = delete;
  /// Nobody may wait any more.
  ~EventCount();

  /// How many notifications there were. From any thread.
  std::uint64_t count() const noexcept;

  /// Lets all go on that wait, each on its shard. From any thread, shards included; never waits for them.
  void notify();

  /// Ends when `count` is not `seen` any more, at once when it is not already, or when `patience` has passed.
  /// To be awaited on a shard; any number may wait at the same time. Destroying the task gives the wait up.
  Task<> past(std::uint64_t seen, Nanoseconds patience = Nanoseconds::max());

 private:
  struct Waiters;
  class Wait;

  std::unique_ptr<Waiters> waiters_;
};

}  // namespace ringrpc
