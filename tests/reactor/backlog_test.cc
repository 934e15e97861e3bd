// Connecting to a unix socket whose backlog is full.
#include <sys/socket.h>

#include "io_fixture.h"

using namespace ringrpc;
using namespace ringrpc::test;

namespace {

/// A foreign listener with room for one connection, which it does not accept by itself.
struct Busy {
  Busy() : fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const auto* bound = reinterpret_cast<const sockaddr*>(&address.storage);
    REQUIRE(::bind(fd.get(), bound, address.length) == 0);
    REQUIRE(::listen(fd.get(), 0) == 0);
    REQUIRE(start_connect(address).error == 0);
    REQUIRE(start_connect(address).error == EAGAIN);
  }
  UniqueFd take() const { return UniqueFd(::accept4(fd.get(), nullptr, nullptr, SOCK_CLOEXEC)); }

  TemporaryDirectory directory;
  SocketAddress address = unix_path(directory.file("busy.sock"));
  UniqueFd fd;
};

/// Turns long enough for some more attempts to be made.
void let_it_try(Shard& shard) {
  const Instant end = after(shard.io().now(), 3 * full_backlog_pause);
  while (shard.io().now() < end) shard.turn(true, end);
}

}  // namespace

TEST_CASE("a connect waits for room in a full backlog, and is made when there is some") {
  for (const IoBackend backend : kernel_backends()) {
    const Busy busy;
    Shard shard(0, kernel_io({}, backend));
    Connected connected;
    const auto connector = shard.io().connect(busy.address, connected);
    let_it_try(shard);
    CHECK_FALSE(connected.outcome);
    REQUIRE(busy.take());
    REQUIRE(turn_until(shard, [&] { return connected.outcome.has_value(); }));
    CHECK(*connected.outcome == 0);
    CHECK(busy.take());
  }
}

TEST_CASE("a connect that waits for a full backlog fails when the listener closes") {
  for (const IoBackend backend : kernel_backends()) {
    Busy busy;
    Shard shard(0, kernel_io({}, backend));
    Connected connected;
    const auto connector = shard.io().connect(busy.address, connected);
    let_it_try(shard);
    busy.fd.reset();
    REQUIRE(turn_until(shard, [&] { return connected.outcome.has_value(); }));
    CHECK(*connected.outcome == ECONNREFUSED);
  }
}

TEST_CASE("a connect cancelled while it waits for a full backlog tries no more") {
  for (const IoBackend backend : kernel_backends()) {
    const Busy busy;
    Shard shard(0, kernel_io({}, backend));
    Connected connected;
    auto connector = shard.io().connect(busy.address, connected);
    let_it_try(shard);
    connector.reset();
    REQUIRE(busy.take());
    let_it_try(shard);
    CHECK_FALSE(connected.outcome);
    CHECK_FALSE(busy.take());
  }
}
