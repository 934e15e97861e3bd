#include "grpcbench/timeline.h"

#include <algorithm>
#include <utility>

namespace ringrpc::grpcbench {

void Timeline::Interval::merge(const Interval& other) noexcept {
  latency.merge(other.latency);
  succeeded += other.succeeded;
  failed += other.failed;
  messages += other.messages;
}

void Timeline::go_on_to(Nanoseconds since_begin) {
  while (since_begin >= current_end_) {
    if (intervals_.size() == intervals_max) {
      coarsen();
    } else {
      intervals_.emplace_back();
      current_end_ = interval_ * static_cast<std::int64_t>(intervals_.size());
    }
  }
}

/// Merges each two intervals.
void Timeline::coarsen() {
  for (std::size_t at = 0; at + 1 < intervals_.size(); at += 2) {
    intervals_[at].merge(intervals_[at + 1]);
    if (at > 0) intervals_[at / 2] = std::move(intervals_[at]);
  }
  if (intervals_.size() % 2 == 1 && intervals_.size() > 1)
    intervals_[intervals_.size() / 2] = std::move(intervals_.back());
  intervals_.resize((intervals_.size() + 1) / 2);
  interval_ *= 2;
  current_end_ = interval_ * static_cast<std::int64_t>(intervals_.size());
}

void Timeline::merge(Timeline other) {
  while (interval_ < other.interval_) coarsen();
  while (other.interval_ < interval_) other.coarsen();
  if (intervals_.size() < other.intervals_.size()) {
    std::swap(intervals_, other.intervals_);
    std::swap(current_end_, other.current_end_);
  }
  for (std::size_t at = 0; at < other.intervals_.size(); ++at) intervals_[at].merge(other.intervals_[at]);
}

/// The mean over the intervals that have any.
std::uint64_t Timeline::calls_per_interval() const noexcept {
  std::uint64_t calls = 0;
  std::uint64_t used = 0;
  for (const Interval& interval : intervals_) {
    calls += interval.latency.count();
    if (interval.latency.count() > 0) ++used;
  }
  return used > 0 ? calls / used : 0;
}

/// Merges intervals until they have `calls_min` calls. Changes nothing if too few intervals would be left.
void Timeline::coarsen_to(std::uint64_t calls_min) {
  Timeline coarser = *this;
  while (coarser.calls_per_interval() < calls_min) {
    if (coarser.intervals_.size() / 2 < coarse_intervals_min) return;
    coarser.coarsen();
  }
  *this = std::move(coarser);
}

std::vector<Timeline::Span> Timeline::spans(Nanoseconds duration, std::uint64_t calls_min) const {
  Timeline whole = *this;
  if (duration > Nanoseconds(0)) whole.at(duration - Nanoseconds(1));  // no call may have ended at the end
  whole.coarsen_to(calls_min);
  std::vector<Span> spans;
  Nanoseconds begin{0};
  for (Interval& interval : whole.intervals_) {
    if (!spans.empty() && duration - begin < whole.interval_ / 2) {
      spans.back().calls.merge(interval);
      spans.back().end = std::max(spans.back().end, duration);
    } else {
      spans.push_back({begin, std::min(begin + whole.interval_, duration), std::move(interval)});
    }
    begin += whole.interval_;
  }
  return spans;
}

}  // namespace ringrpc::grpcbench
