// Calls by the address that they went to: counted by several threads, limited in number, and shown.
#include "grpcbench/backends.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <string>

#include "bench.h"
#include "grpcbench/html_report.h"
#include "grpcbench/output.h"
#include "grpcbench/results.h"

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

const Backends::Backend& row_of(const Backends& backends, std::string_view address) {
  const auto found = std::ranges::find(backends.rows(), address, &Backends::Backend::address);
  REQUIRE(found != backends.rows().end());
  return *found;
}

/// A run whose calls went to two servers and, once, to none.
RunOutcome outcome_of_two() {
  RunOutcome outcome;
  outcome.measured.duration = 10s;
  Tally& tally = outcome.measured.tallies.emplace_back();
  Backends& backends = outcome.measured.backends;
  for (int call = 0; call < 1000; ++call) {
    const bool fast = call % 4 != 0;
    tally.record(Status(), fast ? 1ms : 5ms);
    backends.record(backends.index_of(fast ? "127.0.0.1:2" : "10.0.0.1:1"), true, fast ? 1ms : 5ms);
  }
  tally.record(Status(Code::UNAVAILABLE, "gone"), 1ms);
  backends.record(backends.index_of(""), false, std::nullopt);
  return outcome;
}

Results results_of(const RunOutcome& outcome) {
  const Result<Plan> plan = make_plan({});
  REQUIRE(plan);
  return Results(*plan, outcome);
}

TEST_CASE("each address has its calls and latencies, also after a merge") {
  Backends one;
  one.record(one.index_of("a:1"), true, 1ms);
  one.record(one.index_of("a:2"), false, std::nullopt);
  Backends other;
  other.record(other.index_of("a:2"), true, 3ms);
  other.record(other.index_of("a:3"), true, 2ms);
  one.merge(other);
  CHECK(one.rows().size() == 3);
  CHECK(row_of(one, "a:1").succeeded == 1);
  CHECK(row_of(one, "a:2").succeeded == 1);
  CHECK(row_of(one, "a:2").failed == 1);
  CHECK(row_of(one, "a:2").latency.max() == 3ms);
  CHECK(row_of(one, "a:3").latency.count() == 1);
}

TEST_CASE("addresses beyond the limit share a row, in each thread and after a merge") {
  Backends all;
  for (int thread = 0; thread < 3; ++thread) {
    Backends backends;
    for (int at = 0; at < 90; ++at)
      backends.record(backends.index_of("a:" + std::to_string(thread * 90 + at)), true, 1ms);
    backends.record(backends.index_of(""), false, std::nullopt);
    all.merge(backends);
  }
  CHECK(all.rows().size() <= Backends::addresses_max + 2);
  CHECK(row_of(all, Backends::others).succeeded > 0);
  CHECK(row_of(all, Backends::no_server).failed == 3);
  std::uint64_t sum = 0;
  for (const Backends::Backend& row : all.rows()) sum += row.succeeded;
  CHECK(sum == 270);
}

TEST_CASE("the calls of a run belong to the address of its server") {
  Bench bench(10ms);
  Values values;
  values.requests = 100;
  const Measurement alone = bench.run(bench.plan(values));
  CHECK(alone.backends.rows().size() == 1);
  CHECK(row_of(alone.backends, bench.world().address()).succeeded == 100);
}

TEST_CASE("a call beyond its deadline belongs to the server that it waits for") {
  Bench bench(1h);
  Values values;
  values.requests = 10;
  values.deadline = 100ms;
  const Measurement measured = bench.run(bench.plan(values));
  CHECK(row_of(measured.backends, bench.world().address()).failed == 10);
  CHECK(row_of(measured.backends, bench.world().address()).latency.count() == 10);
}

TEST_CASE("a run with one address shows no table of backends") {
  RunOutcome outcome;
  outcome.measured.tallies.emplace_back().record(Status(), 1ms);
  outcome.measured.backends.record(outcome.measured.backends.index_of("a:1"), true, 1ms);
  const Results results = results_of(outcome);
  CHECK(results.backends.empty());
  CHECK(format_results(results, Format::text).find("backend") == std::string::npos);
  CHECK(format_results(results, Format::json).find("backends") == std::string::npos);
}

TEST_CASE("an address that got no call has a row and a warning if the policy should have used it") {
  RunOutcome outcome = outcome_of_two();
  outcome.addresses = {"10.0.0.1:1", "10.0.0.9:9", "127.0.0.1:2"};
  const Results first_only = results_of(outcome);
  CHECK(first_only.backends.size() == 3);  // with the row of calls to none
  CHECK(first_only.warnings.empty());
  Values values;
  values.balancing = apps::Balancing::round_robin;
  const Results results(make_plan(values).value(), outcome);
  REQUIRE(results.backends.size() == 4);
  CHECK(results.backends[1].address == "10.0.0.9:9");
  CHECK(results.backends[1].succeeded + results.backends[1].failed == 0);
  CHECK(results.warnings ==
        std::vector<std::string>{
            "no call went to 10.0.0.9:9; can it be reached, and does the policy choose it?"});

  Backends& few = outcome.measured.backends;
  few = {};
  few.record(few.index_of("127.0.0.1:2"), true, 1ms);
  CHECK(Results(make_plan(values).value(), outcome).warnings.empty());  // of one call
}

TEST_CASE("the text has a line of at most 80 columns for each address") {
  const std::string text = format_results(results_of(outcome_of_two()), Format::text);
  const std::size_t begin = text.find("backend ");
  REQUIRE(begin != std::string::npos);
  CHECK(text.substr(begin, text.find("\n\n", begin) - begin) ==
        "backend                        succeeded   failed   calls/s   p50, µs   p99, µs\n"
        "10.0.0.1:1                           250        0      25.0     5,000     5,000\n"
        "127.0.0.1:2                          750        0      75.0     1,000     1,000\n"
        "(no server)                            0        1      0.00         -         -");
}

TEST_CASE("a long address has a line of its own, and its control characters are escaped") {
  RunOutcome outcome = outcome_of_two();
  Backends& backends = outcome.measured.backends;
  backends.record(backends.index_of("unix:/run/a-long-path/of-a-service/its.sock\x1b"), true, 1ms);
  const std::string text = format_results(results_of(outcome), Format::text);
  CHECK(
      text.find(
          "\nunix:/run/a-long-path/of-a-service/its.sock\\x1b\n                                       1 ") !=
      std::string::npos);
}

TEST_CASE("JSON and the page have the same figures") {
  const Results results = results_of(outcome_of_two());
  const std::string json = format_results(results, Format::json);
  CHECK(json.find("\"10.0.0.1:1\": {\n      \"succeeded\": 250,\n      \"failed\": 0,\n      "
                  "\"calls_per_second\": 25,\n      \"latency_us\": {\n        \"p50\": 5000,") !=
        std::string::npos);
  CHECK(json.find("\"p99\": null") != std::string::npos);
  const std::string page = html_report(results);
  CHECK(page.find("<tr><td>127.0.0.1:2</td><td>750</td><td>0</td>") != std::string::npos);
}

}  // namespace
}  // namespace ringrpc::grpcbench
