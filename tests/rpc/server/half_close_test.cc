/// Clients that half-close after their requests and wait for the responses.

#include <algorithm>
#include <doctest/doctest.h>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include "reactor/posix_socket.h"
#include "rpc/server/raw_peer.h"
#include "seeds.h"
#include "transport/address.h"
#include "transport/tls_ends.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view sleep_path = "/test.v1.Raw/Sleep";

/// A client of `world` over the backend's own TCP.
std::unique_ptr<RawPeer> connect(World& world) {
  const auto addresses = resolve(*Address::parse(world.address()));
  REQUIRE(addresses);
  const SocketAddress& to = addresses->front();
  UniqueFd fd(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) == 0);
  return std::make_unique<RawPeer>(world.client_shard(), std::move(fd));
}

std::string opening() {
  return std::string(http2::test::preface) + http2::test::settings() + http2::test::settings_ack();
}

/// All bytes that a client sends for one call of Echo.
std::string conversation(RawPeer& peer, std::string_view path = echo_path, std::string_view body = "x") {
  return opening() + peer.encoder.headers(1, RawPeer::request_fields(path)) +
         http2::test::data(1, message(body), http2::test::end_stream);
}

ServerOptions short_stall() {
  ServerOptions options;
  options.stall_timeout = 10s;
  return options;
}

TEST_CASE("a client that half-closes right after its request gets the response, on every backend") {
  constexpr std::size_t clients = 200;
  for (const IoBackend backend : test::kernel_backends()) {
    RealWorld world(backend);
    INFO("over ", world.server_shard().io().name());
    world.serve({});
    std::vector<std::unique_ptr<RawPeer>> peers;
    for (std::size_t at = 0; at < clients; ++at) {
      peers.push_back(connect(world));
      peers.back()->send(conversation(*peers.back()));
      peers.back()->finish();
    }
    CHECK(world.run_until(
        [&] { return std::ranges::all_of(peers, [](const auto& peer) { return peer->closed(); }); }));
    CHECK(std::ranges::count_if(peers, [](const auto& peer) {
            return peer->field(1, "grpc-status") == "0" && peer->body(1) == message("x");
          }) == clients);
    CHECK(world.run_until([&] { return world.server().counters().connections_open == 0; }));
    peers.clear();
  }
}

TEST_CASE("wherever a client half-closes, its complete requests are served, and nothing remains") {
  const std::size_t whole = [] {
    SimulatedWorld world(1);
    world.serve({});
    return conversation(*RawPeer::silent(world)).size();
  }();
  for (std::size_t cut = 0; cut <= whole; ++cut) {
    INFO("after ", cut, " of ", whole, " bytes");
    SimulatedWorld world(cut + 1, benign_faults());
    world.serve({});
    const auto peer = RawPeer::silent(world);
    peer->send(conversation(*peer).substr(0, cut));
    peer->finish();
    REQUIRE(world.run_until([&] { return peer->closed(); }));
    CHECK(peer->received_end() == 0);
    if (cut == whole) CHECK(peer->field(1, "grpc-status") == "0");
    if (cut < whole) CHECK(peer->field(1, "grpc-status").value_or("1") == "1");
    REQUIRE(world.run_until([&] { return world.server().counters().connections_open == 0; }));
    CHECK(world.service().running == 0);
  }
}

TEST_CASE("over TLS, too, a half-closed client gets its response and an orderly end") {
  ServerOptions options;
  const auto tls = ServerTls::load(test::server_options());
  REQUIRE(tls);
  options.tls = *tls;
  for_each_seed(50, [&](std::uint64_t seed) {
    INFO("RINGRPC_SEED=", seed);
    SimulatedWorld world(seed, benign_faults());
    world.serve(options);
    auto [ours, theirs] = world.simulation().network().connected_pair();
    world.server_shard().load().fetch_add(1);
    world.server().add(std::move(theirs), true);
    Shard& shard = world.client_shard();
    RawPeer peer(shard,
                 std::make_unique<TlsStream>(shard, shard.io().adopt(std::move(ours)), test::client_side()));
    peer.send(conversation(peer));
    peer.finish();
    REQUIRE(world.run_until([&] { return peer.closed(); }));
    CHECK(peer.received_end() == 0);
    CHECK(peer.field(1, "grpc-status") == "0");
    CHECK(peer.body(1) == message("x"));
    CHECK(world.run_until([&] { return world.server().counters().connections_open == 0; }));
  });
}

TEST_CASE("calls whose requests are incomplete when a client half-closes are cancelled, the others go on") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  peer->begin(1, join_path);
  peer->send_body(1, message("begun"));
  peer->request(3, sleep_path, message("5000"));
  peer->begin(5, echo_path);
  peer->begin(7, "/not/grpc", {{"x", "y"}});
  peer->send(http2::test::frame(http2::test::frame_type::headers, 0, 9, "\x83"));
  peer->finish();
  REQUIRE(world.run_until([&] { return peer->ended(1) && peer->ended(5); }));
  CHECK(peer->field(1, "grpc-status") == "1");
  CHECK(peer->field(1, "grpc-message") ==
        "the client half-closed the connection before the request was complete");
  CHECK(peer->field(5, "grpc-status") == "1");
  CHECK_FALSE(peer->ended(3));
  CHECK_FALSE(peer->closed());
  REQUIRE(world.run_until([&] { return peer->closed(); }));
  CHECK(peer->field(3, "grpc-status") == "0");
  CHECK(world.server().counters().calls_succeeded == 1);
}

TEST_CASE("a response that fits the window is read to its end after a half close, however slowly") {
  SimulatedWorld world(1);
  world.serve(short_stall());
  const auto peer = RawPeer::before_server(
      world, http2::test::settings({{http2::test::setting::initial_window_size, 60'000}}));
  peer->request(1, "/test.v1.Raw/Inflate", message("50000"));
  peer->finish();
  REQUIRE(world.run_until([&] { return peer->closed(); }));
  CHECK(peer->field(1, "grpc-status") == "0");
  CHECK(peer->body(1).size() == 50'005);
}

TEST_CASE("a client that has closed cancels its calls, although that looks like a half-close") {
  SimulatedWorld world(1);
  world.serve({});
  {
    const auto peer = RawPeer::before_server(world);
    peer->request(1, sleep_path, message("3600000"));
    REQUIRE(world.run_until([&] { return world.service().running == 1; }));
    REQUIRE(world.run_until([&] { return peer->frames_of(http2::test::frame_type::settings) == 2; }));
  }
  world.simulation().run_for(2s);
  CHECK(world.service().running == 0);
  CHECK(world.server().counters().connections_open == 0);
}

TEST_CASE("the kernel, too, soon reports a client that has closed") {
  for (const IoBackend backend : test::kernel_backends()) {
    RealWorld world(backend);
    INFO("over ", world.server_shard().io().name());
    world.serve({});
    auto peer = connect(world);
    peer->send(conversation(*peer, sleep_path, "3600000"));
    REQUIRE(world.run_until([&] { return world.service().running == 1; }));
    peer.reset();
    CHECK(world.run_until([&] { return world.service().running == 0; }));
    CHECK(world.run_until([&] { return world.server().counters().connections_open == 0; }));
  }
}

TEST_CASE("a call that sends nothing keeps a half-closed connection no longer than the stall timeout") {
  SimulatedWorld world(1);
  world.serve(short_stall());
  const auto peer = RawPeer::before_server(world);
  peer->request(1, sleep_path, message("3600000"));
  peer->finish();
  world.simulation().run_for(9s);
  CHECK_FALSE(peer->closed());
  CHECK(world.service().running == 1);
  world.simulation().run_for(3s);
  CHECK(peer->closed());
  CHECK(world.service().running == 0);
}

TEST_CASE("a response for which a half-closed client leaves no window ends with the stall timeout") {
  SimulatedWorld world(1);
  world.serve(short_stall());
  const auto peer = RawPeer::before_server(world);
  peer->request(1, "/test.v1.Raw/Inflate", message("500000"));
  peer->finish();
  world.simulation().run_for(9s);
  CHECK(peer->body(1).size() == 65'535);
  CHECK_FALSE(peer->closed());
  world.simulation().run_for(3s);
  CHECK(peer->closed());
}

TEST_CASE("a stream of responses continues as long as they leave, past stall timeout and keepalive") {
  SimulatedWorld world(1);
  ServerOptions options = short_stall();
  options.keepalive_time = 5s;
  options.keepalive_timeout = 1s;
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  for (std::uint32_t call = 0; call < 5; ++call)
    peer->request(1 + 2 * call, sleep_path, message(std::to_string(8000 * (call + 1))));
  peer->finish();
  REQUIRE(world.run_until([&] { return peer->closed(); }));
  for (std::uint32_t call = 0; call < 5; ++call) CHECK(peer->field(1 + 2 * call, "grpc-status") == "0");
}

TEST_CASE("a half-closed client need not have acknowledged the server's SETTINGS") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::silent(world);
  peer->send(std::string(http2::test::preface) + http2::test::settings());
  peer->request(1, sleep_path, message("20000"));
  peer->finish();
  REQUIRE(world.run_until([&] { return peer->closed(); }));
  CHECK(peer->field(1, "grpc-status") == "0");
}

TEST_CASE("a half-closed client that breaks the rules still reads why its connection ends") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  peer->send(http2::test::frame(http2::test::frame_type::data, 0, 0, "x"));
  peer->finish();
  REQUIRE(world.run_until([&] { return peer->closed(); }));
  CHECK(peer->frames_of(http2::test::frame_type::goaway) == 1);
  CHECK(world.run_until([&] { return world.server().counters().connections_open == 0; }));
}

TEST_CASE("an idle client that half-closes ends the connection") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  peer->request(1, echo_path, message("x"));
  REQUIRE(world.run_until([&] { return peer->ended(1); }));
  world.simulation().run_for(10ms);
  peer->finish();
  world.simulation().run_for(10ms);
  CHECK(world.server().counters().connections_open == 0);
  CHECK(peer->frames_of(http2::test::frame_type::goaway) == 0);
}

}  // namespace
}  // namespace ringrpc
