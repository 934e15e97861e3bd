/// Whether a shard that has nothing to do looks on for a while before it sleeps.
///
///   Spin spin(25us);
///   if (spin.worthwhile()) found ? spin.paid() : spin.in_vain();
///
/// To sleep and be woken takes tens of microseconds, in a virtual machine above all. Whoever gets the next
/// request before that saves it by waiting awake; whoever does not has burnt a core for nothing, and perhaps
/// kept it from whom the request was to come from. So it is tried, and what came of it decides:
/// 1. a spin in which something came lets each wait begin with one;
/// 2. one in vain lets 1, 2, 4 … 1024 waits pass without, twice as many each time, before the next trial.
/// A shard that gets nothing does not wait anew, so an idle one spins once and no more; one whose requests
/// come seldom spins in one wait of a thousand.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ringrpc/clock.h"

namespace ringrpc {

class Spin {
 public:
  /// How often it was tried, and in how many of these something came.
  struct Counters {
    std::uint64_t tried = 0;
    std::uint64_t paid = 0;
  };

  static constexpr std::uint32_t pass_max = 1024;

  /// `budget` is the longest that a wait begins with; zero for never.
  explicit Spin(Nanoseconds budget) noexcept : budget_(budget) {}

  Nanoseconds budget() const noexcept { return budget_; }
  const Counters& counters() const noexcept { return counters_; }

  /// To be asked once a wait.
  bool worthwhile() noexcept {
    if (budget_ == Nanoseconds::zero()) return false;
    if (left_to_pass_ == 0) return true;
    --left_to_pass_;
    return false;
  }
  void paid() noexcept {
    ++counters_.tried;
    ++counters_.paid;
    next_pass_ = 1;
  }
  void in_vain() noexcept {
    ++counters_.tried;
    left_to_pass_ = next_pass_;
    next_pass_ = std::min(2 * next_pass_, pass_max);
  }

 private:
  Nanoseconds budget_;
  std::uint32_t left_to_pass_ = 0;
  std::uint32_t next_pass_ = 1;
  Counters counters_;
};

/// Lets the other hardware thread of the core, and the hypervisor, know that this one only waits.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace ringrpc
