/// Alarms with a finer resolution than a timer's millisecond, such as for the start of a paced call.
///
///   class Start final : public Alarm { void on_alarm() override { call(); } };
///   shard.alarms().arm(start, due);
///
/// An alarm is as exact as the kernel's wake-up of a thread, some tens of microseconds. Use only a few at a
/// time on a shard, because each one that fires examines all of them; use timers (reactor/timer.h) for
/// large numbers. Everything belongs to the shard's thread.
#pragma once

#include <algorithm>

#include "ringrpc/clock.h"

#include "reactor/intrusive_list.h"

namespace ringrpc {

class Alarms;

/// An event at a point in time, once for each arming. Destroying it cancels it.
class Alarm : public ListNode {
 public:
  Alarm() = default;
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  virtual ~Alarm() = default;

  bool armed() const noexcept { return linked(); }
  void cancel() noexcept { unlink(); }

  /// Called from the shard's loop, not from inside `arm`. May arm and cancel any alarm, and destroy this one.
  virtual void on_alarm() = 0;

 private:
  friend Alarms;
  Instant when_;
};

class Alarms {
 public:
  /// Sets or moves the alarm; `never` cancels it. An alarm that is already due fires in the next turn.
  void arm(Alarm& alarm, Instant when) noexcept {
    alarm.cancel();
    if (when == never) return;
    alarm.when_ = when;
    armed_.push_back(alarm);
    next_ = std::min(next_, when);
  }

  /// The time at which to call `advance` next, at or before the earliest alarm; `never` when none is armed.
  Instant next() const noexcept { return next_; }

  /// Fires the alarms that are due at `now`.
  void advance(Instant now) {
    if (now < next_) return;
    next_ = never;
    List<Alarm> looked_at;
    looked_at.splice(armed_);
    while (Alarm* alarm = looked_at.pop_front()) {
      if (alarm->when_ <= now) {
        alarm->on_alarm();
      } else {
        arm(*alarm, alarm->when_);
      }
    }
  }

 private:
  List<Alarm> armed_;
  Instant next_ = never;  // earlier than the earliest alarm if one was cancelled
};

}  // namespace ringrpc
