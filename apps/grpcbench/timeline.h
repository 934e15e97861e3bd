/// Counts calls and their latencies over time for the report's charts, in fixed memory.
///
///   Timeline timeline;
///   timeline.record(now - begin, latency);
///   timeline.merge(another_threads);
///   draw(timeline.spans(duration));
///
/// Intervals are 100 ms long at first. When there are 240, each two are merged, so that a long
/// run has 120 to 240 of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "grpcbench/histogram.h"

namespace ringrpc::grpcbench {

class Timeline {
 public:
  struct Interval {
    BriefHistogram latency;  ///< of the calls that ended in the interval and have a latency
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t messages = 0;  ///< received, of methods with streams

    void merge(const Interval& other) noexcept;
  };

  /// A part of the run.
  struct Span {
    Nanoseconds begin;
    Nanoseconds end;
    Interval calls;
  };

  /// Records a call that succeeded. `since_begin` must not be less than in the previous call.
  void record(Nanoseconds since_begin, Nanoseconds latency) noexcept {
    Interval& interval = at(since_begin);
    interval.latency.record(latency);
    ++interval.succeeded;
  }
  /// The same for a call that failed, with its latency if it has one.
  void record_failure(Nanoseconds since_begin, std::optional<Nanoseconds> latency = {}) noexcept {
    Interval& interval = at(since_begin);
    if (latency) interval.latency.record(*latency);
    ++interval.failed;
  }

  /// The same for messages that were received.
  void record_messages(Nanoseconds since_begin, std::uint64_t number) noexcept {
    at(since_begin).messages += number;
  }

  void merge(Timeline other);

  /// The intervals of a run that lasted for `duration`. The last one may be shorter; one shorter than half an
  /// interval is merged with the one before. With `calls_min`, intervals are merged until those with calls
  /// have that many on average, provided that at least ten are left.
  std::vector<Span> spans(Nanoseconds duration, std::uint64_t calls_min = 0) const;

  /// Up to the last one with a call or messages.
  const std::vector<Interval>& intervals() const noexcept { return intervals_; }
  Nanoseconds interval() const noexcept { return interval_; }

 private:
  static constexpr std::size_t intervals_max = 240;
  static constexpr std::size_t coarse_intervals_min = 10;

  Interval& at(Nanoseconds since_begin) noexcept {
    if (since_begin >= current_end_) go_on_to(since_begin);
    return intervals_.back();
  }
  void go_on_to(Nanoseconds since_begin);
  void coarsen();
  std::uint64_t calls_per_interval() const noexcept;
  void coarsen_to(std::uint64_t calls_min);

  Nanoseconds interval_ = std::chrono::milliseconds(100);
  Nanoseconds current_end_{0};  // the end of the last interval
  std::vector<Interval> intervals_;
};

}  // namespace ringrpc::grpcbench
