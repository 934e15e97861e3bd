/// When calls are due that start at a given rate, whatever becomes of those before them.
///
///   Schedule schedule({.calls_per_second = 1000, .spacing = Spacing::poisson}, 0, 2);   // the first of two
///   while (begin + schedule.next() <= now) { start_call(begin + schedule.next()); schedule.advance(); }
///
/// With constant spacing the threads take turns, so that all calls together are evenly spaced too. With
/// Poisson spacing, as of many callers who know nothing of one another, each thread draws its own; together
/// they are Poisson again.
#pragma once

#include <cstdint>
#include <random>

#include "ringrpc/clock.h"

namespace ringrpc::grpcbench {

enum class Spacing : std::uint8_t { constant, poisson };

/// Of all threads together.
struct Pace {
  double calls_per_second = 0;
  Spacing spacing = Spacing::constant;
  std::uint64_t seed = 0;  ///< the same seed gives the same times
};

class Schedule {
 public:
  /// Of thread `index`, below `threads`.
  Schedule(const Pace& pace, unsigned index, unsigned threads)
      : spacing_(pace.spacing),
        interval_ns_(1e9 * threads / pace.calls_per_second),
        first_ns_(1e9 * index / pace.calls_per_second),
        random_(pace.seed + index),
        next_ns_(spacing_ == Spacing::constant ? first_ns_ : drawn()) {}

  /// When the next call is due, counted from the beginning.
  Nanoseconds next() const noexcept { return Nanoseconds(static_cast<std::int64_t>(next_ns_)); }

  void advance() {
    ++passed_;
    // From the beginning each time, so that no rounding adds up.
    next_ns_ = spacing_ == Spacing::constant ? first_ns_ + static_cast<double>(passed_) * interval_ns_
                                             : next_ns_ + drawn();
  }

 private:
  double drawn() { return std::exponential_distribution<double>(1 / interval_ns_)(random_); }

  Spacing spacing_;
  double interval_ns_;
  double first_ns_;
  std::mt19937_64 random_;
  std::uint64_t passed_ = 0;
  double next_ns_;
};

}  // namespace ringrpc::grpcbench
