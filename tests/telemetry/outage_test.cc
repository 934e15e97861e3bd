#include "telemetry/outage.h"

#include <chrono>
#include <doctest/doctest.h>

#include "rpc/kept_log.h"

namespace ringrpc::telemetry {

using namespace std::chrono_literals;

TEST_CASE("an outage is logged once when it begins and once when it is over") {
  const test::KeptLog log(log::Level::info);
  Outage outage("traces", "collector:4317");
  const Instant begin{};
  outage.succeeded(10, begin);
  CHECK(log.text().empty());
  for (int second = 0; second < 60; ++second) outage.failed("no route", begin + second * 1s);
  CHECK(log.lines().size() == 1);
  CHECK(log.text().contains("traces are not exported to collector:4317: no route"));
  outage.succeeded(40, begin + 61s);  // it may fail again soon
  CHECK(log.lines().size() == 1);
  outage.succeeded(52, begin + 70s);
  CHECK(log.lines().size() == 2);
  CHECK(log.text().contains("again; 42 were lost"));
  outage.failed("no route", begin + 71s);
  CHECK(log.lines().size() == 3);
}

}  // namespace ringrpc::telemetry
