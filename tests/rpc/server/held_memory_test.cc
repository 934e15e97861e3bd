/// Memory that a peer can make the server hold: every byte counts against a limit, and nothing is held
/// forever.

#include <algorithm>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

#include "rpc/server/raw_peer.h"
#include "rpc/server/server_connection.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using http2::ErrorCode;
using http2::test::FieldList;

const FieldList plain_get = {
    {":method", "GET"}, {":scheme", "http"}, {":path", "/index.html"}, {":authority", "localhost"}};

const std::string open_windows =
    http2::test::settings({{http2::test::setting::initial_window_size, 0x7fff'ffff}}) +
    http2::test::window_update(0, 0x7000'0000);

ServerOptions stalling_soon() {
  ServerOptions options;
  options.stall_timeout = 5s;
  return options;
}

TEST_CASE("a request of one message that stalls ends its call") {
  SimulatedWorld world(1);
  world.serve(stalling_soon());
  const auto peer = RawPeer::before_server(world);
  SUBCASE("after its headers") { peer->begin(1, echo_path); }
  SUBCASE("after a message that nothing ends") {
    peer->begin(1, echo_path);
    peer->send_body(1, message("whole"));
  }
  world.simulation().run_for(4s);
  CHECK_FALSE(peer->ended(1));
  world.simulation().run_for(5s);
  CHECK(peer->field(1, "grpc-status") == "4");
  CHECK(peer->field(1, "grpc-message") == "the request stalled: less than 1 KiB arrived in 5000 ms");
  CHECK_FALSE(peer->closed());
  CHECK(world.service().started == 0);
}

TEST_CASE("a request that drips a byte at a time ends like one that stalls") {
  SimulatedWorld world(1);
  world.serve(stalling_soon());
  const auto peer = RawPeer::before_server(world);
  peer->begin(1, echo_path);
  peer->begin(3, join_path);
  const std::string begun = message(std::string(50'000, 'x')).substr(0, 100);
  for (const std::uint32_t id : {1, 3}) peer->send_body(id, begun);
  for (int second = 0; second < 4; ++second) {
    world.simulation().run_for(1s);
    for (const std::uint32_t id : {1, 3}) peer->send_body(id, "x");
  }
  CHECK_FALSE(peer->ended(1));
  CHECK_FALSE(peer->ended(3));
  for (int second = 0; second < 5; ++second) {
    world.simulation().run_for(1s);
    for (const std::uint32_t id : {1, 3})
      if (!peer->ended(id)) peer->send_body(id, "x");
  }
  CHECK(peer->field(1, "grpc-status") == "4");
  CHECK(peer->field(3, "grpc-status") == "4");
  CHECK_FALSE(peer->closed());
}

TEST_CASE("a streaming request may pause between its messages for as long as it likes") {
  SimulatedWorld world(1);
  world.serve(stalling_soon());
  const auto peer = RawPeer::before_server(world);
  peer->begin(1, join_path);
  world.simulation().run_for(60s);
  peer->send_body(1, message("a"));
  world.simulation().run_for(60s);
  peer->send_body(1, message("b"), http2::test::end_stream);
  REQUIRE(world.run_until([&] { return peer->ended(1); }));
  CHECK(peer->field(1, "grpc-status") == "0");
}

TEST_CASE("a request of plain HTTP that does not end is ended by the server") {
  SimulatedWorld world(1);
  world.serve(stalling_soon());
  const auto peer = RawPeer::before_server(world);
  peer->send(peer->encoder.headers(1, plain_get));
  world.simulation().run_for(4s);
  CHECK_FALSE(peer->ended(1));
  world.simulation().run_for(5s);
  CHECK(peer->field(1, ":status") == "408");
  peer->send(peer->encoder.headers(3, plain_get, http2::test::end_stream));
  REQUIRE(world.run_until([&] { return peer->ended(3); }));
  CHECK(peer->field(3, ":status") == "405");
  CHECK_FALSE(peer->closed());
}

TEST_CASE("the headers of open requests count") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_message_bytes = 100'000;
  options.max_buffered_bytes = 200'000;
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  const FieldList large{{"x-large", std::string(7000, 'v')}};
  for (std::uint32_t id = 1; id < 101; id += 2) peer->begin(id, join_path, large);
  REQUIRE(world.run_until([&] { return peer->ended(99); }));
  CHECK(peer->field(99, "grpc-status") == "8");
  CHECK_FALSE(peer->ended(1));
  CHECK(world.service().running <= 200'000 / 7000);
  for (std::uint32_t id = 1; id < 101; id += 2) peer->send(http2::test::rst_stream(id, ErrorCode::cancel));
  world.simulation().run_for(10ms);
  peer->request(101, join_path, message("x"), large);
  REQUIRE(world.run_until([&] { return peer->ended(101); }));
  CHECK(peer->field(101, "grpc-status") == "0");
}

TEST_CASE("headers of requests that are not gRPC's count as well, and are refused beyond the limit") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_message_bytes = 100'000;
  options.max_buffered_bytes = 200'000;
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  FieldList large = plain_get;
  large.emplace_back("x-large", std::string(7000, 'v'));
  for (std::uint32_t id = 1; id < 101; id += 2) peer->send(peer->encoder.headers(id, large));
  REQUIRE(world.run_until([&] { return peer->ended(99); }));
  CHECK(peer->field(99, ":status") == "503");
  CHECK_FALSE(peer->ended(1));
}

TEST_CASE("requests that are not gRPC's hold nothing once they have ended") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_message_bytes = 100'000;
  options.max_buffered_bytes = 200'000;
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  FieldList large = plain_get;
  large.emplace_back("x-large", std::string(7000, 'v'));
  std::uint32_t id = 1;
  const auto end_requests = [&] {
    for (int request = 0; request < 20; ++request, id += 2) {
      peer->send(peer->encoder.headers(id, large, request % 2 == 0 ? http2::test::end_stream : 0u));
      if (request % 2 == 1) peer->send(http2::test::rst_stream(id, ErrorCode::cancel));
    }
    world.simulation().run_for(2s);
    return world.server().buffered_bytes();
  };
  const std::size_t held_bytes = end_requests();
  for (int round = 0; round < 5; ++round) CHECK(end_requests() == held_bytes);
  CHECK(peer->field(id - 4, ":status") == "405");
}

TEST_CASE("responses count until the socket has taken them") {
  // The windows are open and the network holds almost nothing, so a response stays in the chain being sent.
  SimulatedWorld world(1, {.socket_buffer_bytes = 1000});
  ServerOptions options;
  options.max_message_bytes = 100'000;
  options.max_buffered_bytes = 150'000;
  world.serve(options);
  const auto peer = RawPeer::before_server(world, open_windows);
  world.simulation().run_for(10ms);
  peer->pause();
  for (std::uint32_t id = 1; id < 11; id += 2) peer->request(id, "/test.v1.Raw/Inflate", message("90000"));
  world.simulation().run_for(100ms);
  CHECK(world.server().counters().calls_succeeded == 1);
  CHECK(world.server().counters().calls_failed == 4);
}

/// A client with open windows that reads nothing, once it has connected.
struct Unreading {
  explicit Unreading(const ServerOptions& options = {},
                     const Faults& network = {.socket_buffer_bytes = 10'000'000})
      : world(1, network) {
    world.serve(options);
    peer = RawPeer::before_server(world, open_windows);
    world.simulation().run_for(2s);
    connected_bytes = held_bytes();
    peer->pause();
  }

  std::size_t held_bytes() { return world.server().buffered_bytes(); }
  std::size_t grown_bytes() { return held_bytes() - std::min(held_bytes(), connected_bytes); }
  void ask_for(std::uint32_t id, int bytes) {
    peer->request(id, "/test.v1.Raw/Inflate", message(std::to_string(bytes)));
    world.simulation().run_for(10ms);
  }

  /// Reads at last, and finds that the connection was reset before the response to its first request ended.
  void finds_its_response_lost() {
    peer->resume();
    REQUIRE(world.run_until([&] { return peer->closed(); }));
    CHECK_FALSE(peer->ended(1));
  }
  /// Ten more clients ask for 20 KB each, and all are served.
  void make_others_need_room() {
    std::vector<std::unique_ptr<RawPeer>> others;
    for (int n = 0; n < 10; ++n) {
      world.simulation().run_for(100ms);  // between two searches for room
      others.push_back(RawPeer::before_server(world));
      others.back()->request(1, "/test.v1.Raw/Inflate", message("20000"));
      REQUIRE(world.run_until([&] { return others.back()->ended(1); }));
      CHECK(others.back()->field(1, "grpc-status") == "0");
    }
  }

  SimulatedWorld world;
  std::unique_ptr<RawPeer> peer;
  std::size_t connected_bytes = 0;
};

TEST_CASE("responses count until the peer has acknowledged them") {
  Unreading client;
  client.ask_for(1, 200'000);
  CHECK(client.grown_bytes() >= 200'000);
  client.ask_for(3, 200'000);
  CHECK(client.grown_bytes() >= 400'000);
  client.peer->resume();
  client.world.simulation().run_for(2s);
  CHECK(client.grown_bytes() < 4'096);
}

TEST_CASE("small responses count until the peer has acknowledged them, except for a few kilobytes") {
  Unreading client;
  for (std::uint32_t id = 1; id < 41; id += 2) client.ask_for(id, 1'500);
  CHECK(client.grown_bytes() >= 20 * 1'500 - 4'096);
  CHECK(client.grown_bytes() < 20 * (1'500 + 1'024) + 8'192);
}

TEST_CASE("responses of a few bytes count with the memory that a system holds for each") {
  Unreading client;
  const auto ask_for_nothing = [&](std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t id = from; id < to; id += 2) client.ask_for(id, 0);
  };
  SUBCASE("within a second, if they are few") {
    ask_for_nothing(1, 13);
    client.world.simulation().run_for(1s);
    CHECK(client.grown_bytes() >= 6 * 768);
  }
  SUBCASE("at once, if they are many") {
    ask_for_nothing(1, 161);
    CHECK(client.grown_bytes() >= 64 * 768);
  }
}

TEST_CASE("a client that does not read makes room for another, and its socket drops what it has not read") {
  ServerOptions options;
  options.max_message_bytes = 200'000;
  options.max_total_buffered_bytes = 1'000'000;
  Unreading client(options);
  for (std::uint32_t id = 1; id < 21; id += 2) client.ask_for(id, 150'000);
  CHECK(client.held_bytes() > 700'000);
  CHECK(client.held_bytes() < 1'000'000);
  client.make_others_need_room();
  client.finds_its_response_lost();
}

TEST_CASE("a client that acknowledges no keepalive PING loses what it has not read") {
  ServerOptions options;
  options.keepalive_time = 5s;
  Unreading client(options);
  client.ask_for(1, 200'000);
  client.world.simulation().run_for(60s);
  CHECK(client.held_bytes() == 0);
  client.finds_its_response_lost();
}

TEST_CASE("a connection whose grace period ends drops what its client has not read") {
  ServerOptions options;
  options.max_connection_age = 5s;
  options.max_connection_age_grace = 2s;
  Unreading client(options);
  client.ask_for(1, 200'000);
  client.world.simulation().run_for(10s);
  CHECK(client.held_bytes() == 0);
  client.finds_its_response_lost();
}

TEST_CASE("a client that breaks the rules has the linger time to read what it was sent") {
  Unreading client;
  client.ask_for(1, 200'000);
  client.peer->send(http2::test::data(0, "x"));
  SUBCASE("while it goes on sending") {}
  SUBCASE("also if it half-closes the connection before the GOAWAY") { client.peer->finish(); }
  SUBCASE("also if it half-closes the connection after the GOAWAY") {
    client.world.simulation().run_for(100ms);
    client.peer->finish();
  }
  client.world.simulation().run_for(500ms);
  CHECK(client.grown_bytes() >= 200'000);
  client.world.simulation().run_for(2s);
  CHECK(client.held_bytes() == 0);
  client.finds_its_response_lost();
}

TEST_CASE(
    "a client that breaks the rules, has read everything and half-closes the connection is closed at once") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  world.simulation().run_for(10ms);
  peer->send(http2::test::data(0, "x"));
  world.simulation().run_for(10ms);
  peer->finish();
  world.simulation().run_for(10ms);
  CHECK(world.server().buffered_bytes() == 0);
}

TEST_CASE("a server that stops does not wait for a client that does not read, and leaves it the rest") {
  Unreading client;
  client.ask_for(1, 200'000);
  bool empty = false;
  client.world.server().drain([&] { empty = true; });
  client.world.simulation().run_for(6'500ms);  // 5 s for the PING of the drain, and the linger time
  CHECK(empty);
  client.peer->resume();
  REQUIRE(client.world.run_until([&] { return client.peer->ended(1); }));
  CHECK(client.peer->field(1, "grpc-status") == "0");
}

TEST_CASE("what the socket takes while a send is in flight counts") {
  Unreading client;
  client.peer->request(1, "/test.v1.Raw/Inflate", message("20000"));
  REQUIRE(client.world.run_until([&] { return client.world.server().counters().calls_succeeded == 1; }));
  client.world.server().visit_oldest(1, [](ServerConnection& connection) { connection.weigh_socket(); });
  client.world.simulation().run_for(2s);
  CHECK(client.grown_bytes() >= 20'000);
}

TEST_CASE("what the socket holds of a send that is blocked counts") {
  Unreading client({}, {.socket_buffer_bytes = 16'000});
  client.ask_for(1, 30'000);
  CHECK(client.grown_bytes() >= 30'000);  // the chain in flight
  client.world.simulation().run_for(2s);
  CHECK(client.grown_bytes() >= 30'000 + 16'000);
}

TEST_CASE("a connection that ends waits for a peer that reads, up to the stall timeout") {
  Unreading client(stalling_soon());
  client.ask_for(1, 200'000);
  SUBCASE("which reads in the end") {
    client.peer->finish();
    client.world.simulation().run_for(4s);
    CHECK(client.grown_bytes() >= 200'000);
    client.peer->resume();
    REQUIRE(client.world.run_until([&] { return client.peer->ended(1); }));
    CHECK(client.peer->field(1, "grpc-status") == "0");
    client.world.simulation().run_for(2s);
    CHECK(client.held_bytes() == 0);
  }
  SUBCASE("which goes on reading for longer") {
    client.peer->finish();
    client.world.simulation().run_for(4s);
    client.peer->on_headers = [&](std::uint32_t) { client.peer->pause(); };
    client.peer->resume();
    client.world.simulation().run_for(4s);
    CHECK(client.grown_bytes() >= 100'000);
    client.world.simulation().run_for(4s);
    CHECK(client.held_bytes() == 0);
  }
  SUBCASE("or is reset") {
    client.peer->finish();
    client.world.simulation().run_for(8s);
    CHECK(client.held_bytes() == 0);
    client.finds_its_response_lost();
  }
}

TEST_CASE("a connection that ends waits for a peer that has not acknowledged small responses") {
  Unreading client;
  for (std::uint32_t id = 1; id < 13; id += 2) client.ask_for(id, 100);
  CHECK(client.grown_bytes() < 4'096);
  client.peer->finish();
  client.world.simulation().run_for(4s);
  client.peer->resume();
  REQUIRE(client.world.run_until([&] { return client.peer->ended(11); }));
  CHECK(client.peer->field(11, "grpc-status") == "0");
}

TEST_CASE("a client that reads small responses slowly, a kilobyte at a time, makes progress") {
  Unreading client(stalling_soon(), {.socket_buffer_bytes = 10'000'000, .receive_bytes_max = 1'200});
  for (std::uint32_t id = 1; id < 15; id += 2) client.ask_for(id, 450);
  client.peer->send(http2::test::goaway(0, ErrorCode::no_error));
  client.world.simulation().run_for(100ms);
  client.peer->on_headers = [&](std::uint32_t) { client.peer->pause(); };
  client.world.simulation().run_for(3s);
  client.peer->resume();
  client.world.simulation().run_for(5s);  // beyond the stall timeout
  CHECK_FALSE(client.peer->ended(13));
  client.peer->on_headers = nullptr;
  client.peer->resume();
  REQUIRE(client.world.run_until([&] { return client.peer->ended(13); }));
  CHECK(client.peer->field(13, "grpc-status") == "0");
}

TEST_CASE("a connection that makes room drops its output while the server drains, too") {
  ServerOptions options;
  options.max_message_bytes = 200'000;
  options.max_total_buffered_bytes = 1'000'000;
  Unreading client(options);
  for (std::uint32_t id = 1; id < 21; id += 2) client.ask_for(id, 150'000);
  client.world.server().drain([] {});
  client.make_others_need_room();
  client.finds_its_response_lost();
}

TEST_CASE("keepalive does not end a connection whose client reads late") {
  ServerOptions options;
  options.keepalive_time = 5s;
  options.keepalive_timeout = 5s;
  Unreading client(options);
  client.world.simulation().run_for(1s);
  client.ask_for(1, 200'000);
  client.peer->finish();
  client.world.simulation().run_for(30s);
  client.peer->resume();
  REQUIRE(client.world.run_until([&] { return client.peer->ended(1); }));
  CHECK(client.peer->field(1, "grpc-status") == "0");
}

TEST_CASE("a connection that ends has no age, and no drain") {
  ServerOptions options;
  options.metrics = true;
  options.max_connection_age = 5s;
  options.max_connection_age_grace = 2s;
  Unreading client(options);
  client.ask_for(1, 200'000);
  client.peer->finish();
  client.world.simulation().run_for(20s);
  bool empty = false;
  SUBCASE("when it grows old") {}
  SUBCASE("when the server drains") {
    client.world.server().drain([&] { empty = true; });
    client.world.simulation().run_for(1s);
    CHECK(empty);
  }
  CHECK(client.world.server().metrics()->connections.drained == 0);
  client.peer->resume();
  REQUIRE(client.world.run_until([&] { return client.peer->ended(1); }));
  CHECK(client.peer->field(1, "grpc-status") == "0");
}

TEST_CASE("a connection that ends releases the memory that it was counted for") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_message_bytes = 100'000;
  options.max_buffered_bytes = options.max_total_buffered_bytes = 300'000;
  world.serve(options);
  const FieldList large{{"x-large", std::string(7000, 'v')}};
  for (int round = 0; round < 10; ++round) {
    const auto peer = RawPeer::before_server(world);
    FieldList plain = plain_get;
    plain.emplace_back("x-large", std::string(7000, 'v'));
    for (std::uint32_t id = 1; id < 11; id += 2) peer->begin(id, join_path, large);
    for (std::uint32_t id = 11; id < 21; id += 2) peer->send(peer->encoder.headers(id, plain));
    peer->request(21, "/test.v1.Raw/Inflate", message("50000"));
    world.simulation().run_for(10ms);
    CHECK(peer->field(21, ":status") == "200");
    CHECK_FALSE(peer->field(21, "grpc-status") == "8");
  }
}

TEST_CASE("a refused call counts for as long as its responses are unread") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_message_bytes = 50'000;
  options.max_buffered_bytes = 250'000;
  world.serve(options);
  const std::string no_window = http2::test::settings({{http2::test::setting::initial_window_size, 0}});
  const auto peer = RawPeer::before_server(world, no_window);
  world.simulation().run_for(10ms);
  const std::size_t before = world.server().buffered_bytes();
  peer->begin(1, "/test.v1.Raw/Chat");
  REQUIRE(world.run_until([&] {
    peer->send_body(1, message(std::string(10'000, 'x')));
    world.simulation().run_for(1ms);
    return world.server().counters().calls_failed == 1 || peer->closed();
  }));
  world.simulation().run_for(10ms);
  CHECK(world.service().running == 0);
  CHECK(world.server().buffered_bytes() - before >= 60'000);
  peer->send(http2::test::window_update(0, 1'000'000) + http2::test::window_update(1, 1'000'000));
  REQUIRE(world.run_until([&] { return peer->ended(1); }));
  CHECK(peer->field(1, "grpc-status") == "8");
  world.simulation().run_for(2s);
  CHECK(world.server().buffered_bytes() - before < 10'000);
}

TEST_CASE("metadata counts while the handler has it") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  world.simulation().run_for(10ms);
  const auto held_by_call = [&](std::uint32_t id, std::string_view path) {
    const std::size_t before = world.server().buffered_bytes();
    peer->begin(id, path, {{"x-large", std::string(6000, 'v')}});
    peer->send_body(id, message("1"));
    world.simulation().run_for(10ms);
    return world.server().buffered_bytes() - before;
  };
  (void)held_by_call(1, join_path);  // clears the table of remembered fields, which are smaller
  const std::size_t unasked = held_by_call(3, join_path);
  CHECK(held_by_call(5, "/test.v1.Raw/JoinAsked") - unasked >= 6000);
}

}  // namespace
}  // namespace ringrpc
