/// The memory that all connections of a shard share: what counts, and who gives way when it is used up.

#include <algorithm>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/tls.h"

#include "rpc/kept_log.h"
#include "rpc/server/raw_peer.h"
#include "transport/test_authority.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using http2::test::FieldList;

constexpr std::size_t kibibyte = 1024;

/// Room for about `bytes` of connections and small calls.
ServerOptions sharing(std::size_t bytes) {
  ServerOptions options;
  options.max_message_bytes = 1000;
  options.max_total_buffered_bytes = bytes;
  return options;
}

/// `count` connections, between which so much time passes that others may give way to each.
std::vector<std::unique_ptr<RawPeer>> connect(SimulatedWorld& world, std::size_t count) {
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (std::size_t n = 0; n < count; ++n) {
    peers.push_back(RawPeer::before_server(world));
    world.simulation().run_for(200ms);
  }
  return peers;
}

bool is_served(SimulatedWorld& world, RawPeer& peer, std::uint32_t stream) {
  peer.request(stream, echo_path, message("hello"));
  return world.run_until([&] { return peer.ended(stream) || peer.closed(); }) &&
         peer.field(stream, "grpc-status") == "0";
}

TEST_CASE("an open call counts with its handler and its stream") {
  SimulatedWorld world(1);
  world.serve(sharing(10'000 * kibibyte));
  const auto peer = RawPeer::before_server(world);
  peer->begin(1, join_path);
  world.simulation().run_for(10ms);
  const std::size_t before = world.server().buffered_bytes();
  for (std::uint32_t id = 3; id < 200; id += 2) peer->begin(id, join_path);
  world.simulation().run_for(10ms);
  CHECK(world.service().running == 100);
  CHECK(world.server().buffered_bytes() - before >= 99 * 2 * kibibyte);
  for (std::uint32_t id = 1; id < 200; id += 2)
    peer->send(http2::test::rst_stream(id, http2::ErrorCode::cancel));
  world.simulation().run_for(10ms);
  CHECK(world.server().buffered_bytes() < before);
}

TEST_CASE("a call counts as much after many messages as after one, wherever its coroutines begin and end") {
  for (const std::string_view path : {"/test.v1.Raw/RestAfter", "/test.v1.Raw/SlowJoin"}) {
    SimulatedWorld world(1);
    world.serve(sharing(10'000 * kibibyte));
    const auto peer = RawPeer::before_server(world);
    peer->begin(1, path);
    const auto held_after_message = [&] {
      peer->send_body(1, message("m"));
      world.simulation().run_for(50ms);
      return world.server().buffered_bytes();
    };
    (void)held_after_message();  // the first one is read in another step
    const std::size_t held_bytes = held_after_message();
    for (int n = 0; n < 100; ++n) CHECK(held_after_message() == held_bytes);
    CHECK_FALSE(peer->ended(1));
  }
}

TEST_CASE("a message of the largest size has room, however low the limits are") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_message_bytes = 100'000;
  options.max_buffered_bytes = options.max_total_buffered_bytes = 1;
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  peer->begin(1, join_path);
  peer->send_body(1, message(std::string(100'000, 'x')).substr(0, 99'000));
  world.simulation().run_for(10ms);
  CHECK(world.service().running == 1);
  CHECK_FALSE(peer->ended(1));
}

TEST_CASE("each shard has its part of the limit") {
  Simulation simulation(1, {.shards = 4});
  Shard* const shards[] = {&simulation.shard(0), &simulation.shard(1), &simulation.shard(2),
                           &simulation.shard(3)};
  RawService service;
  Service* const services[] = {&service};
  const ServerOptions options = sharing(4'000 * kibibyte);
  ServerParts parts;
  REQUIRE(parts.add(services, options).ok());
  parts.begin(shards, options);
  for (const Shard* const shard : shards) CHECK(parts.on(*shard)->memory().limit_bytes() == 1'000 * kibibyte);
  parts.drop_listener();
  for (const Shard* const shard : shards) parts.drop(*shard);
}

TEST_CASE("a connection counts, and its memory is given back") {
  SimulatedWorld world(1);
  world.serve(sharing(10'000 * kibibyte));
  auto peers = connect(world, 10);
  CHECK(world.server().buffered_bytes() >= 10 * 14 * kibibyte);
  CHECK(world.server().buffered_bytes() <= 10 * 16 * kibibyte);
  peers.clear();
  REQUIRE(world.run_until([&] { return world.server().counters().connections_open == 0; }));
  CHECK(world.server().buffered_bytes() == 0);
}

TEST_CASE("a connection with TLS counts more, most of all during its handshake") {
  CHECK(ServerConnection::first_bytes(false) >= 14 * kibibyte);
  CHECK(ServerConnection::first_bytes(true) >= 62 * kibibyte);
  SimulatedWorld world(1);
  ServerOptions options = sharing(10'000 * kibibyte);
  options.tls = *ServerTls::load(test::server_options());
  world.serve(options, "tls+127.0.0.1:7");
  ChannelOptions calling;
  calling.tls = *ClientTls::load(test::client_options());
  CHECK(world.run(
      [&](Channel& channel) -> Task<void> {
        CHECK(co_await channel.unary<RawMessage, RawMessage>(std::string(echo_path), RawMessage{"x"}, {}));
        CHECK(world.server().buffered_bytes() >= 27 * kibibyte);
        CHECK(world.server().buffered_bytes() <= 34 * kibibyte);
      },
      calling));
}

TEST_CASE("header fields that HPACK remembers count") {
  SimulatedWorld world(1);
  world.serve(sharing(10'000 * kibibyte));
  const auto peer = RawPeer::before_server(world);
  FieldList fields;
  for (int n = 0; n < 80; ++n) fields.emplace_back("x-" + std::to_string(n), "v");
  REQUIRE(is_served(world, *peer, 1));
  const std::size_t before = world.server().buffered_bytes();
  peer->request(3, echo_path, message("hello"), fields);
  REQUIRE(world.run_until([&] { return peer->ended(3); }));
  world.simulation().run_for(10ms);
  CHECK(world.server().buffered_bytes() - before > 15 * kibibyte);
}

/// The first frame of a header block, without its end: 16 KiB of a field of 20,000 bytes.
std::string begun_block(std::uint32_t stream) {
  using namespace http2::test;
  const std::string field("\0\1x\x7f\xa1\x9b\1", 7);
  return frame(frame_type::headers, 0, stream, field + std::string(16'377, 'v'));
}

TEST_CASE("a header block counts until it has ended") {
  using namespace http2::test;
  SimulatedWorld world(1);
  world.serve(sharing(10'000 * kibibyte));
  const auto peer = RawPeer::before_server(world);
  REQUIRE(is_served(world, *peer, 1));
  const std::size_t before = world.server().buffered_bytes();
  peer->send(begun_block(3));
  world.simulation().run_for(10ms);
  CHECK(world.server().buffered_bytes() - before > 16 * kibibyte);
  peer->send(frame(9, end_headers, 3, std::string(20'000 - 16'377, 'v')));  // CONTINUATION
  world.simulation().run_for(10ms);
  CHECK(world.server().buffered_bytes() - before < 4 * kibibyte);
  CHECK(is_served(world, *peer, 5));
}

TEST_CASE("the fields of a header block count until it has ended") {
  using namespace http2::test;
  SimulatedWorld world(1);
  world.serve(sharing(10'000 * kibibyte));
  const auto peer = RawPeer::before_server(world);
  REQUIRE(is_served(world, *peer, 1));
  const std::size_t before = world.server().buffered_bytes();
  std::string fields;
  for (int n = 0; n < 90; ++n) fields.append("\0\1x\1v", 5);
  peer->send(frame(frame_type::headers, 0, 3, fields));
  world.simulation().run_for(10ms);
  CHECK(world.server().buffered_bytes() - before > 8 * kibibyte);
}

TEST_CASE("a frame that arrives in parts counts until it has ended") {
  SimulatedWorld world(1);
  world.serve(sharing(10'000 * kibibyte));
  const auto peer = RawPeer::before_server(world);
  REQUIRE(is_served(world, *peer, 1));
  const std::size_t before = world.server().buffered_bytes();
  std::string frame = http2::test::frame(http2::test::frame_type::goaway, 0, 0, std::string(16'384, '\0'));
  frame.pop_back();
  peer->send(frame);
  world.simulation().run_for(10ms);
  CHECK(world.server().buffered_bytes() - before >= 16 * kibibyte);
}

TEST_CASE("connections whose header blocks do not end leave room for others") {
  SimulatedWorld world(1);
  world.serve(sharing(300 * kibibyte));
  auto peers = connect(world, 10);
  for (auto& peer : peers) {
    peer->send(begun_block(1));
    world.simulation().run_for(200ms);
  }
  CHECK(world.server().buffered_bytes() <= 300 * kibibyte);
  const auto other = RawPeer::before_server(world);
  CHECK(is_served(world, *other, 1));
}

TEST_CASE("a new connection takes the place of the one that has been idle longest") {
  const test::KeptLog log(log::Level::warn);
  SimulatedWorld world(1);
  world.serve(sharing(300 * kibibyte));
  auto peers = connect(world, 10);
  REQUIRE(is_served(world, *peers.front(), 1));  // it is no longer the longest idle one
  for (auto& peer : connect(world, 15)) peers.push_back(std::move(peer));
  CHECK(peers[1]->closed());
  CHECK_FALSE(peers.back()->closed());
  CHECK(world.server().counters().connections_open <= 20);
  CHECK(world.server().counters().connections_open >= 15);
  CHECK(world.server().buffered_bytes() <= 300 * kibibyte);
  CHECK(world.server().counters().connections_refused == 0);
  CHECK(is_served(world, *peers.back(), 1));
  REQUIRE_FALSE(log.lines().empty());
  CHECK_MESSAGE(
      log.lines().front().contains(
          ": this shard may hold 307200 bytes by ServerOptions::max_total_buffered_bytes (grpcd "
          "--max-total-buffered-size), a sixteenth of which is kept for connections that hold little; "),
      log.lines().front());
}

TEST_CASE("connections that call are not closed for others that hold as much") {
  const test::KeptLog log(log::Level::warn);
  SimulatedWorld world(1);
  world.serve(sharing(300 * kibibyte));
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (int n = 0; n < 30; ++n) {
    peers.push_back(RawPeer::before_server(world));
    peers.back()->begin(1, join_path);
    world.simulation().run_for(200ms);
  }
  CHECK_FALSE(peers.front()->closed());
  CHECK(peers.back()->closed());
  CHECK(world.server().counters().connections_refused > 0);
  CHECK(world.server().buffered_bytes() <= 300 * kibibyte);
  REQUIRE_FALSE(log.lines().empty());
  CHECK_MESSAGE(
      log.lines().front().contains(
          " of the 307200 bytes that ServerOptions::max_total_buffered_bytes (grpcd "
          "--max-total-buffered-size) allows, of which up to a sixteenth is kept for connections and "
          "addresses that hold little; "),
      log.lines().front());
  peers.resize(10);
  world.simulation().run_for(200ms);
  const auto later = RawPeer::before_server(world);
  CHECK(is_served(world, *later, 1));
}

TEST_CASE("a connection that holds much leaves room for small ones, and then gives way to them") {
  SimulatedWorld world(1);
  ServerOptions options = sharing(800 * kibibyte);
  options.max_concurrent_streams = 1000;
  world.serve(options);
  const auto greedy = RawPeer::before_server(world);
  for (std::uint32_t id = 1; id < 1001; id += 2) greedy->begin(id, join_path);
  REQUIRE(world.run_until([&] { return greedy->ended(999); }));
  CHECK(greedy->field(999, "grpc-status") == "8");
  CHECK_FALSE(greedy->ended(1));
  world.simulation().run_for(200ms);
  const auto first = RawPeer::before_server(world);
  CHECK(is_served(world, *first, 1));
  CHECK_FALSE(greedy->closed());
  for (const auto& peer : connect(world, 3)) CHECK(is_served(world, *peer, 1));
  CHECK(greedy->closed());
}

/// Calls do not report when their output has been sent.
TEST_CASE("responses that have been read since leave room for others") {
  SimulatedWorld world(1);
  ServerOptions options = sharing(1000 * kibibyte);
  options.max_message_bytes = 400 * kibibyte;
  world.serve(options);
  const auto chatting =
      RawPeer::before_server(world, http2::test::settings({{http2::test::setting::initial_window_size, 0}}));
  const auto other = RawPeer::before_server(world);
  for (const std::uint32_t id : {1, 3, 5}) {
    chatting->begin(id, "/test.v1.Raw/Chat");
    chatting->send_body(id, message(std::string(200 * kibibyte, 'x')));
    world.simulation().run_for(200ms);
  }
  CHECK(world.server().buffered_bytes() >= 600 * kibibyte);
  chatting->send(http2::test::window_update(0, 1000 * kibibyte));
  for (const std::uint32_t id : {1, 3, 5}) {
    chatting->send(http2::test::window_update(id, 300 * kibibyte));
    REQUIRE(world.run_until([&] { return chatting->body(id).size() > 200 * kibibyte; }));
  }
  world.simulation().run_for(2s);
  other->request(1, "/test.v1.Raw/Inflate", message(std::to_string(400 * kibibyte)));
  other->send(http2::test::window_update(1, 800 * kibibyte) + http2::test::window_update(0, 800 * kibibyte));
  REQUIRE(world.run_until([&] { return other->ended(1) || other->closed(); }));
  CHECK(other->field(1, "grpc-status") == "0");
  CHECK_FALSE(chatting->closed());
}

TEST_CASE("calls that are refused hold nothing, however many arrive at once") {
  SimulatedWorld world(1);
  ServerOptions options = sharing(1000 * kibibyte);
  options.max_concurrent_streams = 1000;
  world.serve(options);
  const auto peers = connect(world, 4);
  for (const auto& peer : peers) {
    std::string calls;
    for (std::uint32_t id = 1; id < 2000; id += 2)
      calls += peer->encoder.headers(id, RawPeer::request_fields(join_path));
    peer->send(calls);
  }
  std::size_t most_bytes = 0;
  REQUIRE(world.run_until([&] {
    most_bytes = std::max(most_bytes, world.server().buffered_bytes());
    return std::ranges::all_of(peers, [](const auto& peer) { return peer->closed() || peer->ended(1999); });
  }));
  CHECK(most_bytes <= 1500 * kibibyte);  // the statuses on their way to the clients take 60 bytes each
  CHECK(world.service().running <= 500);
}

/// Between steps of the shard's: a timer resumes the handler, which reads a message, and its connection has to
/// wait for a turn, for which there is no room.
TEST_CASE("a handler that reads when there is no more room is ended after its step") {
  SimulatedWorld world(1);
  constexpr std::size_t limit = 1000 * kibibyte;
  ServerOptions options = sharing(limit);
  options.max_message_bytes = 100'000;
  world.serve(options);
  const auto reader = RawPeer::before_server(world);
  auto others = connect(world, 40);
  reader->begin(1, "/test.v1.Raw/SlowJoin");
  reader->send_body(1, message(std::string(20'000, 'x')) + message(std::string(52'000, 'x')));
  world.simulation().run_for(30ms);
  for (std::uint32_t id = 1; world.server().buffered_bytes() <= limit - limit / 16; id += 2)
    for (const auto& each : others) {
      if (world.server().buffered_bytes() > limit - limit / 16) break;
      each->begin(id, join_path);
      world.simulation().run_for(20us);
    }
  CHECK_FALSE(reader->ended(1));
  REQUIRE(world.run_until([&] { return reader->ended(1) || reader->closed(); }));
  CHECK(reader->field(1, "grpc-status") == "8");
  world.simulation().run_for(1ms);
  CHECK(is_served(world, *reader, 3));
}

TEST_CASE("calls that have ended hold no memory in the place of others") {
  SimulatedWorld world(1);
  ServerOptions options = sharing(100'000 * kibibyte);
  options.max_concurrent_streams = 10'000;
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  for (std::uint32_t id = 1; id < 4000; id += 2) peer->begin(id, join_path);
  world.simulation().run_for(10ms);
  CHECK(world.service().running == 2000);
  for (std::uint32_t id = 1; id < 4000; id += 2)
    peer->send(http2::test::rst_stream(id, http2::ErrorCode::cancel));
  world.simulation().run_for(10ms);
  CHECK(world.service().running == 0);
  CHECK(world.server().kept_calls() <= 256);
}

}  // namespace
}  // namespace ringrpc
