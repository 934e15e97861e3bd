#include "ringrpc/telemetry.h"

#include <algorithm>
#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"
#include "ringrpc/server.h"

#include "observe/telemetry_counts.h"
#include "rpc/kept_log.h"
#include "telemetry/collector.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using telemetry::Collector;

/// Far more than an export takes on a busy machine.
constexpr auto patience = 5min;

std::unique_ptr<Telemetry> start(const TelemetryOptions& options) {
  Result<std::unique_ptr<Telemetry>> telemetry = Telemetry::start(options);
  REQUIRE_MESSAGE(telemetry, telemetry.error().message());
  return *std::move(telemetry);
}

/// Exports metrics to `collector`, only when they are flushed.
TelemetryOptions metrics_to(const Collector& collector) {
  TelemetryOptions options;
  options.traces.enabled = false;
  options.metrics.target = collector.address();
  options.metric_interval = 24h;
  return options;
}

/// Echoes bytes.
class Echo final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Telemetry"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&Echo::echo>("Echo")};
    return methods;
  }

 private:
  Task<Result<RawMessage>> echo(Call&, RawMessage request) { co_return request; }
};

Status call_echo(const std::string& address, const ChannelOptions& options) {
  const Channel channel(address, options);
  return block_on([&]() -> Task<Status> {
    const auto response =
        co_await channel.unary<RawMessage, RawMessage>("/test.v1.Telemetry/Echo", RawMessage("four"));
    co_return response ? Status() : response.error();
  });
}

/// The value of an attribute; empty if there is none.
std::string attribute(const auto& attributes, std::string_view key) {
  for (const otlp::v1::Attribute& each : attributes)
    if (each.key() == key) return each.value().string_value();
  return {};
}

/// The data points of a metric for the method of Echo, of all requests.
std::vector<otlp::v1::HistogramPoint> points(const Collector::Received& received, std::string_view name) {
  std::vector<otlp::v1::HistogramPoint> found;
  for (const otlp::v1::ExportMetricsRequest& request : received.metrics)
    for (const otlp::v1::Metric& metric : request.resource_metrics(0).scope_metrics(0).metrics())
      if (metric.name() == name)
        for (const otlp::v1::HistogramPoint& point : metric.histogram().data_points())
          if (attribute(point.attributes(), "grpc.method") == "test.v1.Telemetry/Echo")
            found.push_back(point);
  return found;
}

}  // namespace

TEST_CASE("the metrics of servers and channels reach the collector") {
  Collector collector;
  Echo echo;
  const auto server = Server::start({&echo}, {.listen = {"127.0.0.1:0"}, .shards = 2, .metrics = true});
  REQUIRE(server);
  const std::string& address = (*server)->addresses().front();
  TelemetryOptions options = metrics_to(collector);
  options.resource = {{"service.name", "tested"}};
  REQUIRE(options.metrics.headers.add("x-tenant", "one").ok());
  const auto telemetry = start(options);
  for (int calls = 0; calls < 3; ++calls) REQUIRE(call_echo(address, {.metrics = true}).ok());
  REQUIRE(telemetry->flush(patience).ok());

  const Collector::Received received = collector.received();
  CHECK(received.headers.at(0).find("x-tenant") == "one");
  const auto& process = received.metrics.at(0).resource_metrics(0);
  CHECK(attribute(process.resource().attributes(), "service.name") == "tested");
  CHECK(attribute(process.resource().attributes(), "telemetry.sdk.name") == "ringrpc");
  CHECK(process.scope_metrics(0).scope().name() == "ringrpc");

  const auto served = points(received, "grpc.server.call.rcvd_total_compressed_message_size");
  REQUIRE(served.size() == 1);
  CHECK(served[0].count() == 3);
  CHECK(served[0].sum() == 12);
  CHECK(served[0].start_time_unix_nano() < served[0].time_unix_nano());
  CHECK(attribute(served[0].attributes(), "grpc.status") == "OK");
  const auto attempts = points(received, "grpc.client.attempt.sent_total_compressed_message_size");
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].count() == 3);
  CHECK(attempts[0].sum() == 12);
  CHECK(attribute(attempts[0].attributes(), "grpc.target") == "dns:///" + address);
  const auto calls = points(received, "grpc.client.call.duration");
  REQUIRE(calls.size() == 1);
  CHECK(calls[0].count() == 3);
}

TEST_CASE("metrics are exported at their interval") {
  Collector collector;
  Echo echo;
  const auto server = Server::start({&echo}, {.listen = {"127.0.0.1:0"}, .shards = 1, .metrics = true});
  REQUIRE(call_echo((*server)->addresses().front(), {}).ok());
  TelemetryOptions options = metrics_to(collector);
  options.metric_interval = 1ms;
  const auto telemetry = start(options);
  collector.wait([](const Collector::Received& received) { return received.metrics.size() >= 3; });
}

TEST_CASE("a server that has ended leaves the metrics of others as they are") {
  Collector collector;
  Echo echo;
  auto server = Server::start({&echo}, {.listen = {"127.0.0.1:0"}, .shards = 2, .metrics = true});
  REQUIRE(call_echo((*server)->addresses().front(), {}).ok());
  const auto telemetry = start(metrics_to(collector));
  REQUIRE(telemetry->flush(patience).ok());
  CHECK(points(collector.received(), "grpc.server.call.duration").size() == 1);
  server->reset();
  REQUIRE(telemetry->flush(patience).ok());
  CHECK(points(collector.received(), "grpc.server.call.duration").size() == 1);
}

TEST_CASE("a flush sends a request again when the collector asks for that, and not after other codes") {
  Collector collector;
  Echo echo;
  const auto server = Server::start({&echo}, {.listen = {"127.0.0.1:0"}, .shards = 1, .metrics = true});
  REQUIRE(call_echo((*server)->addresses().front(), {}).ok());
  const auto telemetry = start(metrics_to(collector));
  collector.respond([](std::size_t call) -> Collector::Response {
    if (call == 0) return std::unexpected(telemetry::status_with_retry(Code::UNAVAILABLE, 0));
    if (call == 1) return otlp::v1::ExportResponse();
    return fail(Code::INVALID_ARGUMENT, "never");
  });
  CHECK(telemetry->flush(patience).ok());
  CHECK(collector.received().calls >= 2);
  const std::size_t before = collector.received().calls;
  const Status refused = telemetry->flush(patience);
  CHECK(refused.code() == Code::INVALID_ARGUMENT);
  CHECK(collector.received().calls == before + 1);
}

TEST_CASE("a flush ends in time although the collector hangs, and so does the end of the telemetry") {
  Collector collector;
  collector.hang();
  Echo echo;
  const auto server = Server::start({&echo}, {.listen = {"127.0.0.1:0"}, .shards = 1, .metrics = true});
  REQUIRE(call_echo((*server)->addresses().front(), {}).ok());
  auto telemetry = start(metrics_to(collector));
  CHECK(telemetry->flush(50ms).code() == Code::DEADLINE_EXCEEDED);
  telemetry.reset();
  collector.release();
}

/// Exports spans to `collector` at once.
TelemetryOptions spans_to(const std::string& collector) {
  TelemetryOptions options;
  options.metrics.enabled = false;
  options.traces.target = collector;
  options.batch_delay = 0ms;
  return options;
}

SpanRecord span_named(std::string name) {
  SpanRecord span;
  span.context.trace_id.fill(1);
  span.context.span_id.fill(2);
  span.context.flags = TraceContext::sampled_flag;
  span.name = std::move(name);
  span.kind = SpanKind::server;
  span.start_ns = 5;
  span.end_ns = 7;
  return span;
}

/// Ends a span on some shard.
void end_span(const Telemetry& telemetry, SpanRecord span) {
  REQUIRE(block_on([&]() -> Task<Status> {
            telemetry.tracer()->sink->take(std::move(span));
            co_return Status();
          }).ok());
}

std::uint64_t dropped(SpanLoss cause) {
  return TelemetryCounts::of_process().spans_dropped[static_cast<std::size_t>(cause)];
}

std::uint64_t exported() { return TelemetryCounts::of_process().spans_exported; }

TEST_CASE("a request is sent again after UNAVAILABLE") {
  Collector collector;
  collector.respond([](std::size_t call) -> Collector::Response {
    if (call == 0) return fail(Code::UNAVAILABLE, "not yet");
    return otlp::v1::ExportResponse();
  });
  const auto telemetry = start(spans_to(collector.address()));
  end_span(*telemetry, span_named("waits"));
  const auto taken = [](const Collector::Received& received) { return !received.spans().empty(); };
  CHECK(collector.wait(taken).calls == 2);
}

TEST_CASE("spans reach the collector as they are") {
  Collector collector;
  TelemetryOptions options = spans_to(collector.address());
  options.resource = {{"service.name", "tested"}};
  const auto telemetry = start(options);
  SpanRecord span = span_named("Recv.a.B.C");
  span.context.state = "x=y";
  span.parent_span_id.fill(3);
  span.parent_remote = true;
  span.code = Code::NOT_FOUND;
  span.message = "gone \xff";
  span.attributes = {
      {"transparent-retry", true}, {"previous-rpc-attempts", std::int64_t{2}}, {"text", std::string("t")}};
  span.events = {
      {.name = "Inbound message",
       .time_ns = 6,
       .message = SpanMessage{.number = 300, .bytes = 4, .wire_bytes = 4}},
      {.name = "Outbound message",
       .time_ns = ~std::uint64_t{0},
       .message = SpanMessage{.number = -1, .bytes = ~std::size_t{0}, .wire_bytes = ~std::size_t{0} - 1}},
      {.name = "Delayed name resolution complete", .time_ns = 8}};
  span.dropped_events = 9;
  const std::uint64_t before = exported();
  end_span(*telemetry, span);
  end_span(*telemetry, span_named("Recv.a.B.D"));
  REQUIRE(telemetry->flush(patience).ok());
  CHECK(exported() - before == 2);

  const Collector::Received received = collector.received();
  CHECK(attribute(received.traces.at(0).resource_spans(0).resource().attributes(), "service.name") ==
        "tested");
  const std::vector<otlp::v1::Span> spans = received.spans();
  REQUIRE(spans.size() == 2);
  const otlp::v1::Span& got = spans[0].name() == "Recv.a.B.C" ? spans[0] : spans[1];
  CHECK(got.trace_id() == std::string(16, 1));
  CHECK(got.span_id() == std::string(8, 2));
  CHECK(got.parent_span_id() == std::string(8, 3));
  CHECK(got.trace_state() == "x=y");
  CHECK(got.flags() == 0x301);
  CHECK(got.kind() == otlp::v1::Span::KIND_SERVER);
  CHECK(got.start_time_unix_nano() == 5);
  CHECK(got.end_time_unix_nano() == 7);
  CHECK(got.status().code() == otlp::v1::SpanStatus::CODE_ERROR);
  CHECK(got.status().message() == "gone \xef\xbf\xbd");
  REQUIRE(got.attributes_size() == 3);
  CHECK(got.attributes(0).value().bool_value());
  CHECK(got.attributes(1).value().int_value() == 2);
  CHECK(got.attributes(2).value().string_value() == "t");
  REQUIRE(got.events_size() == 3);
  CHECK(got.events(0).name() == "Inbound message");
  CHECK(got.events(0).time_unix_nano() == 6);
  REQUIRE(got.events(0).attributes_size() == 2);
  CHECK(got.events(0).attributes(0).key() == "sequence-number");
  CHECK(got.events(0).attributes(0).value().int_value() == 300);
  CHECK(got.events(0).attributes(1).key() == "message-size");
  CHECK(got.events(0).attributes(1).value().int_value() == 4);
  REQUIRE(got.events(1).attributes_size() == 3);
  CHECK(got.events(1).attributes(2).key() == "message-size-compressed");
  CHECK(got.events(1).attributes(2).value().int_value() == -2);
  CHECK(got.events(2).name() == "Delayed name resolution complete");
  CHECK(got.events(2).attributes().empty());
  CHECK(got.dropped_events_count() == 9);
  const otlp::v1::Span& root = spans[0].name() == "Recv.a.B.C" ? spans[1] : spans[0];
  CHECK(root.parent_span_id().empty());
  CHECK(root.flags() == 0x101);
  CHECK(root.status().code() == otlp::v1::SpanStatus::CODE_OK);
}

TEST_CASE("a flush to a collector that refuses fails at once, and loses no span") {
  std::string address = "unix-abstract:nobody-" + std::to_string(::getpid());
  std::string why = "connection refused";
  std::optional<Collector> collector;
  const auto refuse_with = [&](const Status& status) {
    collector.emplace().respond(
        [status](std::size_t) -> Collector::Response { return std::unexpected(status); });
    address = collector->address();
    why = status.message();
  };
  SUBCASE("connections") {}
  SUBCASE("requests") { refuse_with(Status(Code::UNAVAILABLE, "overloaded")); }
  SUBCASE("requests, for longer than the flush may take") {
    refuse_with(telemetry::status_with_retry(Code::UNAVAILABLE, 60));
  }
  TelemetryOptions options = spans_to(address);
  options.metrics = {.target = address};
  options.metric_interval = 24h;
  options.batch_timeout = options.metric_timeout = patience;
  const auto telemetry = start(options);
  const std::uint64_t lost = dropped(SpanLoss::failed);
  end_span(*telemetry, span_named("waits"));
  for (int flushes = 0; flushes < 2;
       ++flushes) {  // the second one ends the wait of a request that is sent again
    const Status flushed = telemetry->flush(20s);
    CHECK(flushed.code() == Code::UNAVAILABLE);
    CHECK(flushed.message().contains(why));
  }
  CHECK(dropped(SpanLoss::failed) == lost);
}

TEST_CASE("a flush connects at once to a collector that is there again") {
  const std::string place = "unix-abstract:again-" + std::to_string(::getpid());
  const test::KeptLog log(log::Level::info);
  TelemetryOptions options = spans_to(place);
  options.batch_timeout = patience;
  const auto telemetry = start(options);
  end_span(*telemetry, span_named("waits"));
  while (log.count("warn") == 0) std::this_thread::sleep_for(1ms);  // until the first request has failed
  Collector collector(place);
  CHECK(telemetry->flush(patience).to_string() == "OK");
  CHECK(collector.received().spans().size() == 1);
}

TEST_CASE("spans that are too large for one request go in several") {
  Collector collector;
  const auto telemetry = start(spans_to(collector.address()));
  constexpr std::size_t spans = 40;
  REQUIRE(block_on([&]() -> Task<Status> {
            for (std::size_t number = 0; number < spans; ++number) {
              SpanRecord span = span_named("large");
              span.message = std::string(200'000, 'm');
              span.code = Code::INTERNAL;
              telemetry->tracer()->sink->take(std::move(span));
            }
            co_return Status();
          }).ok());
  REQUIRE(telemetry->flush(patience).ok());
  const Collector::Received received = collector.received();
  CHECK(received.spans().size() == spans);
  CHECK(received.traces.size() > 1);
  for (const otlp::v1::ExportTraceRequest& request : received.traces)
    CHECK(request.ByteSizeLong() < 4 * 1024 * 1024);
}

TEST_CASE("a partial success is counted and logged, however large the lie") {
  Collector collector;
  const test::KeptLog log(log::Level::info);
  const auto telemetry = start(spans_to(collector.address()));
  collector.respond([](std::size_t call) -> Collector::Response {
    otlp::v1::ExportResponse response;
    response.mutable_partial_success()->set_rejected(call == 0 ? INT64_MAX : -7);
    response.mutable_partial_success()->set_error_message(call == 0 ? "no room\n" + std::string(10'000, 'x')
                                                                    : "");
    return response;
  });
  const std::uint64_t rejected = dropped(SpanLoss::rejected);
  const std::uint64_t before = exported();
  end_span(*telemetry, span_named("one"));
  CHECK(telemetry->flush(patience).ok());
  CHECK(dropped(SpanLoss::rejected) - rejected == 1);
  CHECK(exported() == before);
  CHECK(log.text().contains("rejected 1 of 1 spans: no room"));
  end_span(*telemetry, span_named("two"));
  CHECK(telemetry->flush(patience).ok());
  CHECK(dropped(SpanLoss::rejected) - rejected == 1);
  CHECK(exported() - before == 1);
}

TEST_CASE("a response that is no message of OTLP counts as a failure") {
  Collector collector;
  const auto telemetry = start(spans_to(collector.address()));
  collector.respond([](std::size_t) -> Collector::Response { return fail(Code::INTERNAL, "nonsense"); });
  const std::uint64_t failed = dropped(SpanLoss::failed);
  end_span(*telemetry, span_named("one"));
  CHECK(telemetry->flush(patience).code() == Code::INTERNAL);
  CHECK(dropped(SpanLoss::failed) - failed == 1);
}

TEST_CASE("a collector that is down costs a limited number of spans and one warning") {
  const test::KeptLog log(log::Level::info);
  TelemetryOptions options = spans_to("127.0.0.1:1");
  options.max_queued_spans = 128;
  options.max_batch_spans = 64;
  auto telemetry = start(options);
  const std::uint64_t full = dropped(SpanLoss::queue_full);
  const std::uint64_t ended = dropped(SpanLoss::shutdown);
  constexpr std::size_t spans = 10'000;
  REQUIRE(block_on([&]() -> Task<Status> {
            for (std::size_t number = 0; number < spans; ++number)
              telemetry->tracer()->sink->take(span_named("lost"));
            co_return Status();
          }).ok());
  CHECK(telemetry->flush(patience).code() == Code::UNAVAILABLE);
  while (log.count("warn") == 0) std::this_thread::sleep_for(1ms);  // until the first request has failed
  CHECK(log.count("warn telemetry: traces are not exported to 127.0.0.1:1: UNAVAILABLE: connect 127.0.0.1:1: "
                  "connection refused") == 1);
  CHECK(telemetry->flush(patience).code() == Code::UNAVAILABLE);
  CHECK(log.count("warn") == 1);
  CHECK(log.text().find("cannot connect") == std::string::npos);
  CHECK(dropped(SpanLoss::queue_full) - full >= spans - 128 - 64 - 64);
  const std::shared_ptr<const Tracer> tracer = telemetry->tracer();
  telemetry.reset();
  CHECK(dropped(SpanLoss::queue_full) - full + dropped(SpanLoss::shutdown) - ended <= spans);
  tracer->sink->take(span_named("after the end"));  // dropped
}

TEST_CASE("a request that gets no response is sent again after its timeout") {
  Collector collector;
  collector.hang();
  TelemetryOptions options = spans_to(collector.address());
  options.traces.timeout = 20ms;
  options.batch_timeout = patience;
  const auto telemetry = start(options);
  end_span(*telemetry, span_named("late"));
  collector.wait([](const Collector::Received& received) { return received.calls >= 2; });
  collector.release();
  CHECK(telemetry->flush(patience).ok());
  CHECK_FALSE(collector.received().spans().empty());  // several, if a response was late again
}

TEST_CASE("spans are dropped when the time for them is over") {
  Collector collector;
  collector.hang();
  TelemetryOptions options = spans_to(collector.address());
  options.traces.timeout = 10ms;
  options.batch_timeout = 20ms;
  const auto telemetry = start(options);
  const std::uint64_t failed = dropped(SpanLoss::failed);
  end_span(*telemetry, span_named("late"));
  CHECK(telemetry->flush(patience).code() == Code::DEADLINE_EXCEEDED);
  CHECK(dropped(SpanLoss::failed) - failed == 1);
  collector.release();
}

TEST_CASE("calls of servers and channels are traced, and exports are not") {
  Collector collector;
  Echo echo;
  const auto telemetry = start(spans_to(collector.address()));
  const auto server =
      Server::start({&echo}, {.listen = {"127.0.0.1:0"}, .shards = 1, .tracer = telemetry->tracer()});
  REQUIRE(call_echo((*server)->addresses().front(), {.tracer = telemetry->tracer()}).ok());
  REQUIRE(telemetry->flush(patience).ok());
  REQUIRE(telemetry->flush(patience).ok());
  std::vector<std::string> names;
  for (const otlp::v1::Span& span : collector.received().spans()) names.push_back(span.name());
  std::ranges::sort(names);
  CHECK(names == std::vector<std::string>{"Attempt.test.v1.Telemetry.Echo", "Recv.test.v1.Telemetry.Echo",
                                          "Sent.test.v1.Telemetry.Echo"});
}

TEST_CASE("options that cannot be used are refused") {
  TelemetryOptions options;
  options.metrics.target = "nowhere";
  const auto refused = Telemetry::start(options);
  REQUIRE(!refused);
  CHECK(refused.error().code() == Code::INVALID_ARGUMENT);
  CHECK(refused.error().message().contains("metrics.target"));
}

TEST_CASE("without signals there is nothing to flush") {
  TelemetryOptions options;
  options.traces.enabled = options.metrics.enabled = false;
  CHECK(start(options)->flush(0ms).ok());
}

}  // namespace ringrpc
