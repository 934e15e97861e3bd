/// Retries by policy (gRFC A6): when a call is attempted again, with what, and when no more.

#include <algorithm>
#include <chrono>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/client_interceptor.h"
#include "ringrpc/metrics.h"
#include "ringrpc/resolver.h"
#include "ringrpc/sleep.h"

#include "rpc/client/attempts.h"
#include "rpc/client/call_policies.h"
#include "rpc/kept_log.h"
#include "rpc/metrics/channel_metrics.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
using http2::ErrorCode;
using Words = std::vector<std::string>;

Code code_of_done(const CallResult<RawMessage>& response) {
  return response ? Code::OK : response.error().code();
}

bool within(Nanoseconds time, Nanoseconds least, Nanoseconds most) { return time >= least && time <= most; }

TEST_CASE("a call is attempted again until it succeeds") {
  Attempts attempts({fails("14"), fails("14"), answers("y")});
  CHECK(attempts.call(retrying(4)).ok());
  CHECK(attempts.previous() == Words{"", "1", "2"});
  for (const auto& each : attempts.seen) CHECK(each.body() == message("x"));
}

TEST_CASE("the last attempt's status is the call's") {
  Attempts attempts({fails("14"), fails("14", {{"grpc-message", "third"}, {"x-last", "1"}}), answers("y")});
  CHECK(attempts.call(retrying(2)).to_string() == "UNAVAILABLE: third");
  CHECK(attempts.seen.size() == 2);
  CHECK(attempts.metadata.trailing.find("x-last") == "1");
}

TEST_CASE("metadata of attempts that failed is not the call's") {
  Attempts attempts({fails("14", {{"x-first", "1"}}), answers("y")});
  CHECK(attempts.call(retrying(4)).ok());
  CHECK(attempts.metadata.initial.empty());
  CHECK(attempts.metadata.trailing.empty());
}

TEST_CASE("a code that is not retryable is the call's") {
  Attempts attempts({fails("13"), answers("y")});
  CHECK(attempts.call(retrying(4)).code() == Code::INTERNAL);
  CHECK(attempts.seen.size() == 1);
}

TEST_CASE("a call without a policy is not attempted again") {
  Attempts attempts({fails("14"), answers("y")});
  CHECK(attempts.call(nullptr).code() == Code::UNAVAILABLE);
  CHECK(attempts.call(for_all_methods(R"("timeout": "1s")")).ok());
  CHECK(attempts.seen.size() == 2);
}

/// Looks up names in vain.
struct NoNames final : Resolver {
  Task<Result<Resolution>> resolve(ResolveRequest) override {
    co_return fail(Code::UNAVAILABLE, "nothing is listed");
  }
};

TEST_CASE("attempts that reach no server count, so a call without a deadline ends with the last one") {
  for (const auto& policy : {retrying(3), hedging(3, "0.1s"), hedging(3, "0s")})
    for (const std::string target : {"127.0.0.1:9", "127.0.0.1:8,127.0.0.1:9", "nowhere:///x"}) {
      CAPTURE(target);
      SimulatedWorld world(1);
      CHECK(world.run_against(
          target,
          [](Channel& channel) -> Task<void> {
            const Instant before = now();
            const auto failed = co_await unary(channel);
            REQUIRE_FALSE(failed);
            CHECK(failed.error().code() == Code::UNAVAILABLE);
            CHECK(now() - before < 5s);
          },
          {.resolvers = {{"nowhere", std::make_shared<NoNames>()}}, .service_config = policy}));
    }
}

TEST_CASE("an attempt that reached no server is one of those that the server is told of") {
  Attempts attempts({answers("y")});
  attempts.host.close();
  CHECK(attempts.world.run_against("127.0.0.1:7",
                                   [&](Channel& channel) -> Task<void> {
                                     auto call = unary(channel);
                                     call.start();
                                     co_await sleep_for(10ms);
                                     attempts.host.open();
                                     while (!call.done()) co_await sleep_for(10ms);
                                     CHECK(call.result());
                                   },
                                   {.backoff = {.initial = 10ms}, .service_config = retrying(3)}));
  CHECK(attempts.previous() == Words{"1"});
}

TEST_CASE("backoffs grow up to the maximum, with jitter") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Attempts attempts({fails("14")}, seed);
    CHECK(attempts.call(retrying(5)).code() == Code::UNAVAILABLE);
    REQUIRE(attempts.seen.size() == 5);
    constexpr auto slack = 20ms;  // of the network and the timers
    CHECK(within(attempts.wait_after(0), 80ms, 120ms + slack));
    CHECK(within(attempts.wait_after(1), 320ms, 480ms + slack));
    CHECK(within(attempts.wait_after(2), 800ms, 1200ms + slack));
    CHECK(within(attempts.wait_after(3), 800ms, 1200ms + slack));
  }
}

TEST_CASE("calls that fail together do not retry together") {
  Attempts attempts({fails("14")});
  ChannelOptions options;
  options.service_config = retrying(2);
  CHECK(attempts.host.serve(
      [](Channel& channel) -> Task<void> {
        for (int call = 0; call < 50; ++call) CHECK_FALSE(co_await unary(channel));
      },
      options));
  REQUIRE(attempts.seen.size() == 100);
  std::vector<Nanoseconds> waits;
  for (std::size_t call = 0; call < 50; ++call) waits.push_back(attempts.wait_after(2 * call));
  const auto [shortest, longest] = std::ranges::minmax(waits);
  CHECK(longest - shortest > 25ms);  // of 40 ms
}

TEST_CASE("the server's pushback decides when the next attempt begins") {
  Attempts attempts(
      {fails("14"), fails("14", {{"grpc-retry-pushback-ms", "5000"}}), fails("14"), answers("y")});
  CHECK(attempts.call(retrying(5)).ok());
  constexpr auto slack = 20ms;
  CHECK(within(attempts.wait_after(1), 5000ms, 5000ms + slack));
  CHECK(within(attempts.wait_after(2), 80ms, 120ms + slack));  // the shortest again
}

TEST_CASE("a pushback of 0 is no wait, and any that is no time ends the attempts") {
  for (const char* zero : {"0", "00", "-0"}) {
    Attempts attempts({fails("14", {{"grpc-retry-pushback-ms", zero}}), answers("y")});
    CHECK(attempts.call(retrying(2)).ok());
    CHECK(attempts.wait_after(0) <= 20ms);
  }
  for (const char* no_time : {"-1", "", "x", "1.5", "99999999999999999999"}) {
    CAPTURE(no_time);
    Attempts attempts({fails("14", {{"grpc-retry-pushback-ms", no_time}}), answers("y")});
    CHECK(attempts.call(retrying(2)).code() == Code::UNAVAILABLE);
    CHECK(attempts.seen.size() == 1);
  }
  Attempts twice(
      {fails("14", {{"grpc-retry-pushback-ms", "1"}, {"grpc-retry-pushback-ms", "1"}}), answers("y")});
  CHECK(twice.call(retrying(2)).code() == Code::UNAVAILABLE);
}

TEST_CASE("pushback does not make other codes retryable") {
  Attempts attempts({fails("13", {{"grpc-retry-pushback-ms", "1"}}), answers("y")});
  CHECK(attempts.call(retrying(2)).code() == Code::INTERNAL);
}

TEST_CASE("a response that has begun is the last") {
  Attempts attempts({[](RawPeer& peer, std::uint32_t id) {
                       return peer.encoder.headers(id, good_headers) +
                              peer.encoder.headers(id, {{"grpc-status", "14"}}, http2::test::end_stream);
                     },
                     answers("y")});
  CHECK(attempts.call(retrying(4)).code() == Code::UNAVAILABLE);
  CHECK(attempts.seen.size() == 1);
}

TEST_CASE("resets, foreign responses and lost connections are failures with a code") {
  const FieldList html = {{":status", "503"}, {"content-type", "text/html"}};
  for (const RawHost::Answer& failure :
       {resets(ErrorCode::refused_stream), headers_only({{":status", "503"}}),
        whole(html, "<html>", {{"x", "y"}}),
        whole({{":status", "503"}, {"content-type", "application/grpc"}}, "", {{"x", "y"}}),
        RawHost::Answer([&](RawPeer& peer, std::uint32_t id) {
          return peer.encoder.headers(id, html) + http2::test::data(id, "<html>");
        })}) {
    Attempts attempts({failure, failure, answers("y")});
    CHECK(attempts.call(retrying(3)).ok());
    CHECK(attempts.seen.size() == 3);
  }
  {
    Attempts cut({RawHost::Answer([](RawPeer& peer, std::uint32_t) {
                    peer.finish();
                    return std::string();
                  }),
                  answers("y")});
    CHECK(cut.call(retrying(2)).ok());
  }
  Attempts reset({resets(ErrorCode::internal_error), answers("y")});
  CHECK(reset.call(retrying(2)).code() == Code::INTERNAL);
}

TEST_CASE("transparent retries do not count") {
  Attempts attempts({resets(ErrorCode::refused_stream), fails("14"), fails("14"), answers("y")});
  CHECK(attempts.call(retrying(3)).ok());
  CHECK(attempts.previous() == Words{"", "", "1", "2"});
}

TEST_CASE("one deadline applies to all attempts") {
  Attempts attempts({fails("14"), fails("14"), silence()});
  CallOptions options;
  options.timeout = 1s;
  CHECK(attempts.call(retrying(3), options).code() == Code::DEADLINE_EXCEEDED);
  CHECK(attempts.seen.size() == 3);
  CHECK(attempts.seen.back().peer->field(attempts.seen.back().stream, "grpc-timeout") !=
        attempts.seen.front().peer->field(attempts.seen.front().stream, "grpc-timeout"));
}

TEST_CASE("a deadline that passes between attempts names the last failure") {
  Attempts attempts({fails("14", {{"grpc-message", "busy"}, {"grpc-retry-pushback-ms", "60000"}})});
  CallOptions options;
  options.timeout = 1s;
  CHECK(attempts.call(retrying(3), options).to_string() ==
        "DEADLINE_EXCEEDED: waited for the next attempt until the deadline; 1 attempt has failed, last: "
        "UNAVAILABLE: busy");
}

TEST_CASE("the service config's timeout and waiting apply unless the caller's are stricter or given") {
  Attempts attempts({silence()});
  CallOptions options;
  options.timeout = 1s;
  const auto begun = attempts.world.client_shard().now();
  const Status callers = attempts.call(for_all_methods(R"("timeout": "5s")"), options);
  CHECK(callers.code() == Code::DEADLINE_EXCEEDED);
  CHECK(callers.cause() == Cause::other);
  CHECK(attempts.world.client_shard().now() - begun < 2s);
  const Status configs = attempts.call(for_all_methods(R"("timeout": "5s")"));
  CHECK(configs.code() == Code::DEADLINE_EXCEEDED);
  CHECK(configs.cause() == Cause::method_timeout);

  attempts.host.close();
  options = {};
  options.timeout = 10s;
  CHECK(attempts.call(nullptr, options).code() == Code::UNAVAILABLE);
  const auto waiting = for_all_methods(R"("waitForReady": true)");
  CHECK(attempts.call(waiting, options).code() == Code::DEADLINE_EXCEEDED);
  options.wait_for_ready = false;
  CHECK(attempts.call(waiting, options).code() == Code::UNAVAILABLE);
}

TEST_CASE("the service config limits messages, as the channel's options do") {
  Attempts attempts({answers(std::string(100, 'y'))});
  CHECK(attempts.call(for_all_methods(R"("maxResponseMessageBytes": 100)")).ok());
  CHECK(attempts.call(for_all_methods(R"("maxResponseMessageBytes": 99)")).code() ==
        Code::RESOURCE_EXHAUSTED);
  CHECK(attempts.call(for_all_methods(R"("maxRequestMessageBytes": 0)")).code() == Code::RESOURCE_EXHAUSTED);
  CHECK(attempts.call(for_all_methods(R"("maxRequestMessageBytes": 1)")).ok());
}

TEST_CASE("a server that cannot be reached is a failure, too") {
  Attempts attempts({answers("y")});
  attempts.host.close();
  ChannelOptions options;
  options.service_config = retrying(5);
  options.backoff.initial = 10ms;
  options.backoff.max = 10ms;
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        auto call = unary(channel);
        call.start();
        co_await sleep_for(150ms);
        CHECK_FALSE(call.done());
        attempts.host.open();
        while (!call.done()) co_await sleep_for(1ms);
        CHECK(call.result());
      },
      options));
}

TEST_CASE("retries stop when too many calls have failed, and begin again when enough succeed") {
  // Two failures leave half of the tokens, which is too few.
  const auto config = retrying(5, R"(, "retryThrottling": {"maxTokens": 4, "tokenRatio": 0.5})");
  Attempts attempts({fails("14"), fails("14"), fails("14"), answers("y"), fails("14"), answers("y"),
                     answers("y"), answers("y"), answers("y"), fails("14"), answers("y")});
  ChannelOptions options;
  options.service_config = config;
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        CHECK(code_of_done(co_await unary(channel)) == Code::UNAVAILABLE);
        CHECK(attempts.seen.size() == 2);
        CHECK(code_of_done(co_await unary(channel)) == Code::UNAVAILABLE);
        CHECK(attempts.seen.size() == 3);
        CHECK(co_await unary(channel));  // 1.5 of 4 tokens
        CHECK(code_of_done(co_await unary(channel)) == Code::UNAVAILABLE);
        CHECK(attempts.seen.size() == 5);
        for (int at = 0; at < 4; ++at) CHECK(co_await unary(channel));
        CHECK(attempts.seen.size() == 9);  // 2.5 of 4 tokens
        CHECK(code_of_done(co_await unary(channel)) == Code::UNAVAILABLE);
        CHECK(attempts.seen.size() == 10);
      },
      options));
}

TEST_CASE("a request that is too long to be kept is sent once") {
  for (const bool long_request : {false, true}) {
    CAPTURE(long_request);
    Attempts attempts({fails("14"), answers("y")});
    ChannelOptions options;
    options.service_config = retrying(3);
    options.retry_buffer_bytes = 1000;
    if (long_request) options.retry_buffer_total_bytes = 100;
    CHECK(attempts.host.serve(
        [&](Channel& channel) -> Task<void> {
          for (const std::size_t bytes : {std::size_t{90}, std::size_t{1000}}) {
            attempts.seen.clear();
            const auto response =
                co_await channel.unary<RawMessage, RawMessage>(echo, RawMessage{std::string(bytes, 'x')});
            CHECK(response.has_value() == (bytes == 90));
          }
        },
        options));
  }
}

TEST_CASE("a stream's messages are sent again, and the later ones once") {
  Attempts attempts({silence()});
  ChannelOptions options;
  options.service_config = retrying(3);
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        auto writer = channel.client_streaming<RawMessage, RawMessage>(join_path);
        CHECK(co_await writer.write(RawMessage{"a"}));
        CHECK(co_await writer.write(RawMessage{"b"}));
        for (std::size_t attempt = 0; attempt < 2; ++attempt) {
          while (attempts.seen.size() <= attempt) co_await sleep_for(1ms);
          const auto& last = attempts.seen.back();
          while (last.body() != message("a") + message("b")) co_await sleep_for(1ms);
          last.peer->send(fails("14")(*last.peer, last.stream));
        }
        while (attempts.seen.size() < 3) co_await sleep_for(1ms);
        CHECK(co_await writer.write(RawMessage{"c"}));
        const auto& last = attempts.seen.back();
        while (last.body() != message("a") + message("b") + message("c")) co_await sleep_for(1ms);
        last.peer->send(answers("joined")(*last.peer, last.stream));
        const auto joined = co_await writer.finish();
        REQUIRE_MESSAGE(joined, joined.error().to_string());
        CHECK(joined->bytes == "joined");
      },
      options));
}

TEST_CASE("a caller that cancels or drops a call between attempts ends it") {
  Attempts attempts({fails("14", {{"grpc-retry-pushback-ms", "1000"}})});
  ChannelOptions options;
  options.service_config = retrying(3);
  CHECK(attempts.host.serve(
      [&](Channel& channel) -> Task<void> {
        for (const bool drops : {false, true}) {
          attempts.seen.clear();
          auto call = channel.call(echo, MethodKind::unary, {});
          call->writes_done();
          while (attempts.seen.empty()) co_await sleep_for(1ms);
          co_await sleep_for(100ms);
          if (drops) {
            call.reset();
          } else {
            call->cancel();
            CHECK(call->finished());
          }
          co_await sleep_for(5s);
          CHECK(attempts.seen.size() == 1);
        }
      },
      options));
}

TEST_CASE("a channel that closes waits for calls between attempts, up to its limit") {
  for (const auto& [limit, code] : {std::pair(10s, Code::OK), std::pair(1s, Code::CANCELLED)}) {
    Attempts attempts({fails("14", {{"grpc-retry-pushback-ms", "5000"}}), answers("y")});
    ChannelOptions options;
    options.service_config = retrying(3);
    CHECK(attempts.host.serve(
        [&, waited = limit, expected = code](Channel& channel) -> Task<void> {
          const auto calls = start_calls(channel, 1);
          while (attempts.seen.empty()) co_await sleep_for(1ms);
          co_await sleep_for(100ms);
          const std::uint64_t cut = co_await channel.close(waited);
          CHECK(cut == (expected == Code::OK ? 0 : 1));
          co_await all_done(calls);
          CHECK(test::code_of(calls.front()) == expected);
        },
        options));
  }
}

/// Counts the calls that it sees.
class Counting final : public ClientInterceptor {
 public:
  int calls = 0;
  std::vector<Code> codes;

 private:
  Task<Status> intercept(ClientRequest&, ClientNext next) override {
    ++calls;
    Status status = co_await next();
    codes.push_back(status.code());
    co_return status;
  }
};

TEST_CASE("interceptors see one call with its last status") {
  Counting interceptor;
  Attempts attempts({fails("14"), fails("14"), answers("y")});
  ChannelOptions options;
  options.service_config = retrying(3);
  options.interceptors = {&interceptor};
  CHECK(
      attempts.host.serve([&](Channel& channel) -> Task<void> { CHECK(co_await unary(channel)); }, options));
  CHECK(attempts.seen.size() == 3);
  CHECK(interceptor.calls == 1);
  CHECK(interceptor.codes == std::vector{Code::OK});
}

TEST_CASE("metrics and the log have further attempts by their kind") {
  const KeptLog log(log::Level::debug);
  {
    Attempts attempts({resets(ErrorCode::refused_stream), fails("14", {{"grpc-message", "busy"}}),
                       answers("y"), fails("14")});
    ChannelOptions options;
    options.metrics = true;
    options.service_config = retrying(3, R"(, "retryThrottling": {"maxTokens": 3, "tokenRatio": 0.1})");
    CHECK(attempts.host.serve(
        [&](Channel& channel) -> Task<void> {
          const auto& counts = TargetMetrics::of(channel.target()).on(attempts.world.client_shard())->counts;
          const auto further = counts.further_attempts;
          const auto throttled = counts.throttled;
          CHECK(co_await unary(channel));
          CHECK_FALSE(co_await unary(channel));
          const auto since = [&](AttemptKind kind) {
            return counts.further_attempts[static_cast<std::size_t>(kind)] -
                   further[static_cast<std::size_t>(kind)];
          };
          CHECK(since(AttemptKind::transparent) == 1);
          CHECK(since(AttemptKind::retry) == 1);
          CHECK(since(AttemptKind::hedge) == 0);
          CHECK(counts.throttled - throttled == 1);
        },
        options));
  }
  const std::string page = block_on(channel_metrics_text(MetricsFormat::prometheus)).value();
  CHECK(page.find("ringrpc_client_retries_total{target=\"127.0.0.1:7\",kind=\"retry\"}") !=
        std::string::npos);
  CHECK(page.find("ringrpc_client_retries_throttled_total{target=\"127.0.0.1:7\"}") != std::string::npos);
  CHECK(log.count("debug 127.0.0.1:7: /test.v1.Raw/Echo: retried after 1 attempt: UNAVAILABLE: busy") == 1);
}

TEST_CASE("handlers learn how many attempts there were before") {
  SimulatedWorld world(1);
  world.serve({});
  const std::unique_ptr<RawPeer> peer = RawPeer::before_server(world);
  peer->request(1, "/test.v1.Raw/Attempts", message(""), {{"grpc-previous-rpc-attempts", "3"}});
  peer->request(3, "/test.v1.Raw/Attempts", message(""));
  peer->request(5, "/test.v1.Raw/Attempts", message(""), {{"grpc-previous-rpc-attempts", "many"}});
  REQUIRE(world.run_until([&] { return peer->ended(5); }));
  CHECK(peer->body(1) == message("3"));
  CHECK(peer->body(3) == message("0"));
  CHECK(peer->body(5) == message("0"));
}

TEST_CASE("a service config that is wrong keeps the last good one, and none stands for the channel's own") {
  RetryThrottle throttle;
  ChannelOptions options;
  options.service_config = retrying(2);
  CallPolicies policies(options, throttle, nullptr, {}, 0);
  CHECK(policies.config() == options.service_config.get());
  const auto resolved = retrying(3);
  CHECK(policies.use(resolved).ok());
  CHECK(policies.config() == resolved.get());
  CHECK(policies.use(ServiceConfig::parse("{")).code() == Code::INVALID_ARGUMENT);
  CHECK(policies.config() == resolved.get());
  CHECK(policies.use(nullptr).ok());
  CHECK(policies.config() == options.service_config.get());
}

}  // namespace
}  // namespace ringrpc::test
