/// The distribution of a channel's calls over connections.

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "rpc/client/raw_host.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
namespace frame_type = http2::test::frame_type;
using http2::ErrorCode;
using http2::test::settings;
using http2::test::settings_ack;

std::string limited_to(std::uint32_t streams) {
  return settings({{http2::test::setting::max_concurrent_streams, streams}}) + settings_ack();
}

/// The number of calls that have reached a server.
std::size_t arrived(const RawHost& host) {
  std::size_t count = 0;
  for (const auto& peer : host.peers)
    for (std::uint32_t id = 1; id < 100; id += 2) count += peer->field(id, ":path").has_value();
  return count;
}

TEST_CASE("calls wait for the streams that a server allows") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = settings({{http2::test::setting::max_concurrent_streams, 1}}) + settings_ack();
  host.answer = whole(good_headers, message("y"), good_trailers);
  CHECK(host.serve(
      [](Channel& channel) -> Task<void> {
        const auto calls = start_calls(channel, 10);
        co_await all_done(calls);
        for (const auto& call : calls) CHECK(call.result());
      },
      {.max_connections = 1}));
  CHECK(host.peers.size() == 1);
}

TEST_CASE("a call gets the stream of one that HTTP/2 has ended") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = limited_to(1);
  host.answer =
      whole(http2::test::with(good_headers, {{"content-length", "1"}}), message("y"), good_trailers);
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto calls = start_calls(channel, 3);
        co_await all_done(calls);
        for (const auto& call : calls) CHECK(call.result().error().code() == Code::INTERNAL);
      },
      {.max_connections = 1}));
  CHECK(host.peers.size() == 1);
}

TEST_CASE("connections are opened as calls fill them, up to the limit; then calls wait") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = limited_to(2);
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        auto calls = start_calls(channel, 2);
        co_await sleep_for(1s);
        CHECK(host.peers.size() == 1);
        for (auto& call : start_calls(channel, 7)) calls.push_back(std::move(call));
        co_await sleep_for(1s);
        CHECK(host.peers.size() == 3);
        CHECK(arrived(host) == 6);
        host.answer = well_answered();
        for (const auto& peer : host.peers)
          for (const std::uint32_t id : {1u, 3u}) peer->send(well_answered()(*peer, id));
        co_await all_done(calls);
        CHECK(host.peers.size() == 3);
        for (const auto& call : calls) CHECK(call.result());
      },
      {.max_connections = 3}));
}

TEST_CASE("a call that releases its stream makes room for one that waits") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = limited_to(1);
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        auto held = channel.call(echo, MethodKind::unary, {});
        auto waiting = unary(channel, 10s);
        waiting.start();
        while (arrived(host) < 1) co_await sleep_for(1ms);
        host.answer = well_answered();
        held.reset();
        while (!waiting.done()) co_await sleep_for(1ms);
        CHECK(waiting.result());
      },
      {.max_connections = 1}));
}

TEST_CASE("waiting calls are limited in number and in time") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = limited_to(1);
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto running = start_calls(channel, 1);
        co_await sleep_for(1s);
        CallOptions hurried;
        hurried.timeout = 2s;
        const auto waiting = start_calls(channel, 3, hurried);
        const auto refused = co_await unary(channel);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().to_string() ==
              "RESOURCE_EXHAUSTED: 3 calls wait for a stream to 127.0.0.1:7 already, the limit is "
              "max_queued_calls");
        co_await all_done(waiting);
        for (const auto& call : waiting)
          CHECK(call.result().error().to_string() ==
                "DEADLINE_EXCEEDED: waited for a free stream on 1 connections to 127.0.0.1:7 until the "
                "deadline");
        const auto room = start_calls(channel, 3);
        co_await sleep_for(1s);
        for (const auto& call : room) CHECK_FALSE(call.done());
      },
      {.max_connections = 1, .max_queued_calls = 3}));
}

TEST_CASE("further connections close orderly when they have been idle") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = limited_to(1);
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto calls = start_calls(channel, 3);
        co_await sleep_for(1s);
        REQUIRE(host.peers.size() == 3);
        for (const auto& peer : host.peers) peer->send(well_answered()(*peer, 1));
        co_await all_done(calls);
        host.answer = well_answered();
        co_await sleep_for(25s);
        CHECK(co_await unary(channel));  // the first is in use, the others are not
        for (const auto& peer : host.peers) CHECK_FALSE(peer->closed());
        co_await sleep_for(10s);
        CHECK_FALSE(host.peers[0]->closed());
        for (const std::size_t at : {1uz, 2uz}) {
          CHECK(host.peers[at]->frames_of(frame_type::goaway) == 1);
          CHECK(host.peers[at]->closed());
        }
        CHECK(co_await unary(channel));
        CHECK(host.peers.size() == 3);
      },
      {.idle_timeout = 30s}));
}

TEST_CASE("a further connection that has a call again is not idle") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = limited_to(1);
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto first = start_calls(channel, 2);
        co_await sleep_for(1s);
        REQUIRE(host.peers.size() == 2);
        for (const auto& peer : host.peers) peer->send(well_answered()(*peer, 1));
        co_await all_done(first);
        co_await sleep_for(25s);
        const auto second = start_calls(channel, 2);
        co_await sleep_for(35s);
        CHECK(host.peers[1]->frames_of(frame_type::goaway) == 0);
        for (const auto& call : second) CHECK_FALSE(call.done());
      },
      {.idle_timeout = 30s}));
}

TEST_CASE("a further connection that fails ends no call") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = limited_to(1);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto calls = start_calls(channel, 1);
    co_await sleep_for(1s);
    host.close();
    const auto waiting = start_calls(channel, 3);
    co_await sleep_for(1min);
    for (const auto& call : waiting) CHECK_FALSE(call.done());
    host.answer = well_answered();
    host.peers.front()->send(well_answered()(*host.peers.front(), 1));
    co_await all_done(waiting);
    for (const auto& call : waiting) CHECK(call.result());
  }));
}

}  // namespace
}  // namespace ringrpc::test
