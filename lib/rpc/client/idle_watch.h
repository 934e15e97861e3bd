/// Notices that a channel has had no call for its idle timeout.
///
///   idle_watch.begin();     // the channel has addresses, or looks for them
///
/// It looks at times of its own, so calls do nothing for it: a timeout after the latest call began, or a
/// quarter of the timeout after it has seen one under way. Belongs to its ShardChannel.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "ringrpc/clock.h"

#include "reactor/shard.h"

namespace ringrpc {

class IdleWatch final : Timer {
 public:
  class Handler {
   public:
    /// True while a call, or a wait for a connection, is under way.
    virtual bool busy() const noexcept = 0;
    /// When the latest call began.
    virtual Instant last_call() const noexcept = 0;
    /// No call was under way for the timeout. The watch has ended.
    virtual void on_idle() noexcept = 0;

   protected:
    ~Handler() = default;
  };

  /// A timeout of zero means never; one below a second counts as a second.
  IdleWatch(Shard& shard, std::chrono::milliseconds timeout, Handler& handler) noexcept
      : shard_(shard),
        timeout_(timeout.count() <= 0 ? Nanoseconds::zero()
                                      : std::max<Nanoseconds>(timeout, std::chrono::seconds(1))),
        handler_(handler) {}

  /// Watches from now on. No effect while it does.
  void begin() noexcept {
    if (armed() || timeout_ == Nanoseconds::zero()) return;
    was_busy_ = false;
    busy_at_ = shard_.now();
    shard_.timers().arm(*this, after(busy_at_, timeout_));
  }
  void stop() noexcept { Timer::cancel(); }

 private:
  void on_time() override {
    constexpr int looks = 4;  // within a timeout, while a call is under way
    const Instant now = shard_.now();
    const bool busy = handler_.busy();
    if (std::exchange(was_busy_, busy) || busy) busy_at_ = now;  // a call may have ended just now
    const Instant idle = after(std::max(busy_at_, handler_.last_call()), timeout_);
    if (now >= idle) return handler_.on_idle();
    shard_.timers().arm(*this, busy ? after(now, timeout_ / looks) : idle);
  }

  Shard& shard_;
  const Nanoseconds timeout_;
  Handler& handler_;
  Instant busy_at_ = Instant::min();  // no call was under way from then on, unless it began later
  bool was_busy_ = false;             // at the last look
};

}  // namespace ringrpc
