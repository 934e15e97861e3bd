/// A channel from its callers' view: shared between shards, closed orderly, destroyed at any moment.

#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/server.h"

#include "rpc/client/raw_host.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
namespace frame_type = http2::test::frame_type;
using http2::test::settings;
using http2::test::settings_ack;

Task<CallResult<RawMessage>> sleep_call(const Channel& channel, std::string milliseconds) {
  return channel.unary<RawMessage, RawMessage>("/test.v1.Raw/Sleep", RawMessage{std::move(milliseconds)}, {});
}

TEST_CASE("a channel may be destroyed by a coroutine that its own connection resumes") {
  for_each_world([](World& world) {
    int answered = 0;
    CHECK(world.run([&](Channel& unused) -> Task<void> {
      auto channel = std::make_unique<Channel>(unused.target());
      std::vector<Task<void>> calls;
      const auto one = [&]() -> Task<void> {
        const auto response = co_await unary(*channel);
        channel.reset();
        ++answered;
        const bool expected = response || response.error().code() == Code::CANCELLED;
        CHECK_MESSAGE(expected, response.error().to_string());
      };
      for (int at = 0; at < 5; ++at) {
        calls.push_back(one());
        calls.back().start();
      }
      while (answered < 5) co_await sleep_for(1ms);
    }));
  });
}

TEST_CASE("destroying a channel ends its calls, wherever they are") {
  SimulatedWorld world(1);
  RawHost host(world);
  SUBCASE("while it connects") { host.greeting = ""; }
  SUBCASE("in flight") {}
  SUBCASE("waiting for a stream") {
    host.greeting = settings({{http2::test::setting::max_concurrent_streams, 1}}) + settings_ack();
  }
  CHECK(host.serve([&](Channel& unused) -> Task<void> {
    auto channel = std::make_unique<Channel>(unused.target());
    auto first = unary(*channel);
    auto second = unary(*channel);
    first.start();
    second.start();
    co_await sleep_for(100ms);
    channel.reset();
    while (!first.done() || !second.done()) co_await sleep_for(1ms);
    CHECK(first.result().error().code() == Code::CANCELLED);
    CHECK(second.result().error().code() == Code::CANCELLED);
  }));
}

TEST_CASE("copies share one channel, which ends with the last of them") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve([&](Channel& unused) -> Task<void> {
    std::optional<Channel> first(unused.target());
    std::optional<Channel> second(*first);
    const auto calls = start_calls(*first, 1);
    co_await sleep_for(100ms);
    const auto more = start_calls(*second, 1);
    co_await sleep_for(100ms);
    CHECK(host.peers.size() == 1);
    first.reset();
    co_await sleep_for(100ms);
    CHECK_FALSE(calls[0].done());
    second.reset();
    co_await all_done(calls);
    co_await all_done(more);
    CHECK(calls[0].result().error().to_string() == "CANCELLED: the channel to 127.0.0.1:7 was destroyed");
    CHECK(code_of(more[0]) == Code::CANCELLED);
  }));
}

TEST_CASE("the error of a call outside of a shard says where to make calls") {
  const Channel channel("127.0.0.1:1");
  const auto call = channel.call(echo, MethodKind::unary, {});
  CHECK_FALSE(write_message(*call, RawMessage{"x"}));
  call->writes_done();
  CHECK(call->message_ready());
  REQUIRE(call->finished());
  CHECK(call->take_status().code() == Code::FAILED_PRECONDITION);
}

Task<void> close_within(const Channel& channel, std::chrono::milliseconds timeout,
                        std::optional<std::uint64_t>& cut) {
  cut = co_await channel.close(timeout);
}

/// A server on shard 0, and a call from each of two others over one channel.
struct TwoShards {
  TwoShards() : world(1, {}, 3) {
    world.serve({});
    channel.emplace(world.address());
    calls.resize(2);
    for (const unsigned at : {0u, 1u}) {
      world.simulation().shard(at + 1).post([this, at] {
        calls[at] = sleep_call(*channel, "60000");
        calls[at].start();
      });
    }
    REQUIRE(world.run_until([&] { return world.service().running == 2; }));
  }
  bool done() const { return std::ranges::all_of(calls, &Task<CallResult<RawMessage>>::done); }
  /// The tasks are destroyed where they ran, and nothing is left.
  void end() {
    for (const unsigned at : {0u, 1u}) world.simulation().shard(at + 1).post([this, at] { calls[at] = {}; });
    CHECK(world.run_until([&] { return world.server().counters().connections_open == 0; }));
    world.stop();
    CHECK(world.simulation().run_until_quiet());
    CHECK(world.simulation().clean());
  }

  SimulatedWorld world;
  std::optional<Channel> channel;
  std::vector<Task<CallResult<RawMessage>>> calls;
};

TEST_CASE("each shard that calls has a connection of its own, and all close with the channel") {
  TwoShards at;
  CHECK(at.world.server().counters().connections_open == 2);
  SUBCASE("dropped on one of its shards") {
    at.world.simulation().shard(2).post([&] { at.channel.reset(); });
  }
  SUBCASE("dropped outside of a shard") { at.channel.reset(); }
  REQUIRE(at.world.run_until([&] { return at.done(); }));
  for (const auto& call : at.calls) CHECK(code_of(call) == Code::CANCELLED);
  CHECK(at.world.run_until([&] { return at.world.service().running == 0; }));
  at.end();
}

TEST_CASE("a channel may outlive its shards") {
  auto world = std::make_unique<SimulatedWorld>(1);
  world->serve({});
  const Channel channel(world->address());
  Task<CallResult<RawMessage>> call;
  world->client_shard().post([&] {
    call = sleep_call(channel, "1");
    call.start();
  });
  REQUIRE(world->run_until([&] { return call.done(); }));
  call = {};
  world.reset();
}

TEST_CASE("closing waits for the calls of every shard, and cancels none that ends in time") {
  TwoShards at;
  std::optional<std::uint64_t> cut;
  Task<void> closing;
  at.world.simulation().shard(1).post([&] {
    closing = close_within(*at.channel, 2min, cut);
    closing.start();
  });
  REQUIRE(at.world.run_until([&] { return cut.has_value(); }));
  CHECK(*cut == 0);
  REQUIRE(at.done());
  for (const auto& call : at.calls) CHECK(code_of(call) == Code::OK);
  at.end();
}

TEST_CASE("closing cancels calls that do not end in time, on every shard") {
  TwoShards at;
  std::optional<std::uint64_t> cut;
  std::vector<Task<void>> closings(2);
  for (const unsigned each : {0u, 1u}) {  // from both, and one times out first
    at.world.simulation().shard(each + 1).post([&, each] {
      closings[each] = close_within(*at.channel, each == 0 ? 5s : 50s, cut);
      closings[each].start();
    });
  }
  const Instant before = at.world.simulation().now();
  REQUIRE(at.world.run_until([&] { return closings[0].done() && closings[1].done(); }));
  CHECK(*cut == 2);
  CHECK(at.world.simulation().now() - before <= 6s);
  CHECK(at.world.run_until([&] { return at.done(); }));
  for (const auto& call : at.calls)
    CHECK(call.result().error().to_string() ==
          "CANCELLED: the channel to " + at.world.address() + " is closed");
  at.end();
}

TEST_CASE("a closing channel takes no new calls, serves those that wait, and sends GOAWAY") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = settings({{http2::test::setting::max_concurrent_streams, 1}}) + settings_ack();
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        const auto calls = start_calls(channel, 2);
        co_await sleep_for(1s);
        std::optional<std::uint64_t> cut;
        const auto closing = close_within(channel, 1h, cut);
        closing.start();
        {
          const auto abandoned = close_within(channel, 1h, cut);
          abandoned.start();
        }
        co_await sleep_for(1s);
        const auto late = co_await unary(channel);
        REQUIRE_FALSE(late);
        CHECK(late.error().to_string() == "CANCELLED: the channel to 127.0.0.1:7 is closed");
        CHECK(host.peers[0]->frames_of(frame_type::goaway) == 0);
        host.answer = well_answered();
        host.peers[0]->send(well_answered()(*host.peers[0], 1));
        co_await all_done(calls);
        for (const auto& call : calls) CHECK(call.result());
        while (!cut) co_await sleep_for(1ms);
        CHECK(*cut == 0);
        CHECK(host.peers[0]->frames_of(frame_type::goaway) == 1);
        CHECK(host.peers[0]->closed());
        CHECK(co_await channel.close(1s) == 0);
        CHECK(code_of(start_calls(channel, 1).front()) == Code::CANCELLED);
      },
      {.max_connections = 1}));
}

/// Asks another server, through a channel that all shards share.
class Front final : public Service {
 public:
  explicit Front(const Channel& to) : channel(to) {}
  std::string_view service_name() const noexcept override { return "test.v1.Front"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&Front::relay>("Relay")};
    return methods;
  }
  Channel channel;

 private:
  Task<Result<RawMessage>> relay(Call& call, RawMessage request) {
    co_return co_await channel.unary<RawMessage, RawMessage>(echo, std::move(request),
                                                             CallOptions::from(call));
  }
};

TEST_CASE("a second close does not put off the end that the first has set") {
  SimulatedWorld world(1);
  test::RawHost host(world);  // never responds
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto calls = test::start_calls(channel, 1);
    co_await sleep_for(100ms);
    const auto first = channel.close(1s);
    first.start();
    const auto second = channel.close(1h);
    second.start();
    co_await sleep_for(2s);
    CHECK(first.done());
    CHECK(second.done());
    CHECK(calls.front().done());
  }));
}

TEST_CASE("shards on threads of their own share a channel") {
  RawService raw;
  const auto back = Server::start({&raw}, {.listen = {"127.0.0.1:0"}, .shards = 2});
  REQUIRE_MESSAGE(back, back.error().to_string());
  Front relay(Channel((*back)->addresses().front()));
  const auto front = Server::start({&relay}, {.listen = {"127.0.0.1:0"}, .shards = 2});
  REQUIRE_MESSAGE(front, front.error().to_string());
  const Status status = block_on([&]() -> Task<Status> {
    std::vector<Channel> channels;
    for (int at = 0; at < 4; ++at) channels.emplace_back((*front)->addresses().front());
    for (int at = 0; at < 400; ++at) {
      const RawMessage request{std::to_string(at)};
      const auto answer = co_await channels[static_cast<std::size_t>(at) % 4].unary<RawMessage, RawMessage>(
          "/test.v1.Front/Relay", request);
      if (!answer) co_return answer.error();
      if (answer->bytes != request.bytes) co_return Status(Code::DATA_LOSS, answer->bytes);
    }
    co_return Status();
  });
  CHECK_MESSAGE(status.ok(), status.to_string());
  CHECK((*back)->counters().connections_open == 2);  // one for each shard of the front
  const Result<std::uint64_t> cut = block_on(relay.channel.close(10s));
  REQUIRE(cut);
  CHECK(*cut == 0);
}

}  // namespace
}  // namespace ringrpc::test
