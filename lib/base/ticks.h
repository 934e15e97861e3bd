/// A counter of the processor that runs at a constant rate: a clock of a few instructions, without a unit.
///
///   const std::uint64_t begun = ticks();
///   ...
///   if (ticks() - begun > least) ...  // then read a clock
#pragma once

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <chrono>
#endif
#include <cstdint>

namespace ringrpc {

inline std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  std::uint64_t now;
  asm volatile("mrs %0, cntvct_el0" : "=r"(now));
  return now;
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

}  // namespace ringrpc
