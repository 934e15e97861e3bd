// The output for a run: text, JSON, CSV and the page.
#include "grpcbench/output.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "grpcbench/chart.h"
#include "grpcbench/html_report.h"
#include "grpcbench/json_text.h"
#include "grpcbench/progress_line.h"
#include "grpcbench/units.h"

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

Plan accepted_plan(const Values& values) {
  Result<Plan> plan = make_plan(values);
  REQUIRE(plan);
  return *plan;
}

/// 999 calls of 1 to 999 ms in ten seconds, and a failed one.
RunOutcome some_outcome() {
  RunOutcome outcome;
  outcome.threads = 1;
  outcome.io = "io_uring";
  outcome.measured.duration = 10s;
  Tally& tally = outcome.measured.tallies.emplace_back();
  for (int ms = 1; ms <= 999; ++ms) {
    tally.record(Status(), ms * 1ms);
    outcome.measured.timeline.record(ms * 10ms, ms * 1ms);
  }
  tally.record(Status(Code::NOT_FOUND, "no <b>such</b>\x1b[31m thing"), 1ms);
  outcome.measured.timeline.record_failure(9990ms);
  tally.traffic.bytes_sent = 12'345;
  return outcome;
}

google::protobuf::Struct parsed(const std::string& json) {
  google::protobuf::Struct parsed;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &parsed);
  REQUIRE_MESSAGE(status.ok(), status.ToString(), json);
  return parsed;
}

/// The calls of one method, `succeeded` of them in 1 ms each, in a run of `duration`.
RunOutcome outcome_of(Nanoseconds duration, int succeeded, int failed = 0) {
  RunOutcome outcome;
  outcome.measured.duration = duration;
  Tally& tally = outcome.measured.tallies.emplace_back();
  for (int call = 0; call < succeeded; ++call) tally.record(Status(), 1ms);
  for (int call = 0; call < failed; ++call) tally.record(Status(Code::FAILED_PRECONDITION, "no"), 1ms);
  return outcome;
}

std::string text_of(const RunOutcome& outcome, const Values& values = {}) {
  return format_results(Results(accepted_plan(values), outcome), Format::text);
}
std::string page_of(const RunOutcome& outcome) { return html_report(Results(accepted_plan({}), outcome)); }

/// The chart with this title; empty if the page has none.
std::string chart_of(const std::string& page, const std::string& title) {
  const std::size_t begin = page.find("<figure><figcaption>" + title);
  return begin == std::string::npos ? "" : page.substr(begin, page.find("</figure>", begin) - begin);
}

/// The texts between each `from` and the next `to`.
std::vector<std::string> found(const std::string& in, const std::string& from, const std::string& to) {
  std::vector<std::string> all;
  for (std::size_t at = in.find(from); at != std::string::npos; at = in.find(from, at)) {
    at += from.size();
    all.push_back(in.substr(at, in.find(to, at) - at));
  }
  return all;
}
std::vector<std::string> labels_up(const std::string& chart) {
  return found(chart, "text-anchor=\"end\">", "<");
}
std::vector<std::string> labels_along(const std::string& chart) {
  return found(chart, "text-anchor=\"middle\">", "<");
}
using Strings = std::vector<std::string>;

TEST_CASE("JSON has the fields by their names") {
  const Results results(accepted_plan({}), some_outcome());
  const auto json = parsed(format_results(results, Format::json)).fields();
  CHECK(json.at("total").number_value() == 1000);
  CHECK(json.at("succeeded").number_value() == 999);
  CHECK(json.at("failed").number_value() == 1);
  CHECK(json.at("errors").struct_value().fields().at("NOT_FOUND").number_value() == 1);
  CHECK(json.at("duration_s").number_value() == 10);
  CHECK(json.at("calls_per_second").number_value() == 99.9);
  const auto latency = json.at("latency_us").struct_value().fields();
  CHECK(latency.size() == 8);
  CHECK(latency.at("min").number_value() == 1000);
  CHECK(latency.at("mean").number_value() == 500'000);
  CHECK(latency.at("p50").number_value() == doctest::Approx(500'000).epsilon(0.001));
  CHECK(latency.at("p90").number_value() == doctest::Approx(900'000).epsilon(0.001));
  CHECK(latency.at("p99").number_value() == doctest::Approx(990'000).epsilon(0.001));
  for (const char* name : {"p99.9", "p99.99", "max"}) CHECK(latency.at(name).number_value() == 999'000);
}

TEST_CASE("JSON of a run without a response has no latency, and is still valid") {
  RunOutcome outcome;
  outcome.measured.tallies.emplace_back();
  const auto json = parsed(format_results(Results(accepted_plan({}), outcome), Format::json)).fields();
  CHECK(json.at("total").number_value() == 0);
  CHECK(json.at("success_rate").has_null_value());
  CHECK(json.at("latency_us").struct_value().fields().at("p99").has_null_value());
}

TEST_CASE("several methods have figures of their own beside the sum") {
  Values values;
  values.service = Target::both;
  RunOutcome outcome = some_outcome();
  outcome.measured.tallies.emplace_back().record(Status(), 7ms);
  const Results results(accepted_plan(values), outcome);
  const auto json = parsed(format_results(results, Format::json)).fields();
  CHECK(json.at("total").number_value() == 1001);
  const auto services = json.at("services").struct_value().fields();
  CHECK(services.at("echo.v1.EchoService/Echo").struct_value().fields().at("total").number_value() == 1000);
  CHECK(services.at("crypto.v1.CryptoService/Sign").struct_value().fields().at("total").number_value() == 1);
  const std::string text = format_results(results, Format::text);
  CHECK(text.find("\ncrypto.v1.CryptoService/Sign ") != std::string::npos);
}

TEST_CASE("CSV is a heading and a line with as many columns") {
  std::istringstream lines(format_results(Results(accepted_plan({}), some_outcome()), Format::csv));
  std::string heading;
  std::string line;
  std::string more;
  REQUIRE(std::getline(lines, heading));
  REQUIRE(std::getline(lines, line));
  CHECK_FALSE(std::getline(lines, more));
  CHECK(std::ranges::count(heading, ',') == std::ranges::count(line, ','));
  CHECK(heading.find(",p99.9_us,p99.99_us,max_us,errors,open_streams,messages_sent,messages_received") !=
        std::string::npos);
  CHECK(line.starts_with("echo.v1.EchoService/Echo,1000,999,1,0.999000,10.000000,99.900,12345,0,1000.000,"));
  CHECK(line.ends_with(",NOT_FOUND=1,0,0,0"));
}

TEST_CASE("messages and open streams are shown where a method has a stream") {
  Plan plan = accepted_plan({});
  RunOutcome outcome = outcome_of(10s, 3);
  Tally& tally = outcome.measured.tallies[0];
  tally.open = 7;
  tally.traffic = {
      .bytes_sent = 10, .bytes_received = 246'900, .messages_sent = 10, .messages_received = 123'450};
  for (int at = 0; at < 100; ++at) outcome.measured.timeline.record_messages(at * 100ms, 1234);
  Backends& backends = outcome.measured.backends;
  for (const char* address : {"127.0.0.1:1", "127.0.0.1:2"}) {
    const std::size_t index = backends.index_of(address);
    backends.record_messages(index, 61'725);
    backends.record_open(index);
  }
  CHECK(format_results(Results(plan, outcome), Format::text).find("messages") == std::string::npos);
  CHECK(chart_of(html_report(Results(plan, outcome)), "Messages per second").empty());

  plan.operations = {make_operation("a.B/C", MethodKind::server_streaming, {RawMessage("x")})};
  const Results results(plan, outcome);
  const std::string text = format_results(results, Format::text);
  CHECK(text.find("\nended                             3\nsucceeded                         3\nfailed        "
                  "         "
                  "           0\nopen streams                      7\n") != std::string::npos);
  CHECK(text.find("\nmessages sent                    10\n  per second                   1.00\nmessages "
                  "received      "
                  "     123,450\n  per second                 12,345\n") != std::string::npos);
  CHECK(text.find("\nbackend                        succeeded   failed    open   messages/s  p99, µs\n"
                  "127.0.0.1:1                            0        0       1        6,173        -\n") !=
        std::string::npos);
  const auto json = parsed(format_results(results, Format::json)).fields();
  CHECK(json.at("total").number_value() == 3);
  CHECK(json.at("open_streams").number_value() == 7);
  CHECK(json.at("messages_sent").number_value() == 10);
  CHECK(json.at("messages_received").number_value() == 123'450);
  CHECK(json.at("messages_received_per_second").number_value() == 12'345);
  const auto backend = json.at("backends").struct_value().fields().at("127.0.0.1:1").struct_value().fields();
  CHECK(backend.at("open_streams").number_value() == 1);
  CHECK(backend.at("messages_received").number_value() == 61'725);
  const std::string page = html_report(results);
  CHECK(page.find("<b>123,450</b>messages received</div>") != std::string::npos);
  CHECK(page.find("<b>7</b>open streams</div>") != std::string::npos);
  CHECK(page.find("<td>7</td><td>123,450</td><td>12,345</td>") != std::string::npos);
  CHECK(page.find("<td>1</td><td>61,725</td><td>6,173</td></tr>") != std::string::npos);
  CHECK_FALSE(chart_of(page, "Messages per second").empty());
}

TEST_CASE("a run whose streams do not end has a warning that names --duration") {
  Values values;
  const auto warnings = [&] {
    Plan plan = accepted_plan(values);
    plan.operations = {make_operation("a.B/C", MethodKind::server_streaming, {RawMessage("x")})};
    RunOutcome outcome;
    Tally& tally = outcome.measured.tallies.emplace_back();
    tally.record(Status(Code::DEADLINE_EXCEEDED, "the stream did not end", Initiator::library), 20s);
    tally.traffic.messages_received = 1;
    return Results(plan, outcome).warnings;
  };
  CHECK(warnings() ==
        Strings{"no stream ended before its deadline; --duration ends streams that the server does not end"});
  values.duration = 1s;
  CHECK(warnings().empty());
}

TEST_CASE("text names the failures, without control characters") {
  const std::string text = format_results(Results(accepted_plan({}), some_outcome()), Format::text);
  CHECK(text.find("1,000\n") != std::string::npos);
  CHECK(text.find("NOT_FOUND") != std::string::npos);
  CHECK(text.find("\\x1b[31m") != std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("99.90 %") != std::string::npos);
}

TEST_CASE("no failure is lost in the success rate") {
  for (const auto& [succeeded, failed, rate] :
       {std::tuple(29'999, 1, "99.99 %"), std::tuple(30'000, 0, "100.00 %"), std::tuple(0, 3, "0.00 %"),
        std::tuple(999, 1, "99.90 %"), std::tuple(1, 2, "33.33 %"), std::tuple(0, 0, "-")}) {
    const RunOutcome outcome = outcome_of(1s, succeeded, failed);
    const std::string title = "\nsuccess rate ";
    CHECK(found(text_of(outcome), title, "\n").at(0).ends_with(std::string(" ") + rate));
    CHECK(page_of(outcome).find(std::string("<b>") + rate + "</b>succeeded") != std::string::npos);
  }
}

TEST_CASE("text is aligned in columns") {
  Values values;
  values.service = Target::both;
  values.server = "127.0.0.1:50051";
  RunOutcome outcome = outcome_of(1s, 2, 1);
  outcome.io = "epoll";
  outcome.threads = 1;
  outcome.measured.busiest = 0.05;
  outcome.measured.tallies.emplace_back().record(Status(Code::DEADLINE_EXCEEDED, "late", Initiator::library),
                                                 11'001'214us);
  CHECK("\n" + text_of(outcome, values) == R"(
echo.v1.EchoService/Echo and crypto.v1.CryptoService/Sign on 127.0.0.1:50051
10 connections of 1 stream, 1 thread on epoll, closed loop

total                             4
succeeded                         2
failed                            2
  DEADLINE_EXCEEDED               1  late
  FAILED_PRECONDITION             1  no
success rate                50.00 %
duration                    1.000 s
calls per second               2.00
bytes sent                        0
bytes received                    0
busiest thread                  5 %

service                          succeeded        failed  calls per second
echo.v1.EchoService/Echo                 2             1              2.00
crypto.v1.CryptoService/Sign             0             1              0.00

latency, µs         all  echo.v1.EchoService/Echo  crypto.v1.CryptoService/Sign
min               1,000                     1,000                    11,001,214
mean          3,667,738                     1,000                    11,001,214
p50               1,000                     1,000                    11,001,214
p90          11,001,214                     1,000                    11,001,214
p99          11,001,214                     1,000                    11,001,214
p99.9        11,001,214                     1,000                    11,001,214
p99.99       11,001,214                     1,000                    11,001,214
max          11,001,214                     1,000                    11,001,214
)");
}

TEST_CASE("text of one method has its latencies below the other figures") {
  const std::string text = text_of(outcome_of(1s, 2));
  CHECK(text.ends_with(R"(
busiest thread                  0 %

latency, µs
min                           1,000
mean                          1,000
p50                           1,000
p90                           1,000
p99                           1,000
p99.9                         1,000
p99.99                        1,000
max                           1,000
)"));
}

TEST_CASE("text fits a terminal of 80 columns") {
  Values values;
  values.service = Target::both;
  values.server = "127.0.0.1:50051";
  values.connections = 1000;
  values.rate = 2'000'000;
  values.spacing = Spacing::poisson;
  RunOutcome outcome = outcome_of(1s, 2);
  outcome.io = "io_uring";
  outcome.threads = 16;
  outcome.measured.tallies.emplace_back().record(Status(), 99'999'999us);
  const std::string text = text_of(outcome, values);
  CHECK(text.contains(
      "\n1,000 connections of 100 streams, 16 threads on io_uring,\n2,000,000 calls a second with Poisson "
      "spacing\n\n"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto columns = std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; });
    CHECK_MESSAGE(columns <= 80, line);
  }
}

TEST_CASE("short times have a fitting unit") {
  const auto duration = [](Nanoseconds time) {
    const std::string line = found(text_of(outcome_of(time, 1)), "\nduration", "\n").at(0);
    return line.substr(line.find_first_not_of(' '));
  };
  CHECK(duration(10s) == "10.000 s");
  CHECK(duration(999'600us) == "1.000 s");
  CHECK(duration(8'700us) == "8.700 ms");
  CHECK(duration(301'300ns) == "301.300 µs");
  CHECK(duration(0ns) == "0.000 s");
  const auto card = [](Nanoseconds time) {
    return found(page_of(outcome_of(time, 1)), "<b>", "</b>duration").at(6);
  };
  CHECK(card(10'320ms) == "10.32 s");
  CHECK(card(36'000s) == "36,000 s");
  CHECK(card(8'700us) == "8.7 ms");
  CHECK(card(301'300ns) == "301.3 µs");
}

TEST_CASE("text says that a run was interrupted") {
  RunOutcome outcome = outcome_of(1s, 1);
  CHECK(text_of(outcome).find("interrupted") == std::string::npos);
  outcome.interrupted = true;
  CHECK(text_of(outcome).find(" closed loop\ninterrupted\n\n") != std::string::npos);
}

TEST_CASE("a long message is cut in text, and whole on the page") {
  RunOutcome outcome = outcome_of(1s, 0);
  std::string message;
  for (int letter = 0; letter < 1000; ++letter) message += "ü";
  outcome.measured.tallies.at(0).record(Status(Code::NOT_FOUND, "x" + message), 1ms);
  const std::string line = found(text_of(outcome), "NOT_FOUND", "\n").at(0);
  CHECK(line.ends_with(message.substr(0, 200) + " ... 1800 more bytes"));
  CHECK(page_of(outcome).find("x" + message) != std::string::npos);
}

TEST_CASE("doubtful figures have a warning") {
  Values values;
  values.rate = 1000;
  RunOutcome outcome = some_outcome();
  CHECK(Results(accepted_plan(values), outcome).warnings.empty());
  outcome.measured.busiest = 0.97;
  outcome.measured.most_delayed = 0.3;
  outcome.measured.without_response = 1;
  outcome.measured.waited_for_slot = 20;
  outcome.measured.waited_for_turn = 7;
  for (int call = 0; call < 100; ++call) outcome.measured.late.record(call < 95 ? 0ms : 4ms);
  const std::vector<std::string> warnings = Results(accepted_plan(values), outcome).warnings;
  REQUIRE(warnings.size() == 5);
  CHECK(warnings[0].starts_with("1 call had no response when the run ended "));
  CHECK(warnings[1].find("waited 30 % of the time for a processor") != std::string::npos);
  CHECK(
      warnings[2].starts_with("the generator did not keep its schedule: 1 % of the calls began 4.0 ms late"));
  CHECK(warnings[3].starts_with("7 calls waited for a stream, "));
  CHECK(warnings[4].starts_with("20 due calls found all streams busy "));
}

TEST_CASE("one late call among few does not count as a missed schedule") {
  RunOutcome outcome = some_outcome();
  Values values;
  values.rate = 1000;
  for (int call = 0; call < 99; ++call) outcome.measured.late.record(4ms);
  CHECK(Results(accepted_plan(values), outcome).warnings.empty());
  outcome.measured.late.record(4ms);
  CHECK(Results(accepted_plan(values), outcome).warnings.size() == 1);
}

TEST_CASE("a busy generator is a warning in closed loop, but not on schedule or when spinning") {
  RunOutcome outcome = some_outcome();
  outcome.measured.busiest = 0.97;
  Values values;
  const std::vector<std::string> warnings = Results(accepted_plan(values), outcome).warnings;
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].starts_with(
      "the generator may be the limit, not the server: one of its threads ran 97 % of the time"));
  values.spin = std::chrono::microseconds(40);
  CHECK(Results(accepted_plan(values), outcome).warnings.empty());
  values.spin = std::chrono::microseconds(0);
  values.rate = 1000;
  CHECK(Results(accepted_plan(values), outcome).warnings.empty());
}

TEST_CASE("JSON and the page have the reason for an early end") {
  RunOutcome outcome = some_outcome();
  const auto ending = [&] {
    return parsed(format_results(Results(accepted_plan({}), outcome), Format::json))
        .fields()
        .at("ended_early");
  };
  CHECK(ending().has_null_value());
  outcome.measured.fatal = Status(Code::UNIMPLEMENTED, "no <method>\x1b[31m");
  outcome.measured.fatal_call = "a.B/C";
  CHECK(ending().string_value() == "a.B/C: UNIMPLEMENTED: no <method>\\x1b[31m");
  const std::string page = html_report(Results(accepted_plan({}), outcome));
  CHECK(page.find("Ended early: a.B/C: UNIMPLEMENTED: no &lt;method&gt;") != std::string::npos);
}

TEST_CASE("a reason that ends with a full stop gets no second one") {
  RunOutcome outcome = some_outcome();
  outcome.measured.fatal_call = "a.B/C";
  for (const auto& [reason, end] : {std::pair("is it?", "is it?</p>"), std::pair("it is", "it is.</p>"),
                                    std::pair("done.", "done.</p>")}) {
    outcome.measured.fatal = Status(Code::INTERNAL, reason);
    CHECK(page_of(outcome).find(std::string("INTERNAL: ") + end) != std::string::npos);
  }
}

TEST_CASE("the page is self-contained: curves, figures, errors, and nothing from elsewhere") {
  const std::string page = html_report(Results(accepted_plan({}), some_outcome()));
  CHECK(page.starts_with("<!DOCTYPE html>"));
  for (const char* title : {"Latency distribution", "Latency by percentile", "Calls per second over time",
                            "Latency over time", "prefers-color-scheme: dark"})
    CHECK_MESSAGE(page.find(title) != std::string::npos, title);
  CHECK(page.find("no &lt;b&gt;such&lt;/b&gt;") != std::string::npos);
  for (const char* elsewhere : {"http:", "https:", "src=", "<script", "<link", "@import", "url("})
    CHECK_MESSAGE(page.find(elsewhere) == std::string::npos, elsewhere);
  CHECK(page.find("nan") == std::string::npos);
  CHECK(page.find("inf") == std::string::npos);
}

TEST_CASE("a page of a run without a response says so") {
  RunOutcome outcome;
  outcome.measured.tallies.emplace_back();
  const std::string page = html_report(Results(accepted_plan({}), outcome));
  CHECK(page.find("<svg") == std::string::npos);
  CHECK(page.find("No call failed") != std::string::npos);
}

TEST_CASE("a page of a single call has its curves") {
  RunOutcome outcome;
  outcome.measured.duration = 1ms;
  outcome.measured.tallies.emplace_back().record(Status(), 1ms);
  outcome.measured.timeline.record(0ns, 1ms);
  const std::string page = html_report(Results(accepted_plan({}), outcome));
  CHECK(page.find("<svg") != std::string::npos);
  CHECK(page.find("nan") == std::string::npos);
}

TEST_CASE("the curves over time reach to the end of the run, as high as the calls were") {
  RunOutcome outcome = outcome_of(2050ms, 2000);
  for (int at = 0; at < 1000; ++at) outcome.measured.timeline.record(at * 1ms, 1ms);
  for (int call = 0; call < 1000; ++call) outcome.measured.timeline.record(2049ms, 1049ms);  // delayed
  const std::string page = page_of(outcome);
  const Strings calls = found(chart_of(page, "Calls per second over time"), "<title>", "<");
  REQUIRE(calls.size() == 21);
  CHECK(calls.front() == "succeeded at 50 ms: 1,000");
  CHECK(calls[10] == "succeeded at 1.05 s: 0");
  CHECK(calls.back() == "succeeded at 2.025 s: 20,000");
  const Strings latencies = found(chart_of(page, "Latency over time"), "<title>", "<");
  REQUIRE(latencies.size() == 3 * 11);
  CHECK(latencies.back() == "max at 2.025 s: 1.05 s");
}

TEST_CASE("the curve of p99 differs from that of max if at least ten points have enough calls") {
  RunOutcome outcome = outcome_of(10s, 5000);
  for (int call = 0; call < 5000; ++call)  // 500 a second, one of 100 slow
    outcome.measured.timeline.record(call * 2ms, call % 100 == 99 ? 50ms : 1ms);
  const Strings points = found(chart_of(page_of(outcome), "Latency over time"), "<title>", "<");
  const auto with = [&](const std::string& name) {
    Strings of_curve;
    for (const std::string& point : points)
      if (point.starts_with(name + " at ")) of_curve.push_back(point.substr(name.size()));
    return of_curve;
  };
  const Strings p99 = with("p99");
  const Strings max = with("max");
  REQUIRE(p99.size() >= 10);
  REQUIRE(p99.size() == max.size());
  for (std::size_t at = 0; at < p99.size(); ++at) CHECK(p99[at] != max[at]);
}

TEST_CASE("a call that failed is drawn as a failure only, whether or not it has a latency") {
  RunOutcome outcome = outcome_of(1s, 10, 1);
  outcome.measured.tallies.at(0).record(Status(Code::DEADLINE_EXCEEDED, ""), 400ms);
  for (int at = 0; at < 10; ++at) outcome.measured.timeline.record(at * 100ms, 1ms);
  outcome.measured.timeline.record_failure(950ms);
  outcome.measured.timeline.record_failure(950ms, 400ms);
  const std::string chart = chart_of(page_of(outcome), "Calls per second over time");
  CHECK(found(chart, "key series-0\">", "<") == Strings{"succeeded"});
  CHECK(found(chart, "key series-1\">", "<") == Strings{"failed"});
  const Strings points = found(chart, "<title>", "<");
  REQUIRE(points.size() == 20);
  CHECK(points[9] == "succeeded at 950 ms: 10");
  CHECK(points[19] == "failed at 950 ms: 20");
}

TEST_CASE("a run in which all calls failed has its failures drawn") {
  RunOutcome outcome = outcome_of(1s, 0, 50);
  for (int at = 0; at < 50; ++at) outcome.measured.timeline.record_failure(at * 20ms);
  const std::string page = page_of(outcome);
  CHECK(found(page, "<svg", ">").size() == 1);
  CHECK(chart_of(page, "Calls per second over time").find("failed at 50 ms: 50<") != std::string::npos);
}

TEST_CASE("a run that is too short for a curve over time has none") {
  RunOutcome outcome = outcome_of(8'700us, 100);
  for (int at = 0; at < 100; ++at) outcome.measured.timeline.record(at * 87us, 1ms);
  CHECK(found(page_of(outcome), "<svg", ">").size() == 2);
  CHECK(page_of(outcome).find("over time") == std::string::npos);
  outcome.measured.duration = 150ms;
  CHECK(found(page_of(outcome), "<svg", ">").size() == 4);
}

TEST_CASE("the curve of latency has gaps where no call ended, and single points are visible") {
  RunOutcome outcome = outcome_of(1s, 5);
  for (const int at : {0, 100, 500, 800, 900}) outcome.measured.timeline.record(at * 1ms, 1ms);
  const std::string chart = chart_of(page_of(outcome), "Latency over time");
  const Strings curves = found(chart, "class=\"curve\" d=\"", "\"");
  REQUIRE(curves.size() == 3);
  for (const std::string& curve : curves) {
    CHECK(std::ranges::count(curve, 'M') == 3);
    CHECK(std::ranges::count(curve, 'L') == 2);
  }
  CHECK(found(chart, "class=\"point lone\"", ">").size() == 3);
  CHECK(page_of(outcome).find(".lone { fill: var(--c); }") != std::string::npos);
}

TEST_CASE("axes have labels, and none twice") {
  for (const int calls : {1, 2}) {
    RunOutcome outcome = outcome_of(1s, 0);
    for (int call = 0; call < calls; ++call)
      outcome.measured.tallies.at(0).record(Status(), Nanoseconds(300us) + call * 30us);
    const std::string chart = chart_of(page_of(outcome), "Latency distribution, calls");
    CHECK(labels_up(chart) == Strings{"0", "1"});
    Strings along = labels_along(chart);
    CHECK(along.size() > 2);
    std::ranges::sort(along);
    CHECK(std::ranges::adjacent_find(along) == along.end());
  }
  const Chart wide(
      "", Scale::linear(0, 1, [](double) { return ""; }),
      Scale::logarithmic(90, 440, [](double value) { return std::to_string(std::lround(value)); }));
  CHECK(labels_up(wide.svg()) == Strings{"100", "200"});
}

TEST_CASE("a rate below one is no zero on the page") {
  RunOutcome outcome = outcome_of(1000s, 400);
  for (int at = 0; at < 400; ++at) outcome.measured.timeline.record(at * 2500ms, 1ms);
  CHECK(page_of(outcome).find("<b>0.4</b>calls per second") != std::string::npos);
  const Strings up = labels_up(chart_of(page_of(outcome), "Calls per second over time"));
  CHECK(std::ranges::count(up, "0") == 1);
}

TEST_CASE("invalid UTF-8 is replaced in JSON and on the page") {
  for (const auto& [text, shown] : {
           std::pair("a\xff", "a\ufffd"),                              // never valid
           std::pair("\x80z", "\ufffdz"),                              // not a first byte
           std::pair("\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", "ü€😀"),  // valid
           std::pair("\xe2\x82x\xe2\x82", "\ufffdx\ufffd"),            // cut off
           std::pair("\xe2\xc3\xbc", "\ufffdü"),                       // cut off by another character
           std::pair("\xc0\x80\xe0\x80\x80", "\ufffd\ufffd\ufffd\ufffd\ufffd"),  // overlong
           std::pair("\xed\xa0\x80", "\ufffd\ufffd\ufffd"),                      // a surrogate
           std::pair("\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"),            // beyond Unicode
       }) {
    CHECK(JsonText::quoted(text) == '"' + std::string(shown) + '"');
    CHECK(html_escaped(text) == shown);
  }
}

TEST_CASE("JSON's strings are escaped") {
  CHECK(JsonText::quoted("a\"b\\c\n\x01") == "\"a\\\"b\\\\c\\u000a\\u0001\"");
  JsonText json;
  json.begin_object();
  json.begin_array("none");
  json.end_array();
  json.member("text", "x");
  json.end_object();
  CHECK(json.take() == "{\n  \"none\": [],\n  \"text\": \"x\"\n}");
}

TEST_CASE("numbers are grouped by thousands") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(1'234'567) == "1,234,567");
}

TEST_CASE("the line on a terminal shows time, calls, rate and failures") {
  Values values;
  values.duration = 30s;
  const Plan plan = accepted_plan(values);
  using enum RunSoFar::Phase;
  const RunSoFar before{.phase = measuring, .elapsed = 10s, .succeeded = 1000};
  CHECK(ProgressLine::text(plan, before,
                           {.phase = measuring, .elapsed = 12s, .succeeded = 11'000, .failed = 3}) ==
        "12 s of 30 s   11,003 calls   5,000/s   3 failed");
  CHECK(ProgressLine::text(plan, {.phase = measuring, .elapsed = 10s, .messages_received = 500},
                           {.phase = measuring, .elapsed = 12s, .messages_received = 1500}) ==
        "12 s of 30 s   0 calls   0/s   1,500 messages   500/s");
  values.warmup = 500ms;
  values.connections = 10'000;
  const Plan warmed = accepted_plan(values);
  CHECK(ProgressLine::text(warmed, {}, {.phase = warming_up, .elapsed = 220ms}) ==
        "warming up, 0.2 s of 0.5 s");
  CHECK(ProgressLine::text(warmed, {}, {.phase = connecting, .connected = 1234}) ==
        "connecting, 1,234 of 10,000");
}

}  // namespace
}  // namespace ringrpc::grpcbench
