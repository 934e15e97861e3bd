#include <doctest/doctest.h>
#include <string_view>

#include "ringrpc/metrics.h"

using namespace ringrpc;

namespace {

bool is_openmetrics(std::string_view accept) { return metrics_format(accept) == MetricsFormat::openmetrics; }

}  // namespace

TEST_CASE("Prometheus gets OpenMetrics") {
  CHECK(is_openmetrics(
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
  CHECK(is_openmetrics(
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;q=0.3"));
  CHECK(is_openmetrics("application/openmetrics-text"));
  CHECK(is_openmetrics("Application/OpenMetrics-Text ; Version=1.0.0 ; Q=1.0"));
  CHECK(is_openmetrics("text/plain;q=0.25, application/openmetrics-text; version=\"1.0.0\"; q=0.5"));
}

TEST_CASE("other clients get Prometheus's own text") {
  CHECK(!is_openmetrics(""));
  CHECK(!is_openmetrics("*/*"));
  CHECK(!is_openmetrics("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
  CHECK(!is_openmetrics("text/plain;version=0.0.4"));
}

TEST_CASE("OpenMetrics must be acceptable, in our version, and not less than text") {
  CHECK(!is_openmetrics("application/openmetrics-text;version=0.0.1"));
  CHECK(!is_openmetrics("application/openmetrics-text;version=2.0.0"));
  CHECK(!is_openmetrics("application/openmetrics-text;q=0"));
  CHECK(!is_openmetrics("application/openmetrics-text;q=0.000"));
  CHECK(!is_openmetrics("application/openmetrics-text;q=0.4,text/plain;q=0.401"));
}

TEST_CASE("a malformed weight makes a range unacceptable") {
  for (const std::string_view weight : {"", "2", "1.001", "0.1234", "-1", ".5", "0,5", "0.x", "nan"}) {
    INFO(weight);
    CHECK(!is_openmetrics("application/openmetrics-text;q=" + std::string(weight)));
  }
  CHECK(!is_openmetrics(";;,,=;q=,application/openmetrics-textual"));
}

TEST_CASE("the content type names format and version") {
  CHECK(content_type(MetricsFormat::prometheus) == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(content_type(MetricsFormat::openmetrics) ==
        "application/openmetrics-text; version=1.0.0; charset=utf-8");
}
