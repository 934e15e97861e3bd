/// Clients that cancel calls as fast as the limits allow. Their connections and the other calls on them go
/// on. Attacks are in hostile_client_test.cc.

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "rpc/server/raw_peer.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

CallOptions given_up_after(Nanoseconds timeout) {
  CallOptions options;
  options.timeout = timeout;
  return options;
}

/// The end of a call that was started.
Task<CallResult<RawMessage>> end_of(const Task<CallResult<RawMessage>>& call) {
  while (!call.done()) co_await sleep_for(1ms);
  co_return call.result();
}

/// Runs `give_up` while another call is in flight on the same connection, which must get its response.
void beside_a_long_call(const World::Script& give_up) {
  SimulatedWorld world(1);
  world.serve({});
  CHECK(world.run(
      [&](Channel& channel) -> Task<void> {
        auto long_call = unary(channel, "Sleep", "60000");
        long_call.start();
        co_await give_up(channel);
        const auto answer = co_await end_of(long_call);
        CHECK_MESSAGE(answer, answer.error().to_string());
        while (world.service().running > 0) co_await sleep_for(1ms);
      },
      {.max_connections = 1}));
}

/// Calls with a deadline of 15 ms whose responses take a second. Returns the result of the last one, or of
/// the first that ends with another status than DEADLINE_EXCEEDED.
Task<CallResult<RawMessage>> give_up_in_turn(Channel& channel, int count) {
  Result<RawMessage> late;
  for (int at = 0; at < count; ++at) {
    late = co_await unary(channel, "Sleep", "1000", given_up_after(15ms));
    if (late || late.error().code() != Code::DEADLINE_EXCEEDED) break;
  }
  co_return late;
}

TEST_CASE("calls may pass their deadlines one after the other, if only just before the server's") {
  SimulatedWorld world(1);
  ServerOptions few_resets;
  few_resets.reset_burst = 10;
  world.serve(few_resets);
  const auto peer = RawPeer::before_server(world);
  peer->request(1, "/test.v1.Raw/Sleep", message("8000"));
  for (std::uint32_t id = 3; id < 603; id += 2) {
    peer->request(id, "/test.v1.Raw/Sleep", message("1000"), {{"grpc-timeout", "15m"}});
    world.simulation().run_for(13ms);
    peer->send(http2::test::rst_stream(id, http2::ErrorCode::cancel));
  }
  REQUIRE(world.run_until([&] { return peer->ended(1) || peer->closed(); }));
  CHECK(peer->field(1, "grpc-status") == "0");
  CHECK(world.service().started == 301);
}

TEST_CASE("calls may have deadlines so short that resets without a deadline would end the connection") {
  for (const bool stated : {true, false}) {
    SimulatedWorld world(1);
    ServerOptions few_resets;
    few_resets.reset_burst = 10;
    world.serve(few_resets);
    const auto peer = RawPeer::before_server(world);
    const http2::test::FieldList timeout{{"grpc-timeout", "900u"}};
    for (std::uint32_t id = 1; id < 601 && !peer->closed(); id += 2) {
      peer->request(id, "/test.v1.Raw/Sleep", message("1000"), stated ? timeout : http2::test::FieldList{});
      world.simulation().run_for(600us);
      peer->send(http2::test::rst_stream(id, http2::ErrorCode::cancel));
    }
    world.simulation().run_for(10ms);
    CHECK(peer->closed() != stated);
  }
}

TEST_CASE("a busy client may send calls together with their resets, once their deadlines have passed") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  const auto flood = [&](std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t id = from; id < to && !peer->closed(); id += 2) {
      peer->send(peer->encoder.headers(
                     id, RawPeer::request_fields("/test.v1.Raw/Sleep", {{"grpc-timeout", "20m"}})) +
                 http2::test::rst_stream(id, http2::ErrorCode::cancel));
      if (id % 200 == 1) world.simulation().run_for(1ms);
    }
    world.simulation().run_for(10ms);
  };
  flood(1, 16'001);
  CHECK_FALSE(peer->closed());
  CHECK(world.service().started == 0);
  flood(16'001, 32'001);
  CHECK(peer->closed());
}

/// Keeps the status of each call that has ended.
class Ends final : public Interceptor {
 public:
  void on_end(Call&, const Status& status) override { ends.push_back(status.to_string()); }

  std::vector<std::string> ends;
};

TEST_CASE("on_end distinguishes a cancelled call from one that was reset for the client's error") {
  SimulatedWorld world(1);
  Ends witness;
  ServerOptions options;
  options.interceptors = {&witness};
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  std::string seen;
  SUBCASE("cancelled") {
    peer->request(1, "/test.v1.Raw/Sleep", message("60000"));
    world.simulation().run_for(1s);
    peer->send(http2::test::rst_stream(1, http2::ErrorCode::cancel));
    seen = "CANCELLED: the client cancelled the call";
  }
  SUBCASE("more body than its content-length") {
    peer->begin(1, join_path, {{"content-length", "6"}});
    peer->send_body(1, message("x"));
    world.simulation().run_for(1s);
    peer->send_body(1, message("x"));
    seen = "CANCELLED: the stream was reset: PROTOCOL_ERROR";
  }
  CHECK(world.service().running == 1);
  world.simulation().run_for(1s);
  CHECK(witness.ends == std::vector{seen});
  CHECK(world.service().running == 0);
  CHECK_FALSE(peer->closed());
}

TEST_CASE("calls may pass their deadlines as many at a time as the connection takes") {
  beside_a_long_call([](Channel& channel) -> Task<void> {
    std::vector<Task<CallResult<RawMessage>>> callers;
    for (int at = 0; at < 99; ++at) {
      callers.push_back(give_up_in_turn(channel, 50));
      callers.back().start();
    }
    for (const auto& caller : callers)
      CHECK((co_await end_of(caller)).error().code() == Code::DEADLINE_EXCEEDED);
  });
}

TEST_CASE("calls may be cancelled after a few milliseconds") {
  beside_a_long_call([](Channel& channel) -> Task<void> {
    for (int at = 0; at < 1200; ++at) {
      const auto call = channel.call("/test.v1.Raw/Sleep", MethodKind::unary, {});
      write_message(*call, RawMessage{"1000"});
      call->writes_done();
      co_await sleep_for(5ms);
    }
  });
}

TEST_CASE("streams may be cancelled after their first message") {
  beside_a_long_call([](Channel& channel) -> Task<void> {
    for (int at = 0; at < 1200; ++at) {
      auto stream =
          channel.server_streaming<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{"1000000"}, {});
      REQUIRE(co_await stream.next());
    }
  });
}

TEST_CASE("a server may end calls before their requests as often as it likes") {
  beside_a_long_call([](Channel& channel) -> Task<void> {
    for (int at = 0; at < 1200; ++at) {
      auto writer = channel.client_streaming<RawMessage, RawMessage>("/test.v1.Raw/Nothing");
      while (co_await writer.write(RawMessage{"x"})) co_await sleep_for(100us);
      const auto refused = co_await writer.finish();
      REQUIRE_FALSE(refused);
      REQUIRE(refused.error().code() == Code::UNIMPLEMENTED);
    }
  });
}

TEST_CASE("options of the server limit the calls that may be cancelled right after their start") {
  const auto is_let_pass = [](std::uint32_t count, const ServerOptions& options) {
    SimulatedWorld world(1);
    world.serve(options);
    const auto peer = RawPeer::before_server(world);
    for (std::uint32_t n = 0; n < count; ++n) {
      peer->request(2 * n + 1, "/test.v1.Raw/Sleep", message("1000"));
      peer->send(http2::test::rst_stream(2 * n + 1, http2::ErrorCode::cancel));
    }
    world.simulation().run_for(3s);
    return !peer->closed();
  };
  CHECK(is_let_pass(1000, {}));
  CHECK_FALSE(is_let_pass(2000, {}));
  CHECK(is_let_pass(20, {.reset_burst = 20, .resets_per_second = 0}));
  CHECK_FALSE(is_let_pass(21, {.reset_burst = 20, .resets_per_second = 0}));
  CHECK(is_let_pass(5000, {.reset_burst = 5000}));
}

}  // namespace
}  // namespace ringrpc
