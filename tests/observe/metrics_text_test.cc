#include "observe/metrics_text.h"

#include <chrono>
#include <doctest/doctest.h>
#include <limits>
#include <utility>

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {

/// One family of each type.
std::string page(MetricsFormat format) {
  MetricsText text(format);
  text.begin({.name = "test_calls", .help = "Calls.", .type = MetricType::counter});
  text.sample(label("kind", "one"), std::numeric_limits<std::uint64_t>::max());
  text.sample(label("kind", "other"), 0);
  text.begin({.name = "test_wait_seconds", .help = "Wait.", .type = MetricType::gauge, .unit = "seconds"});
  text.sample({}, 1'500'000'007ns);
  text.begin({.name = "test_build", .help = "Build.", .type = MetricType::info});
  text.sample(label("version", "1"), 1);
  return std::move(text).finish();
}

bool contains(const std::string& text, std::string_view line) {
  return text.find("\n" + std::string(line) + "\n") != text.npos;
}

}  // namespace

TEST_CASE("Prometheus's text names counters by their samples") {
  CHECK(page(MetricsFormat::prometheus) ==
        "# HELP test_calls_total Calls.\n"
        "# TYPE test_calls_total counter\n"
        "test_calls_total{kind=\"one\"} 18446744073709551615\n"
        "test_calls_total{kind=\"other\"} 0\n"
        "# HELP test_wait_seconds Wait.\n"
        "# TYPE test_wait_seconds gauge\n"
        "test_wait_seconds 1.500000007\n"
        "# HELP test_build_info Build.\n"
        "# TYPE test_build_info gauge\n"
        "test_build_info{version=\"1\"} 1\n");
}

TEST_CASE("OpenMetrics has units, families without suffixes, and an end") {
  CHECK(page(MetricsFormat::openmetrics) ==
        "# HELP test_calls Calls.\n"
        "# TYPE test_calls counter\n"
        "test_calls_total{kind=\"one\"} 18446744073709551615\n"
        "test_calls_total{kind=\"other\"} 0\n"
        "# HELP test_wait_seconds Wait.\n"
        "# TYPE test_wait_seconds gauge\n"
        "# UNIT test_wait_seconds seconds\n"
        "test_wait_seconds 1.500000007\n"
        "# HELP test_build Build.\n"
        "# TYPE test_build info\n"
        "test_build_info{version=\"1\"} 1\n"
        "# EOF\n");
}

TEST_CASE("values of labels are escaped") {
  CHECK(label("path", "a\\b\"c\nd") == R"(path="a\\b\"c\nd")");
  CHECK(label("path", "") == R"(path="")");
}

TEST_CASE("buckets are cumulative, and sums exact") {
  LatencyHistogram values;
  values.record(0);
  values.record(60'000);
  values.record(1'000'000'001);
  values.record(3'600'000'000'000);
  MetricsText text(MetricsFormat::prometheus);
  text.begin({.name = "t_seconds", .help = "T.", .type = MetricType::histogram, .unit = "seconds"});
  text.histogram(label("a", "b"), values);
  const std::string page = std::move(text).finish();
  CHECK(contains(page, R"(t_seconds_bucket{a="b",le="0"} 1)"));
  CHECK(contains(page, R"(t_seconds_bucket{a="b",le="5e-05"} 1)"));
  CHECK(contains(page, R"(t_seconds_bucket{a="b",le="0.0001"} 2)"));
  CHECK(contains(page, R"(t_seconds_bucket{a="b",le="1"} 2)"));
  CHECK(contains(page, R"(t_seconds_bucket{a="b",le="2"} 3)"));
  CHECK(contains(page, R"(t_seconds_bucket{a="b",le="100"} 3)"));
  CHECK(contains(page, R"(t_seconds_bucket{a="b",le="+Inf"} 4)"));
  CHECK(contains(page, R"(t_seconds_count{a="b"} 4)"));
  CHECK(contains(page, R"(t_seconds_sum{a="b"} 3601.000060001)"));
}

TEST_CASE("bounds of OpenMetrics are floats") {
  SizeHistogram values;
  MetricsText text(MetricsFormat::openmetrics);
  text.begin({.name = "t_bytes", .help = "T.", .type = MetricType::histogram, .unit = "bytes"});
  text.histogram({}, values);
  const std::string page = std::move(text).finish();
  CHECK(contains(page, R"(t_bytes_bucket{le="0.0"} 0)"));
  CHECK(contains(page, R"(t_bytes_bucket{le="1024.0"} 0)"));
  CHECK(contains(page, R"(t_bytes_bucket{le="1.048576e+06"} 0)"));
  CHECK(contains(page, R"(t_bytes_bucket{le="+Inf"} 0)"));
  CHECK(contains(page, "t_bytes_sum 0"));
}
