/// Decides whether an idle shard polls for a while before it sleeps.
///
///   Spin spin(25us);
///   if (spin.worthwhile()) found ? spin.paid() : spin.in_vain();
///
/// Sleeping and waking costs tens of microseconds, most of all in a virtual machine. Spinning avoids that
/// when a request arrives within the budget and wastes a core when none does. So the results of earlier spins
/// decide:
/// 1. After a spin in which something came, each wait begins with a spin.
/// 2. After a failed spin, 1, 2, 4 … 1024 waits pass without one, twice as many each time.
///
/// An idle shard starts no new wait, so it spins only once. A shard with rare requests spins in one wait of a
/// thousand.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ringrpc/clock.h"

namespace ringrpc {

class Spin {
 public:
  /// The number of spins, and of those in which something came.
  struct Counters {
    std::uint64_t tried = 0;
    std::uint64_t paid = 0;
  };

  static constexpr std::uint32_t pass_max = 1024;

  /// `budget` is the longest spin at the start of a wait; zero means never.
  explicit Spin(Nanoseconds budget) noexcept : budget_(budget) {}

  Nanoseconds budget() const noexcept { return budget_; }
  const Counters& counters() const noexcept { return counters_; }

  /// Call it once for each wait.
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

/// Tells the other hardware thread of the core, and the hypervisor, that this thread only waits.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace ringrpc
