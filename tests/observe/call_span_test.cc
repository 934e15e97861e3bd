/// The span of a call while it lasts.

#include "observe/call_span.h"

#include <doctest/doctest.h>
#include <string>

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

const Instant begin{1s};

CallSpan span_of(std::string_view method) {
  return CallSpan(SpanKind::server, "Recv.", method, {}, nullptr, true, begin);
}

TEST_CASE("a span's name has the method with dots, and is cut") {
  CHECK(span_of("/a.v1.B/C").finish({}, begin).name == "Recv.a.v1.B.C");
  CHECK(span_of("a.v1.B/C").finish({}, begin).name == "Recv.a.v1.B.C");
  CHECK(span_of("/" + std::string(1000, 'x')).finish({}, begin).name.size() == SpanRecord::name_bytes_max);
}

TEST_CASE("messages are events, each direction numbered from 0") {
  CallSpan span = span_of("/a/B");
  span.receive({.bytes = 5, .wire_bytes = 5}, begin + 1ms);
  span.send({.bytes = 100, .wire_bytes = 30}, begin + 2ms);
  span.send({.bytes = 7, .wire_bytes = 7}, begin + 3ms);
  const SpanRecord record = std::move(span).finish(Status(), begin + 4ms);
  CHECK(record.code == Code::OK);
  CHECK(record.end_ns - record.start_ns == 4'000'000);
  REQUIRE(record.events.size() == 3);
  CHECK(record.events[0].name == "Inbound message");
  CHECK(record.events[0].time_ns - record.start_ns == 1'000'000);
  CHECK(record.events[0].message == SpanMessage{.number = 0, .bytes = 5, .wire_bytes = 5});
  CHECK(record.events[1].name == "Outbound message");
  CHECK(record.events[1].message == SpanMessage{.number = 0, .bytes = 100, .wire_bytes = 30});
  CHECK(record.events[2].message == SpanMessage{.number = 1, .bytes = 7, .wire_bytes = 7});
}

TEST_CASE("a span keeps 128 events and counts the others") {
  CallSpan span = span_of("/a/B");
  for (int at = 0; at < 1000; ++at) span.receive({.bytes = 1, .wire_bytes = 1}, begin);
  const SpanRecord record = std::move(span).finish(Status(), begin);
  CHECK(record.events.size() == SpanRecord::events_max);
  CHECK(record.dropped_events == 1000 - SpanRecord::events_max);
}

TEST_CASE("a span has the status, whose message is cut") {
  const SpanRecord record =
      span_of("/a/B").finish(Status(Code::NOT_FOUND, std::string(5000, 'x'), Initiator::peer), begin);
  CHECK(record.code == Code::NOT_FOUND);
  CHECK(record.message == std::string(1024, 'x'));
}

}  // namespace
}  // namespace ringrpc
