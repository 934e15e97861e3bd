/// Tests a program's own metrics on a page, and the errors that make the page a failure.
#include <doctest/doctest.h>
#include <limits>
#include <string>

#include "ringrpc/metrics.h"

#include "base/internals.h"
#include "observe/metrics_text.h"

namespace ringrpc {
namespace {

/// The status of a writer after `write(writer)`.
template <class Write>
std::string status_of(Write write) {
  MetricsText text(MetricsFormat::prometheus);
  auto writer = detail::Internals::make<MetricsWriter>(text);
  write(writer);
  return detail::Internals::status(writer).to_string();
}

}  // namespace

TEST_CASE("a program's families follow the format") {
  MetricsText text(MetricsFormat::openmetrics);
  auto writer = detail::Internals::make<MetricsWriter>(text);
  {
    const std::string name = "cache_lookups";  // need not outlive the call
    writer.counter(name, "Lookups.");
  }
  writer.sample({{"outcome", "hit"}, {"tier", "a\"b"}}, 3);
  writer.sample({{"outcome", "miss"}}, 1e20);
  writer.gauge("cache_ratio", "Ratio.");
  writer.sample({}, -0.25);
  writer.gauge("cache_limit", "Limit.");
  writer.sample({}, std::numeric_limits<double>::infinity());
  CHECK(detail::Internals::status(writer).ok());
  CHECK(std::move(text).finish() ==
        "# HELP cache_lookups Lookups.\n"
        "# TYPE cache_lookups counter\n"
        "cache_lookups_total{outcome=\"hit\",tier=\"a\\\"b\"} 3\n"
        "cache_lookups_total{outcome=\"miss\"} 1e+20\n"
        "# HELP cache_ratio Ratio.\n"
        "# TYPE cache_ratio gauge\n"
        "cache_ratio -0.25\n"
        "# HELP cache_limit Limit.\n"
        "# TYPE cache_limit gauge\n"
        "cache_limit +Inf\n"
        "# EOF\n");
}

TEST_CASE("names that would spoil the page are reported") {
  CHECK(status_of([](MetricsWriter& writer) { writer.gauge("two words", "Help."); }) ==
        "INTERNAL: metric \"two words\": the name must have letters, digits and '_'");
  CHECK(status_of([](MetricsWriter& writer) { writer.gauge("0", "Help."); }) !=
        status_of([](MetricsWriter&) {}));
  CHECK(status_of([](MetricsWriter& writer) { writer.gauge("ringrpc_mine", "Help."); }) ==
        "INTERNAL: metric \"ringrpc_mine\": names with this beginning are the library's");
  CHECK(status_of([](MetricsWriter& writer) { writer.counter("mine_total", "Help."); }) ==
        "INTERNAL: metric \"mine_total\": the name has a suffix that the formats reserve");
  CHECK(status_of([](MetricsWriter& writer) { writer.counter("mine", "Two\nlines."); }) ==
        "INTERNAL: metric \"mine\": the help has a quote, a backslash or a line end");
  CHECK(status_of([](MetricsWriter& writer) {
          writer.gauge("mine", "Help.");
          writer.counter("mine", "Help.");
        }) == "INTERNAL: metric \"mine\": another family has this name");
  CHECK(status_of([](MetricsWriter& writer) {
          writer.gauge("mine", "Help.");
          writer.sample({{"a-b", "c"}}, 1);
        }) == "INTERNAL: label \"a-b\" of a metric has an invalid name");
}

}  // namespace ringrpc
