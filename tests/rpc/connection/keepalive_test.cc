/// Keepalive PINGs (gRFC A8), and what happens when they are not acknowledged.

#include <doctest/doctest.h>
#include <string>

#include "rpc/client/raw_host.h"
#include "text_data.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
namespace frame_type = http2::test::frame_type;
using http2::ErrorCode;

/// Acknowledges every PING that has arrived; returns how many have.
std::size_t answer_pings(RawPeer& peer, std::size_t answered) {
  std::size_t seen = 0;
  for (const auto& frame : peer.frames) {
    if (frame.type != frame_type::ping || (frame.flags & http2::test::ack) != 0) continue;
    if (++seen > answered)
      peer.send(http2::test::frame(frame_type::ping, http2::test::ack, 0, frame.payload));
  }
  return seen;
}

TEST_CASE("without keepalive no PING is sent") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto calls = start_calls(channel, 1);
    co_await sleep_for(1h);
    CHECK(host.peers.front()->frames_of(frame_type::ping) == 0);
    CHECK_FALSE(calls[0].done());
  }));
}

TEST_CASE("a peer that acknowledges no PING ends its calls, and the next call finds another connection") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        const Instant before = world.simulation().now();
        const auto calls = start_calls(channel, 2);
        co_await all_done(calls);
        const Nanoseconds took = world.simulation().now() - before;
        CHECK(took >= 50s);
        CHECK(took <= 51s);
        for (const auto& call : calls)
          CHECK(call.result().error().to_string() ==
                "UNAVAILABLE: keepalive: no response from 127.0.0.1:7 in 20 s");
        host.answer = well_answered();
        CHECK(co_await unary(channel));
        CHECK(host.peers.size() == 2);
      },
      {.keepalive_time = 30s}));
}

TEST_CASE("a peer that acknowledges PINGs gets more, and keeps its calls") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto calls = start_calls(channel, 1);
        std::size_t pings = 0;
        for (int second = 0; second < 305; ++second) {
          co_await sleep_for(1s);
          pings = answer_pings(*host.peers.front(), pings);
        }
        CHECK(pings >= 9);
        CHECK(pings <= 10);
        CHECK_FALSE(calls[0].done());
      },
      {.keepalive_time = 30s, .keepalive_timeout = 5s}));
}

TEST_CASE("anything that arrives keeps the connection alive") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto calls = start_calls(channel, 1);
        for (int second = 0; second < 300; second += 5) {
          co_await sleep_for(5s);
          host.peers.front()->send(http2::test::ping());
        }
        std::size_t asked = 0;
        for (const auto& frame : host.peers.front()->frames)
          asked += frame.type == frame_type::ping && (frame.flags & http2::test::ack) == 0;
        CHECK(asked == 0);
        CHECK_FALSE(calls[0].done());
      },
      {.keepalive_time = 10s}));
}

TEST_CASE("without calls no PING is sent, unless that is enabled") {
  for (const bool wanted : {false, true}) {
    CAPTURE(wanted);
    SimulatedWorld world(1);
    RawHost host(world);
    host.answer = well_answered();
    CHECK(host.serve(
        [&](Channel& channel) -> Task<void> {
          CHECK(co_await unary(channel));
          co_await sleep_for(10min);
          CHECK(host.peers.front()->frames_of(frame_type::ping) == (wanted ? 1 : 0));
          CHECK(host.peers.front()->closed() == wanted);
          host.answer = nullptr;
          const auto calls = start_calls(channel, 1);  // after a long silence the PING comes at once
          co_await sleep_for(5s);
          if (!wanted) CHECK(host.peers.front()->frames_of(frame_type::ping) == 1);
        },
        {.keepalive_time = 30s, .keepalive_without_calls = wanted}));
  }
}

TEST_CASE("an interval below 10 s counts as 10 s, and doubles for a server that objects") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        auto calls = start_calls(channel, 1);
        co_await sleep_for(9500ms);
        CHECK(host.peers[0]->frames_of(frame_type::ping) == 0);
        co_await sleep_for(1s);
        CHECK(host.peers[0]->frames_of(frame_type::ping) == 1);
        host.peers[0]->send(
            http2::test::frame(frame_type::goaway, 0, 0,
                               http2::test::number(1, 4) + http2::test::number(0xb, 4) + "too_many_pings"));
        co_await sleep_for(100ms);
        host.peers[0].reset();
        co_await all_done(calls);
        CHECK(test::missing(calls[0].result().error().to_string(),
                            {"UNAVAILABLE: 127.0.0.1:7: ", "GOAWAY: ENHANCE_YOUR_CALM too_many_pings"}) ==
              "");
        calls = start_calls(channel, 1);
        co_await sleep_for(19s);
        CHECK(host.peers[1]->frames_of(frame_type::ping) == 0);
        co_await sleep_for(2s);
        CHECK(host.peers[1]->frames_of(frame_type::ping) == 1);
      },
      {.keepalive_time = 1s}));
}

}  // namespace
}  // namespace ringrpc::test
