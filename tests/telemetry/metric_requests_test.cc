#include "telemetry/metric_requests.h"

#include <chrono>
#include <doctest/doctest.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ringrpc::telemetry {
namespace {

using namespace std::chrono_literals;

constexpr MetricTimes times{.start_ns = 5, .now_ns = 9};

std::string text_of(const auto& attributes) {
  std::string text;
  for (const otlp::v1::Attribute& each : attributes)
    text.append(text.empty() ? "" : " ").append(each.key() + "=" + each.value().string_value());
  return text;
}

std::vector<MetricRequests::Request> requests_of(const CallSeriesTable& servers,
                                                 const CallSeriesTable& channels) {
  otlp::v1::Resource resource;
  MetricRequests requests(resource, times);
  requests.add_servers(servers);
  requests.add_channels(channels);
  return std::move(requests).finish();
}

/// The metrics of a request, by their names.
std::map<std::string, otlp::v1::Metric> metrics_of(const MetricRequests::Request& request) {
  std::map<std::string, otlp::v1::Metric> metrics;
  for (const otlp::v1::Metric& metric : request.message.resource_metrics(0).scope_metrics(0).metrics())
    metrics[metric.name()] = metric;
  return metrics;
}

void count(CallMetrics& calls, Code code, Nanoseconds duration, const CallTraffic& traffic) {
  calls.start();
  calls.end(code, duration, traffic);
}

}  // namespace

TEST_CASE("without calls there is nothing to export") { CHECK(requests_of({}, {}).empty()); }

TEST_CASE("a server's calls have the metrics of A66") {
  CallSeriesTable servers;
  CallMetrics& calls = servers.of({}, "/a.B/C").calls;
  count(calls, Code::OK, 15us, {.sent_bytes = 2000, .received_bytes = 0});
  count(calls, Code::NOT_FOUND, 200s, {.sent_bytes = 0, .received_bytes = 1});
  calls.start();
  const auto requests = requests_of(servers, {});
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].points == 7);
  const auto metrics = metrics_of(requests[0]);
  CHECK(metrics.size() == 4);

  const otlp::v1::Metric& started = metrics.at("grpc.server.call.started");
  CHECK(started.unit() == "{call}");
  CHECK(started.sum().is_monotonic());
  CHECK(started.sum().aggregation_temporality() == otlp::v1::TEMPORALITY_CUMULATIVE);
  REQUIRE(started.sum().data_points_size() == 1);
  const otlp::v1::NumberPoint& point = started.sum().data_points(0);
  CHECK(point.as_int() == 3);
  CHECK(point.start_time_unix_nano() == 5);
  CHECK(point.time_unix_nano() == 9);
  CHECK(text_of(point.attributes()) == "grpc.method=a.B/C");

  const otlp::v1::Metric& duration = metrics.at("grpc.server.call.duration");
  CHECK(duration.unit() == "s");
  REQUIRE(duration.histogram().data_points_size() == 2);
  const otlp::v1::HistogramPoint& ok = duration.histogram().data_points(0);
  CHECK(text_of(ok.attributes()) == "grpc.method=a.B/C grpc.status=OK");
  CHECK(ok.count() == 1);
  CHECK(ok.sum() == doctest::Approx(15e-6));
  REQUIRE(ok.explicit_bounds_size() == 41);
  REQUIRE(ok.bucket_counts_size() == 42);
  CHECK(ok.explicit_bounds(0) == 0);
  CHECK(ok.explicit_bounds(1) == 0.00001);
  CHECK(ok.explicit_bounds(40) == 100);
  CHECK(ok.bucket_counts(2) == 1);
  const otlp::v1::HistogramPoint& absent = duration.histogram().data_points(1);
  CHECK(text_of(absent.attributes()) == "grpc.method=a.B/C grpc.status=NOT_FOUND");
  CHECK(absent.bucket_counts(41) == 1);

  const otlp::v1::Metric& sent = metrics.at("grpc.server.call.sent_total_compressed_message_size");
  CHECK(sent.unit() == "By");
  CHECK(sent.histogram().data_points(0).explicit_bounds(13) == 4294967296);
  CHECK(sent.histogram().data_points(0).sum() == 2000);
  CHECK(sent.histogram().data_points(0).bucket_counts(2) == 1);
  CHECK(metrics.contains("grpc.server.call.rcvd_total_compressed_message_size"));
}

TEST_CASE("a channel's calls and attempts have the metrics of A66") {
  CallSeriesTable channels;
  CallSeries& series = channels.of("dns:///x:1", "/a.B/C");
  count(series.calls, Code::OK, 3ms, {.sent_bytes = 1, .received_bytes = 2});
  count(series.attempts, Code::UNAVAILABLE, 1ms, {.sent_bytes = 1, .received_bytes = 0});
  count(series.attempts, Code::OK, 1ms, {.sent_bytes = 1, .received_bytes = 2});
  const auto metrics = metrics_of(requests_of({}, channels).at(0));
  CHECK(metrics.size() == 5);
  CHECK(metrics.at("grpc.client.attempt.started").unit() == "{attempt}");
  CHECK(metrics.at("grpc.client.attempt.started").sum().data_points(0).as_int() == 2);
  CHECK(metrics.at("grpc.client.attempt.duration").histogram().data_points_size() == 2);
  CHECK(metrics.at("grpc.client.attempt.sent_total_compressed_message_size").histogram().data_points_size() ==
        2);
  CHECK(metrics.at("grpc.client.attempt.rcvd_total_compressed_message_size").unit() == "By");
  const auto& call = metrics.at("grpc.client.call.duration").histogram();
  REQUIRE(call.data_points_size() == 1);
  CHECK(text_of(call.data_points(0).attributes()) ==
        "grpc.method=a.B/C grpc.target=dns:///x:1 grpc.status=OK");
}

TEST_CASE("a bucket of durations points to its latest sampled call") {
  CallSeriesTable servers;
  CallMetrics& calls = servers.of({}, "/a.B/C").calls;
  TraceContext trace;
  trace.trace_id.fill(1);
  trace.span_id.fill(2);
  calls.start();
  calls.end(Code::OK, 15us, {}, trace);
  count(calls, Code::OK, 15us, {});
  const auto metrics = metrics_of(requests_of(servers, {}).at(0));
  const otlp::v1::HistogramPoint& point = metrics.at("grpc.server.call.duration").histogram().data_points(0);
  REQUIRE(point.exemplars_size() == 1);
  CHECK(point.exemplars(0).as_double() == 15e-6);
  CHECK(point.exemplars(0).trace_id() == std::string(16, 1));
  CHECK(point.exemplars(0).span_id() == std::string(8, 2));
  CHECK(point.exemplars(0).time_unix_nano() > 0);
  CHECK(metrics.at("grpc.server.call.sent_total_compressed_message_size")
            .histogram()
            .data_points(0)
            .exemplars_size() == 0);
}

TEST_CASE("methods that are not named count as other") {
  CallSeriesTable servers;
  servers.of({}, {}).calls.start();
  const auto metrics = metrics_of(requests_of(servers, {}).at(0));
  CHECK(text_of(metrics.at("grpc.server.call.started").sum().data_points(0).attributes()) ==
        "grpc.method=other");
}

TEST_CASE("many data points are divided among requests that collectors accept") {
  constexpr std::size_t methods = 1'000;
  constexpr std::size_t points = 4;  // of each
  constexpr std::size_t collector_bytes_max = 4 * 1024 * 1024;
  CallSeriesTable servers;
  for (std::size_t number = 0; number < methods; ++number)
    count(servers.of({}, "/package.of.some.Service/Method" + std::to_string(number)).calls, Code::OK, 1ms,
          {});
  const auto requests = requests_of(servers, {});
  CHECK(requests.size() == methods * points / MetricRequests::points_max);
  std::uint64_t sum = 0;
  for (const MetricRequests::Request& request : requests) {
    CHECK(request.message.ByteSizeLong() < collector_bytes_max / 2);
    CHECK(metrics_of(request).size() == 4);
    sum += request.points;
  }
  CHECK(sum == methods * points);
}

}  // namespace ringrpc::telemetry
