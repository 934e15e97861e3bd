#include "reactor/timer.h"

#include <algorithm>
#include <bit>

namespace ringrpc {

using Tick = std::chrono::milliseconds;

void Timer::cancel() noexcept {
  if (armed()) wheel_->remove(*this);
}

void TimerWheel::arm(Timer& timer, Instant when) noexcept {
  timer.cancel();
  if (when == never) return;
  constexpr std::int64_t last_tick = std::chrono::floor<Tick>(Nanoseconds::max()).count();
  // Rounded up, so that no timer fires early.
  const std::int64_t tick = when <= start_ ? 0 : std::chrono::ceil<Tick>(when - start_).count();
  timer.wheel_ = this;
  timer.tick_ = std::max(static_cast<std::uint64_t>(std::min(tick, last_tick)), now_tick_ + 1);
  insert(timer);
}

Instant TimerWheel::next() const noexcept {
  const Place first = earliest();
  return first.level == levels ? never : after(start_, Tick(tick_of(first)));
}

void TimerWheel::advance(Instant now) {
  if (now < start_) return;
  const auto target = static_cast<std::uint64_t>(std::chrono::floor<Tick>(now - start_).count());
  for (Place first; (first = earliest()).level != levels && tick_of(first) <= target;) {
    now_tick_ = tick_of(first);
    occupied_[first.level] &= ~(std::uint64_t{1} << first.slot);
    List<Timer> due;
    due.splice(wheel_[first.level][first.slot]);
    while (Timer* timer = due.pop_front()) {
      if (first.level == 0) {
        timer->on_time();
      } else {
        insert(*timer);
      }
    }
  }
  now_tick_ = std::max(now_tick_, target);
}

TimerWheel::Place TimerWheel::place_of(std::uint64_t tick) const noexcept {
  const auto highest_bit = static_cast<unsigned>(std::bit_width((tick ^ now_tick_) | 1)) - 1;
  const unsigned level = highest_bit / bits;
  return {level, static_cast<unsigned>(tick >> (level * bits)) % slots};
}

TimerWheel::Place TimerWheel::earliest() const noexcept {
  unsigned level = 0;
  while (level < levels && occupied_[level] == 0) ++level;
  return {level, level < levels ? static_cast<unsigned>(std::countr_zero(occupied_[level])) : 0};
}

std::uint64_t TimerWheel::tick_of(Place place) const noexcept {
  const unsigned shift = place.level * bits;
  return (now_tick_ >> shift >> bits << bits | place.slot) << shift;
}

void TimerWheel::insert(Timer& timer) noexcept {
  const auto [level, slot] = place_of(timer.tick_);
  wheel_[level][slot].push_back(timer);
  occupied_[level] |= std::uint64_t{1} << slot;
}

void TimerWheel::remove(Timer& timer) noexcept {
  timer.unlink();
  // If `advance` has taken the timer off the wheel already, its empty slot stays empty.
  const auto [level, slot] = place_of(timer.tick_);
  if (wheel_[level][slot].empty()) occupied_[level] &= ~(std::uint64_t{1} << slot);
}

}  // namespace ringrpc
