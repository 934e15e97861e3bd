#include "grpcbench/histogram.h"

#include <doctest/doctest.h>
#include <random>

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

TEST_CASE("an empty histogram is all zero") {
  const Histogram none;
  CHECK(none.count() == 0);
  CHECK(none.min() == 0ns);
  CHECK(none.max() == 0ns);
  CHECK(none.mean() == 0ns);
  CHECK(none.percentile(99) == 0ns);
  CHECK(none.buckets().empty());
}

TEST_CASE("one time is every figure, exactly") {
  for (const Nanoseconds time : {0ns, 1ns, 2047ns, 2048ns, 10'000'000ns, 3'600'000'000'000ns}) {
    Histogram histogram;
    histogram.record(time);
    for (const double percent : {0.0, 50.0, 99.99, 100.0}) CHECK(histogram.percentile(percent) == time);
    CHECK(histogram.min() == time);
    CHECK(histogram.max() == time);
    CHECK(histogram.mean() == time);
  }
}

TEST_CASE("every time to over an hour falls into a bucket that holds it and is a thousandth wide at most") {
  std::mt19937_64 random(1);
  for (int bit = 0; bit < 42; ++bit) {
    for (int draw = 0; draw < 50; ++draw) {
      const auto value =
          static_cast<std::int64_t>((std::uint64_t{1} << bit) | (random() % (std::uint64_t{1} << bit)));
      Histogram histogram;
      histogram.record(Nanoseconds(value));
      const auto buckets = histogram.buckets();
      REQUIRE(buckets.size() == 1);
      CHECK(buckets[0].least.count() <= value);
      CHECK(buckets[0].most.count() >= value);
      CHECK((buckets[0].most - buckets[0].least).count() <= value / 1000);
    }
  }
}

TEST_CASE("buckets join without gap or overlap") {
  Histogram histogram;
  for (std::int64_t value = 0; value < 100'000; ++value) histogram.record(Nanoseconds(value));
  std::int64_t next = 0;
  for (const Histogram::Bucket& bucket : histogram.buckets()) {
    CHECK(bucket.least.count() == next);
    next = bucket.most.count() + 1;
  }
  CHECK(next >= 100'000);
}

TEST_CASE("percentiles are ranks: of a hundred times the 99th is p99 and the last p100") {
  Histogram histogram;
  for (int value = 1; value <= 100; ++value) histogram.record(Nanoseconds(value));
  CHECK(histogram.percentile(0) == 1ns);
  CHECK(histogram.percentile(1) == 1ns);
  CHECK(histogram.percentile(50) == 50ns);
  CHECK(histogram.percentile(99) == 99ns);
  CHECK(histogram.percentile(99.1) == 100ns);
  CHECK(histogram.percentile(100) == 100ns);
  CHECK(histogram.mean() == 50ns);
}

TEST_CASE("percentiles of many times are right within a thousandth") {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> draw(12, 1.5);
  Histogram histogram;
  std::vector<std::int64_t> times;
  for (int at = 0; at < 100'000; ++at) times.push_back(static_cast<std::int64_t>(draw(random)));
  for (const std::int64_t time : times) histogram.record(Nanoseconds(time));
  std::ranges::sort(times);
  for (const double percent : {1.0, 50.0, 90.0, 99.0, 99.9, 99.99}) {
    const auto exact = static_cast<double>(times[static_cast<std::size_t>(std::llround(percent * 1000)) - 1]);
    const auto told = static_cast<double>(histogram.percentile(percent).count());
    CHECK(told >= exact);
    CHECK(told <= exact * 1.001 + 1);
  }
}

TEST_CASE("longer times count as the longest, but the maximum stays exact") {
  Histogram histogram;
  histogram.record(1h);
  histogram.record(1000h);
  histogram.record(-5ns);
  CHECK(histogram.count() == 3);
  CHECK(histogram.max() == 1000h);
  CHECK(histogram.min() == 0ns);
}

TEST_CASE("counts beyond 32 bits stay right") {
  CoarseHistogram most;
  most.record(8ns);
  for (int doubled = 0; doubled < 33; ++doubled) {
    const CoarseHistogram same = most;
    most.merge(same);
  }
  for (int few = 0; few < 3; ++few) most.record(1ms);
  CHECK(most.count() == (std::uint64_t{1} << 33) + 3);
  CHECK(most.percentile(99) == 8ns);
}

TEST_CASE("merged histograms equal a single one") {
  Histogram together;
  Histogram even;
  Histogram odd;
  for (int value = 1; value <= 10'000; ++value) {
    together.record(Nanoseconds(value * 100));
    (value % 2 == 0 ? even : odd).record(Nanoseconds(value * 100));
  }
  even.merge(odd);
  CHECK(even.count() == together.count());
  CHECK(even.min() == together.min());
  CHECK(even.max() == together.max());
  CHECK(even.mean() == together.mean());
  for (const double percent : {10.0, 50.0, 99.9})
    CHECK(even.percentile(percent) == together.percentile(percent));
}

}  // namespace
}  // namespace ringrpc::grpcbench
