// A connected stream: the events of its handler, whatever the kernel does and whenever it releases memory.
#include <fcntl.h>

#include "io_fixture.h"

using namespace ringrpc;
using namespace ringrpc::test;

TEST_CASE("one end receives what the other sends, and the sender learns when it has left") {
  Pair pair;
  pair.left->stream->send(chain_of(pair.shard, "hello"));
  REQUIRE(
      turn_until(pair.shard, [&] { return pair.right->received == "hello" && !pair.left->sent.empty(); }));
  CHECK(pair.left->sent == std::vector<int>{0});
  CHECK(!pair.right->receive_end);
  CHECK(pair.shard.slabs().in_use() == 0);
}

TEST_CASE("a chain of a mebibyte arrives whole and in order, though the socket takes it in pieces") {
  Pair pair;
  const std::string sent = pattern(1 << 20);
  const int small = 4096;
  ::setsockopt(pair.left->stream->descriptor(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  pair.left->stream->send(chain_of(pair.shard, sent));
  REQUIRE(turn_until(pair.shard, [&] { return pair.right->received.size() == sent.size(); }));
  CHECK(pair.right->received == sent);
  REQUIRE(turn_until(pair.shard, [&] { return !pair.left->sent.empty(); }));
  CHECK(pair.left->sent == std::vector<int>{0});
  CHECK(pair.shard.slabs().in_use() == 0);
}

TEST_CASE("both ends send a mebibyte at once") {
  Pair pair;
  const std::string sent = pattern(1 << 20);
  pair.left->stream->send(chain_of(pair.shard, sent));
  pair.right->stream->send(chain_of(pair.shard, sent));
  REQUIRE(turn_until(pair.shard, [&] {
    return pair.right->received.size() == sent.size() && pair.left->received.size() == sent.size();
  }));
  CHECK(pair.left->received == sent);
  CHECK(pair.right->received == sent);
}

TEST_CASE("an end that sends no more can still receive") {
  Pair pair;
  pair.left->stream->shutdown_send();
  REQUIRE(turn_until(pair.shard, [&] { return pair.right->receive_end.has_value(); }));
  CHECK(*pair.right->receive_end == 0);
  pair.right->stream->send(chain_of(pair.shard, "answer"));
  REQUIRE(turn_until(pair.shard, [&] { return pair.left->received == "answer"; }));
  CHECK(!pair.left->receive_end);
}

TEST_CASE("a handler may send from inside on_received") {
  Pair pair;
  pair.right->when_received = [&] {
    if (pair.right->received.size() == 4) pair.right->stream->send(chain_of(pair.shard, "pong"));
  };
  pair.left->stream->send(chain_of(pair.shard, "ping"));
  REQUIRE(turn_until(pair.shard, [&] { return pair.left->received == "pong"; }));
}

TEST_CASE("a handler may send again from inside on_sent") {
  Pair pair;
  int rounds = 0;
  pair.left->when_sent = [&] {
    if (++rounds < 50) pair.left->stream->send(chain_of(pair.shard, "x"));
  };
  pair.left->stream->send(chain_of(pair.shard, "x"));
  REQUIRE(turn_until(pair.shard, [&] { return pair.right->received.size() == 50; }));
}

TEST_CASE("a paused stream receives nothing until it is resumed, and then everything") {
  Pair pair;
  pair.right->stream->pause_receiving();
  pair.right->stream->pause_receiving();
  settle(pair.shard);
  pair.left->stream->send(chain_of(pair.shard, "later"));
  settle(pair.shard);
  CHECK(pair.left->sent == std::vector<int>{0});
  CHECK(pair.right->received.empty());
  pair.right->stream->resume_receiving();
  REQUIRE(turn_until(pair.shard, [&] { return pair.right->received == "later"; }));
}

TEST_CASE("pausing and resuming in one turn loses nothing") {
  Pair pair;
  for (int round = 0; round < 100; ++round) {
    pair.right->stream->pause_receiving();
    if (round % 3 == 0) pair.shard.turn(false);
    pair.right->stream->resume_receiving();
    if (round % 5 == 0) pair.shard.turn(false);
    pair.left->stream->send(chain_of(pair.shard, "x"));
    REQUIRE(turn_until(pair.shard,
                       [&] { return pair.left->sent.size() == static_cast<std::size_t>(round) + 1; }));
  }
  REQUIRE(turn_until(pair.shard, [&] { return pair.right->received.size() == 100; }));
}

TEST_CASE("a peer that does not read stops the sender, and so does a pause") {
  Pair pair;
  pair.right->stream->pause_receiving();
  settle(pair.shard);
  const std::string sent = pattern(8 << 20);
  pair.left->stream->send(chain_of(pair.shard, sent));
  settle(pair.shard);
  CHECK(pair.left->sent.empty());
  CHECK(pair.right->received.empty());
  pair.right->stream->resume_receiving();
  REQUIRE(turn_until(pair.shard, [&] { return pair.right->received.size() == sent.size(); }));
  CHECK(pair.right->received == sent);
}

TEST_CASE("a handler that pauses after each delivery still gets all of it, in order") {
  Pair pair;
  const std::string sent = pattern(1 << 20);
  pair.right->when_received = [&] { pair.right->stream->pause_receiving(); };
  pair.left->stream->send(chain_of(pair.shard, sent));
  REQUIRE(turn_until(pair.shard, [&] {
    pair.right->stream->resume_receiving();
    return pair.right->received.size() == sent.size();
  }));
  CHECK(pair.right->received == sent);
}

TEST_CASE("destroying a stream ends the peer's receiving in an orderly way") {
  Pair pair;
  settle(pair.shard);
  pair.left.reset();
  REQUIRE(turn_until(pair.shard, [&] { return pair.right->receive_end.has_value(); }));
  CHECK(*pair.right->receive_end == 0);
}

TEST_CASE("sending to a peer that has closed fails once and raises no signal") {
  Pair pair;
  settle(pair.shard);
  pair.left.reset();
  settle(pair.shard);
  pair.right->stream->send(chain_of(pair.shard, "anybody?"));
  REQUIRE(turn_until(pair.shard, [&] { return !pair.right->sent.empty(); }));
  CHECK(pair.right->sent == std::vector<int>{EPIPE});
  CHECK(pair.shard.slabs().in_use() == 0);
}

TEST_CASE("a stream may be destroyed while its send is in the kernel; the slabs come back") {
  Pair pair;
  pair.right->stream->pause_receiving();
  settle(pair.shard);
  pair.left->stream->send(chain_of(pair.shard, pattern(8 << 20)));
  settle(pair.shard);
  REQUIRE(pair.left->sent.empty());
  REQUIRE(pair.shard.slabs().in_use() > 0);
  pair.left.reset();
  REQUIRE(turn_until(pair.shard, [&] { return pair.shard.slabs().in_use() == 0; }));
}

TEST_CASE("data that the kernel does not have is dropped when its stream is destroyed") {
  Pair pair;
  settle(pair.shard);
  pair.left->stream->send(chain_of(pair.shard, "never"));
  pair.left.reset();
  REQUIRE(turn_until(pair.shard, [&] { return pair.right->receive_end.has_value(); }));
  CHECK(pair.right->received.empty());
  CHECK(pair.shard.slabs().in_use() == 0);
}

TEST_CASE("a stream may be destroyed from inside its own handler") {
  Pair pair;
  SUBCASE("on_received") {
    pair.right->when_received = [&] { pair.right.reset(); };
  }
  SUBCASE("on_received, with more on its way") {
    pair.right->when_received = [&] { pair.right.reset(); };
    pair.left->stream->send(chain_of(pair.shard, pattern(200'000)));
    REQUIRE(turn_until(pair.shard, [&] { return !pair.right; }));
    REQUIRE(turn_until(pair.shard, [&] { return pair.left->receive_end.has_value(); }));
    return;
  }
  SUBCASE("on_receive_end") {
    pair.right->when_received = [&] {
      if (pair.right->receive_end) pair.right.reset();
    };
    pair.left->stream->shutdown_send();
    REQUIRE(turn_until(pair.shard, [&] { return !pair.right; }));
    return;
  }
  SUBCASE("on_sent") {
    pair.right->when_sent = [&] { pair.right.reset(); };
    pair.right->stream->send(chain_of(pair.shard, "bye"));
    REQUIRE(turn_until(pair.shard, [&] { return pair.left->received == "bye"; }));
  }
  pair.left->stream->send(chain_of(pair.shard, "hello"));
  REQUIRE(turn_until(pair.shard, [&] { return !pair.right; }));
}

TEST_CASE("one stream may be destroyed while bytes for it have been reaped already") {
  Pair pair;
  auto [near, far] = socket_pair();
  std::optional<End> victim(pair.shard.io().adopt(std::move(near)));
  settle(pair.shard);
  // Both have bytes waiting in the same turn; the one served first destroys the other.
  pair.right->when_received = [&] { victim.reset(); };
  victim->when_received = [&] { pair.right.reset(); };
  REQUIRE(::write(far.get(), "x", 1) == 1);
  REQUIRE(::write(pair.left->stream->descriptor(), "x", 1) == 1);
  REQUIRE(turn_until(pair.shard, [&] { return !victim || !pair.right; }));
  settle(pair.shard);
  CHECK(victim.has_value() != pair.right.has_value());
}

TEST_CASE("a descriptor's number is not reused while its stream's operations are in flight") {
  Pair pair;
  settle(pair.shard);
  for (int round = 0; round < 50; ++round) {
    auto [near, far] = socket_pair();
    auto made = std::make_unique<End>(pair.shard.io().adopt(std::move(near)));
    if (round % 2) pair.shard.turn(false);
    made->stream->send(chain_of(pair.shard, "old"));
    made.reset();
    auto [second_near, second_far] = socket_pair();
    End second(pair.shard.io().adopt(std::move(second_near)));
    second.stream->send(chain_of(pair.shard, "new"));
    REQUIRE(turn_until(pair.shard, [&] { return !second.sent.empty(); }));
    char got[8] = {};
    REQUIRE(::read(second_far.get(), got, sizeof got) == 3);
    CHECK(std::string(got) == "new");
    CHECK(!second.receive_end);
  }
}

TEST_CASE("more connections than receive buffers: every one is served") {
  Shard shard(0, kernel_io({.receive_buffers = 2, .receive_buffer_bytes = 512}));
  constexpr std::size_t count = 40;
  std::vector<std::unique_ptr<End>> ends;
  std::vector<UniqueFd> others;
  const std::string sent = pattern(10'000);
  for (std::size_t i = 0; i < count; ++i) {
    auto [near, far] = socket_pair();
    REQUIRE(::write(far.get(), sent.data(), sent.size()) == static_cast<ssize_t>(sent.size()));
    ends.push_back(std::make_unique<End>(shard.io().adopt(std::move(near))));
    others.push_back(std::move(far));
  }
  const auto all = [&](std::size_t bytes) {
    for (const auto& end : ends)
      if (end->received.size() != bytes) return false;
    return true;
  };
  REQUIRE(turn_until(shard, [&] { return all(sent.size()); }));
  // And again, with all receives armed on an empty socket.
  for (const UniqueFd& other : others)
    REQUIRE(::write(other.get(), sent.data(), sent.size()) == static_cast<ssize_t>(sent.size()));
  REQUIRE(turn_until(shard, [&] { return all(2 * sent.size()); }));
  for (const auto& end : ends) {
    CHECK(end->received == sent + sent);
    CHECK(!end->receive_end);
  }
}

TEST_CASE("more operations in a turn than the queue has slots: none is lost") {
  Shard shard(0, kernel_io({.submissions = 4, .completions = 8}));
  std::vector<std::unique_ptr<End>> ends;
  std::vector<UniqueFd> others;
  for (int i = 0; i < 100; ++i) {
    auto [near, far] = socket_pair();
    ends.push_back(std::make_unique<End>(shard.io().adopt(std::move(near))));
    ends.back()->stream->send(chain_of(shard, "x"));
    REQUIRE(::write(far.get(), "y", 1) == 1);
    others.push_back(std::move(far));
  }
  REQUIRE(turn_until(shard, [&] {
    for (const auto& end : ends)
      if (end->sent.empty() || end->received.empty()) return false;
    return true;
  }));
  for (const auto& end : ends) CHECK(end->sent == std::vector<int>{0});
}

/// A connection over TCP. `left` is the accepted end.
struct TcpPair {
  TcpPair() {
    Accepted accepted;
    const auto acceptor = shard.io().listen(loopback(), 8, accepted).value();
    Connected connected;
    const auto connector = shard.io().connect(acceptor->address(), connected);
    REQUIRE(turn_until(shard, [&] { return connected.outcome && !accepted.connections.empty(); }));
    left.emplace(shard.io().adopt(std::move(accepted.connections[0])));
    right.emplace(shard.io().adopt(std::move(connected.connection)));
  }

  Shard shard{0, kernel_io()};
  std::optional<End> left;
  std::optional<End> right;
};

TEST_CASE("a reset drops what the peer has not read, and ends its receiving with an error") {
  TcpPair pair;
  pair.right->stream->pause_receiving();
  settle(pair.shard);
  pair.left->stream->send(chain_of(pair.shard, pattern(16 << 20)));  // more than both buffers
  settle(pair.shard);
  pair.left->stream->reset_when_closed();
  pair.left.reset();
  settle(pair.shard);
  pair.right->stream->resume_receiving();
  REQUIRE(turn_until(pair.shard, [&] { return pair.right->receive_end.has_value(); }));
  CHECK(*pair.right->receive_end == ECONNRESET);
  CHECK(pair.right->received.size() < 16 << 20);
}

/// Data that the system holds for a peer that does not read, until it does.
template <class Connection>
void hold_and_read() {
  Connection pair;
  CHECK(pair.left->stream->unacknowledged_bytes() == 0);
  pair.right->stream->pause_receiving();
  settle(pair.shard);
  const std::string sent = pattern(16 << 20);  // more than both buffers
  pair.left->stream->send(chain_of(pair.shard, sent));
  settle(pair.shard);
  CHECK(pair.left->stream->unacknowledged_bytes() >= 64 << 10);
  pair.right->stream->resume_receiving();
  REQUIRE(turn_until(pair.shard, [&] { return pair.right->received.size() == sent.size(); }));
  CHECK(turn_until(pair.shard, [&] { return pair.left->stream->unacknowledged_bytes() == 0; }));
}

TEST_CASE("a stream tells how much the system holds for a peer that does not read") {
  SUBCASE("over TCP") { hold_and_read<TcpPair>(); }
  SUBCASE("over a unix socket") { hold_and_read<Pair>(); }
}

TEST_CASE("a stream that was never started may be destroyed, and so may a shard with open streams") {
  Shard shard(0, kernel_io());
  auto [near, far] = socket_pair();
  shard.io().adopt(std::move(near)).reset();
  char got = 0;
  CHECK(::read(far.get(), &got, 1) == 0);
  auto [other_near, other_far] = socket_pair();
  {
    End end(shard.io().adopt(std::move(other_near)));
  }
}
