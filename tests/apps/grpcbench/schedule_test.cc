#include "grpcbench/schedule.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <utility>
#include <vector>

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

/// The first times of all threads together, in order.
std::vector<Nanoseconds> times(const Pace& pace, unsigned threads, unsigned connections, std::size_t count) {
  std::vector<Nanoseconds> all;
  for (unsigned index = 0; index < threads; ++index) {
    Schedule schedule(pace, {.index = index, .threads = threads, .connections = connections}, 0s, count);
    for (; !schedule.over(); schedule.advance()) all.push_back(schedule.next());
  }
  std::ranges::sort(all);
  return all;
}

TEST_CASE("constant spacing is even over all threads together, from the very beginning") {
  for (const unsigned threads : {1u, 2u, 3u, 4u}) {
    for (const unsigned connections : {threads, threads + 1, 2 * threads, 10u}) {
      const auto all = times({.calls_per_second = 1000}, threads, connections, 4000);
      REQUIRE(all.size() == 4000);
      for (std::size_t at = 0; at < all.size(); ++at)
        CHECK(std::abs((all[at] - Nanoseconds(at * 1'000'000)).count()) <= 1);
    }
  }
}

TEST_CASE("a thread has as much of the rate as of the connections") {
  for (const Spacing spacing : {Spacing::constant, Spacing::poisson}) {
    const Pace pace{.calls_per_second = 1000, .spacing = spacing, .seed = 3};
    for (const auto& [index, calls] : {std::pair(0u, 20'000), std::pair(1u, 10'000)}) {
      Schedule schedule(pace, {.index = index, .threads = 2, .connections = 3});
      int due = 0;
      for (; schedule.next() < 30s; schedule.advance()) ++due;
      CHECK(due == doctest::Approx(calls).epsilon(spacing == Spacing::constant ? 1e-9 : 0.03));
    }
  }
}

TEST_CASE("threads share one schedule, which ends when its calls after the warm-up have been due") {
  for (const Spacing spacing : {Spacing::constant, Spacing::poisson}) {
    const Pace pace{.calls_per_second = 10, .spacing = spacing, .seed = 3};
    std::vector<Nanoseconds> alone;
    Schedule whole(pace, {}, 1010ms, 5);
    for (; !whole.over(); whole.advance()) alone.push_back(whole.next());
    CHECK(whole.end() == whole.next());
    CHECK(std::ranges::count_if(alone, [](Nanoseconds due) { return due >= 1010ms; }) == 5);
    for (const unsigned threads : {2u, 3u, 4u}) {
      std::vector<Nanoseconds> together;
      for (unsigned index = 0; index < threads; ++index) {
        Schedule schedule(pace, {.index = index, .threads = threads, .connections = 5}, 1010ms, 5);
        for (; !schedule.over(); schedule.advance()) together.push_back(schedule.next());
        CHECK(schedule.end() == whole.end());
      }
      std::ranges::sort(together);
      CHECK(together == alone);
    }
  }
}

TEST_CASE("calls and connections are dealt out whole") {
  for (const unsigned threads : {1u, 2u, 3u, 7u}) {
    for (const unsigned connections : {threads, threads + 1, 10u, 100u}) {
      for (const std::uint64_t calls : {0u, 1u, 9u, 1000u, 1234u}) {
        std::uint64_t all_connections = 0;
        std::uint64_t all_calls = 0;
        for (unsigned index = 0; index < threads; ++index) {
          const Dealt dealt{.index = index, .threads = threads, .connections = connections};
          all_connections += dealt.own_connections();
          all_calls += dealt.own_calls(calls);
          CHECK(dealt.own_calls(connections * 5) == dealt.own_connections() * 5);
        }
        CHECK(all_connections == connections);
        CHECK(all_calls == calls);
      }
    }
  }
}

TEST_CASE("a rate whose interval is no whole number of nanoseconds does not drift") {
  Schedule schedule({.calls_per_second = 3});
  for (int call = 0; call < 3'000'000; ++call) schedule.advance();
  CHECK(std::abs((schedule.next() - 1'000'000s).count()) <= 1000);
}

TEST_CASE("Poisson spacing keeps the rate, and its gaps vary as exponential ones do") {
  const auto all = times({.calls_per_second = 1000, .spacing = Spacing::poisson, .seed = 5}, 2, 2, 100'000);
  CHECK(static_cast<double>(all.back().count()) == doctest::Approx(100e9).epsilon(0.02));
  // 1/e of exponential gaps exceed the mean.
  std::size_t long_gaps = 0;
  for (std::size_t at = 1; at < all.size(); ++at) long_gaps += all[at] - all[at - 1] > 1ms ? 1 : 0;
  CHECK(static_cast<double>(long_gaps) / static_cast<double>(all.size()) ==
        doctest::Approx(0.368).epsilon(0.03));
}

TEST_CASE("the seed decides") {
  const Pace pace{.calls_per_second = 10, .spacing = Spacing::poisson, .seed = 1};
  Pace other = pace;
  other.seed = 9;
  CHECK(times(pace, 2, 2, 100) == times(pace, 2, 2, 100));
  CHECK(times(pace, 2, 2, 100) != times(other, 2, 2, 100));
}

}  // namespace
}  // namespace ringrpc::grpcbench
