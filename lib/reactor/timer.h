/// Timers of one shard: a hierarchical wheel with millisecond ticks.
///
///   class Deadline final : public Timer { void on_time() override { call_.expire(); } };
///   shard.timers().arm(deadline, after(shard.now(), 50ms));
///
/// Arming, re-arming and cancelling cost O(1) and no allocation: the timer is the list node. A timer never
/// fires early; it fires at most a tick and a turn late. Everything belongs to the shard's thread.
///
/// A tick is a number in base 64. Level L of the wheel holds the timers whose tick differs from the current
/// one in digit L but in no higher digit, in the slot of that digit. So the earliest timer is in the lowest
/// slot of the lowest level that holds any. When the time of a higher level's slot comes, its timers move to
/// lower levels.
#pragma once

#include <array>
#include <cstdint>

#include "ringrpc/clock.h"

#include "reactor/intrusive_list.h"

namespace ringrpc {

class TimerWheel;

/// An event at a point in time, once for each arming. Destroying it cancels it.
class Timer : public ListNode {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { cancel(); }

  bool armed() const noexcept { return linked(); }
  void cancel() noexcept;

  /// Called from the shard's loop, not from inside `arm`. May arm and cancel any timer, and destroy this one.
  virtual void on_time() = 0;

 private:
  friend TimerWheel;
  TimerWheel* wheel_ = nullptr;
  std::uint64_t tick_ = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(Instant start) noexcept : start_(start) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// Sets or moves the timer; `never` cancels it. A timer that is already due fires at the next tick.
  void arm(Timer& timer, Instant when) noexcept;

  /// The time at which to call `advance` next, at or before the earliest timer; `never` when no timer is
  /// armed.
  Instant next() const noexcept;

  /// Fires the timers that are due at `now`, in order of ticks.
  void advance(Instant now);

 private:
  friend Timer;
  static constexpr unsigned bits = 6;
  static constexpr unsigned slots = 1u << bits;
  static constexpr unsigned levels = 8;  // 64^8 ms exceeds the range of an Instant

  struct Place {
    unsigned level;  ///< `levels` if the timer is not armed
    unsigned slot;
  };

  Place place_of(std::uint64_t tick) const noexcept;
  Place earliest() const noexcept;
  std::uint64_t tick_of(Place place) const noexcept;
  void insert(Timer& timer) noexcept;
  void remove(Timer& timer) noexcept;

  Instant start_;
  std::uint64_t now_tick_ = 0;
  std::array<std::uint64_t, levels> occupied_{};
  std::array<std::array<List<Timer>, slots>, levels> wheel_;
};

}  // namespace ringrpc
