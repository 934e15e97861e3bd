/// Included into each source of a build with faults. The variable RINGRPC_FAULT chooses the one that takes effect, by its number.
#pragma once

#include <cstdlib>

inline int ringrpc_chosen_fault() noexcept {
  static const int chosen = [] {
    const char* const text = std::getenv("RINGRPC_FAULT");
    return text ? std::atoi(text) : 0;
  }();
  return chosen;
}

// Also compiled by Meson's first checks, which choose an older C++.
constexpr bool ringrpc_fault(int number) noexcept {
  return !__builtin_is_constant_evaluated() && ringrpc_chosen_fault() == number;
}
