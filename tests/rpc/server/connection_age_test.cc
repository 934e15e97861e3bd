/// Connections that become too old or stay idle are drained (gRFC A9).

#include <algorithm>
#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/sleep.h"

#include "rpc/server/raw_peer.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
namespace frame_type = http2::test::frame_type;

/// A server, and clients of it that acknowledge PINGs.
struct Aging {
  explicit Aging(const ServerOptions& options, std::uint64_t seed = 1) : world(seed) { world.serve(options); }

  RawPeer& connect() { return *peers.emplace_back(RawPeer::before_server(world)); }
  /// In steps, so that PINGs are acknowledged.
  void run_for(Nanoseconds time) {
    constexpr Nanoseconds step = 250ms;
    for (; time > step; time -= step) run_step(step);
    run_step(time);
  }

  SimulatedWorld world;
  std::vector<std::unique_ptr<RawPeer>> peers;

 private:
  void run_step(Nanoseconds time) {
    world.simulation().run_for(time);
    answered_.resize(peers.size());
    for (std::size_t at = 0; at < peers.size(); ++at) answer(*peers[at], answered_[at]);
  }
  static void answer(RawPeer& peer, std::size_t& answered) {
    for (; answered < peer.frames.size(); ++answered) {
      const auto& frame = peer.frames[answered];
      if (frame.type == frame_type::ping && (frame.flags & http2::test::ack) == 0)
        peer.send(http2::test::frame(frame_type::ping, http2::test::ack, 0, frame.payload));
    }
  }

  std::vector<std::size_t> answered_;
};

void ask(RawPeer& peer, std::uint32_t id, std::string_view milliseconds) {
  peer.request(id, "/test.v1.Raw/Sleep", message(milliseconds));
}

TEST_CASE("a connection that is too old is drained: its calls finish, then it closes") {
  Aging aging({.max_connection_age = 100s});
  RawPeer& peer = aging.connect();
  aging.run_for(80s);
  ask(peer, 1, "60000");
  aging.run_for(5s);
  CHECK(peer.frames_of(frame_type::goaway) == 0);
  aging.run_for(30s);  // at 115 s
  CHECK(peer.frames_of(frame_type::goaway) == 2);
  CHECK_FALSE(peer.ended(1));
  CHECK_FALSE(peer.closed());
  aging.run_for(30s);
  CHECK(peer.field(1, "grpc-status") == "0");
  CHECK(peer.closed());
}

TEST_CASE("calls that exceed the grace period are ended") {
  Aging aging({.max_connection_age = 100s, .max_connection_age_grace = 10s});
  RawPeer& peer = aging.connect();
  ask(peer, 1, "3600000");
  aging.run_for(80s);
  CHECK(aging.world.service().running == 1);
  REQUIRE(aging.world.run_until([&] { return peer.frames_of(frame_type::goaway) == 1; }));
  aging.run_for(9s);
  CHECK_FALSE(peer.closed());
  CHECK(aging.world.service().running == 1);
  aging.run_for(2s);
  CHECK(peer.closed());
  CHECK(aging.world.service().running == 0);
  CHECK(aging.world.server().counters().calls_failed == 1);
  CHECK(aging.world.server().counters().connections_open == 0);
}

TEST_CASE("without a limit of the grace period calls take their time") {
  Aging aging({.max_connection_age = 10s});
  RawPeer& peer = aging.connect();
  ask(peer, 1, "3000000");
  aging.run_for(2900s);
  CHECK(aging.world.service().running == 1);
  aging.run_for(200s);
  CHECK(peer.field(1, "grpc-status") == "0");
}

/// The time at which each of twenty connections that begin together gets its GOAWAY.
std::vector<Instant> farewells(std::uint64_t seed) {
  Aging aging({.max_connection_age = 1000s}, seed);
  for (int at = 0; at < 20; ++at) aging.connect();
  const Instant begun = aging.world.simulation().now();
  std::vector<Instant> told(aging.peers.size(), never);
  for (int step = 0; step < 300; ++step) {
    if (step == 0) aging.run_for(890s);
    aging.run_for(1s);
    for (std::size_t at = 0; at < told.size(); ++at)
      if (told[at] == never && aging.peers[at]->frames_of(frame_type::goaway) > 0)
        told[at] = Instant(aging.world.simulation().now() - begun);
  }
  return told;
}

TEST_CASE("connections that begin together do not end together, and end as they did in each run of a seed") {
  const std::vector<Instant> told = farewells(1);
  const auto [first, last] = std::ranges::minmax(told);
  CHECK(first >= Instant(900s));
  CHECK(last <= Instant(1102s));
  CHECK(last - first >= 50s);
  CHECK(farewells(1) == told);
}

TEST_CASE("a connection without calls is drained after a time") {
  Aging aging({.max_connection_idle = 60s});
  RawPeer& fresh = aging.connect();
  RawPeer& used = aging.connect();
  ask(used, 1, "1");
  aging.run_for(50s);
  ask(used, 3, "50000");  // ends at 100 s
  aging.run_for(15s);
  CHECK(fresh.frames_of(frame_type::goaway) == 2);
  CHECK(fresh.closed());
  aging.run_for(90s);  // at 155 s
  CHECK(used.field(3, "grpc-status") == "0");
  CHECK(used.frames_of(frame_type::goaway) == 0);
  aging.run_for(15s);
  CHECK(used.closed());
}

TEST_CASE("without limits a connection may be as old and idle as it likes") {
  Aging aging({.keepalive_time = 0s});
  RawPeer& peer = aging.connect();
  aging.world.simulation().run_for(240h);
  CHECK(peer.frames_of(frame_type::goaway) == 0);
  CHECK_FALSE(peer.closed());
}

TEST_CASE("very long limits of age do not overflow, not even with their jitter") {
  using std::chrono::milliseconds;
  for (const milliseconds age : {milliseconds::max(), milliseconds(std::chrono::years(100)) - 1ms}) {
    Aging aging({.max_connection_age = age,
                 .max_connection_age_grace = age,
                 .max_connection_idle = age,
                 .keepalive_time = 0s});
    for (int at = 0; at < 20; ++at) aging.connect();
    aging.world.simulation().run_for(240h);
    for (const auto& peer : aging.peers) {
      CHECK(peer->frames_of(frame_type::goaway) == 0);
      CHECK_FALSE(peer->closed());
    }
  }
}

TEST_CASE("clients see nothing of connections that grow old") {
  SimulatedWorld world(1);
  world.serve({.max_connection_age = 300ms, .max_connection_idle = 100ms});
  CHECK(world.run([](Channel& channel) -> Task<void> {
    for (int at = 0; at < 200; ++at) {
      const auto answer =
          co_await channel.unary<RawMessage, RawMessage>("/test.v1.Raw/Sleep", RawMessage{"7"}, {});
      CHECK_MESSAGE(answer, answer.error().to_string());
      co_await sleep_for(std::chrono::milliseconds(at));
    }
  }));
}

}  // namespace
}  // namespace ringrpc
