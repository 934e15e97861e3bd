/// Counts latencies in buckets whose width grows with the value: fixed memory, a constant relative error, and
/// histograms of several threads can be merged.
///
///   Histogram latency;                       // three significant digits, from a nanosecond to over an hour
///   latency.record(Nanoseconds(83'000));
///   latency.merge(another_threads);
///   latency.percentile(99.9);
///
/// Each power of two is split into 2^bits buckets, so the relative error is at most 1/2^bits, and values
/// below 2^(bits+1) are exact. Minimum, maximum and mean are always exact. Recording increments one counter.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "ringrpc/clock.h"

namespace ringrpc::grpcbench {

template <unsigned bits, class Count>
class BasicHistogram {
 public:
  /// Longer times are counted as this long; only the maximum is exact.
  static constexpr std::uint64_t value_max = (std::uint64_t{1} << 42) - 1;  // over 73 minutes

  struct Bucket {
    Nanoseconds least;
    Nanoseconds most;
    std::uint64_t count;
  };

  void record(Nanoseconds time) noexcept {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
    ++counts_[index_of(std::min(value, value_max))];
    ++count_;
    sum_ += value;
    least_ = std::min(least_, value);
    most_ = std::max(most_, value);
  }

  void merge(const BasicHistogram& other) noexcept {
    for (std::size_t at = 0; at < counts_.size(); ++at) counts_[at] += other.counts_[at];
    count_ += other.count_;
    sum_ += other.sum_;
    least_ = std::min(least_, other.least_);
    most_ = std::max(most_, other.most_);
  }

  void clear() noexcept { *this = BasicHistogram(); }

  std::uint64_t count() const noexcept { return count_; }
  // All are zero when nothing was recorded.
  Nanoseconds min() const noexcept { return Nanoseconds(count_ == 0 ? 0 : least_); }
  Nanoseconds max() const noexcept { return Nanoseconds(most_); }
  Nanoseconds mean() const noexcept { return Nanoseconds(count_ == 0 ? 0 : sum_ / count_); }

  /// The time that `percent` of the recorded times do not exceed: the upper end of its bucket.
  Nanoseconds percentile(double percent) const noexcept {
    const double part = std::clamp(percent, 0.0, 100.0) / 100;
    // Slightly less, so that 99 % of 100 is the 99th despite rounding of binary fractions.
    const auto rank = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(count_) * (1 - 1e-12)));
    std::uint64_t passed = 0;
    for (std::size_t at = 0; at < counts_.size(); ++at) {
      passed += counts_[at];
      if (counts_[at] > 0 && passed >= rank) return std::min(max(), Nanoseconds(most_of(at)));
    }
    return max();
  }

  /// The buckets that are not empty, in ascending order.
  std::vector<Bucket> buckets() const {
    std::vector<Bucket> found;
    for (std::size_t at = 0; at < counts_.size(); ++at)
      if (counts_[at] > 0)
        found.push_back({Nanoseconds(least_of(at)), Nanoseconds(most_of(at)), std::uint64_t{counts_[at]}});
    return found;
  }

 private:
  static constexpr std::size_t index_of(std::uint64_t value) noexcept {
    const auto shift = static_cast<unsigned>(std::bit_width(value | std::uint64_t{1} << bits)) - (bits + 1);
    return (std::size_t{shift} << bits) + (value >> shift);
  }
  static constexpr unsigned shift_of(std::size_t index) noexcept {
    return index < std::size_t{2} << bits ? 0 : static_cast<unsigned>((index >> bits) - 1);
  }
  static constexpr std::uint64_t least_of(std::size_t index) noexcept {
    const unsigned shift = shift_of(index);
    return (index - (std::size_t{shift} << bits)) << shift;
  }
  static constexpr std::uint64_t most_of(std::size_t index) noexcept { return least_of(index + 1) - 1; }

  std::vector<Count> counts_ = std::vector<Count>(index_of(value_max) + 1);
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t least_ = ~std::uint64_t{0};
  std::uint64_t most_ = 0;
};

/// Error at most 1/1024; 270 KB.
using Histogram = BasicHistogram<10, std::uint64_t>;
/// Error at most 1/8; 2.6 KB.
using CoarseHistogram = BasicHistogram<3, std::uint64_t>;
/// The same in half the memory, for fewer than 2^32 values in a bucket.
using BriefHistogram = BasicHistogram<3, std::uint32_t>;

}  // namespace ringrpc::grpcbench
