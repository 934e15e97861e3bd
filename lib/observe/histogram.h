/// Histograms of plain integers, with the bounds of gRFC A66.
///
///   LatencyHistogram latency;
///   latency.record(duration_ns);
///
/// A histogram belongs to one thread. Readers get copies that `add` has merged.
///
/// The bounds are those of https://github.com/grpc/proposal/blob/master/A66-otel-stats.md, so the same
/// numbers serve Prometheus and OpenTelemetry. As in both, a bucket includes its upper bound.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace ringrpc {

/// The upper bound of a bucket, and the same in the unit that is published, as Go prints it with %g.
/// OpenMetrics asks for this spelling ("Canonical Numbers").
struct Bound {
  std::uint64_t value;
  std::string_view text;
};

/// Nanoseconds, published as seconds.
inline constexpr auto latency_bounds = std::to_array<Bound>({
    {0, "0"},
    {10'000, "1e-05"},
    {50'000, "5e-05"},
    {100'000, "0.0001"},
    {300'000, "0.0003"},
    {600'000, "0.0006"},
    {800'000, "0.0008"},
    {1'000'000, "0.001"},
    {2'000'000, "0.002"},
    {3'000'000, "0.003"},
    {4'000'000, "0.004"},
    {5'000'000, "0.005"},
    {6'000'000, "0.006"},
    {8'000'000, "0.008"},
    {10'000'000, "0.01"},
    {13'000'000, "0.013"},
    {16'000'000, "0.016"},
    {20'000'000, "0.02"},
    {25'000'000, "0.025"},
    {30'000'000, "0.03"},
    {40'000'000, "0.04"},
    {50'000'000, "0.05"},
    {65'000'000, "0.065"},
    {80'000'000, "0.08"},
    {100'000'000, "0.1"},
    {130'000'000, "0.13"},
    {160'000'000, "0.16"},
    {200'000'000, "0.2"},
    {250'000'000, "0.25"},
    {300'000'000, "0.3"},
    {400'000'000, "0.4"},
    {500'000'000, "0.5"},
    {650'000'000, "0.65"},
    {800'000'000, "0.8"},
    {1'000'000'000, "1"},
    {2'000'000'000, "2"},
    {5'000'000'000, "5"},
    {10'000'000'000, "10"},
    {20'000'000'000, "20"},
    {50'000'000'000, "50"},
    {100'000'000'000, "100"},
});

/// Bytes.
inline constexpr auto size_bounds = std::to_array<Bound>({
    {0, "0"},
    {1024, "1024"},
    {2048, "2048"},
    {4096, "4096"},
    {16384, "16384"},
    {65536, "65536"},
    {262144, "262144"},
    {1048576, "1.048576e+06"},
    {4194304, "4.194304e+06"},
    {16777216, "1.6777216e+07"},
    {67108864, "6.7108864e+07"},
    {268435456, "2.68435456e+08"},
    {1073741824, "1.073741824e+09"},
    {4294967296, "4.294967296e+09"},
});

template <const auto& bounds>
class Histogram {
 public:
  static constexpr std::size_t bucket_count = bounds.size() + 1;  ///< the last one has no upper bound

  void record(std::uint64_t value) noexcept {
    ++counts_[bucket_of(value)];
    sum_ += value;
  }

  void add(const Histogram& other) noexcept {
    for (std::size_t at = 0; at < bucket_count; ++at) counts_[at] += other.counts_[at];
    sum_ += other.sum_;
  }

  /// Values in one bucket; not cumulative.
  std::uint64_t count(std::size_t bucket) const noexcept { return counts_[bucket]; }
  std::uint64_t sum() const noexcept { return sum_; }
  /// Of each bucket but the last one.
  static constexpr std::uint64_t upper_bound(std::size_t bucket) noexcept { return bounds[bucket].value; }

  std::uint64_t count() const noexcept {
    std::uint64_t all = 0;
    for (const std::uint64_t each : counts_) all += each;
    return all;
  }

  /// An estimate of the value that `share` of the values, 0 to 1, do not exceed: as if they were spread
  /// evenly in their bucket. 0 if there are none; the last bound if the value is above it.
  std::uint64_t quantile(double share) const noexcept {
    const double rank = share * static_cast<double>(count());
    double below = 0;
    std::uint64_t least = 0;
    for (std::size_t bucket = 0; bucket < bounds.size(); least = bounds[bucket++].value) {
      if (counts_[bucket] == 0) continue;
      const auto here = static_cast<double>(counts_[bucket]);
      if (below + here >= rank)
        return least + static_cast<std::uint64_t>(static_cast<double>(bounds[bucket].value - least) *
                                                  std::max(rank - below, 0.0) / here);
      below += here;
    }
    return count() == 0 ? 0 : least;
  }

  /// Starts at the first bound that a value of this bit width can meet. At most four bounds lie
  /// between two powers of two.
  static constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
    std::size_t bucket = first_of_width[static_cast<std::size_t>(std::bit_width(value))];
    while (bucket < bounds.size() && value > bounds[bucket].value) ++bucket;
    return bucket;
  }

 private:
  static constexpr std::size_t widths = std::numeric_limits<std::uint64_t>::digits + 1;

  /// By bit width: the bucket of the least value that has it.
  static constexpr std::array<std::uint8_t, widths> first_of_width = [] {
    std::array<std::uint8_t, widths> first{};
    for (std::size_t width = 1; width < widths; ++width) {
      const std::uint64_t least = std::uint64_t{1} << (width - 1);
      std::uint8_t bucket = first[width - 1];
      while (bucket < bounds.size() && least > bounds[bucket].value) ++bucket;
      first[width] = bucket;
    }
    return first;
  }();

  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t sum_ = 0;
};

using LatencyHistogram = Histogram<latency_bounds>;
using SizeHistogram = Histogram<size_bounds>;

}  // namespace ringrpc
