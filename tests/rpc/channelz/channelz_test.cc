// Tests channelz on simulated networks that cut and delay, and its parts by themselves.
#include <cstdint>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/channel.h"

#include "rpc/channelz/reading.h"
#include "rpc/channelz/registry.h"
#include "rpc/channelz/trace.h"
#include "rpc/message/message_counter.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

using channelz::Entity;

Task<channelz::SubchannelSnapshot> only_subchannel() {
  auto channels = co_await channelz::read_channels(0, 100);
  REQUIRE(channels);
  REQUIRE(channels->entries.size() == 1);
  REQUIRE(channels->entries.front().subchannels.size() == 1);
  auto subchannel = co_await channelz::read_subchannel(channels->entries.front().subchannels.front().id, 100);
  REQUIRE(subchannel);
  co_return *std::move(subchannel);
}

/// The only connection of `server`.
Task<channelz::SocketSnapshot> only_connection(const Entity& server) {
  const auto sockets = co_await channelz::read_server_sockets(server.id(), 0, 100);
  REQUIRE(sockets);
  REQUIRE(sockets->entries.size() == 1);
  auto socket = co_await channelz::read_socket(sockets->entries.front().id, channelz::Detail::all);
  REQUIRE(socket);
  co_return *std::move(socket);
}

TEST_CASE("both sides of a connection count the same streams and messages, whatever the network") {
  for_each_world([](World& world) {
    Entity server(Entity::Kind::server, "simulated");
    world.serve({});
    world.server().join(server);
    const bool done = world.run([&](Channel& channel) -> Task<void> {
      for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{20'000}})
        CHECK(co_await unary(channel, "Echo", std::string(bytes, 'x')));
      CHECK_FALSE(co_await unary(channel, "Fail", "5"));
      auto numbers = channel.server_streaming<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{"7"});
      int received = 0;
      while (co_await numbers.next()) ++received;
      CHECK(received == 7);
      CHECK((co_await numbers.finish()).ok());
      auto joined = channel.client_streaming<RawMessage, RawMessage>("/test.v1.Raw/Join");
      for (int at = 0; at < 5; ++at) CHECK(co_await joined.write(RawMessage{"x"}));
      CHECK(co_await joined.finish());

      const channelz::SocketSnapshot theirs = co_await only_connection(server);
      CHECK(theirs.from_client);
      CHECK(theirs.counts.streams_started == 6);
      CHECK(theirs.counts.streams_ended == 6);
      CHECK(theirs.counts.streams_failed == 0);
      CHECK(theirs.counts.messages_received == 3 + 1 + 1 + 5);
      CHECK(theirs.counts.messages_sent == 3 + 7 + 1);
      const channelz::SubchannelSnapshot subchannel = co_await only_subchannel();
      CHECK(subchannel.state == channelz::Connectivity::ready);
      CHECK(subchannel.calls.started == 6);
      CHECK(subchannel.calls.succeeded == 5);
      CHECK(subchannel.calls.failed == 1);
      REQUIRE(subchannel.sockets.size() == 1);
      const auto ours =
          co_await channelz::read_socket(subchannel.sockets.front().id, channelz::Detail::summary);
      REQUIRE(ours);
      CHECK_FALSE(ours->from_client);
      CHECK(ours->counts.streams_started == 6);
      CHECK(ours->counts.streams_ended == 6);
      CHECK(ours->counts.streams_failed == 0);
      CHECK(ours->counts.messages_sent == theirs.counts.messages_received);
      CHECK(ours->counts.messages_received == theirs.counts.messages_sent);
      const auto whole = co_await channelz::read_server(server.id());
      REQUIRE(whole);
      CHECK(whole->calls.started == 6);
      CHECK(whole->calls.succeeded == 5);
    });
    CHECK(done);
    world.stop();
  });
}

TEST_CASE("keepalive PINGs and a GOAWAY are shown") {
  SimulatedWorld world(1);
  Entity server(Entity::Kind::server, "simulated");
  ServerOptions options;
  options.keepalive_time = std::chrono::seconds(2);
  world.serve(options);
  world.server().join(server);
  const bool done = world.run([&](Channel& channel) -> Task<void> {
    auto chat = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Raw/Chat");
    CHECK(co_await chat.write(RawMessage{"x"}));
    CHECK(co_await chat.next());
    co_await sleep_for(std::chrono::seconds(7));
    CHECK((co_await only_connection(server)).counts.keepalives_sent == 3);
    world.server_shard().post([&] { world.server().drain([] {}); });
    co_await sleep_for(std::chrono::seconds(1));
    const channelz::SubchannelSnapshot subchannel = co_await only_subchannel();
    REQUIRE(subchannel.sockets.size() == 1);
    const auto ours =
        co_await channelz::read_socket(subchannel.sockets.front().id, channelz::Detail::summary);
    REQUIRE(ours);
    CHECK(ours->counts.goaway_received);
    CHECK(ours->counts.goaway_error == 0);
    chat.writes_done();
    CHECK_FALSE(co_await chat.next());
    CHECK((co_await chat.finish()).ok());
    co_await sleep_for(std::chrono::seconds(2));
    const channelz::SubchannelSnapshot after = co_await only_subchannel();
    CHECK(after.sockets.empty());
    CHECK(after.state == channelz::Connectivity::idle);
    REQUIRE(after.trace.events.size() == 2);
    CHECK(after.trace.events.back().description.find("has ended") != std::string::npos);
  });
  CHECK(done);
  world.stop();
}

TEST_CASE("a trace keeps the last events and counts all") {
  channelz::Trace trace;
  for (int at = 0; at < 40; ++at) trace.add(channelz::Severity::info, std::to_string(at));
  trace.add(channelz::Severity::error, std::string(1000, 'x'));
  const channelz::TraceSnapshot snapshot = trace.snapshot();
  CHECK(snapshot.logged == 41);
  REQUIRE(snapshot.events.size() == channelz::Trace::events_max);
  CHECK(snapshot.events.front().description == "25");
  CHECK(snapshot.events.back().description.size() == channelz::Trace::description_bytes_max);
}

/// A part of a channel, with calls.
struct FakePart final : channelz::Part {
  explicit FakePart(Shard& shard) : Part(shard, Role::whole) {}
  ~FakePart() { leave(calls()); }
  channelz::CallTotals calls() const override { return {.started = 3, .succeeded = 2, .failed = 1}; }
  channelz::Connectivity state() const override { return channelz::Connectivity::ready; }
};

/// Reads on the client's shard.
template <class T>
T read_in(World& world, const std::function<Task<T>()>& read) {
  Task<T> task;
  world.client_shard().post([&] {
    task = read();
    task.start();
  });
  REQUIRE(world.run_until([&] { return task.valid() && task.done(); }));
  return task.result();
}

TEST_CASE("the calls of a part that has left stay with its channel") {
  SimulatedWorld world(1);
  Entity channel(Entity::Kind::channel, "fake");
  auto one = std::make_unique<FakePart>(world.server_shard());
  auto other = std::make_unique<FakePart>(world.client_shard());
  one->join(channel);
  other->join(channel);
  const auto read = [&] {
    return *read_in<Result<channelz::ChannelSnapshot>>(world,
                                                       [&] { return channelz::read_channel(channel.id()); });
  };
  CHECK(read().calls.started == 6);
  one.reset();
  const channelz::ChannelSnapshot snapshot = read();
  CHECK(snapshot.calls.started == 6);
  CHECK(snapshot.calls.failed == 2);
}

TEST_CASE("a part of a channel that is no subchannel is not found as one") {
  SimulatedWorld world(1);
  Entity channel(Entity::Kind::channel, "fake");
  FakePart part(world.server_shard());
  part.join(channel);
  const auto found = read_in<Result<channelz::SubchannelSnapshot>>(
      world, [&] { return channelz::read_subchannel(part.id(), 100); });
  REQUIRE_FALSE(found);
  CHECK(found.error().code() == Code::NOT_FOUND);
}

TEST_CASE("a page that has room for just as many as are left is the last one") {
  SimulatedWorld world(1);
  const auto check = [&]<class Snapshot>(Entity::Kind kind, Task<Result<channelz::Page<Snapshot>>> (*read)(
                                                                channelz::Id, std::size_t)) {
    const Entity first(kind, "first");
    const Entity second(kind, "second");
    const auto page = [&](std::size_t most) {
      return *read_in<Result<channelz::Page<Snapshot>>>(world, [&] { return read(first.id(), most); });
    };
    CHECK(page(2).end);
    REQUIRE(page(2).entries.size() == 2);
    CHECK(page(2).entries.back().ref.id == second.id());
    CHECK_FALSE(page(1).end);
    REQUIRE(page(1).entries.size() == 1);
    CHECK(page(1).entries.front().ref.id == first.id());
  };
  check(Entity::Kind::server, channelz::read_servers);
  check(Entity::Kind::channel, channelz::read_channels);
}

TEST_CASE("a connection shows when its last stream began") {
  SimulatedWorld world(1);
  Entity server(Entity::Kind::server, "simulated");
  world.serve({});
  world.server().join(server);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    const auto last_stream = [&]() -> Task<Instant> {
      co_return (co_await only_connection(server)).counts.last_stream;
    };
    auto chat = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Raw/Chat");
    CHECK(co_await chat.write(RawMessage{"x"}));
    CHECK(co_await chat.next());
    const Instant first = co_await last_stream();
    co_await sleep_for(std::chrono::seconds(10));
    CHECK(co_await chat.write(RawMessage{"y"}));
    CHECK(co_await chat.next());
    CHECK((co_await last_stream()) == first);
    CHECK(co_await unary(channel, "Echo", "z"));
    CHECK((co_await last_stream()) - first >= std::chrono::seconds(10));
  }));
  world.stop();
}

TEST_CASE("messages are counted as they end, however the bytes are cut") {
  std::string wire;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{300}, std::size_t{0}}) {
    std::string prefix(MessageBuffer::prefix_bytes, '\0');
    MessageBuffer::write_prefix(reinterpret_cast<std::uint8_t*>(prefix.data()), bytes, bytes == 300);
    wire += prefix + std::string(bytes, '\xff');
  }
  for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
    MessageCounter counter;
    std::uint32_t messages = 0;
    for (std::size_t at = 0; at < wire.size(); at += piece)
      messages += counter.count(as_bytes(wire.substr(at, piece)));
    REQUIRE(messages == 4);
    REQUIRE(counter.count(as_bytes("\1\0\0")) == 0);
  }
}

}  // namespace
}  // namespace ringrpc
