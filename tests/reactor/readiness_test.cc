// Waiting for descriptors that other code reads and writes.
#include <array>
#include <optional>
#include <poll.h>
#include <sys/socket.h>

#include "io_fixture.h"

using namespace ringrpc;
using namespace ringrpc::test;

namespace {

struct Waiting final : Readiness::Handler {
  void on_ready(short ready) override { events = ready; }

  std::optional<short> events;
  std::unique_ptr<Readiness> wait;
};

struct SocketPair {
  SocketPair() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) == 0);
    near = UniqueFd(fds[0]);
    far = UniqueFd(fds[1]);
  }
  UniqueFd near, far;
};

TEST_CASE("a descriptor is reported once it is readable, once for each wait") {
  Shard shard(0, kernel_io());
  const SocketPair pair;
  Waiting waiting;
  for (int round = 0; round < 3; ++round) {
    waiting.events.reset();
    waiting.wait = shard.io().await_readiness(pair.near.get(), POLLIN, waiting);
    settle(shard);
    CHECK_FALSE(waiting.events);
    REQUIRE(::send(pair.far.get(), "x", 1, 0) == 1);
    REQUIRE(turn_until(shard, [&] { return waiting.events.has_value(); }));
    CHECK((*waiting.events & POLLIN) != 0);
    waiting.events.reset();
    settle(shard);
    CHECK_FALSE(waiting.events);
    char byte = 0;
    REQUIRE(::recv(pair.near.get(), &byte, 1, 0) == 1);
  }
}

TEST_CASE("a descriptor that is ready already is reported, with all that it is ready for") {
  Shard shard(0, kernel_io());
  SocketPair pair;
  REQUIRE(::send(pair.far.get(), "x", 1, 0) == 1);
  Waiting waiting;
  waiting.wait = shard.io().await_readiness(pair.near.get(), POLLIN | POLLOUT, waiting);
  REQUIRE(turn_until(shard, [&] { return waiting.events.has_value(); }));
  CHECK((*waiting.events & (POLLIN | POLLOUT)) == (POLLIN | POLLOUT));
  pair.far.reset();
  waiting.events.reset();
  waiting.wait = shard.io().await_readiness(pair.near.get(), 0, waiting);
  REQUIRE(turn_until(shard, [&] { return waiting.events.has_value(); }));
  CHECK((*waiting.events & POLLHUP) != 0);
}

TEST_CASE("a wait that is destroyed reports nothing, and its descriptor may be closed then") {
  Shard shard(0, kernel_io());
  for (int turns = 0; turns < 3; ++turns) {
    SocketPair pair;
    Waiting waiting;
    waiting.wait = shard.io().await_readiness(pair.near.get(), POLLIN, waiting);
    for (int turn = 0; turn < turns; ++turn) shard.turn(false);
    waiting.wait.reset();
    REQUIRE(::send(pair.far.get(), "x", 1, 0) == 1);
    pair.near.reset();
    settle(shard);
    CHECK_FALSE(waiting.events);
  }
}

TEST_CASE("a wait may be destroyed in its report, and a descriptor that is none is an error") {
  Shard shard(0, kernel_io());
  struct Once final : Readiness::Handler {
    void on_ready(short ready) override {
      events = ready;
      wait.reset();
    }
    short events = 0;
    std::unique_ptr<Readiness> wait;
  } once;
  once.wait = shard.io().await_readiness(1 << 20, POLLIN, once);
  REQUIRE(turn_until(shard, [&] { return !once.wait; }));
  CHECK((once.events & (POLLERR | POLLNVAL)) != 0);
  settle(shard);
}

}  // namespace
