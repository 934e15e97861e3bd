// Streams and calls over real AF_VSOCK sockets, within one machine: CID 1, which the module vsock_loopback
// has. The suite `guest` runs this in a virtual machine of its own; elsewhere it is skipped.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <linux/vm_sockets.h>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/peer_identity.h"
#include "ringrpc/sleep.h"

#include "reactor/io_fixture.h"
#include "rpc/who_am_i.h"
#include "rpc/world.h"
#include "transport/vsock_address.h"

namespace ringrpc::test {
namespace {

/// Uses bind, because without a loopback a connect would go to the hypervisor.
bool loopback_exists() {
  const UniqueFd fd(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress address = vsock_address(VMADDR_CID_LOCAL, 0);
  return fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0;
}

const bool checked = [] {
  if (loopback_exists()) return true;
  std::puts("skipped: this kernel has no vsock loopback (CID 1); the suite `guest` brings one with it");
  std::fflush(stdout);
  std::_Exit(77);
}();

void on_each_backend(const std::function<void(IoBackend)>& test) {
  for (const IoBackend backend : kernel_backends()) {
    const bool ring = backend == IoBackend::uring;
    CAPTURE(ring);
    test(backend);
  }
}

/// A shard with both ends of a vsock connection.
struct VsockPair {
  explicit VsockPair(IoBackend backend) : shard(0, kernel_io({}, backend)) {
    auto listening = shard.io().listen(vsock_address(VMADDR_CID_LOCAL, 0), 16, accepted);
    REQUIRE_MESSAGE(listening, listening.error().to_string());
    acceptor = *std::move(listening);
    const auto connector = shard.io().connect(acceptor->address(), connected);
    CHECK(!connected.outcome);
    REQUIRE(turn_until(shard, [&] { return connected.outcome && accepted.connections.size() == 1; }));
    REQUIRE(*connected.outcome == 0);
    client.emplace(shard.io().adopt(std::move(connected.connection)));
    server.emplace(shard.io().adopt(std::move(accepted.connections[0])));
  }

  Shard shard;
  Accepted accepted;
  Connected connected;
  std::unique_ptr<Acceptor> acceptor;
  std::optional<End> client;
  std::optional<End> server;
};

std::uint64_t buffer_bytes(const ByteStream& stream) {
  std::uint64_t bytes = 0;
  socklen_t length = sizeof bytes;
  REQUIRE(::getsockopt(stream.descriptor(), AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes, &length) == 0);
  return bytes;
}

/// Two connected sockets that preserve the boundaries of sends, unlike a stream.
std::pair<UniqueFd, UniqueFd> packet_sockets() {
  const UniqueFd listening(::socket(AF_VSOCK, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  SocketAddress address = vsock_address(VMADDR_CID_LOCAL, 0);
  auto* raw = reinterpret_cast<sockaddr*>(&address.storage);
  REQUIRE(::bind(listening.get(), raw, address.length) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  REQUIRE(::getsockname(listening.get(), raw, &address.length) == 0);
  UniqueFd client(::socket(AF_VSOCK, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(client.get(), raw, address.length) == 0);
  return {std::move(client), UniqueFd(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC))};
}

TEST_CASE("no send has 32 KiB or more, however much there is to send") {
  on_each_backend([](IoBackend backend) {
    Shard shard(0, kernel_io({}, backend));
    auto [client, server] = packet_sockets();
    End sender(shard.io().adopt(std::move(client)));
    const std::string sent = pattern(200'000);  // less than the buffers hold
    sender.stream->send(chain_of(shard, sent));
    std::string received;
    ssize_t largest = 0;
    std::vector<char> packet(sent.size());
    REQUIRE(turn_until(shard, [&] {
      const ssize_t bytes = ::recv(server.get(), packet.data(), packet.size(), MSG_DONTWAIT);
      largest = std::max(largest, bytes);
      if (bytes > 0) received.append(packet.data(), static_cast<std::size_t>(bytes));
      return received.size() >= sent.size();
    }));
    CHECK(received == sent);
    CHECK(largest < 32 * 1024);
    CHECK(largest > 16 * 1024);
  });
}

TEST_CASE("both ends know each other, and have buffers of 8 MiB") {
  on_each_backend([](IoBackend backend) {
    const VsockPair pair(backend);
    CHECK(cid_of(pair.server->stream->peer()) == VMADDR_CID_LOCAL);
    CHECK(vsock_to_string(pair.client->stream->peer()) == vsock_to_string(pair.acceptor->address()));
    for (const End* end : {&*pair.client, &*pair.server})
      CHECK(buffer_bytes(*end->stream) == 8u * 1024 * 1024);
  });
}

TEST_CASE("large data arrives whole, both ways at once, also at a reader that pauses") {
  on_each_backend([](IoBackend backend) {
    VsockPair pair(backend);
    const std::string sent = pattern(20 << 20);  // more than the buffers hold
    pair.server->when_received = [&] { pair.server->stream->pause_receiving(); };
    pair.client->stream->send(chain_of(pair.shard, sent));
    pair.server->stream->send(chain_of(pair.shard, sent));
    REQUIRE(turn_until(pair.shard, [&] {
      pair.server->stream->resume_receiving();
      return pair.server->received.size() >= sent.size() && pair.client->received.size() >= sent.size();
    }));
    CHECK(pair.server->received == sent);
    CHECK(pair.client->received == sent);
    REQUIRE(turn_until(pair.shard, [&] { return !pair.client->sent.empty() && !pair.server->sent.empty(); }));
    CHECK(pair.client->sent == std::vector<int>{0});
    CHECK(pair.server->sent == std::vector<int>{0});
  });
}

TEST_CASE("thousands of small packets that wait to be read cost no connection") {
  on_each_backend([](IoBackend backend) {
    VsockPair pair(backend);
    pair.server->stream->pause_receiving();
    settle(pair.shard);
    constexpr std::size_t packets = 3000;
    std::size_t sent = 0;
    const auto send_one = [&] {
      if (sent++ < packets) pair.client->stream->send(chain_of(pair.shard, "x"));
    };
    pair.client->when_sent = send_one;
    send_one();
    REQUIRE(turn_until(pair.shard, [&] { return pair.client->sent.size() == packets; }));
    pair.server->stream->resume_receiving();
    REQUIRE(turn_until(pair.shard, [&] { return pair.server->received.size() == packets; }));
    CHECK(!pair.server->receive_end);
  });
}

TEST_CASE("an end of sending arrives as one, and a closed stream ends the other") {
  on_each_backend([](IoBackend backend) {
    VsockPair pair(backend);
    pair.client->stream->send(chain_of(pair.shard, "last words"));
    REQUIRE(turn_until(pair.shard, [&] { return !pair.client->sent.empty(); }));
    pair.client->stream->shutdown_send();
    REQUIRE(turn_until(pair.shard, [&] { return pair.server->receive_end.has_value(); }));
    CHECK(pair.server->received == "last words");
    CHECK(*pair.server->receive_end == 0);
    pair.server->stream->send(chain_of(pair.shard, "answer"));
    REQUIRE(turn_until(pair.shard, [&] { return pair.client->received == "answer"; }));
    pair.server.reset();
    REQUIRE(turn_until(pair.shard, [&] { return pair.client->receive_end.has_value(); }));
  });
}

TEST_CASE("a port without a listener is refused") {
  on_each_backend([](IoBackend backend) {
    VsockPair pair(backend);
    const SocketAddress address = pair.acceptor->address();
    pair.acceptor.reset();
    settle(pair.shard);
    Connected connected;
    const auto connector = pair.shard.io().connect(address, connected);
    REQUIRE(turn_until(pair.shard, [&] { return connected.outcome.has_value(); }));
    CHECK(*connected.outcome == ECONNRESET);
  });
}

TEST_CASE("calls go over vsock as over anything else, and the server knows the caller's CID") {
  on_each_backend([](IoBackend backend) {
    RealWorld world(backend);
    WhoAmI who;
    world.also_serve(who);
    world.serve({}, "vsock://local:0");
    CHECK(world.address().starts_with("vsock:local:"));
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      const auto answer =
          co_await channel.unary<RawMessage, RawMessage>("/test.v1.WhoAmI/Ask", RawMessage{}, {});
      REQUIRE_MESSAGE(answer, answer.error().to_string());
      CHECK((answer->bytes + ", " + who.last_address).starts_with("vsock cid 1, vsock:local:"));
      for (const std::size_t size : {0u, 100u, 40'000u, 3'000'000u}) {
        const std::string text = pattern(size);
        const auto echoed = co_await unary(channel, "Echo", text);
        REQUIRE_MESSAGE(echoed, echoed.error().to_string());
        CHECK(echoed->bytes == text);
      }
      std::vector<Task<CallResult<RawMessage>>> calls;
      for (int i = 0; i < 300; ++i) {
        calls.push_back(unary(channel, "Echo", std::to_string(i)));
        calls.back().start();
      }
      for (int i = 0; i < 300; ++i) {
        const Task<CallResult<RawMessage>>& call = calls[static_cast<std::size_t>(i)];
        while (!call.done()) co_await sleep_for(std::chrono::milliseconds(1));
        const auto echoed = call.result();
        REQUIRE_MESSAGE(echoed, echoed.error().to_string());
        CHECK(echoed->bytes == std::to_string(i));
      }
    }));
  });
}

TEST_CASE("a vsock address without a listener is named with the cause") {
  on_each_backend([](IoBackend backend) {
    RealWorld world(backend);
    world.serve({}, "vsock:local:0");
    const std::string address = world.address();
    world.stop();
    world.run_until([turns = 0]() mutable { return ++turns > 10; });
    CHECK(world.run_against(address, [&](Channel& channel) -> Task<void> {
      const auto answer = co_await unary(channel, "Echo", "");
      REQUIRE_FALSE(answer);
      CHECK(answer.error().to_string() == "UNAVAILABLE: connect " + address + ": connection reset by peer");
    }));
  });
}

}  // namespace
}  // namespace ringrpc::test
