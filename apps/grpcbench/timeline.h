/// How many calls ended when, and how long they took: for the report's curves over time, in fixed memory.
///
///   Timeline timeline;
///   timeline.record(now - begin, latency);
///   timeline.merge(another_threads);
///   draw(timeline.spans(duration));
///
/// Intervals are 100 ms long at first. When there are too many, each two become one, so a run of any length
/// has 120 to 240 of them.
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
    BriefHistogram latency;  ///< of the calls that ended in it and have one
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;

    void merge(const Interval& other) noexcept;
  };

  /// What a part of the run brought.
  struct Span {
    Nanoseconds begin;
    Nanoseconds end;
    Interval calls;
  };

  /// A call succeeded; `since_begin` never less than the last time.
  void record(Nanoseconds since_begin, Nanoseconds latency) noexcept {
    Interval& interval = at(since_begin);
    interval.latency.record(latency);
    ++interval.succeeded;
  }
  /// The same of one that failed, with its latency where that counts.
  void record_failure(Nanoseconds since_begin, std::optional<Nanoseconds> latency = {}) noexcept {
    Interval& interval = at(since_begin);
    if (latency) interval.latency.record(*latency);
    ++interval.failed;
  }

  void merge(Timeline other);

  /// The intervals of a run that lasted for `duration`, from its begin to its end. The last is as long as
  /// it was; where that is less than half an interval, it is one with that before.
  std::vector<Span> spans(Nanoseconds duration) const;

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
