/// Calls whose handler, connection or server ends at an awkward moment.

#include <algorithm>
#include <array>
#include <atomic>
#include <doctest/doctest.h>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "ringrpc/worker_pool.h"

#include "rpc/server/raw_peer.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using http2::ErrorCode;
using http2::test::end_stream;
using http2::test::rst_stream;

constexpr std::string_view raw_sleep = "/test.v1.Raw/Sleep";

/// Handlers that fail, wait and write at the wrong time.
class AwkwardService final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Awkward"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{
        method<&AwkwardService::throw_later>("ThrowLater"),
        method<&AwkwardService::work>("Work"),
        method<&AwkwardService::too_much>("TooMuch"),
    };
    return methods;
  }

  std::unique_ptr<WorkerPool> pool;
  std::function<void()> job = [] {};
  int frames = 0;
  int after_work = 0;
  int writes_refused = 0;

 private:
  struct Frame {
    explicit Frame(int& counted) noexcept : count(counted) { ++count; }
    Frame(const Frame&) = delete;
    ~Frame() { --count; }
    int& count;
  };

  Task<Result<RawMessage>> throw_later(Call&, RawMessage request) {
    const Frame frame(frames);
    co_await sleep_for(5ms);
    if (request.bytes != "no") throw std::runtime_error("later");
    co_return request;
  }

  Task<Result<RawMessage>> work(Call& call, RawMessage request) {
    const Frame frame(frames);
    if (const Status done = co_await pool->run([this] { job(); }); !done.ok())
      co_return std::unexpected(done);
    ++after_work;
    co_return RawMessage{request.bytes + std::to_string(call.metadata().find("x").has_value())};
  }

  Task<Status> too_much(Call&, RawMessage, Writer<RawMessage>& out) {
    const Frame frame(frames);
    for (int at = 0; at < 3; ++at)
      if (!co_await out.write(RawMessage{std::string(2000, 'x')})) ++writes_refused;
    co_await sleep_for(1h);
    co_return Status();
  }
};

struct AwkwardWorld {
  explicit AwkwardWorld(const ServerOptions& options = {}) : world(1) {
    world.also_serve(service);
    world.serve(options);
    peer = RawPeer::before_server(world);
  }
  SimulatedWorld world;
  AwkwardService service;
  std::unique_ptr<RawPeer> peer;
};

TEST_CASE("a handler that throws after it was suspended fails its call") {
  AwkwardWorld at;
  at.peer->request(1, "/test.v1.Awkward/ThrowLater", message("x"));
  at.peer->request(3, "/test.v1.Awkward/ThrowLater", message("no"));
  REQUIRE(at.world.run_until([&] { return at.peer->ended(1) && at.peer->ended(3); }));
  CHECK(at.peer->field(1, "grpc-status") == "13");
  CHECK(at.peer->field(3, "grpc-status") == "0");
  CHECK(at.service.frames == 0);
}

TEST_CASE("a handler whose call fails while it runs continues to its next wait, and is destroyed there") {
  ServerOptions options;
  options.max_message_bytes = 1000;
  AwkwardWorld at(options);
  at.peer->request(1, "/test.v1.Awkward/TooMuch", message("x"));
  REQUIRE(at.world.run_until([&] { return at.peer->ended(1); }));
  CHECK(at.peer->field(1, "grpc-status") == "8");
  at.world.simulation().run_for(1s);
  CHECK(at.service.writes_refused == 3);
  CHECK(at.service.frames == 0);
}

TEST_CASE("a handler that sleeps is destroyed by reset, loss, deadline and stop") {
  SimulatedWorld world(1);
  world.serve({});
  auto peer = RawPeer::before_server(world);
  RawService& service = world.service();
  peer->request(1, raw_sleep, message("600000"));
  peer->request(3, raw_sleep, message("600000"));
  peer->request(5, raw_sleep, message("600000"), {{"grpc-timeout", "2S"}});
  REQUIRE(world.run_until([&] { return service.running == 3; }));
  peer->send(rst_stream(1, ErrorCode::cancel));
  CHECK(world.run_until([&] { return service.running == 2; }));
  world.simulation().run_for(3s);
  CHECK(service.running == 1);
  peer.reset();
  CHECK(world.run_until([&] { return service.running == 0; }));
  const auto second = RawPeer::before_server(world);
  second->request(1, raw_sleep, message("600000"));
  REQUIRE(world.run_until([&] { return service.running == 1; }));
  world.stop();
  CHECK(service.running == 0);
}

TEST_CASE("a handler that waits for a worker survives the loss of its stream, whichever is first") {
  // The worker is real, the network is not: the test sets the order in which the result and the reset arrive.
  AwkwardWorld at;
  at.service.pool = *WorkerPool::start({.threads = 1, .queue_limit = 8});
  std::atomic<int> worked = 0;
  std::atomic<bool> go = false;
  at.service.job = [&] {
    while (!go) std::this_thread::yield();
    ++worked;
  };
  SUBCASE("both in one turn") {
    at.peer->request(1, "/test.v1.Awkward/Work", message("x"), {{"x", "y"}});
    REQUIRE(at.world.run_until([&] { return at.service.frames == 1; }));
    at.peer->send(rst_stream(1, ErrorCode::cancel));
    at.world.client_shard().turn();
    go = true;
    while (worked == 0 || at.service.pool->waiting() > 0) std::this_thread::yield();
  }
  SUBCASE("the reset first") {
    at.peer->request(1, "/test.v1.Awkward/Work", message("x"), {{"x", "y"}});
    REQUIRE(at.world.run_until([&] { return at.service.frames == 1; }));
    at.peer->send(rst_stream(1, ErrorCode::cancel));
    CHECK(at.world.run_until([&] { return at.service.frames == 0; }));
    go = true;
  }
  at.service.pool.reset();
  at.world.simulation().run_for(1s);
  CHECK(at.service.frames == 0);
}

TEST_CASE("a connection that ends within a batch of requests ends them all") {
  SimulatedWorld world(1);
  world.serve({});
  auto peer = RawPeer::before_server(world);
  std::string batch;
  for (std::uint32_t id = 1; id < 40; id += 2) {
    batch += peer->encoder.headers(id, RawPeer::request_fields(raw_sleep));
    batch += http2::test::data(id, message("600000"), end_stream);
  }
  peer->send(batch + http2::test::frame(http2::test::frame_type::data, 0, 0, "not of any stream"));
  REQUIRE(world.run_until([&] { return peer->closed(); }));
  CHECK(world.run_until([&] { return world.server().counters().connections_open == 0; }));
  CHECK(world.service().started == 20);
  CHECK(world.service().running == 0);
  peer.reset();
  world.stop();
  CHECK(world.simulation().run_until_quiet());
  CHECK(world.simulation().clean());
}

TEST_CASE("a drain lets calls in flight finish, and may be asked for twice") {
  for_each_world([](World& world) {
    if (world.address().empty()) world.serve({});
    int drained = 0;
    bool second = false;
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      std::vector<Task<void>> calls;
      int served = 0;
      const auto one = [&]() -> Task<void> {
        served +=
            (co_await channel.unary<RawMessage, RawMessage>(raw_sleep, RawMessage{"300"}, {})).has_value();
      };
      for (int at = 0; at < 10; ++at) {
        calls.push_back(one());
        calls.back().start();
      }
      while (world.service().running < 10) co_await sleep_for(1ms);
      world.server_shard().post([&] {
        world.server().drain([&] { ++drained; });
        world.server().drain([&] { ++drained; });
        second = true;
      });
      while (!std::ranges::all_of(calls, &Task<void>::done)) co_await sleep_for(1ms);
      CHECK(served == 10);
    }));
    CHECK(world.run_until([&] { return drained == 2; }));
    CHECK(second);
  });
}

TEST_CASE("a drain sends two GOAWAYs with a round trip in between, and serves streams in flight") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  peer->request(1, raw_sleep, message("10000"));
  REQUIRE(world.run_until([&] { return world.service().running == 1; }));
  bool drained = false;
  world.server_shard().post([&] { world.server().drain([&] { drained = true; }); });
  REQUIRE(world.run_until([&] { return peer->frames_of(http2::test::frame_type::ping) == 1; }));
  CHECK(peer->frames_of(http2::test::frame_type::goaway) == 1);
  CHECK(peer->frames.back().type ==
        http2::test::frame_type::ping);  // its acknowledgement shows that the GOAWAY is known
  peer->request(3, raw_sleep, message("1000"));
  std::string payload;
  for (const auto& frame : peer->frames)
    if (frame.type == http2::test::frame_type::ping) payload = frame.payload;
  SUBCASE("the peer acknowledges the PING") {
    peer->send(http2::test::frame(http2::test::frame_type::ping, 1, 0, payload));
  }
  SUBCASE("the peer does not") {}
  REQUIRE(world.run_until([&] { return peer->frames_of(http2::test::frame_type::goaway) == 2; }));
  peer->request(5, raw_sleep, message("0"));
  REQUIRE(world.run_until([&] { return peer->ended(1) && peer->ended(3); }));
  CHECK(peer->field(1, "grpc-status") == "0");
  CHECK(peer->field(3, "grpc-status") == "0");
  CHECK_FALSE(peer->ended(5));
  CHECK(world.run_until([&] { return drained; }));
}

TEST_CASE("the acknowledgement of a PING that was never sent does not drain") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  peer->send(http2::test::frame(http2::test::frame_type::ping, 1, 0, http2::test::number(0x647261696e, 8)));
  peer->request(1, raw_sleep, message("0"));
  REQUIRE(world.run_until([&] { return peer->ended(1); }));
  CHECK(peer->frames_of(http2::test::frame_type::goaway) == 0);
}

}  // namespace
}  // namespace ringrpc
