/// When calls are due that start at a given rate, whatever becomes of those before them.
///
///   Schedule schedule({.calls_per_second = 1000, .spacing = Spacing::poisson}, {.index = 0, .threads = 2});
///   while (begin + schedule.next() <= now) { start_call(begin + schedule.next()); schedule.advance(); }
///
/// Each thread has as much of the rate as of the connections. With constant spacing it has the calls of its
/// connections, so that all together are evenly spaced. With Poisson spacing, as of many callers who
/// know nothing of one another, each thread draws its own; together they are Poisson again.
#pragma once

#include <cstdint>
#include <random>

#include "ringrpc/clock.h"

#include "grpcbench/dealt.h"

namespace ringrpc::grpcbench {

enum class Spacing : std::uint8_t { constant, poisson };

/// Of all threads together.
struct Pace {
  double calls_per_second = 0;
  Spacing spacing = Spacing::constant;
  std::uint64_t seed = 0;  ///< the same seed gives the same times

  /// How long so many calls take to become due, the last one's interval included.
  Nanoseconds time_of(std::uint64_t calls) const noexcept {
    return Nanoseconds(static_cast<std::int64_t>(static_cast<double>(calls) * 1e9 / calls_per_second));
  }
};

class Schedule {
 public:
  Schedule(const Pace& pace, const Dealt& dealt)
      : spacing_(pace.spacing),
        dealt_(dealt),
        interval_ns_(1e9 / pace.calls_per_second),
        random_(pace.seed + dealt.index),
        call_(dealt.index) {
    next_ns_ = spacing_ == Spacing::constant ? interval_ns_ * static_cast<double>(call_) : drawn();
  }

  /// When the next call is due, counted from the beginning.
  Nanoseconds next() const noexcept { return Nanoseconds(static_cast<std::int64_t>(next_ns_)); }

  void advance() {
    if (spacing_ == Spacing::poisson) {
      next_ns_ += drawn();
      return;
    }
    call_ += dealt_.threads;
    connection_ += dealt_.threads;
    if (connection_ >= dealt_.connections) {  // the next round begins with the first of its own
      call_ = call_ - connection_ + dealt_.connections + dealt_.index;
      connection_ = dealt_.index;
    }
    // From the beginning each time, so that no rounding adds up.
    next_ns_ = interval_ns_ * static_cast<double>(call_);
  }

 private:
  double drawn() {
    const auto own = static_cast<double>(dealt_.own_connections()) / dealt_.connections;
    return std::exponential_distribution<double>(own / interval_ns_)(random_);
  }

  Spacing spacing_;
  Dealt dealt_;
  double interval_ns_;  // of all threads together
  std::mt19937_64 random_;
  std::uint64_t call_;  // of all threads'
  std::uint64_t connection_ = dealt_.index;
  double next_ns_;
};

}  // namespace ringrpc::grpcbench
