/// A server sends keepalive PINGs to silent clients, and closes the connections of those
/// that do not acknowledge them.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <doctest/doctest.h>
#include <memory>
#include <string>

#include "rpc/server/raw_peer.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
namespace frame_type = http2::test::frame_type;

struct Watched {
  explicit Watched(const ServerOptions& options = {}) : world(1) {
    world.serve(options);
    peer = RawPeer::before_server(world);
    run_for(1ms);
  }
  void run_for(Nanoseconds time) { world.simulation().run_for(time); }

  /// The number of PINGs that need an acknowledgement.
  std::size_t pings() const { return static_cast<std::size_t>(std::ranges::count_if(peer->frames, asks)); }
  /// Acknowledges those that are not acknowledged yet, at most so many.
  void answer(std::size_t most = SIZE_MAX) {
    std::size_t seen = 0;
    for (const auto& frame : peer->frames) {
      if (!asks(frame) || ++seen <= answered || most == 0) continue;
      peer->send(http2::test::frame(frame_type::ping, http2::test::ack, 0, frame.payload));
      ++answered;
      --most;
    }
  }
  static bool asks(const http2::test::Frame& frame) {
    return frame.type == frame_type::ping && (frame.flags & http2::test::ack) == 0;
  }

  SimulatedWorld world;
  std::unique_ptr<RawPeer> peer;
  std::size_t answered = 0;
};

TEST_CASE("a client gets a PING after two hours of silence, and has 20 s to acknowledge it") {
  Watched watched;
  watched.run_for(2h - 1s);
  CHECK(watched.pings() == 0);
  watched.run_for(2s);
  CHECK(watched.pings() == 1);
  watched.run_for(18s);
  CHECK_FALSE(watched.peer->closed());
  watched.run_for(2s);
  CHECK(watched.peer->closed());
}

TEST_CASE("the calls of a client that acknowledges no PING end with its connection") {
  Watched watched({.keepalive_time = 30s, .keepalive_timeout = 5s});
  watched.peer->request(1, "/test.v1.Raw/Sleep", message("3600000"));
  watched.run_for(29s);
  CHECK(watched.world.service().running == 1);
  CHECK(watched.pings() == 0);
  watched.run_for(7s);
  CHECK(watched.pings() == 1);
  CHECK(watched.world.service().running == 0);
  CHECK(watched.peer->closed());
  CHECK(watched.world.server().counters().calls_failed == 1);
  CHECK(watched.world.server().counters().connections_open == 0);
}

TEST_CASE("a client that acknowledges PINGs gets more, and stays connected") {
  Watched watched({.keepalive_time = 30s, .keepalive_timeout = 5s});
  for (int second = 0; second < 305; ++second) {
    watched.run_for(1s);
    watched.answer();
  }
  CHECK(watched.pings() >= 9);
  CHECK(watched.pings() <= 10);
  CHECK_FALSE(watched.peer->closed());
}

TEST_CASE("anything from a client keeps its connection alive") {
  Watched watched({.keepalive_time = 30s, .keepalive_timeout = 5s});
  std::uint32_t id = 1;
  for (int second = 0; second < 300; second += 20, id += 2) {
    watched.peer->request(id, echo_path, message("x"));
    watched.run_for(20s);
  }
  CHECK(watched.pings() == 0);
  watched.run_for(12s);
  CHECK(watched.pings() == 1);
  watched.peer->request(id, echo_path, message("x"));
  watched.run_for(20s);
  CHECK_FALSE(watched.peer->closed());
}

TEST_CASE("the acknowledgement of a keepalive PING does not end the first phase of a drain") {
  Watched watched({.keepalive_time = 30s});
  watched.peer->request(1, "/test.v1.Raw/Sleep", message("3600000"));
  watched.run_for(31s);
  REQUIRE(watched.pings() == 1);
  watched.world.server().drain([] {});
  watched.run_for(10ms);
  REQUIRE(watched.pings() == 2);
  CHECK(watched.peer->frames_of(frame_type::goaway) == 1);
  watched.answer(1);
  watched.run_for(1s);
  CHECK(watched.peer->frames_of(frame_type::goaway) == 1);
  watched.answer(1);
  watched.run_for(10ms);
  CHECK(watched.peer->frames_of(frame_type::goaway) == 2);
}

TEST_CASE("a server without keepalive sends no PING") {
  Watched watched({.keepalive_time = 0s});
  watched.run_for(24h);
  CHECK(watched.pings() == 0);
  CHECK_FALSE(watched.peer->closed());
}

TEST_CASE("a server's interval below a second counts as a second") {
  Watched watched({.keepalive_time = 1ms});
  watched.run_for(900ms);
  CHECK(watched.pings() == 0);
  watched.run_for(200ms);
  CHECK(watched.pings() == 1);
}

}  // namespace
}  // namespace ringrpc
