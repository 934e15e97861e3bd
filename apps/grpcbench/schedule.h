/// Computes when calls are due that start at a given rate, independent of earlier calls.
///
///   Schedule schedule({.calls_per_second = 1000, .spacing = Spacing::poisson}, {.index = 0, .threads = 2});
///   while (begin + schedule.next() <= now) { start_call(begin + schedule.next()); schedule.advance(); }
///
/// All threads compute the same schedule, and each takes the calls of its own connections (dealt.h). So
/// the calls of all threads together are evenly spaced with constant spacing, and form one Poisson
/// process with Poisson spacing.
#pragma once

#include <cstdint>
#include <optional>
#include <random>

#include "ringrpc/clock.h"

#include "grpcbench/dealt.h"

namespace ringrpc::grpcbench {

enum class Spacing : std::uint8_t { constant, poisson };

struct Pace {
  double calls_per_second = 0;  ///< over all threads
  Spacing spacing = Spacing::constant;
  std::uint64_t seed = 0;  ///< the same seed gives the same times
};

class Schedule {
 public:
  /// Ends after `calls` calls that are due at the end of the `warmup` or later; without `calls`, never.
  explicit Schedule(const Pace& pace, const Dealt& dealt = {}, Nanoseconds warmup = {},
                    std::optional<std::uint64_t> calls = {})
      : pace_(pace), dealt_(dealt), warmup_(warmup), calls_(calls), random_(pace.seed) {
    if (pace.spacing == Spacing::poisson) due_ns_ = drawn_ns();
    note();
    go_on_to(dealt.index);
  }

  /// The time at which the next call is due, from the start of the run.
  Nanoseconds next() const noexcept { return Nanoseconds(static_cast<std::int64_t>(due_ns_)); }

  void advance() {
    connection_ += dealt_.threads;
    // The next round begins with the thread's first connection.
    const bool round_over = connection_ >= dealt_.connections;
    go_on_to(number_ + (round_over ? dealt_.threads + dealt_.connections - connection_ + dealt_.index
                                   : dealt_.threads));
    if (round_over) connection_ = dealt_.index;
  }

  /// True if the thread has no more calls.
  bool over() const noexcept { return calls_ && first_ && number_ >= *first_ + *calls_; }
  /// The time at which the call after the last call of all threads would be due. Valid when `over`.
  Nanoseconds end() const noexcept { return end_; }

 private:
  /// One by one, because the random intervals of other threads' calls must be drawn too.
  void go_on_to(std::uint64_t number) {
    while (number_ < number) {
      ++number_;
      due_ns_ = pace_.spacing == Spacing::constant ? static_cast<double>(number_) * interval_ns_
                                                   : due_ns_ + drawn_ns();
      note();
    }
  }
  void note() noexcept {
    if (!first_ && next() >= warmup_) first_ = number_;
    if (first_ && calls_ && number_ == *first_ + *calls_) end_ = next();
  }
  double drawn_ns() { return std::exponential_distribution<double>(1 / interval_ns_)(random_); }

  Pace pace_;
  Dealt dealt_;
  Nanoseconds warmup_;
  std::optional<std::uint64_t> calls_;
  std::mt19937_64 random_;
  double interval_ns_ = 1e9 / pace_.calls_per_second;

  std::uint64_t number_ = 0;  // of the next call, over all threads
  unsigned connection_ = dealt_.index;
  double due_ns_ = 0;
  std::optional<std::uint64_t> first_;  // the number of the first after the warm-up
  Nanoseconds end_{0};
};

}  // namespace ringrpc::grpcbench
