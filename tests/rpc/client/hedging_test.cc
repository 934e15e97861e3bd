/// Hedging (gRFC A6): attempts that run at the same time, the one that wins, and what stops the others.

#include <algorithm>
#include <chrono>
#include <doctest/doctest.h>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/sleep.h"

#include "rpc/client/attempts.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
using http2::ErrorCode;
using Words = std::vector<std::string>;

constexpr auto slack = 20ms;  // of the network and the timers

TEST_CASE("attempts begin one delay after another until one has a response, and the others are cancelled") {
  Attempts attempts({silence(), silence(), answers("y")});
  CHECK(attempts.call(hedging(5, "0.5s")).ok());
  CHECK(attempts.previous() == Words{"", "1", "2"});
  for (const std::size_t at : {0U, 1U}) {
    CHECK(attempts.wait_after(at) >= 500ms - slack);
    CHECK(attempts.wait_after(at) <= 500ms + slack);
    CHECK(attempts.seen[at].cancelled());
  }
  CHECK_FALSE(attempts.seen[2].cancelled());
  for (const auto& each : attempts.seen) CHECK(each.body() == message("x"));
}

TEST_CASE("no more attempts begin than the policy has") {
  Attempts attempts({silence()});
  CallOptions options;
  options.timeout = 10s;
  CHECK(attempts.call(hedging(3, "0.1s"), options).code() == Code::DEADLINE_EXCEEDED);
  CHECK(attempts.seen.size() == 3);
  CHECK(std::ranges::all_of(attempts.seen, &Attempts::Seen::cancelled));
}

TEST_CASE("without a delay all attempts begin at once") {
  Attempts attempts({silence(), silence(), silence(), answers("y")});
  CHECK(attempts.call(hedging(4, "0s")).ok());
  CHECK(attempts.seen.size() == 4);
  CHECK(attempts.seen.back().at - attempts.seen.front().at <= slack);
}

TEST_CASE("a response in time needs no other attempt") {
  Attempts attempts({answers("y")});
  CHECK(attempts.call(hedging(5, "0.1s")).ok());
  CHECK(attempts.seen.size() == 1);
}

TEST_CASE("the first attempt may win after others have begun") {
  Attempts attempts({silence()});
  ChannelOptions options;
  options.service_config = hedging(3, "0.1s");
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto calls = start_calls(channel, 1);
        while (attempts.seen.size() < 3) co_await sleep_for(1ms);
        const auto& first = attempts.seen.front();
        first.peer->send(answers("first")(*first.peer, first.stream));
        co_await all_done(calls);
        const auto response = calls.front().result();
        REQUIRE(response);
        CHECK(response->bytes == "first");
        while (!attempts.seen[2].cancelled()) co_await sleep_for(1ms);
        CHECK(attempts.seen[1].cancelled());
        CHECK_FALSE(first.cancelled());
      },
      options));
}

TEST_CASE("a failure that is not fatal begins the next attempt at once") {
  Attempts attempts({fails("14"), fails("13"), silence(), answers("y")});
  CHECK(attempts.call(hedging(4, "1s")).ok());
  CHECK(attempts.wait_after(0) <= slack);
  CHECK(attempts.wait_after(1) <= slack);
  CHECK(attempts.wait_after(2) >= 1s - slack);
}

TEST_CASE("a fatal failure is the call's, and cancels the other attempts") {
  Attempts attempts({silence(), fails("7", {{"grpc-message", "no"}, {"x-why", "1"}})});
  CHECK(attempts.call(hedging(4, "0.1s")).to_string() == "PERMISSION_DENIED: no");
  CHECK(attempts.seen.size() == 2);
  CHECK(attempts.seen[0].cancelled());
  CHECK(attempts.metadata.trailing.find("x-why") == "1");
}

TEST_CASE("when all attempts have failed the last failure is the call's") {
  Attempts attempts({fails("14"), fails("14", {{"x-second", "1"}}), fails("13", {{"grpc-message", "last"}})});
  CHECK(attempts.call(hedging(3, "0.1s")).to_string() == "INTERNAL: last");
  CHECK(attempts.seen.size() == 3);
  CHECK(attempts.metadata.trailing.empty());
}

TEST_CASE("a failure does not end a call whose other attempts are under way") {
  Attempts attempts({silence()});
  ChannelOptions options;
  options.service_config = hedging(2, "0.1s");
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto calls = start_calls(channel, 1);
        while (attempts.seen.size() < 2) co_await sleep_for(1ms);
        const auto respond = [&](std::size_t at, const RawHost::Answer& answer) {
          const auto& each = attempts.seen[at];
          each.peer->send(answer(*each.peer, each.stream));
        };
        respond(0, fails("14"));
        co_await sleep_for(1s);
        CHECK_FALSE(calls.front().done());
        respond(1, answers("y"));
        co_await all_done(calls);
        CHECK(test::code_of(calls.front()) == Code::OK);
      },
      options));
}

TEST_CASE("pushback delays the next attempt, or ends them without ending those under way") {
  {
    Attempts attempts({fails("14", {{"grpc-retry-pushback-ms", "3000"}}), answers("y")});
    CHECK(attempts.call(hedging(3, "0.1s")).ok());
    CHECK(attempts.wait_after(0) >= 3s - slack);
    CHECK(attempts.wait_after(0) <= 3s + slack);
  }
  {
    Attempts attempts({silence(), fails("14", {{"grpc-retry-pushback-ms", "-1"}}), answers("y")});
    CallOptions options;
    options.timeout = 10s;
    CHECK(attempts.call(hedging(5, "0.1s"), options).code() == Code::DEADLINE_EXCEEDED);
    CHECK(attempts.seen.size() == 2);
  }
  Attempts alone({fails("14", {{"grpc-retry-pushback-ms", "-1"}}), answers("y")});
  CHECK(alone.call(hedging(5, "0.1s")).code() == Code::UNAVAILABLE);
}

TEST_CASE("throttling stops further attempts, not those under way") {
  // One failure leaves half of the tokens, which is too few.
  const std::string throttling = R"(, "retryThrottling": {"maxTokens": 2, "tokenRatio": 0.1})";
  {
    Attempts attempts({fails("14"), answers("y")});
    CHECK(attempts.call(hedging(5, "0.1s", throttling)).code() == Code::UNAVAILABLE);
    CHECK(attempts.seen.size() == 1);
  }
  Attempts slow({silence(), fails("14"), answers("y")});
  CallOptions options;
  options.timeout = 10s;
  CHECK(slow.call(hedging(5, "0.1s", throttling), options).code() == Code::DEADLINE_EXCEEDED);
  CHECK(slow.seen.size() == 2);
}

TEST_CASE("failures of other calls stop a hedge that is due") {
  Attempts attempts({silence(), fails("14"), answers("y")});
  ChannelOptions options;
  options.service_config = hedging(2, "1s", R"(, "retryThrottling": {"maxTokens": 2, "tokenRatio": 0.1})");
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto waiting = start_calls(channel, 1);
        co_await sleep_for(100ms);
        CHECK_FALSE(co_await unary(channel));  // takes a token, after which half of them are left
        co_await sleep_for(5s);
        CHECK(attempts.seen.size() == 2);
        CHECK_FALSE(waiting.front().done());
      },
      options));
}

/// Lets all attempts share one connection, which has room for one stream.
ChannelOptions over_one_stream(Attempts& attempts) {
  attempts.host.greeting = http2::test::settings({{http2::test::setting::max_concurrent_streams, 1}}) +
                           http2::test::settings_ack();
  ChannelOptions options;
  options.service_config = hedging(3, "0.1s");
  options.max_connections = 1;
  return options;
}

/// Makes a call whose first attempt, the only one with a stream, gets `reply` after 5 s. The call succeeds.
Task<void> call_with_late_reply(Channel& channel, const Attempts& attempts, RawHost::Answer reply) {
  const auto calls = start_calls(channel, 1);
  co_await sleep_for(5s);
  REQUIRE(attempts.seen.size() == 1);
  const auto& first = attempts.seen.front();
  first.peer->send(reply(*first.peer, first.stream));
  co_await all_done(calls);
  CHECK(test::code_of(calls.front()) == Code::OK);
}

TEST_CASE("attempts wait for streams, and the call ends though one still waits") {
  Attempts attempts({silence()});
  const ChannelOptions options = over_one_stream(attempts);
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        co_await call_with_late_reply(channel, attempts, answers("y"));
        co_await sleep_for(5s);
        CHECK(attempts.seen.size() == 1);
      },
      options));
}

TEST_CASE("an attempt that waits for a stream gets that of one that has failed") {
  Attempts attempts({silence(), answers("y")});
  const ChannelOptions options = over_one_stream(attempts);
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        co_await call_with_late_reply(channel, attempts, fails("14"));
        CHECK(attempts.seen.size() == 2);
      },
      options));
}

TEST_CASE("a refused attempt is made again and does not count") {
  Attempts attempts({resets(ErrorCode::refused_stream), silence(), answers("y")});
  CHECK(attempts.call(hedging(2, "0.1s")).ok());
  CHECK(attempts.previous() == Words{"", "", "1"});
}

TEST_CASE("messages that are written later go to all attempts until one wins") {
  Attempts attempts({silence()});
  ChannelOptions options;
  options.service_config = hedging(2, "0.1s");
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        auto writer = channel.client_streaming<RawMessage, RawMessage>(join_path);
        CHECK(co_await writer.write(RawMessage{"a"}));
        while (attempts.seen.size() < 2) co_await sleep_for(1ms);
        CHECK(co_await writer.write(RawMessage{"b"}));
        for (const auto& each : attempts.seen)
          while (each.body() != message("a") + message("b")) co_await sleep_for(1ms);
        const auto& second = attempts.seen[1];
        second.peer->send(second.peer->encoder.headers(second.stream, good_headers));
        while (!attempts.seen[0].cancelled()) co_await sleep_for(1ms);
        CHECK(co_await writer.write(RawMessage{"c"}));
        while (!second.body().ends_with(message("c"))) co_await sleep_for(1ms);
        second.peer->send(
            http2::test::data(second.stream, message("joined")) +
            second.peer->encoder.headers(second.stream, good_trailers, http2::test::end_stream));
        const auto joined = co_await writer.finish();
        REQUIRE_MESSAGE(joined, joined.error().to_string());
        CHECK(joined->bytes == "joined");
        CHECK(attempts.seen[0].body() == message("a") + message("b"));
      },
      options));
}

TEST_CASE("a request that becomes too long to be kept goes on with the first attempt alone") {
  Attempts attempts({silence()});
  ChannelOptions options;
  options.service_config = hedging(3, "0.1s");
  options.retry_buffer_bytes = 1000;
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        auto writer = channel.client_streaming<RawMessage, RawMessage>(join_path);
        CHECK(co_await writer.write(RawMessage{"a"}));
        while (attempts.seen.size() < 2) co_await sleep_for(1ms);
        CHECK(co_await writer.write(RawMessage{std::string(2000, 'b')}));
        while (!attempts.seen[1].cancelled()) co_await sleep_for(1ms);
        const auto& first = attempts.seen[0];
        while (first.body().size() < 2000) co_await sleep_for(1ms);
        first.peer->send(answers("y")(*first.peer, first.stream));
        CHECK(co_await writer.finish());
        CHECK(attempts.seen.size() == 2);
      },
      options));
}

TEST_CASE("a lost connection is a failure of its attempts alone") {
  Attempts attempts({silence(), answers("y")});
  ChannelOptions options;
  options.service_config = hedging(3, "1s");
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto calls = start_calls(channel, 1);
        while (attempts.seen.empty()) co_await sleep_for(1ms);
        attempts.seen.front().peer->finish();
        co_await all_done(calls);
        CHECK(test::code_of(calls.front()) == Code::OK);
        CHECK(attempts.seen.size() == 2);
      },
      options));
}

TEST_CASE("a hedged call that is dropped, or whose channel is, cancels all its attempts") {
  for (const bool drops_channel : {false, true}) {
    Attempts attempts({silence()});
    ChannelOptions options;
    options.service_config = hedging(3, "0.1s");
    CHECK(attempts.host.serve(
        [&](Channel& channel) -> Task<void> {
          auto call = channel.call(echo, MethodKind::unary, {});
          call->writes_done();
          while (attempts.seen.size() < 3) co_await sleep_for(1ms);
          if (drops_channel) {
            (void)co_await channel.close(0ms);
            CHECK(call->finished());
            CHECK(call->take_status().code() == Code::CANCELLED);
            co_return;
          }
          call.reset();
          while (!std::ranges::all_of(attempts.seen, &Attempts::Seen::cancelled)) co_await sleep_for(1ms);
        },
        options));
  }
}

}  // namespace
}  // namespace ringrpc::test
