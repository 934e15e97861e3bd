#include "testing/simulated.h"

#include <cerrno>
#include <cstring>
#include <deque>
#include <doctest/doctest.h>
#include <vector>

#include "reactor/peer.h"
#include "testing/simulation.h"

using namespace std::literals;

namespace ringrpc {
namespace {

/// Two peers on one shard, connected.
struct SimulatedPair {
  explicit SimulatedPair(Simulation& simulation) {
    auto [near, far] = simulation.network().connected_pair();
    a.emplace(simulation.shard(0), std::move(near));
    b.emplace(simulation.shard(0), std::move(far));
  }
  void start() {
    a->start();
    b->start();
  }
  std::optional<Peer> a, b;
};

Faults always_late() { return {.delay = 1}; }

TEST_CASE("bytes arrive whole and in order, then the end") {
  Simulation simulation(1);
  {
    SimulatedPair pair(simulation);
    pair.start();
    std::string text;
    for (int i = 0; i < 50'000; ++i) text += std::to_string(i);
    pair.a->send(text);
    pair.a->finish();
    REQUIRE(simulation.run_until([&] { return pair.b->ended.has_value(); }));
    CHECK(pair.b->ended == 0);
    CHECK(pair.b->received == text);
    CHECK_FALSE(pair.a->ended);
  }
  CHECK(simulation.run_until_quiet());
  CHECK(simulation.clean());
}

TEST_CASE("one direction may end while the other continues") {
  Simulation simulation(1);
  SimulatedPair pair(simulation);
  pair.start();
  pair.a->send("question");
  pair.a->finish();
  REQUIRE(simulation.run_until([&] { return pair.b->ended == 0; }));
  pair.b->send("answer");
  pair.b->finish();
  REQUIRE(simulation.run_until([&] { return pair.a->ended == 0; }));
  CHECK(pair.b->received == "question");
  CHECK(pair.a->received == "answer");
}

TEST_CASE("a destroyed stream's peer reads what was sent, then the end, and cannot send") {
  Simulation simulation(1);
  SimulatedPair pair(simulation);
  pair.start();
  pair.a->send("last words");
  REQUIRE(simulation.run_until([&] { return pair.a->unsent_bytes() == 0; }));
  pair.a.reset();
  REQUIRE(simulation.run_until([&] { return pair.b->ended.has_value(); }));
  CHECK(pair.b->ended == 0);
  CHECK(pair.b->received == "last words");
  pair.b->send("too late");
  REQUIRE(simulation.run_until([&] { return pair.b->send_error.has_value(); }));
  CHECK(pair.b->send_error == EPIPE);
}

TEST_CASE("closing with unread bytes resets the connection") {
  Simulation simulation(1);
  SimulatedPair pair(simulation);
  pair.b->start();
  pair.b->send("never read");
  REQUIRE(simulation.run_until([&] { return pair.b->unsent_bytes() == 0; }));
  pair.a.reset();
  REQUIRE(simulation.run_until([&] { return pair.b->ended.has_value(); }));
  CHECK(pair.b->ended == ECONNRESET);
}

TEST_CASE("a reset ends both directions of both sides") {
  Simulation simulation(1, {.faults = {.reset = 1}});
  {
    SimulatedPair pair(simulation);
    pair.start();
    pair.a->send("lost");
    REQUIRE(simulation.run_until([&] { return pair.a->ended && pair.b->ended && pair.a->send_error; }));
    CHECK(pair.a->ended == ECONNRESET);
    CHECK(pair.b->ended == ECONNRESET);
    CHECK(pair.a->send_error == ECONNRESET);
    CHECK(pair.b->received.empty());
    pair.b->send("lost too");
    REQUIRE(simulation.run_until([&] { return pair.b->send_error.has_value(); }));
    CHECK(simulation.network().fault_counts().resets == 1);
  }
  CHECK(simulation.run_until_quiet());
  CHECK(simulation.clean());
}

TEST_CASE("a peer that does not read blocks the writer") {
  Simulation simulation(1, {.faults = {.socket_buffer_bytes = 1000}});
  SimulatedPair pair(simulation);
  pair.a->start();
  pair.a->send(std::string(100'000, 'x'));
  CHECK(simulation.run_until_quiet());
  CHECK(pair.a->unsent_bytes() == 100'000);
  pair.b->start();
  REQUIRE(simulation.run_until([&] { return pair.b->received.size() == 100'000; }));
  CHECK(simulation.run_until_quiet());
  CHECK(pair.a->unsent_bytes() == 0);
}

TEST_CASE("a paused stream delivers one buffer that was on its way, or none, until it is resumed") {
  bool delivered_late = false, stopped_in_time = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    Simulation simulation(seed);
    SimulatedPair pair(simulation);
    pair.start();
    pair.b->on_event = [&] { pair.b->pause(); };
    const std::string text(200'000, 'x');
    pair.a->send(text);
    CHECK(simulation.run_until_quiet());
    CHECK(pair.b->deliveries <= 2);
    (pair.b->deliveries == 2 ? delivered_late : stopped_in_time) = true;
    CHECK(pair.a->unsent_bytes() > 0);

    pair.b->on_event = nullptr;
    pair.b->resume();
    CHECK(simulation.run_until_quiet());
    CHECK(pair.b->received == text);
  }
  CHECK(delivered_late);
  CHECK(stopped_in_time);
}

TEST_CASE("short reads and short writes cut what would have crossed in one piece") {
  const auto pieces = [](const Faults& faults) {
    Simulation simulation(1, {.faults = faults});
    SimulatedPair pair(simulation);
    pair.start();
    pair.a->send(std::string(1000, 'x'));
    CHECK(simulation.run_until_quiet());
    CHECK(pair.b->received.size() == 1000);
    return pair.b->deliveries;
  };
  CHECK(pieces({}) == 1);
  CHECK(pieces({.short_read = 1}) > 1);
  CHECK(pieces({.short_write = 1}) > 1);
}

TEST_CASE("a receive that finds no buffer is tried again later") {
  Simulation simulation(1, {.faults = {.no_buffers = 0.9}});
  SimulatedPair pair(simulation);
  pair.start();
  const Instant begun = simulation.now();
  pair.a->send("eventually");
  REQUIRE(simulation.run_until([&] { return pair.b->received == "eventually"; }));
  const std::uint64_t misses = simulation.network().fault_counts().no_buffers;
  CHECK(misses > 0);
  CHECK(simulation.now() - begun >= misses * 1ms);
}

TEST_CASE(
    "a destroyed stream calls no handler and gives back its memory and descriptor with a late completion") {
  Simulation simulation(1, {.faults = always_late()});
  SimulatedPair pair(simulation);
  pair.start();
  pair.a->send("on its way");
  pair.b->send("on its way");
  unsigned events = 0;
  pair.a->on_event = [&] { ++events; };
  pair.a.reset();
  simulation.shard(0).turn();
  CHECK(simulation.network().open_descriptors() == 2);
  CHECK(simulation.shard(0).slabs().in_use() == 2);
  pair.b.reset();
  CHECK(simulation.run_until_quiet());
  CHECK(events == 0);
  CHECK(simulation.clean());
}

TEST_CASE("an idle stream's descriptor outlives the stream by a late completion, too") {
  Simulation simulation(1, {.faults = always_late()});
  {
    SimulatedPair pair(simulation);
    pair.start();
    CHECK(simulation.run_until_quiet());
  }
  simulation.shard(0).turn();
  CHECK(simulation.network().open_descriptors() == 2);
  CHECK(simulation.run_until_quiet());
  CHECK(simulation.clean());
}

TEST_CASE("completions of a stream are not delivered once another handler has destroyed it") {
  enum Event { received, receive_end, sent };
  struct Destroyer final : ByteStream::Handler {
    void on_received(Bytes) override { on(received); }
    void on_receive_end(int) override { on(receive_end); }
    void on_sent(int) override { on(sent); }
    void on(Event event) {
      if (event != fatal) return;
      ++count;
      other->reset();
    }
    Event fatal;
    unsigned count = 0;
    std::unique_ptr<ByteStream>* other;
  };
  for (const Event fatal : {received, receive_end, sent}) {
    CAPTURE(fatal);
    Simulation simulation(1);
    auto [near, far] = simulation.network().connected_pair();
    Shard& shard = simulation.shard(0);
    std::unique_ptr<ByteStream> a = shard.io().adopt(std::move(near)), b = shard.io().adopt(std::move(far));
    Destroyer of_a, of_b;
    of_a.fatal = of_b.fatal = fatal;
    of_a.other = &b;
    of_b.other = &a;
    a->start(of_a);
    b->start(of_b);
    for (ByteStream* stream : {a.get(), b.get()}) {
      if (fatal == receive_end) {
        stream->shutdown_send();
      } else {
        Chain chain(shard.slabs());
        chain.append(as_bytes("bytes"));
        stream->send(std::move(chain));
      }
    }
    CHECK(simulation.run_until_quiet());
    CHECK(of_a.count + of_b.count == 1);
  }
}

TEST_CASE("a stream may be destroyed from inside each of its events") {
  for (unsigned events_before = 0; events_before < 4; ++events_before) {
    CAPTURE(events_before);
    Simulation simulation(events_before);
    {
      SimulatedPair pair(simulation);
      pair.b->on_event = [&pair, left = events_before]() mutable {
        if (left-- == 0) pair.b.reset();
      };
      pair.start();
      pair.a->send("1");
      pair.b->send("2");
      simulation.run_until_quiet();
      if (pair.b) pair.a->send("3");
      pair.a->finish();
      simulation.run_until_quiet();
      CHECK_FALSE(pair.b);
    }
    simulation.run_until_quiet();
    CHECK(simulation.clean());
  }
}

}  // namespace
}  // namespace ringrpc
