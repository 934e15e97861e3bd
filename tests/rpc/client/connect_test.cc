/// Connecting before there is a call.

#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <utility>

#include "rpc/client/raw_host.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
using http2::test::settings;
using http2::test::settings_ack;

TEST_CASE("connect ends with a connection that the first call takes") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = well_answered();
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    CHECK((co_await channel.connect()).ok());
    CHECK(host.peers.size() == 1);
    CHECK((co_await channel.connect()).ok());
    CHECK(co_await unary(channel));
    CHECK(host.peers.size() == 1);
  }));
}

TEST_CASE("connect fails as a call would: no server, a wrong target, a channel that is closed") {
  SimulatedWorld world(1);
  CHECK(world.run_against("127.0.0.1:1", [](Channel& channel) -> Task<void> {
    const Status refused = co_await channel.connect();
    CHECK(refused.code() == Code::UNAVAILABLE);
    CHECK(refused.message().starts_with("connect 127.0.0.1:1: "));
    const Status at_once = co_await channel.connect();
    CHECK(at_once.message() == refused.message());
    const Channel wrong("nowhere");
    const Status misnamed = co_await wrong.connect();
    CHECK(misnamed.code() == Code::INVALID_ARGUMENT);
    co_await channel.close(0s);
    const Status closed = co_await channel.connect();
    CHECK(closed.code() == Code::CANCELLED);
  }));
}

TEST_CASE("a coroutine that waits for a connection learns when the channel closes, and may be cancelled") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting.clear();  // says nothing, so the handshake never ends
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    Task<Status> given_up = channel.connect();
    given_up.start();
    Task<Status> cut = channel.connect();
    cut.start();
    co_await sleep_for(1ms);
    CHECK_FALSE(cut.done());
    given_up = Task<Status>();
    co_await channel.close(0s);
    CHECK(cut.done());
    const Status status = cut.result();
    CHECK(status.code() == Code::CANCELLED);
  }));
}

/// The status of connect for a peer that begins with `greeting` and does not close, or closes without sending
/// anything.
Status greeted_with(std::string greeting) {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = std::move(greeting);
  host.on_connection = [&](RawPeer&) {
    if (host.greeting.empty()) host.peers.clear();
  };
  Status status;
  const Instant start = world.simulation().now();
  CHECK(host.serve([&](Channel& channel) -> Task<void> { status = co_await channel.connect(); },
                   {.connect_timeout = 5s}));
  CHECK(world.simulation().now() - start < 1s);
  CHECK(status.code() == Code::UNAVAILABLE);
  return status;
}

TEST_CASE("a peer that does not begin with HTTP/2 is reported at once, before it closes") {
  const std::string where = "connect 127.0.0.1:7: ";
  const std::string other = where + "the peer does not speak HTTP/2";
  const std::string hint = "; does a gRPC server listen there? If it uses TLS, write tls+ before the address";
  const std::pair<std::string, std::string> cases[] = {
      {"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", other},
      {"220 mail.example.org ESMTP\r\n", other},
      {"<!DOCTYPE HTML>\n<html lang=\"en\">\n", other},  // python3 -m http.server, to HTTP/2.0
      {"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", other + ", but HTTP/1"},
      {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", other + ", but HTTP/1"},
      {"\x9c\x12\xff\x04\x01", other},
      {"?", other},
      {"H", other + ", but HTTP/1"},
  };
  for (const auto& [greeting, words] : cases) {
    CAPTURE(greeting);
    const Status status = greeted_with(greeting);
    CHECK(status.message() == words + hint);
    CHECK(status.cause() == Cause::no_http2);
  }
  for (const std::string& almost :
       {std::string(20, '\0'), std::string("\0\0\0GIF89a", 9), http2::test::ping()}) {
    const Status status = greeted_with(almost);
    CHECK(status.message() == other + hint);
    CHECK(status.cause() == Cause::no_http2);
  }
  CHECK(greeted_with(settings_ack()).message().starts_with(where + "connection ended with PROTOCOL_ERROR"));
  CHECK(greeted_with("\x15\x03\x01\x02").message() ==
        where + "the peer speaks TLS; write tls+ before the address");
  CHECK(greeted_with("").cause() == Cause::no_http2);
}

TEST_CASE("connect fails outside a shard") {
  const Channel channel("127.0.0.1:1");
  Task<Status> task = channel.connect();
  task.start();
  REQUIRE(task.done());
  const Status status = task.result();
  CHECK(status.code() == Code::FAILED_PRECONDITION);
}

TEST_CASE("a handshake that is complete when its time is up has not failed") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting.clear();
  host.answer = well_answered();
  std::unique_ptr<Channel> channel;
  Task<CallResult<RawMessage>> call;
  world.client_shard().post([&] {
    channel = std::make_unique<Channel>("127.0.0.1:7", ChannelOptions{.connect_timeout = 2s});
    call = unary(*channel);
    call.start();
  });
  world.simulation().run_for(1990ms);
  REQUIRE(host.peers.size() == 1);
  // The client's shard is busy meanwhile.
  world.server_shard().post([&] { host.peers.front()->send(settings() + settings_ack()); });
  for (int turn = 0; turn < 5; ++turn) world.server_shard().turn();
  world.simulation().network().advance_to(world.simulation().now() + 20ms);
  REQUIRE(world.run_until([&] { return call.done(); }));
  CHECK(call.result());
  CHECK(host.peers.size() == 1);
  world.client_shard().post([&] {
    call = {};
    channel.reset();
  });
  CHECK(world.run_until([&] { return !channel; }));
}

}  // namespace
}  // namespace ringrpc::test
