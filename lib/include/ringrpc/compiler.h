/// Refuses compilers that ringrpc's headers are not for, before these give errors that do not name the remedy. Each
/// public header includes this first.
#pragma once

#if defined(__clang__) ? __clang_major__ < 19 : defined(__GNUC__) && __GNUC__ < 14
#error "ringrpc needs clang 19 or later. On Debian: apt-get install clang-19, and use clang++-19."
#endif

#if __cplusplus < 202100L
#error \
    "ringrpc needs C++23: compile with -std=c++23; in CMake: target_compile_features(my_program PRIVATE cxx_std_23)"
#endif

/// Behind a parameter: the result refers to the argument, so clang warns where a temporary is given and the result
/// outlives it.
#ifdef __clang__
#define RINGRPC_LIFETIMEBOUND [[clang::lifetimebound]]
#else
#define RINGRPC_LIFETIMEBOUND
#endif
