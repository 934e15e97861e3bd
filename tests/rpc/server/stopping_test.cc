/// Handlers that end when their connection drains.

#include <array>
#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <vector>

#include "ringrpc/sleep.h"
#include "ringrpc/when.h"

#include "http2/frames.h"
#include "rpc/server/raw_peer.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

/// Writes whether the connection stops: at once, and again when it does.
class Vigil final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Vigil"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&Vigil::keep>("Keep"), method<&Vigil::keep_twice>("KeepTwice"),
                                        method<&Vigil::keep_for_an_hour>("KeepForAnHour")};
    return methods;
  }

  int kept = 0;  ///< handlers whose frames exist

 private:
  struct Presence {
    explicit Presence(int& of) noexcept : count(of) { ++count; }
    Presence(const Presence&) = delete;
    Presence& operator=(const Presence&) = delete;
    ~Presence() { --count; }
    int& count;
  };

  static RawMessage said(const Call& call) { return RawMessage{call.stopping() ? "stopping" : "serving"}; }

  Task<Status> keep(Call& call, RawMessage, Writer<RawMessage>& out) {
    const Presence present(kept);
    co_await out.write(said(call));
    co_await call.until_stopping();
    co_await out.write(said(call));
    co_return fail(Code::UNAVAILABLE, "kept until the end").error();
  }

  Task<Status> keep_twice(Call& call, RawMessage, Writer<RawMessage>& out) {
    const Presence present(kept);
    co_await out.write(said(call));
    co_await when_all(call.until_stopping(), call.until_stopping());
    co_await call.until_stopping();
    co_await out.write(said(call));
    co_return Status();
  }

  Task<Status> keep_for_an_hour(Call& call, RawMessage, Writer<RawMessage>& out) {
    const Presence present(kept);
    const auto first = co_await when_any(sleep_for(1h), call.until_stopping());
    co_await out.write(RawMessage{first.index() == 0 ? "an hour" : "until stopping"});
    co_return Status();
  }
};

/// A server of that service.
struct Vigilant {
  explicit Vigilant(const ServerOptions& options = {}) {
    world.also_serve(vigil);
    world.serve(options);
  }

  std::unique_ptr<RawPeer> connect() { return RawPeer::before_server(world); }

  /// A call that waits in its handler.
  void keep(RawPeer& peer, std::uint32_t id, std::string_view name = "Keep") {
    const int before = vigil.kept;
    peer.request(id, "/test.v1.Vigil/" + std::string(name), message(""));
    REQUIRE(world.run_until([&] { return vigil.kept == before + 1; }));
    world.simulation().run_for(1ms);
    CHECK(vigil.kept == before + 1);
  }

  void drain() {
    world.server_shard().post([this] { world.server().drain([this] { drained = true; }); });
  }

  Vigil vigil;
  SimulatedWorld world{1};
  bool drained = false;
};

const std::string served_then_stopped = message("serving") + message("stopping");

TEST_CASE("calls that wait for the server to stop end as soon as it drains, on all connections") {
  Vigilant server;
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (int at = 0; at < 3; ++at) {
    RawPeer& peer = *peers.emplace_back(server.connect());
    server.keep(peer, 1);
    server.keep(peer, 3, "KeepTwice");
    server.keep(peer, 5, "KeepForAnHour");
  }
  server.drain();
  server.world.simulation().run_for(1ms);
  CHECK(server.vigil.kept == 0);
  for (const auto& peer : peers) {
    CHECK(peer->body(1) == served_then_stopped);
    CHECK(peer->field(1, "grpc-status") == "14");
    CHECK(peer->body(3) == served_then_stopped);
    CHECK(peer->field(3, "grpc-status") == "0");
    CHECK(peer->body(5) == message("until stopping"));
  }
  REQUIRE(server.world.run_until([&] { return server.drained; }));
  CHECK(server.world.server().counters().calls_failed == 3);
}

TEST_CASE("a call that begins on a draining connection does not wait") {
  Vigilant server;
  const auto peer = server.connect();
  peer->request(1, "/test.v1.Raw/Sleep", message("60000"));  // keeps the connection open
  REQUIRE(server.world.run_until([&] { return server.world.service().running == 1; }));
  server.drain();
  REQUIRE(server.world.run_until([&] { return peer->frames_of(http2::test::frame_type::goaway) == 1; }));
  peer->request(3, "/test.v1.Vigil/Keep", message(""));
  REQUIRE(server.world.run_until([&] { return peer->ended(3); }));
  CHECK(peer->body(3) == message("stopping") + message("stopping"));
  CHECK_FALSE(server.drained);
}

TEST_CASE("a connection that reaches its age stops its own calls, and no others") {
  Vigilant server({.max_connection_age = 100s, .keepalive_time = 0s});
  const auto old = server.connect();
  server.keep(*old, 1);
  server.world.simulation().run_for(50s);
  server.world.simulation().run_for(1ms);  // so that the shards read the clock
  const auto young = server.connect();
  server.keep(*young, 1);
  server.world.simulation().run_for(39s);  // at 89 s; the age is 90 s to 110 s
  CHECK_FALSE(old->ended(1));
  REQUIRE(server.world.run_until([&] { return old->ended(1); }));
  CHECK(old->body(1) == served_then_stopped);
  CHECK(server.vigil.kept == 1);
  CHECK_FALSE(young->ended(1));
}

TEST_CASE("a call that ends first leaves nothing that waits") {
  Vigilant server;
  const auto peer = server.connect();
  server.keep(*peer, 1);
  server.keep(*peer, 3, "KeepTwice");
  server.keep(*peer, 5);
  peer->send(http2::test::rst_stream(1, http2::ErrorCode::cancel) +
             http2::test::rst_stream(3, http2::ErrorCode::cancel));
  REQUIRE(server.world.run_until([&] { return server.vigil.kept == 1; }));
  server.drain();
  server.world.simulation().run_for(1ms);
  CHECK(server.vigil.kept == 0);
  CHECK(peer->body(5) == served_then_stopped);
}

TEST_CASE("a connection that is lost while its calls wait leaves nothing") {
  Vigilant server;
  auto peer = server.connect();
  server.keep(*peer, 1);
  server.keep(*peer, 3, "KeepForAnHour");
  peer.reset();
  REQUIRE(server.world.run_until([&] { return server.vigil.kept == 0; }));
  CHECK(server.world.run_until([&] { return server.world.server().counters().connections_open == 0; }));
}

TEST_CASE("a connection that reaches a draining shard is drained, too, and does not keep it waiting") {
  Vigilant server;
  const auto first = server.connect();
  first->request(1, "/test.v1.Raw/Sleep", message("10000"));
  REQUIRE(server.world.run_until([&] { return server.world.service().running == 1; }));
  server.drain();
  server.world.simulation().run_for(1ms);
  const auto late = server.connect();
  REQUIRE(server.world.run_until([&] { return late->frames_of(http2::test::frame_type::goaway) == 1; }));
  REQUIRE(server.world.run_until([&] { return server.drained; }));
  CHECK(first->field(1, "grpc-status") == "0");
  CHECK(late->closed());
}

TEST_CASE("a half close stops no calls; a drain after it does") {
  Vigilant server;
  const auto peer = server.connect();
  server.keep(*peer, 1);
  peer->finish();
  server.world.simulation().run_for(5s);
  CHECK(server.vigil.kept == 1);
  CHECK_FALSE(peer->closed());
  server.drain();
  REQUIRE(server.world.run_until([&] { return server.drained; }));
  CHECK(peer->body(1) == served_then_stopped);
  CHECK(peer->field(1, "grpc-status") == "14");
}

}  // namespace
}  // namespace ringrpc
