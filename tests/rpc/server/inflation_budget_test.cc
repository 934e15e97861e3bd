#include "rpc/server/inflation_budget.h"

#include <doctest/doctest.h>

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

constexpr Instant begin{1h};

TEST_CASE("data with a usual compression ratio costs nothing") {
  InflationBudget budget(1000);
  for (int at = 0; at < 1000; ++at) budget.charge(1000, 16'000);
  CHECK_FALSE(budget.spent(begin));
}

TEST_CASE("excess output uses up a budget of one second, which refills") {
  InflationBudget budget(1000);
  CHECK_FALSE(budget.spent(begin));
  budget.charge(0, 999);
  CHECK_FALSE(budget.spent(begin));
  budget.charge(0, 1001);  // the last message may be larger than what is left
  CHECK(budget.spent(begin));
  CHECK(budget.spent(begin + 900ms));
  CHECK_FALSE(budget.spent(begin + 1100ms));
}

TEST_CASE("a long pause saves up no more than one second") {
  InflationBudget budget(1000);
  CHECK_FALSE(budget.spent(begin));
  budget.charge(0, 500);
  CHECK_FALSE(budget.spent(begin + 24h));
  budget.charge(0, 1000);
  CHECK(budget.spent(begin + 24h));
}

TEST_CASE("the largest limit is no limit of decompression") {
  InflationBudget budget(SIZE_MAX);
  CHECK_FALSE(budget.spent(begin));
  budget.charge(1, 0xffff'ffff);
  CHECK_FALSE(budget.spent(begin + 1s));
}

}  // namespace
}  // namespace ringrpc
