#include "grpcbench/timeline.h"

#include <doctest/doctest.h>
#include <utility>
#include <vector>

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

/// The beginnings and ends of the spans in ms.
using Cuts = std::vector<std::pair<std::int64_t, std::int64_t>>;
Cuts cuts(const Timeline& timeline, Nanoseconds duration) {
  Cuts cuts;
  for (const Timeline::Span& span : timeline.spans(duration))
    cuts.emplace_back(span.begin / 1ms, span.end / 1ms);
  return cuts;
}

std::uint64_t calls(const Timeline& timeline) {
  std::uint64_t sum = 0;
  for (const Timeline::Interval& interval : timeline.intervals()) sum += interval.latency.count();
  return sum;
}

TEST_CASE("calls are counted in the tenth of a second in which they ended") {
  Timeline timeline;
  timeline.record(0ns, 1ms);
  timeline.record(99ms, 1ms);
  timeline.record_failure(100ms);
  timeline.record(350ms, 2ms);
  REQUIRE(timeline.intervals().size() == 4);
  CHECK(timeline.interval() == 100ms);
  CHECK(timeline.intervals()[0].latency.count() == 2);
  CHECK(timeline.intervals()[1].failed == 1);
  CHECK(timeline.intervals()[2].latency.count() == 0);
  CHECK(timeline.intervals()[3].latency.max() == 2ms);
}

TEST_CASE("a run of any length has a bounded number of intervals, and loses nothing") {
  Timeline timeline;
  constexpr int length_s = 5000;
  for (int at = 0; at < length_s; ++at) timeline.record(at * 1s, at * 1us);
  CHECK(timeline.intervals().size() <= 240);
  CHECK(timeline.intervals().size() >= 120);
  CHECK(calls(timeline) == length_s);
  const double per_interval = static_cast<double>(timeline.interval().count()) / 1e9;
  for (std::size_t at = 0; at + 1 < timeline.intervals().size(); ++at) {
    CHECK(static_cast<double>(timeline.intervals()[at].latency.count()) ==
          doctest::Approx(per_interval).epsilon(0.1));
    CHECK(timeline.intervals()[at].latency.max() < timeline.intervals()[at + 1].latency.min());
  }
}

TEST_CASE("timelines of different lengths add up") {
  Timeline longer;
  Timeline shorter;
  for (int at = 0; at < 100; ++at) longer.record(at * 1s, 1ms);
  for (int at = 0; at < 100; ++at) shorter.record(at * 10ms, 2ms);
  Timeline both = longer;
  both.merge(shorter);
  CHECK(calls(both) == 200);
  CHECK(both.interval() == longer.interval());
  Timeline the_other_way = shorter;
  the_other_way.merge(longer);
  CHECK(calls(the_other_way) == 200);
  REQUIRE(both.intervals().size() == the_other_way.intervals().size());
  for (std::size_t at = 0; at < both.intervals().size(); ++at)
    CHECK(both.intervals()[at].latency.count() == the_other_way.intervals()[at].latency.count());
  the_other_way.record(101s, 1ms);
  CHECK(calls(the_other_way) == 201);
}

TEST_CASE("a call counts once, whether or not its latency does") {
  Timeline timeline;
  timeline.record(0ns, 1ms);
  timeline.record_failure(0ns, 5ms);
  timeline.record_failure(0ns);
  Timeline twice = timeline;
  twice.merge(timeline);
  for (const std::uint64_t times : {1u, 2u}) {
    const Timeline::Interval& interval = (times == 1 ? timeline : twice).intervals().at(0);
    CHECK(interval.succeeded == times);
    CHECK(interval.failed == 2 * times);
    CHECK(interval.latency.count() == 2 * times);
  }
}

TEST_CASE("the last span ends with the run, and is never a short one beside others") {
  Timeline timeline;
  timeline.record(250ms, 1ms);
  CHECK(cuts(timeline, 260ms) == Cuts{{0, 100}, {100, 200}, {200, 260}});
  CHECK(cuts(timeline, 300ms) == Cuts{{0, 100}, {100, 200}, {200, 300}});
  timeline.record(300ms, 2ms);
  CHECK(cuts(timeline, 300ms) == Cuts{{0, 100}, {100, 200}, {200, 300}});
  CHECK(cuts(timeline, 340ms) == Cuts{{0, 100}, {100, 200}, {200, 340}});
  CHECK(timeline.spans(340ms).back().calls.succeeded == 2);
  CHECK(timeline.spans(340ms).back().calls.latency.max() == 2ms);
  CHECK(timeline.spans(350ms).back().calls.succeeded == 1);
}

TEST_CASE("spans reach to the end of the run, even after a long time without calls") {
  Timeline timeline;
  CHECK(timeline.spans(0ns).empty());
  CHECK(cuts(timeline, 150ms) == Cuts{{0, 100}, {100, 150}});
  timeline.record(0ns, 1ms);
  CHECK(cuts(timeline, 7ms) == Cuts{{0, 7}});
  CHECK(cuts(timeline, 200ms) == Cuts{{0, 100}, {100, 200}});
  const auto spans = timeline.spans(5000s);
  CHECK(spans.size() <= 240);
  CHECK(spans.back().end == 5000s);
  CHECK(spans.back().calls.succeeded == 0);
}

}  // namespace
}  // namespace ringrpc::grpcbench
