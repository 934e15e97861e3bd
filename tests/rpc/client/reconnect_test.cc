/// A channel connects to its server, loses it and reconnects.

#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "apps/captured_stderr.h"
#include "rpc/client/raw_host.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
using http2::ErrorCode;
using http2::test::goaway;
using http2::test::rst_stream;
using http2::test::settings;
using http2::test::settings_ack;

CallOptions waiting_for(Nanoseconds timeout) {
  CallOptions options;
  options.wait_for_ready = true;
  options.timeout = timeout;
  return options;
}

TEST_CASE("nothing connects before the first call") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = well_answered();
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    co_await sleep_for(10s);
    CHECK(host.peers.empty());
    CHECK(co_await unary(channel));
    CHECK(host.peers.size() == 1);
  }));
}

TEST_CASE("a connection that was lost is replaced by the next call's") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = well_answered();
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    for (int at = 0; at < 5; ++at) {
      CHECK(co_await unary(channel));
      host.peers.clear();
      co_await sleep_for(1ms);
    }
  }));
}

TEST_CASE("calls in flight on a connection that is lost are UNAVAILABLE, with the address and the cause") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto calls = start_calls(channel, 3, {});
    while (host.peers.empty() || !host.peers.front()->field(5, ":path")) co_await sleep_for(1ms);
    host.peers.clear();
    co_await all_done(calls);
    for (const auto& call : calls)
      CHECK(call.result().error().to_string().starts_with("UNAVAILABLE: 127.0.0.1:7: the peer "));
  }));
}

TEST_CASE("a name's addresses are tried in order, and each that fails is named") {
  SimulatedWorld world(1);
  SUBCASE("the second answers") {
    RawHost host(world, "[::1]:7");
    host.answer = well_answered();
    CHECK(world.run_against("localhost:7",
                            [](Channel& channel) -> Task<void> { CHECK(co_await unary(channel)); }));
    CHECK(host.peers.size() == 1);
  }
  SUBCASE("the first accepts and hangs up before the handshake") {
    RawHost deaf(world, "127.0.0.1:7");
    deaf.greeting = std::string(9, '\0') + "no HTTP/2";
    RawHost host(world, "[::1]:7");
    host.answer = well_answered();
    CHECK(world.run_against("localhost:7",
                            [](Channel& channel) -> Task<void> { CHECK(co_await unary(channel)); }));
    CHECK(host.peers.size() == 1);
  }
  SUBCASE("none answers") {
    CHECK(world.run_against("localhost:7", [](Channel& channel) -> Task<void> {
      const auto refused = co_await unary(channel);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().to_string() ==
            "UNAVAILABLE: connect localhost:7 at 127.0.0.1:7: connection refused; "
            "at [::1]:7: connection refused");
    }));
  }
}

TEST_CASE("an invalid target is the caller's error, at once and always") {
  SimulatedWorld world(1);
  CHECK(world.run_against("nowhere", [](Channel& channel) -> Task<void> {
    for (int at = 0; at < 2; ++at) {
      const auto failed = co_await unary(channel, waiting_for(1h));
      REQUIRE_FALSE(failed);
      CHECK(failed.error().code() == Code::INVALID_ARGUMENT);
      CHECK(failed.error().message().starts_with("address \"nowhere\":"));
    }
  }));
}

TEST_CASE("a call that waits for readiness outlasts the server's absence") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = well_answered();
  host.close();
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    CHECK_FALSE(co_await unary(channel));
    auto waiting = unary(channel, waiting_for(10min));
    waiting.start();
    co_await sleep_for(30s);
    CHECK_FALSE(waiting.done());
    const auto hasty = co_await unary(channel);
    REQUIRE_FALSE(hasty);
    CHECK(hasty.error().to_string() == "UNAVAILABLE: connect 127.0.0.1:7: connection refused");
    host.open();
    while (!waiting.done()) co_await sleep_for(1ms);
    CHECK(waiting.result());
  }));
}

TEST_CASE("a call that has waited in vain names what it waited for") {
  SimulatedWorld world(1);
  CHECK(world.run_against("127.0.0.1:7", [](Channel& channel) -> Task<void> {
    const auto late = co_await unary(channel, waiting_for(5s));
    REQUIRE_FALSE(late);
    CHECK(late.error().to_string() ==
          "DEADLINE_EXCEEDED: waited for a connection to 127.0.0.1:7 until the deadline; last: "
          "connect 127.0.0.1:7: connection refused");
  }));
}

TEST_CASE("a deadline that has passed is not sent") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto late = co_await unary(channel, 0s);
    REQUIRE_FALSE(late);
    CHECK(late.error().to_string() == "DEADLINE_EXCEEDED: the deadline had passed before the call began");
  }));
  CHECK(host.peers.empty());
}

TEST_CASE("calls above a GOAWAY's last stream go elsewhere, those below finish") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    auto calls = start_calls(channel, 2);
    while (host.peers.empty() || !host.peers.front()->field(3, ":path")) co_await sleep_for(1ms);
    RawPeer& first = *host.peers.front();
    host.answer = whole(good_headers, message("second"), good_trailers);
    first.send(goaway(1, ErrorCode::no_error));
    while (!calls[1].done()) co_await sleep_for(1ms);
    CHECK(calls[1].result()->bytes == "second");
    CHECK(co_await unary(channel));
    CHECK(host.peers.size() == 2);
    CHECK_FALSE(calls[0].done());
    first.send(whole(good_headers, message("first"), good_trailers)(first, 1));
    while (!calls[0].done()) co_await sleep_for(1ms);
    CHECK(calls[0].result());
  }));
}

TEST_CASE("a call that the server refuses is sent again, once") {
  SimulatedWorld world(1);
  RawHost host(world);
  int refusals = 1;
  host.answer = [&](RawPeer& peer, std::uint32_t id) {
    return refusals-- > 0 ? rst_stream(id, ErrorCode::refused_stream) : well_answered()(peer, id);
  };
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    CHECK(co_await unary(channel));
    CHECK(host.peers.front()->body(3) == message("x"));
    refusals = 2;
    const auto refused = co_await unary(channel);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().to_string() == "UNAVAILABLE: the server reset the stream: REFUSED_STREAM");
  }));
}

TEST_CASE("what was written of a stream is sent again in order, if it is not too much") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = [](RawPeer&, std::uint32_t) { return std::string(); };
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    auto small = channel.client_streaming<RawMessage, RawMessage>(join_path);
    auto large = channel.client_streaming<RawMessage, RawMessage>(join_path);
    CHECK(co_await small.write(RawMessage{"one"}));
    for (int at = 0; at < 10; ++at) CHECK(co_await large.write(RawMessage{std::string(10'000, 'x')}));
    while (host.peers.empty() || host.peers.front()->body(3).empty()) co_await sleep_for(1ms);
    CHECK(co_await small.write(RawMessage{"two"}));
    co_await sleep_for(1s);
    host.peers.front()->send(goaway(0, ErrorCode::no_error));
    co_await sleep_for(1s);
    CHECK(co_await small.write(RawMessage{"three"}));
    auto end = small.finish();
    end.start();
    co_await sleep_for(1s);
    REQUIRE(host.peers.size() == 2);
    RawPeer& second = *host.peers.back();
    CHECK(second.body(1) == message("one") + message("two") + message("three"));
    second.send(well_answered()(second, 1));
    while (!end.done()) co_await sleep_for(1ms);
    CHECK(end.result());
    const auto refused = co_await large.finish();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::UNAVAILABLE);
  }));
}

TEST_CASE("a call whose response has begun is not sent again") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = [](RawPeer& peer, std::uint32_t id) {
    return peer.encoder.headers(id, good_headers) + rst_stream(id, ErrorCode::refused_stream);
  };
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto refused = co_await unary(channel, 10s);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::UNAVAILABLE);
    CHECK_FALSE(host.peers.front()->field(3, ":path"));
  }));
}

TEST_CASE("a GOAWAY with an error is the reason that its calls give") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto calls = start_calls(channel, 1);
    while (host.peers.empty() || !host.peers.front()->field(1, ":path")) co_await sleep_for(1ms);
    host.peers.front()->send(goaway(1, ErrorCode::enhance_your_calm));
    co_await sleep_for(1s);
    host.peers.clear();
    co_await all_done(calls);
    CHECK(calls[0].result().error().to_string() ==
          "UNAVAILABLE: 127.0.0.1:7: the server sent GOAWAY: ENHANCE_YOUR_CALM");
  }));
}

TEST_CASE("of the GOAWAYs of one connection the first is logged") {
  SimulatedWorld world(1);
  RawHost host(world);
  const apps::CapturedStderr captured;
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto calls = start_calls(channel, 1);
    while (host.peers.empty() || !host.peers.front()->field(1, ":path")) co_await sleep_for(1ms);
    for (int i = 0; i < 5; ++i) host.peers.front()->send(goaway(1, ErrorCode::enhance_your_calm));
    host.peers.front()->send(goaway(1, ErrorCode::internal_error));
    co_await sleep_for(1s);
    host.peers.clear();
    co_await all_done(calls);
    CHECK(calls[0].result().error().to_string() ==
          "UNAVAILABLE: 127.0.0.1:7: the server sent GOAWAY: INTERNAL_ERROR");
  }));
  const std::string text = captured.text();
  const std::size_t at = text.find("127.0.0.1:7: the server sent GOAWAY: ENHANCE_YOUR_CALM\n");
  REQUIRE(at != std::string::npos);
  CHECK(text.find("GOAWAY", at + 40) == std::string::npos);
}

/// Makes servers send their greeting but read nothing, so that no request leaves.
void read_nothing(RawHost& host) {
  host.on_connection = [](RawPeer& peer) { peer.pause(); };
}

/// Sends GOAWAY from the latest server, which closes a moment later. Requests that wait to be sent cannot
/// leave.
Task<void> send_goaway(RawHost& host) {
  const std::size_t servers = host.peers.size();
  co_await sleep_for(10ms);
  host.peers[servers - 1]->send(goaway(0x7fffffff, ErrorCode::no_error) + goaway(0, ErrorCode::no_error));
  co_await sleep_for(1ms);
  host.peers[servers - 1].reset();
}

TEST_CASE("a request that could not leave before the GOAWAY goes elsewhere, for the second time too") {
  SimulatedWorld world(1, {.socket_buffer_bytes = 40});
  RawHost host(world);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto calls = start_calls(channel, 3);
    while (host.peers.empty() || !host.peers.front()->field(5, ":path")) co_await sleep_for(1ms);
    read_nothing(host);
    host.peers.front()->send(goaway(0, ErrorCode::no_error));
    while (host.peers.size() < 2) co_await sleep_for(1ms);
    host.on_connection = nullptr;
    host.answer = well_answered();
    co_await send_goaway(host);
    co_await all_done(calls);
    for (const auto& call : calls) CHECK_MESSAGE(call.result(), call.result().error().to_string());
    CHECK(host.peers.size() == 3);
  }));
}

TEST_CASE("several connections refused together count as one") {
  SimulatedWorld world(1, {.socket_buffer_bytes = 40});
  RawHost host(world);
  host.greeting = settings({{http2::test::setting::max_concurrent_streams, 1}}) + settings_ack();
  read_nothing(host);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto calls = start_calls(channel, 2);
    while (host.peers.size() < 2) co_await sleep_for(1ms);
    co_await sleep_for(10ms);
    host.on_connection = nullptr;
    host.answer = well_answered();
    for (const std::size_t server : {0, 1}) host.peers[server]->send(goaway(0, ErrorCode::no_error));
    co_await all_done(calls);
    for (const auto& call : calls) CHECK_MESSAGE(call.result(), call.result().error().to_string());
  }));
}

TEST_CASE("a server that sends GOAWAY before any request could leave is not asked three times at once") {
  SimulatedWorld world(1, {.socket_buffer_bytes = 40});
  RawHost host(world);
  read_nothing(host);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto calls = start_calls(channel, 1);
    for (std::size_t servers = 1; servers <= 2; ++servers) {
      while (host.peers.size() < servers) co_await sleep_for(1ms);
      co_await send_goaway(host);
    }
    co_await all_done(calls);
    CHECK(calls[0].result().error().to_string() ==
          "UNAVAILABLE: 127.0.0.1:7: the server sent GOAWAY before it took a call");
    CHECK_FALSE(co_await unary(channel));
    CHECK(host.peers.size() == 2);
  }));
}

TEST_CASE("a server that sends GOAWAY at once is asked once more, and then not at once") {
  for (const std::string& greeting :
       {settings() + settings_ack() + goaway(0, ErrorCode::no_error),
        settings({{http2::test::setting::max_concurrent_streams, 0}}) + goaway(0, ErrorCode::no_error)}) {
    SimulatedWorld world(1);
    RawHost host(world);
    host.greeting = greeting;
    CHECK(host.serve([](Channel& channel) -> Task<void> {
      const auto refused = co_await unary(channel, 10min);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code() == Code::UNAVAILABLE);
      CHECK_FALSE(co_await unary(channel, 10min));
    }));
    CHECK(host.peers.size() == 2);
  }
}

TEST_CASE("a silent server fails after the connect timeout") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = "";
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        const Instant before = world.simulation().now();
        const auto refused = co_await unary(channel);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == Code::UNAVAILABLE);
        const Nanoseconds took = world.simulation().now() - before;
        CHECK(took >= 3s);
        CHECK(took <= 5s);
      },
      {.connect_timeout = 3s}));
}

TEST_CASE("a connect that takes too long fails after the connect timeout") {
  SimulatedWorld world(1, {.delay = 1, .delay_max = 24h});
  CHECK(world.run_against("127.0.0.1:7",
                          [&](Channel& channel) -> Task<void> {
                            const Instant before = world.simulation().now();
                            const auto refused = co_await unary(channel);
                            REQUIRE_FALSE(refused);
                            CHECK(refused.error().code() == Code::UNAVAILABLE);
                            CHECK(world.simulation().now() - before <= 4s);
                          },
                          {.connect_timeout = 3s}));
}

TEST_CASE("attempts to connect back off: 1 s, times 1.6, at most 120 s, a fifth more or less") {
  SimulatedWorld world(1);
  RawHost host(world);
  world.simulation().network().faults().refuse = 1;
  std::vector<Instant> attempts;
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    std::uint64_t seen = 0;
    while (attempts.size() < 16) {
      CHECK_FALSE(co_await unary(channel));
      const std::uint64_t refusals = world.simulation().network().fault_counts().refusals;
      if (std::exchange(seen, refusals) != refusals) attempts.push_back(world.simulation().now());
      co_await sleep_for(10ms);
    }
  }));
  double wait = 1;
  for (std::size_t at = 1; at < attempts.size(); ++at) {
    CAPTURE(at);
    const double waited = std::chrono::duration<double>(attempts[at] - attempts[at - 1]).count();
    CHECK(waited >= 0.8 * wait);
    CHECK(waited <= 1.2 * wait + 0.1);
    wait = std::min(wait * 1.6, 120.0);
  }
}

TEST_CASE("the channel's options set the waits between attempts, and success ends them") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = well_answered();
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        for (int round = 0; round < 3; ++round) {
          host.close();
          host.peers.clear();
          co_await sleep_for(1ms);
          CHECK_FALSE(co_await unary(channel));
          host.open();
          CHECK_FALSE(co_await unary(channel));
          co_await sleep_for(50ms);
          CHECK_FALSE(co_await unary(channel));
          co_await sleep_for(51ms);
          CHECK(co_await unary(channel));
        }
      },
      {.backoff = {.initial = 100ms, .multiplier = 10, .jitter = 0, .max = 1h}}));
}

}  // namespace
}  // namespace ringrpc::test
