#include "observe/call_text.h"

#include <chrono>
#include <doctest/doctest.h>
#include <utility>
#include <vector>

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {

std::string write(CallSide side, std::span<const MethodMetrics> methods) {
  MetricsText text(MetricsFormat::prometheus);
  CallText calls(text, side, methods);
  while (calls.write_next()) {
  }
  return std::move(text).finish();
}

bool has_line(const std::string& text, std::string_view line) {
  return text.find("\n" + std::string(line) + "\n") != text.npos;
}

}  // namespace

TEST_CASE("a method without calls has counters and no histograms") {
  const std::string labels = method_labels("unary", "a.B", "C");
  std::vector<MethodMetrics> methods(1);
  methods[0].labels = labels;
  const std::string text = write(CallSide::server, methods);
  CHECK(
      has_line(text, R"(grpc_server_started_total{grpc_type="unary",grpc_service="a.B",grpc_method="C"} 0)"));
  CHECK(has_line(
      text,
      R"(grpc_server_handled_total{grpc_type="unary",grpc_service="a.B",grpc_method="C",grpc_code="OK"} 0)"));
  CHECK(has_line(text,
                 R"(grpc_server_msg_sent_total{grpc_type="unary",grpc_service="a.B",grpc_method="C"} 0)"));
  CHECK(text.find("_bucket") == text.npos);
}

TEST_CASE("calls are counted by method and code, and timed by method") {
  std::vector<MethodMetrics> methods(2);
  const std::string labels = R"(grpc_type="bidi_stream",grpc_service="a.B",grpc_method="C")";
  methods[0].labels = labels;
  methods[1].labels = unknown_method_labels;
  CallMetrics& calls = methods[0].calls;
  for (int count = 0; count < 3; ++count) calls.start();
  calls.receive_message();
  calls.reject_message();
  calls.send_message();
  calls.send_message();
  calls.end(Code::OK, 1ms, {.sent_bytes = 3000, .received_bytes = 10});
  calls.end(Code::CANCELLED, 2ms, {});
  methods[1].calls.start();
  methods[1].calls.end(Code::UNIMPLEMENTED, 0ms, {});
  const std::string text = write(CallSide::client, methods);
  CHECK(labels == method_labels("bidi_stream", "a.B", "C"));
  CHECK(has_line(text, "grpc_client_started_total{" + labels + "} 3"));
  CHECK(has_line(text, "grpc_client_handled_total{" + labels + R"(,grpc_code="OK"} 1)"));
  CHECK(has_line(text, "grpc_client_handled_total{" + labels + R"(,grpc_code="Canceled"} 1)"));
  CHECK(has_line(text, "grpc_client_msg_received_total{" + labels + "} 1"));
  CHECK(has_line(text, "grpc_client_msg_sent_total{" + labels + "} 2"));
  CHECK(has_line(text, "ringrpc_client_unparsable_messages_total{" + labels + "} 1"));
  CHECK(has_line(text, "grpc_client_handling_seconds_count{" + labels + "} 2"));
  CHECK(has_line(text, "grpc_client_handling_seconds_sum{" + labels + "} 0.003000000"));
  CHECK(has_line(text, "ringrpc_client_call_sent_bytes_bucket{" + labels + R"(,le="2048"} 1)"));
  CHECK(has_line(text, "ringrpc_client_call_sent_bytes_bucket{" + labels + R"(,le="4096"} 2)"));
  CHECK(has_line(text, "ringrpc_client_call_received_bytes_sum{" + labels + "} 10"));
  CHECK(has_line(text, R"(grpc_client_handled_total{grpc_type="unknown",grpc_service="unknown",)"
                       R"(grpc_method="unknown",grpc_code="Unimplemented"} 1)"));
}

TEST_CASE("the samples of a family stand together") {
  std::vector<MethodMetrics> methods(3);
  for (std::string_view labels : {"a", "b", "c"}) {
    MethodMetrics& method = methods[static_cast<std::size_t>(labels[0] - 'a')];
    method.labels = labels;
    method.calls.start();
    method.calls.end(Code::OK, 1ms, {});
  }
  const std::string text = write(CallSide::server, methods);
  CHECK(text.find("# TYPE grpc_server_started_total") == text.rfind("# TYPE grpc_server_started_total"));
  CHECK(text.rfind("grpc_server_started_total") < text.find("grpc_server_handled_total"));
}

TEST_CASE("a bucket of durations points to the latest sampled call in it, in OpenMetrics") {
  std::vector<MethodMetrics> methods(1);
  methods[0].labels = R"(grpc_method="C")";
  TraceContext sampled{.flags = TraceContext::sampled_flag};
  sampled.trace_id.fill(0xab);
  sampled.span_id.fill(0xcd);
  CallMetrics of_shard;
  of_shard.start();
  of_shard.end(Code::OK, 150us, {}, {});
  of_shard.end(Code::OK, 250us, {}, sampled);
  of_shard.end(Code::OK, 2500us, {});
  REQUIRE(of_shard.exemplar(Code::OK, LatencyHistogram::bucket_of(250'000)));
  CHECK_FALSE(of_shard.exemplar(Code::OK, LatencyHistogram::bucket_of(2'500'000)));
  CHECK_FALSE(of_shard.exemplar(Code::ABORTED, 4));
  methods[0].calls.add(of_shard);
  MetricsText text(MetricsFormat::openmetrics);
  CallText calls(text, CallSide::server, methods);
  while (calls.write_next()) {
  }
  const std::string page = std::move(text).finish();
  const std::string begin =
      "\ngrpc_server_handling_seconds_bucket{grpc_method=\"C\",le=\"0.0003\"} 2 # "
      "{trace_id=\"abababababababababababababababab\",span_id=\"cdcdcdcdcdcdcdcd\"} 0.000250000 ";
  CHECK(page.find(begin) != page.npos);
  CHECK(page.find("le=\"0.003\"} 3\n") != page.npos);
  CHECK(write(CallSide::server, methods).find('#' + std::string(" {")) == page.npos);
}
