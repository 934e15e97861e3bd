/// Cuts a long computation on a shard into slices, one in each turn.
///
///   Slices slices(shard);
///   for (const Row& row : rows) {
///     write(row);                                         // a few microseconds
///     if (slices.over()) co_await slices.next();
///   }
///
/// Between slices the shard receives, sends and serves others. Belongs to the shard's thread.
#pragma once

#include <chrono>
#include <coroutine>

#include "ringrpc/clock.h"
#include "ringrpc/suspended.h"

#include "reactor/ready_list.h"
#include "reactor/shard.h"

namespace ringrpc {

/// A slice is short beside a turn under load, and long beside the work of a turn.
inline constexpr std::chrono::microseconds slice_length{50};

class Slices {
 public:
  explicit Slices(Shard& shard) noexcept : shard_(shard), end_(after(shard.io().now(), slice_length)) {}

  /// True if the slice has taken its time. Reads the clock.
  bool over() const noexcept { return shard_.io().now() >= end_; }

  /// Suspends until the next turn, where the next slice begins. Destroying the coroutine cancels the wait.
  auto next() noexcept { return NextTurn(*this); }

 private:
  class [[nodiscard("co_await it")]] NextTurn final : TurnEnd, Ready {
   public:
    explicit NextTurn(Slices& slices) noexcept : slices_(slices) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept {
      waiting_ = waiting;
      slices_.shard_.at_turn_end(*this);
    }
    void await_resume() noexcept { slices_.end_ = after(slices_.shard_.io().now(), slice_length); }

   private:
    // Elements that the ready list gets before the end of a turn may run in the same turn.
    void on_turn_end() override { slices_.shard_.ready().push(*this); }
    void run() override { waiting_.resume(); }

    Slices& slices_;
    Suspended waiting_;
  };

  Shard& shard_;
  Instant end_;
};

}  // namespace ringrpc
