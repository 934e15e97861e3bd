#include "observe/histogram.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "seeds.h"

using namespace ringrpc;

namespace {

/// Keeps all values, and counts them by the definition of a bucket.
template <const auto& bounds>
struct NaiveHistogram {
  std::uint64_t count(std::size_t bucket) const {
    return static_cast<std::uint64_t>(std::ranges::count_if(values, [&](std::uint64_t value) {
      const bool above = bucket == 0 || value > bounds[bucket - 1].value;
      const bool within = bucket == bounds.size() || value <= bounds[bucket].value;
      return above && within;
    }));
  }
  std::uint64_t sum() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t value : values) sum += value;
    return sum;
  }

  std::vector<std::uint64_t> values;
};

/// A value of any magnitude, or at most one away from a bound.
template <const auto& bounds>
std::uint64_t draw(std::mt19937_64& random) {
  if (random() % 4 == 0) return bounds[random() % bounds.size()].value + random() % 3 - 1;
  return random() >> random() % 64;
}

template <const auto& bounds>
void compare(std::size_t count) {
  for_each_seed(1, [&](std::uint64_t seed) {
    INFO("RINGRPC_SEED=", seed);
    std::mt19937_64 random(seed);
    Histogram<bounds> histogram;
    NaiveHistogram<bounds> naive;
    naive.values.reserve(count);
    for (std::size_t at = 0; at < count; ++at) {
      naive.values.push_back(draw<bounds>(random));
      histogram.record(naive.values.back());
    }
    for (std::size_t bucket = 0; bucket < histogram.bucket_count; ++bucket)
      CHECK(histogram.count(bucket) == naive.count(bucket));
    CHECK(histogram.sum() == naive.sum());
  });
}

template <const auto& bounds>
void check_texts(double unit) {
  for (const Bound& bound : bounds) {
    INFO(bound.value);
    CHECK(std::stod(std::string(bound.text)) == static_cast<double>(bound.value) / unit);
  }
  CHECK(std::ranges::is_sorted(bounds, {}, &Bound::value));
}

}  // namespace

TEST_CASE("a million values are counted as a naive histogram counts them") {
  compare<latency_bounds>(500'000);
  compare<size_bounds>(500'000);
}

TEST_CASE("a bucket includes its upper bound, and the last one everything above") {
  for (std::size_t at = 0; at < latency_bounds.size(); ++at) {
    CHECK(LatencyHistogram::bucket_of(latency_bounds[at].value) == at);
    CHECK(LatencyHistogram::bucket_of(latency_bounds[at].value + 1) == at + 1);
  }
  CHECK(LatencyHistogram::bucket_of(std::numeric_limits<std::uint64_t>::max()) == latency_bounds.size());
}

TEST_CASE("the texts of the bounds are their values in seconds and bytes") {
  check_texts<latency_bounds>(1e9);
  check_texts<size_bounds>(1);
}

TEST_CASE("the bounds are those of gRFC A66") {
  CHECK(latency_bounds.size() == 41);
  CHECK(size_bounds.size() == 14);
}

TEST_CASE("merged histograms have the counts and sums of both") {
  SizeHistogram one, other;
  one.record(0);
  one.record(5000);
  other.record(5000);
  other.record(std::uint64_t{1} << 40);
  one.add(other);
  CHECK(one.count(0) == 1);
  CHECK(one.count(SizeHistogram::bucket_of(5000)) == 2);
  CHECK(one.count(size_bounds.size()) == 1);
  CHECK(one.sum() == 10'000 + (std::uint64_t{1} << 40));
}

TEST_CASE("a quantile lies in the bucket of its rank, and is the last bound at most") {
  LatencyHistogram histogram;
  CHECK(histogram.quantile(0.5) == 0);
  for (int count = 0; count < 99; ++count) histogram.record(1'500'000);  // in the bucket from 1 to 2 ms
  histogram.record(45'000'000);                                          // in that from 40 to 50 ms
  CHECK(histogram.count() == 100);
  CHECK(histogram.quantile(0.5) > 1'000'000);
  CHECK(histogram.quantile(0.5) < 2'000'000);
  CHECK(histogram.quantile(0.99) == 2'000'000);
  CHECK(histogram.quantile(1) == 50'000'000);
  histogram.record(std::numeric_limits<std::uint64_t>::max() / 2);
  CHECK(histogram.quantile(1) == latency_bounds.back().value);
}
