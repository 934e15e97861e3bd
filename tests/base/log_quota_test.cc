#include "base/log_quota.h"

#include <doctest/doctest.h>

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1h};

/// Tries `tries` records at `now` and returns how many are let through.
int let_through(LogQuota& quota, Instant now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += quota.take(now).has_value() ? 1 : 0;
  return count;
}

TEST_CASE("some records go at once, then one a second") {
  LogQuota quota;
  CHECK(let_through(quota, start, 1000) == LogQuota::burst);
  CHECK(let_through(quota, start + 999ms, 1000) == 0);
  CHECK(let_through(quota, start + 1s, 1000) == 1);
  CHECK(let_through(quota, start + 4s, 1000) == 3);
}

TEST_CASE("quiet times allow at most another burst") {
  LogQuota quota;
  let_through(quota, start, 1000);
  CHECK(let_through(quota, start + 24h, 1000) == LogQuota::burst);
}

TEST_CASE("the next record states the number of suppressed ones, once") {
  LogQuota quota;
  for (int i = 0; i < LogQuota::burst; ++i) CHECK(quota.take(start)->words().empty());
  let_through(quota, start, 7);
  CHECK(quota.take(start + 2s)->words() == " (7 more like this were not logged)");
  CHECK(quota.take(start + 2s)->words().empty());
}

TEST_CASE("quotas that were spent begin anew when all do") {
  LogQuota quota;
  CHECK(let_through(quota, start, 1000) == LogQuota::burst);
  LogQuota::renew_all();
  CHECK(let_through(quota, start - 1min, 1000) == LogQuota::burst);
}

}  // namespace
}  // namespace ringrpc
