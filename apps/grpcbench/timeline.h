/// How many calls ended when, and how long they took: for the report's curves over time, in fixed memory.
///
///   Timeline timeline;
///   timeline.record(now - begin, latency);
///   timeline.merge(another_threads);
///
/// Intervals are 100 ms long at first. When there are too many, each two become one, so a run of any length
/// has 120 to 240 of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "grpcbench/histogram.h"

namespace ringrpc::grpcbench {

class Timeline {
 public:
  struct Interval {
    BriefHistogram latency;    ///< of the calls that ended in it
    std::uint64_t failed = 0;  ///< calls that did in it, whether or not their latency counts
  };

  /// A call ended; `since_begin` never less than the last time.
  void record(Nanoseconds since_begin, Nanoseconds latency) noexcept {
    at(since_begin).latency.record(latency);
  }
  void record_failure(Nanoseconds since_begin) noexcept { ++at(since_begin).failed; }

  void merge(Timeline other);

  /// As far as anything was recorded.
  const std::vector<Interval>& intervals() const noexcept { return intervals_; }
  Nanoseconds interval() const noexcept { return interval_; }

 private:
  static constexpr std::size_t intervals_max = 240;

  Interval& at(Nanoseconds since_begin) noexcept {
    if (since_begin >= current_end_) go_on_to(since_begin);
    return intervals_.back();
  }
  void go_on_to(Nanoseconds since_begin);
  void coarsen();

  Nanoseconds interval_ = std::chrono::milliseconds(100);
  Nanoseconds current_end_{0};  // of the last interval
  std::vector<Interval> intervals_;
};

}  // namespace ringrpc::grpcbench
