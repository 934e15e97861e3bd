/// The server with clients that are slow, silent, greedy or wrong.

#include <algorithm>
#include <doctest/doctest.h>
#include <string>

#include "rpc/server/raw_peer.h"
#include "text_data.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using http2::ErrorCode;
using http2::test::settings;
using http2::test::window_update;

const std::string no_window = settings({{http2::test::setting::initial_window_size, 0}});

ServerOptions short_timeouts() {
  ServerOptions options;
  options.handshake_timeout = 5s;
  options.header_timeout = 5s;
  options.stall_timeout = 10s;
  return options;
}

TEST_CASE("a peer that connects and sends nothing is disconnected") {
  SimulatedWorld world(1);
  world.serve(short_timeouts());
  const auto peer = RawPeer::silent(world);
  world.simulation().run_for(4s);
  CHECK_FALSE(peer->closed());
  world.simulation().run_for(4s);
  CHECK(peer->closed());
  CHECK(world.server().counters().connections_open == 0);
}

TEST_CASE("a peer that sends one byte of its preface a second is disconnected") {
  SimulatedWorld world(1);
  world.serve(short_timeouts());
  const auto peer = RawPeer::silent(world);
  for (const char byte : http2::test::preface.substr(0, 8)) {
    if (!peer->closed()) peer->send({&byte, 1});
    world.simulation().run_for(1s);
  }
  CHECK(peer->closed());
}

TEST_CASE("a peer that never finishes its headers is disconnected") {
  SimulatedWorld world(1);
  world.serve(short_timeouts());
  const auto peer = RawPeer::before_server(world);
  peer->request(1, "/test.v1.Raw/Sleep", message("60000"));
  peer->send(http2::test::frame(http2::test::frame_type::headers, 0, 3, "\x83"));
  world.simulation().run_for(4s);
  CHECK_FALSE(peer->closed());
  world.simulation().run_for(5s);
  CHECK(peer->closed());
  REQUIRE(peer->frames_of(http2::test::frame_type::goaway) == 1);
  CHECK(world.server().counters().connections_open == 0);
  CHECK(world.service().running == 0);
}

TEST_CASE("a response that gets no window is ended after the stall timeout") {
  SimulatedWorld world(1);
  world.serve(short_timeouts());
  const auto peer = RawPeer::before_server(world, no_window);
  peer->request(1, echo_path, message("held"));
  world.simulation().run_for(8s);
  CHECK(peer->field(1, ":status") == "200");
  CHECK_FALSE(peer->closed());
  world.simulation().run_for(5s);
  CHECK(peer->closed());
  CHECK(world.service().running == 0);
}

TEST_CASE("a response written long after its headers is watched as well") {
  SimulatedWorld world(1);
  world.serve(short_timeouts());
  const auto peer = RawPeer::before_server(world, no_window);
  peer->request(1, "/test.v1.Raw/Sleep", message("60000"));
  world.simulation().run_for(61s);
  CHECK_FALSE(peer->closed());
  world.simulation().run_for(15s);
  CHECK(peer->closed());
}

TEST_CASE("windows of one byte and PINGs are no progress") {
  SimulatedWorld world(1);
  ServerOptions options = short_timeouts();
  options.ping_interval_min = options.idle_ping_interval_min = 0s;
  world.serve(options);
  const auto peer = RawPeer::before_server(world, no_window);
  peer->request(1, echo_path, message(std::string(10'000, 'x')));
  for (int second = 0; second < 20 && !peer->closed(); ++second) {
    peer->send(window_update(1, 1) + http2::test::ping());
    world.simulation().run_for(1s);
  }
  CHECK(peer->closed());
}

TEST_CASE("a slow reader that makes progress is served to the end") {
  SimulatedWorld world(1);
  world.serve(short_timeouts());
  const auto peer = RawPeer::before_server(world, no_window);
  peer->request(1, echo_path, message(std::string(30'000, 'x')));
  for (int second = 0; second < 60 && !peer->ended(1); ++second) {
    peer->send(window_update(1, 1000));
    world.simulation().run_for(1s);
  }
  CHECK(peer->field(1, "grpc-status") == "0");
  CHECK_FALSE(peer->closed());
}

TEST_CASE("keepalive PINGs more often than every five minutes are too many") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  const auto pings_taken = [&](Nanoseconds interval) {
    int taken = 0;
    for (; taken < 20 && !peer->closed(); ++taken) {
      peer->send(http2::test::ping());
      world.simulation().run_for(interval);
    }
    return taken;
  };
  SUBCASE("of a client with a call") {
    peer->request(1, "/test.v1.Raw/Sleep", message("100000000"));
    CHECK(pings_taken(5min) == 20);
    CHECK(pings_taken(299s) < 5);
  }
  SUBCASE("of a client without one, every two hours") {
    CHECK(pings_taken(2h) == 20);
    CHECK(pings_taken(5min) < 5);
  }
  CHECK(http2::test::endings(peer->frames).at(0).code == ErrorCode::enhance_your_calm);
  CHECK(http2::test::endings(peer->frames).at(0).debug == "too_many_pings");
}

TEST_CASE("rapid reset never has more than a hundred handlers run") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  const auto request_and_reset = [&](std::uint32_t n, Nanoseconds in_between) {
    peer->request(2 * n + 1, "/test.v1.Raw/Sleep", message("60000"));
    if (in_between > 0s) world.simulation().run_for(in_between);
    peer->send(http2::test::rst_stream(2 * n + 1, ErrorCode::cancel));
  };
  SUBCASE("in one piece") {
    for (std::uint32_t n = 0; n < 10'000; ++n) request_and_reset(n, 0s);
    world.simulation().run_for(3s);
    CHECK(peer->closed());
  }
  SUBCASE("with time for each handler to begin") {
    std::uint32_t n = 0;
    for (; n < 10'000 && !peer->closed(); ++n) request_and_reset(n, 500us);
    CHECK(n < 1100);
    CHECK(world.service().started >= 1000);
  }
  SUBCASE("at a rate that is allowed") {
    for (std::uint32_t n = 0; n < 2000; ++n) {
      request_and_reset(n, 500us);
      world.simulation().run_for(30ms);
    }
    CHECK_FALSE(peer->closed());
    CHECK(world.service().started == 2000);
    CHECK(world.service().most_running == 1);
  }
  SUBCASE("with a hundred that stay") {
    for (std::uint32_t n = 0; n < 100; ++n) peer->request(2 * n + 1, "/test.v1.Raw/Sleep", message("60000"));
    for (std::uint32_t n = 100; n < 10'000 && !peer->closed(); ++n) request_and_reset(n, 1ms);
    CHECK(peer->closed());
    CHECK(world.service().most_running == 100);
  }
  CHECK(world.service().most_running <= 100);
  CHECK(world.service().started <= 2000);
  world.simulation().run_for(3s);
  CHECK(world.service().running == 0);
}

TEST_CASE("calls that take the place of cancelled ones are served") {
  constexpr std::uint32_t calls = 100;  // as many as a connection may have
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  for (std::uint32_t n = 0; n < calls; ++n) peer->request(2 * n + 1, "/test.v1.Raw/Sleep", message("60000"));
  REQUIRE(world.run_until([&] { return world.service().running == calls; }));
  std::string resets;
  for (std::uint32_t n = 0; n < calls; ++n) resets += http2::test::rst_stream(2 * n + 1, ErrorCode::cancel);
  peer->send(resets);
  for (std::uint32_t n = calls; n < 2 * calls; ++n) peer->request(2 * n + 1, echo_path, message("now"));
  const std::uint32_t last = 4 * calls - 1;
  REQUIRE(world.run_until([&] { return peer->ended(last) || !peer->resets(last).empty(); }));
  for (std::uint32_t n = calls; n < 2 * calls; ++n) {
    CHECK(peer->resets(2 * n + 1).empty());
    CHECK(peer->field(2 * n + 1, "grpc-status") == "0");
  }
  CHECK(world.service().running == 0);
  CHECK(world.service().most_running == calls);
}

TEST_CASE("a handler whose call HTTP/2 has ended writes no more") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world, no_window);
  const std::string first = message(std::string(1000, 'x'));
  const std::string fields =
      peer->encoder.headers(1, RawPeer::request_fields("/test.v1.Raw/Flood", {{"content-length", "1005"}}));
  SUBCASE("as it was about to begin") {
    peer->send(fields + http2::test::data(1, first) + http2::test::data(1, "more"));
  }
  SUBCASE("as it waited for room") {
    peer->send(fields + http2::test::data(1, first));
    world.simulation().run_for(1s);
    CHECK(world.service().flooded > 0);
    peer->send(http2::test::data(1, "more"));
  }
  world.simulation().run_for(1s);
  CHECK(peer->resets(1) == std::vector{ErrorCode::protocol_error});
  CHECK(world.service().flooded.load() < 1000);
  CHECK(world.service().running == 0);
  CHECK_FALSE(peer->closed());
}

TEST_CASE("an idle connection is not closed") {
  SimulatedWorld world(1);
  world.serve(short_timeouts());
  const auto peer = RawPeer::before_server(world);
  peer->request(1, echo_path, message("x"));
  world.simulation().run_for(10min);
  CHECK_FALSE(peer->closed());
  peer->request(3, echo_path, message("still here"));
  CHECK(world.run_until([&] { return peer->ended(3); }));
}

TEST_CASE("a peer that breaks the rules and does not read is disconnected within the linger time") {
  SimulatedWorld world(1, {.socket_buffer_bytes = 1});
  world.serve(short_timeouts());
  const auto peer = RawPeer::silent(world);
  peer->pause();
  peer->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  world.simulation().run_for(4s);
  CHECK(world.server().counters().connections_open == 0);
}

TEST_CASE("a peer that stays after its session is over is disconnected within the linger time") {
  SimulatedWorld world(1);
  world.serve(short_timeouts());
  const auto peer = RawPeer::before_server(world);
  peer->send(http2::test::frame(http2::test::frame_type::data, 0, 0, "x"));
  world.simulation().run_for(4s);
  CHECK(peer->frames_of(http2::test::frame_type::goaway) == 1);
  CHECK(world.server().counters().connections_open == 0);
}

TEST_CASE("a response that ends before its request tells the peer to stop") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  SUBCASE("unknown method") { peer->begin(1, "/test.v1.Raw/Nothing"); }
  SUBCASE("unknown encoding") { peer->begin(1, echo_path, {{"grpc-encoding", "snappy"}}); }
  SUBCASE("malformed timeout") { peer->begin(1, echo_path, {{"grpc-timeout", "1"}}); }
  SUBCASE("expired") { peer->begin(1, echo_path, {{"grpc-timeout", "0n"}}); }
  SUBCASE("headers too large") { peer->begin(1, echo_path, {{"x-large", std::string(9000, 'x')}}); }
  SUBCASE("message too large") {
    peer->begin(1, join_path);
    peer->send(http2::test::data(1, std::string_view("\0\xff\xff\xff\xff", 5)));
  }
  SUBCASE("compressed without an encoding") {
    peer->begin(1, join_path);
    peer->send(http2::test::data(1, message("x", 1)));
  }
  REQUIRE(world.run_until([&] { return !peer->resets(1).empty(); }));
  CHECK(peer->ended(1));
  CHECK(peer->field(1, "grpc-status") != "0");
  CHECK(peer->resets(1) == std::vector{ErrorCode::no_error});
  CHECK(world.run_until([&] { return world.service().running == 0; }));
}

TEST_CASE("large headers are refused by name, and the connection continues") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  peer->request(1, echo_path, message("x"), {{"x-large", std::string(9000, 'x')}});
  peer->request(3, echo_path, message("y"));
  REQUIRE(world.run_until([&] { return peer->ended(1) && peer->ended(3); }));
  CHECK(peer->field(1, "grpc-status") == "8");
  CHECK(test::missing(peer->field(1, "grpc-message").value_or(""), {"headers", "8192 bytes"}) == "");
  CHECK(peer->field(3, "grpc-status") == "0");
}

TEST_CASE("text from a peer is quoted only in part") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  peer->begin(1, "/" + std::string(7000, '%') + "/x");
  peer->begin(3, echo_path, {{"x-bin", std::string(7000, '!')}});
  REQUIRE(world.run_until([&] { return peer->ended(1) && peer->ended(3); }));
  CHECK(peer->field(1, "grpc-message")->size() < 500);
  CHECK(peer->field(3, "grpc-message")->size() < 500);
}

/// A service's handler that reads slowly: the windows must still open.
TEST_CASE("a request larger than its windows reaches a handler that takes its time") {
  SimulatedWorld world(1);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    auto writer = channel.client_streaming<RawMessage, RawMessage>("/test.v1.Raw/SlowJoin");
    for (int at = 0; at < 40; ++at) CHECK(co_await writer.write(RawMessage{std::string(50'000, 'x')}));
    const auto joined = co_await writer.finish();
    REQUIRE_MESSAGE(joined, joined.error().to_string());
    CHECK(joined->bytes.size() == 2'000'000);
  }));
}

TEST_CASE("unread requests block no other call") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  const std::string small = message(std::string(1019, 'x'));
  std::string window;
  while (window.size() < 256 * 1024) window += small;
  for (std::uint32_t id = 1; id <= 7; id += 2) {  // four of these are the connection's window
    peer->begin(id, "/test.v1.Raw/SlowJoin");
    peer->send_body(id, window);
  }
  world.simulation().run_for(10ms);
  CHECK(peer->window_given(0) >= 512 * 1024);
  CHECK(peer->window_given(1) == 0);
  peer->request(9, echo_path, message(std::string(50'000, 'x')));
  world.simulation().run_for(10ms);
  CHECK(peer->ended(9));
  CHECK(peer->field(9, "grpc-status") == "0");
  CHECK(world.service().running == 4);
}

TEST_CASE("delivered messages do not count as held") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_message_bytes = 100'000;
  options.max_buffered_bytes = 250'000;
  world.serve(options);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    std::vector<std::unique_ptr<ClientStream<RawMessage, RawMessage>>> chats;
    for (int at = 0; at < 10; ++at) {
      chats.push_back(std::make_unique<ClientStream<RawMessage, RawMessage>>(
          channel.call("/test.v1.Raw/Chat", MethodKind::bidirectional, {})));
      CHECK(co_await chats.back()->write(RawMessage{std::string(60'000, 'x')}));
      CHECK(co_await chats.back()->next());
    }
  }));
}

TEST_CASE("responses that are not read exhaust their share, and no more") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_message_bytes = 100'000;
  options.max_buffered_bytes = 250'000;
  world.serve(options);
  const auto peer = RawPeer::before_server(world, no_window);
  for (std::uint32_t id = 1; id <= 7; id += 2) peer->request(id, "/test.v1.Raw/Inflate", message("100000"));
  world.simulation().run_for(1s);
  CHECK_FALSE(peer->ended(1));
  CHECK_FALSE(peer->ended(3));
  CHECK(peer->field(5, "grpc-status") == "8");
  CHECK(peer->field(7, "grpc-status") == "8");
  peer->send(window_update(1, 200'000) + window_update(3, 200'000) + window_update(0, 500'000));
  REQUIRE(world.run_until([&] { return peer->ended(1) && peer->ended(3); }));
  peer->request(9, "/test.v1.Raw/Inflate", message("100000"));
  peer->send(window_update(9, 200'000));
  REQUIRE(world.run_until([&] { return peer->ended(9); }));
  CHECK(peer->field(9, "grpc-status") == "0");
}

TEST_CASE("unfinished requests exhaust their share, and give it back") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_message_bytes = 100'000;
  options.max_buffered_bytes = 150'000;
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  const std::string part = message(std::string(100'000, 'x')).substr(0, 90'000);
  for (std::uint32_t id = 1; id <= 3; id += 2) {
    peer->begin(id, join_path);
    peer->send_body(id, part);
  }
  REQUIRE(world.run_until([&] { return peer->ended(3); }));
  CHECK(peer->field(3, "grpc-status") == "8");
  world.simulation().run_for(1s);
  peer->request(5, echo_path, message(std::string(40'000, 'x')));
  REQUIRE(world.run_until([&] { return peer->ended(5); }));
  CHECK(peer->field(5, "grpc-status") == "0");
}

TEST_CASE("all connections together hold no more than the server's share") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_message_bytes = 100'000;
  options.max_buffered_bytes = 100'000;
  options.max_total_buffered_bytes = 200'000;
  world.serve(options);
  const auto one = RawPeer::before_server(world);
  const auto other = RawPeer::before_server(world);
  const std::string part = message(std::string(99'000, 'x')).substr(0, 90'000);
  for (RawPeer* peer : {one.get(), other.get()}) {
    peer->begin(1, join_path);
    peer->send_body(1, part);
    world.simulation().run_for(100ms);
  }
  CHECK_FALSE(one->ended(1));
  CHECK(other->field(1, "grpc-status") == "8");
  one->send(http2::test::rst_stream(1, ErrorCode::cancel));
  other->request(3, echo_path, message(std::string(50'000, 'x')));
  REQUIRE(world.run_until([&] { return other->ended(3); }));
  CHECK(other->field(3, "grpc-status") == "0");
}

TEST_CASE("a message that is begun and not finished ends its call, and no other") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.stall_timeout = 5s;
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  const std::string whole = message(std::string(50'000, 'x'));
  peer->begin(1, join_path);
  peer->send_body(1, whole.substr(0, 1000));
  peer->begin(3, join_path);  // nothing is begun here
  peer->begin(5, join_path);
  for (int second = 0; second < 12; ++second) {
    peer->send_body(5, std::string_view(whole).substr(static_cast<std::size_t>(second) * 2000, 2000));
    world.simulation().run_for(1s);
  }
  CHECK(peer->field(1, "grpc-status") == "4");
  CHECK_FALSE(peer->ended(3));
  CHECK_FALSE(peer->ended(5));
  peer->send_body(3, message("a"), http2::test::end_stream);
  REQUIRE(world.run_until([&] { return peer->ended(3); }));
  CHECK(peer->field(3, "grpc-status") == "0");
}

TEST_CASE("connections beyond the limit are closed at once, and closed ones make room") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_connections = 1;
  world.serve(options);
  const auto first = RawPeer::before_server(world);
  CHECK(world.run([](Channel& channel) -> Task<void> {
    const auto refused = co_await channel.unary<RawMessage, RawMessage>(echo_path, RawMessage{}, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::UNAVAILABLE);
  }));
  first->send(http2::test::goaway(0, ErrorCode::no_error));
  REQUIRE(world.run_until([&] { return world.server().counters().connections_open == 0; }));
  CHECK(world.run([](Channel& channel) -> Task<void> {
    const auto served = co_await channel.unary<RawMessage, RawMessage>(echo_path, RawMessage{}, {});
    CHECK(served);
  }));
}

}  // namespace
}  // namespace ringrpc
