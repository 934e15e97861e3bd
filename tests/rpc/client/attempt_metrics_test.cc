/// The metrics of the attempts of one call (gRFC A66): of retries and of a hedged call.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <doctest/doctest.h>
#include <string>
#include <utility>

#include "ringrpc/sleep.h"

#include "rpc/client/attempts.h"
#include "rpc/metrics/channel_metrics.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
using http2::ErrorCode;

/// The numbers of the attempts of Raw.Echo since it was made: other tests have counted for the same target.
class AttemptsSince {
 public:
  explicit AttemptsSince(World& world, MethodKind kind = MethodKind::unary)
      : attempts_(TargetMetrics::of("127.0.0.1:7").on(world.client_shard())->of(echo_path, kind).attempts) {
    before_.add(attempts_);
  }

  std::uint64_t started() const { return attempts_.started() - before_.started(); }
  std::uint64_t ended() const { return attempts_.handled() - before_.handled(); }
  std::uint64_t ended(Code code) const { return attempts_.handled(code) - before_.handled(code); }
  Nanoseconds time(Code code) const {
    return Nanoseconds(static_cast<std::int64_t>(sum(code, &CallHistograms::duration)));
  }
  std::uint64_t sent_bytes(Code code) const { return sum(code, &CallHistograms::sent_bytes); }
  std::uint64_t received_bytes(Code code) const { return sum(code, &CallHistograms::received_bytes); }

 private:
  std::uint64_t sum(Code code, auto histogram) const {
    const CallHistograms* const now = attempts_.histograms(code);
    const CallHistograms* const before = before_.histograms(code);
    return (now ? (now->*histogram).sum() : 0) - (before ? (before->*histogram).sum() : 0);
  }

  CallMetrics& attempts_;
  CallMetrics before_;
};

ChannelOptions counted_with(std::shared_ptr<const ServiceConfig> config) {
  ChannelOptions options;
  options.metrics = true;
  options.service_config = std::move(config);
  return options;
}

TEST_CASE("each attempt of a hedged call counts by itself, with its own outcome, time and bytes") {
  Attempts attempts({silence(), fails("14"), answers("yes")});
  const AttemptsSince counts(attempts.world);
  CHECK(attempts.host.serve([](Channel& channel) -> Task<void> { CHECK(co_await unary(channel)); },
                            counted_with(hedging(3, "0.5s"))));
  CHECK(counts.started() == 3);
  CHECK(counts.ended() == 3);
  for (const Code code : {Code::CANCELLED, Code::UNAVAILABLE, Code::OK}) {
    CAPTURE(name(code));
    CHECK(counts.ended(code) == 1);
    CHECK(counts.sent_bytes(code) == 1);
    CHECK(counts.received_bytes(code) == (code == Code::OK ? 3 : 0));
  }
  CHECK(counts.time(Code::CANCELLED) >= 500ms);
  CHECK(counts.time(Code::UNAVAILABLE) < 100ms);
  CHECK(counts.time(Code::OK) < 100ms);
}

TEST_CASE("messages that are written later count for the attempts that send them") {
  Attempts attempts({silence()});
  const AttemptsSince counts(attempts.world, MethodKind::client_streaming);
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        CallOptions options;
        options.timeout = 1s;
        auto stream = channel.client_streaming<RawMessage, RawMessage>(echo_path, options);
        CHECK(co_await stream.write(RawMessage{"1234"}));
        while (attempts.seen.size() < 2) co_await sleep_for(10ms);
        CHECK(co_await stream.write(RawMessage{"56"}));
        CHECK((co_await stream.finish()).error().code() == Code::DEADLINE_EXCEEDED);
      },
      counted_with(hedging(2, "0.1s"))));
  CHECK(counts.started() == 2);
  CHECK(counts.ended(Code::DEADLINE_EXCEEDED) == 2);
  CHECK(counts.sent_bytes(Code::DEADLINE_EXCEEDED) == 12);
}

TEST_CASE("the attempt of a hedged call that still waits for a stream counts, and has sent nothing") {
  Attempts attempts({silence()});
  attempts.host.greeting = http2::test::settings({{http2::test::setting::max_concurrent_streams, 1}}) +
                           http2::test::settings_ack();
  const AttemptsSince counts(attempts.world);
  ChannelOptions options = counted_with(hedging(3, "0.1s"));
  options.max_connections = 1;
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto call = unary(channel);
        call.start();
        co_await sleep_for(5s);
        const auto& first = attempts.seen.front();
        first.peer->send(answers("y")(*first.peer, first.stream));
        while (!call.done()) co_await sleep_for(1ms);
      },
      options));
  CHECK(counts.started() == 2);
  CHECK(counts.ended(Code::OK) == 1);
  CHECK(counts.sent_bytes(Code::OK) == 1);
  CHECK(counts.ended(Code::CANCELLED) == 1);
  CHECK(counts.sent_bytes(Code::CANCELLED) == 0);
  CHECK(counts.time(Code::CANCELLED) >= 4s);
}

TEST_CASE("when the deadline of a hedged call passes, each attempt ends with it") {
  Attempts attempts({silence()});
  const AttemptsSince counts(attempts.world);
  CHECK(attempts.host.serve(
      [](Channel& channel) -> Task<void> { CHECK_FALSE(co_await unary(channel, Nanoseconds(2s))); },
      counted_with(hedging(3, "0.5s"))));
  CHECK(counts.started() == 3);
  CHECK(counts.ended(Code::DEADLINE_EXCEEDED) == 3);
  CHECK(counts.time(Code::DEADLINE_EXCEEDED) >= 4s);
  CHECK(counts.time(Code::DEADLINE_EXCEEDED) <= 5s);
}

TEST_CASE("a failure that ends a hedged call cancels its other attempts in the metrics too") {
  for (const auto& [answer, code] :
       {std::pair{fails("5"), Code::NOT_FOUND},
        std::pair{resets(ErrorCode::enhance_your_calm), Code::RESOURCE_EXHAUSTED}}) {
    Attempts attempts({silence(), answer});
    const AttemptsSince counts(attempts.world);
    CHECK(attempts.host.serve(
        [&, expected = code](Channel& channel) -> Task<void> {
          const auto response = co_await unary(channel);
          REQUIRE_FALSE(response);
          CHECK(response.error().code() == expected);
        },
        counted_with(hedging(3, "0.5s"))));
    CHECK(counts.started() == 2);
    CHECK(counts.ended(code) == 1);
    CHECK(counts.ended(Code::CANCELLED) == 1);
  }
}

TEST_CASE("an attempt that has failed counts before the next one begins") {
  Attempts attempts({fails("14"), answers("yes")});
  const AttemptsSince counts(attempts.world);
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto call = unary(channel);
        call.start();
        while (counts.ended() == 0) co_await sleep_for(1ms);
        CHECK(counts.started() == 1);
        CHECK(counts.ended(Code::UNAVAILABLE) == 1);
        CHECK(attempts.seen.size() == 1);
        while (!call.done()) co_await sleep_for(1ms);
      },
      counted_with(retrying(3))));
  CHECK(counts.started() == 2);
  CHECK(counts.ended(Code::OK) == 1);
  CHECK(counts.received_bytes(Code::OK) == 3);
}

TEST_CASE("the attempts of a hedged call that is dropped are cancelled") {
  Attempts attempts({silence()});
  const AttemptsSince counts(attempts.world);
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        {
          const auto call = unary(channel);
          call.start();
          while (attempts.seen.size() < 3) co_await sleep_for(10ms);
        }
        co_return;
      },
      counted_with(hedging(3, "0.1s"))));
  CHECK(counts.started() == 3);
  CHECK(counts.ended(Code::CANCELLED) == 3);
}

}  // namespace
}  // namespace ringrpc::test
