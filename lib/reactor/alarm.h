/// Moments for which a timer's millisecond is too coarse: when a paced call is due.
///
///   class Start final : public Alarm { void on_alarm() override { call(); } };
///   shard.alarms().arm(start, due);
///
/// As exact as the kernel wakes a thread, which is some tens of microseconds. For a few at a time on a shard:
/// each that goes off costs a look at all of them. Timers (reactor/timer.h) are for the many. Everything
/// belongs to the shard's thread.
#pragma once

#include <algorithm>

#include "ringrpc/clock.h"

#include "reactor/intrusive_list.h"

namespace ringrpc {

class Alarms;

/// Goes off once per arming. Destroying it cancels it.
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
  /// Sets or moves the alarm; `never` cancels it. What is due already goes off in the next turn.
  void arm(Alarm& alarm, Instant when) noexcept {
    alarm.cancel();
    if (when == never) return;
    alarm.when_ = when;
    armed_.push_back(alarm);
    next_ = std::min(next_, when);
  }

  /// When `advance` wants to be called next, at or before the earliest alarm; `never` when none is armed.
  Instant next() const noexcept { return next_; }

  /// Lets those go off that are due at `now`.
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
  Instant next_ = never;  // or earlier, where an alarm was cancelled
};

}  // namespace ringrpc
