#include "grpcbench/schedule.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <vector>

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

std::vector<Nanoseconds> times(const Pace& pace, unsigned threads, std::size_t count) {
  std::vector<Nanoseconds> all;
  for (unsigned index = 0; index < threads; ++index) {
    Schedule schedule(pace, index, threads);
    for (std::size_t at = 0; at < count / threads; ++at, schedule.advance()) all.push_back(schedule.next());
  }
  std::ranges::sort(all);
  return all;
}

TEST_CASE("constant spacing is even over all threads together, from the very beginning") {
  for (const unsigned threads : {1u, 2u, 4u}) {
    const auto all = times({.calls_per_second = 1000}, threads, 4000);
    for (std::size_t at = 0; at < all.size(); ++at)
      CHECK(std::abs((all[at] - Nanoseconds(at * 1'000'000)).count()) <= 1);
  }
}

TEST_CASE("a rate that no nanoseconds divide does not drift") {
  Schedule schedule({.calls_per_second = 3}, 0, 1);
  for (int call = 0; call < 3'000'000; ++call) schedule.advance();
  CHECK(std::abs((schedule.next() - 1'000'000s).count()) <= 1000);
}

TEST_CASE("Poisson spacing keeps the rate, and its gaps vary as exponential ones do") {
  const auto all = times({.calls_per_second = 1000, .spacing = Spacing::poisson, .seed = 5}, 2, 100'000);
  CHECK(static_cast<double>(all.back().count()) == doctest::Approx(100e9).epsilon(0.02));
  // Of exponential gaps 1/e are longer than the mean.
  std::size_t long_gaps = 0;
  for (std::size_t at = 1; at < all.size(); ++at) long_gaps += all[at] - all[at - 1] > 1ms ? 1 : 0;
  CHECK(static_cast<double>(long_gaps) / static_cast<double>(all.size()) ==
        doctest::Approx(0.368).epsilon(0.03));
}

TEST_CASE("the seed decides") {
  const Pace pace{.calls_per_second = 10, .spacing = Spacing::poisson, .seed = 1};
  Pace other = pace;
  other.seed = 9;
  CHECK(times(pace, 2, 100) == times(pace, 2, 100));
  CHECK(times(pace, 2, 100) != times(other, 2, 100));
}

}  // namespace
}  // namespace ringrpc::grpcbench
