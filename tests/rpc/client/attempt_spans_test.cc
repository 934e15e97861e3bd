/// The spans of the attempts of one call: of retries, transparent ones too, and of a hedged call.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "ringrpc/sleep.h"
#include "ringrpc/testing/span_memory.h"
#include "ringrpc/tracer.h"

#include "rpc/client/attempts.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
using testing::SpanMemory;

std::shared_ptr<const Tracer> spans_into(const std::shared_ptr<SpanSink>& sink) {
  return std::make_shared<const Tracer>(Tracer{.sink = sink});
}

/// The spans of the attempts of one call of Raw.Echo on the host, in the order of their ends.
std::vector<SpanRecord> attempts_of(const SpanMemory& spans) {
  const std::vector<SpanRecord> attempts = spans.named("Attempt.test.v1.Raw.Echo");
  const std::vector<SpanRecord> calls = spans.named("Sent.test.v1.Raw.Echo");
  REQUIRE(calls.size() == 1);
  const SpanRecord& call = calls.front();
  for (const SpanRecord& attempt : attempts) {
    CHECK(attempt.parent_span_id == call.context.span_id);
    CHECK(attempt.start_ns >= call.start_ns);
    CHECK(attempt.end_ns <= call.end_ns);
  }
  return attempts;
}

TEST_CASE("the attempts of a hedged call have spans that overlap, each with its own messages and outcome") {
  Attempts attempts({silence(), fails("14"), answers("yes")});
  const auto spans = std::make_shared<SpanMemory>();
  ChannelOptions options;
  options.tracer = spans_into(spans);
  options.service_config = hedging(3, "0.5s");
  CHECK(attempts.host.serve([](Channel& channel) -> Task<void> { CHECK(co_await unary(channel)); }, options));
  std::vector<SpanRecord> seen = attempts_of(*spans);
  REQUIRE(seen.size() == 3);
  std::ranges::sort(seen, {},
                    [](const SpanRecord& span) { return std::get<std::int64_t>(span.attributes[0].value); });
  CHECK(seen[0].code == Code::CANCELLED);
  CHECK(seen[0].message == "another attempt was chosen");
  CHECK(seen[1].code == Code::UNAVAILABLE);
  CHECK(seen[2].code == Code::OK);
  CHECK(seen[0].end_ns - seen[0].start_ns >= 500'000'000);
  CHECK(seen[0].end_ns > seen[1].end_ns);
  for (std::size_t at = 0; at < seen.size(); ++at) {
    CHECK(std::ranges::count(seen[at].events, "Outbound message", &SpanEvent::name) == 1);
    CHECK(std::ranges::count(seen[at].events, "Inbound message", &SpanEvent::name) == (at == 2 ? 1 : 0));
    const auto& request = attempts.seen[at];
    CHECK(request.peer->field(request.stream, "traceparent").value_or("").substr(36, 16) ==
          to_hex(seen[at].context.span_id));
  }
}

TEST_CASE("the attempt of a hedged call that still waits for a stream ends with the one that is chosen") {
  Attempts attempts({silence()});
  attempts.host.greeting = http2::test::settings({{http2::test::setting::max_concurrent_streams, 1}}) +
                           http2::test::settings_ack();
  const auto spans = std::make_shared<SpanMemory>();
  ChannelOptions options;
  options.tracer = spans_into(spans);
  options.service_config = hedging(3, "0.1s");
  options.max_connections = 1;
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto call = unary(channel);
        call.start();
        co_await sleep_for(5s);
        REQUIRE(attempts.seen.size() == 1);
        const auto& first = attempts.seen.front();
        first.peer->send(answers("y")(*first.peer, first.stream));
        while (!call.done()) co_await sleep_for(1ms);
      },
      options));
  const std::vector<SpanRecord> seen = attempts_of(*spans);
  REQUIRE(seen.size() == 2);
  CHECK(std::ranges::count(seen, Code::OK, &SpanRecord::code) == 1);
  CHECK(std::ranges::count(seen, Code::CANCELLED, &SpanRecord::code) == 1);
}

TEST_CASE("the attempts of a retried call have spans one after another, without the backoff") {
  Attempts attempts({fails("14"), answers("yes")});
  const auto spans = std::make_shared<SpanMemory>();
  ChannelOptions options;
  options.tracer = spans_into(spans);
  options.service_config = retrying(3);
  CHECK(attempts.host.serve([](Channel& channel) -> Task<void> { CHECK(co_await unary(channel)); }, options));
  const std::vector<SpanRecord> seen = attempts_of(*spans);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].code == Code::UNAVAILABLE);
  CHECK(seen[1].code == Code::OK);
  CHECK(seen[1].start_ns > seen[0].end_ns);
}

TEST_CASE("a transparent retry is an attempt of its own, which sends the messages again") {
  SimulatedWorld world(1);
  RawHost host(world);
  int requests = 0;
  host.answer = [&](RawPeer& peer, std::uint32_t id) {
    if (++requests == 1) return http2::test::rst_stream(id, http2::ErrorCode::refused_stream);
    return well_answered()(peer, id);
  };
  const auto spans = std::make_shared<SpanMemory>();
  ChannelOptions options;
  options.tracer = spans_into(spans);
  CHECK(host.serve([](Channel& channel) -> Task<void> { CHECK(co_await unary(channel)); }, options));
  const std::vector<SpanRecord> attempts = attempts_of(*spans);
  REQUIRE(attempts.size() == 2);
  CHECK(attempts[0].code == Code::UNAVAILABLE);
  CHECK(attempts[1].code == Code::OK);
  CHECK(attempts[1].attributes ==
        std::vector<SpanAttribute>{{"previous-rpc-attempts", std::int64_t{1}}, {"transparent-retry", true}});
  for (const SpanRecord& attempt : attempts)
    CHECK(std::ranges::count(attempt.events, "Outbound message", &SpanEvent::name) == 1);
  CHECK(host.peers[0]->field(1, "traceparent") != host.peers[0]->field(3, "traceparent"));
}

}  // namespace
}  // namespace ringrpc::test
