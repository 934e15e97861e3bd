#include "reactor/shard.h"

#include <algorithm>
#include <thread>

#include "io_fixture.h"

using namespace ringrpc;
using namespace ringrpc::test;
using namespace std::chrono_literals;

namespace {

struct Step final : Ready, TurnEnd {
  void run() override { action(); }
  void on_turn_end() override { action(); }
  std::function<void()> action;
};

struct ActingTimer final : Timer {
  void on_time() override { action(); }
  std::function<void()> action;
};

}  // namespace

TEST_CASE("a turn dispatches completions, then mail, timers, the ready list and the turn's end") {
  Pair pair;
  std::string order;
  Step ready;
  Step turn_end;
  ActingTimer alarm;
  ready.action = [&] {
    order += 'r';
    pair.shard.at_turn_end(turn_end);
  };
  turn_end.action = [&] { order += 'e'; };
  alarm.action = [&] { order += 't'; };
  pair.right->when_received = [&] { order += 'c'; };
  settle(pair.shard);
  REQUIRE(::write(pair.left->stream->descriptor(), "x", 1) == 1);
  pair.shard.timers().arm(alarm, pair.shard.now());
  std::this_thread::sleep_for(5ms);
  pair.shard.post([&] { order += 'm'; });
  pair.shard.ready().push(ready);
  pair.shard.turn();
  CHECK(order == "cmtre");
}

TEST_CASE("a turn end that asks again is called at the end of the next turn, without a sleep before") {
  Shard shard(0, kernel_io());
  int count = 0;
  Step flush;
  flush.action = [&] {
    if (++count < 3) shard.at_turn_end(flush);
  };
  shard.at_turn_end(flush);
  shard.at_turn_end(flush);
  shard.turn();
  CHECK(count == 1);
  shard.turn();
  shard.turn();
  CHECK(count == 3);
}

TEST_CASE("an element destroyed while it waits is not called") {
  Shard shard(0, kernel_io());
  {
    Step gone;
    gone.action = [] { FAIL("called"); };
    shard.ready().push(gone);
    shard.at_turn_end(gone);
  }
  shard.turn(false);
}

TEST_CASE("a ready element may queue itself again; completions are served in between") {
  Pair pair;
  Step busy;
  busy.action = [&] { pair.shard.ready().push(busy); };
  pair.shard.ready().push(busy);
  pair.left->stream->send(chain_of(pair.shard, "hello"));
  REQUIRE(turn_until(pair.shard, [&] { return pair.right->received == "hello"; }));
}

TEST_CASE("a turn with slow handlers ends between them, and the next turns continue without sleeping") {
  constexpr std::size_t connections = 12;
  Shard shard(0, kernel_io());
  std::vector<UniqueFd> peers;
  std::vector<std::unique_ptr<End>> ends;
  std::vector<std::size_t> handled;
  for (std::size_t at = 0; at < connections; ++at) {
    auto [peer, ours] = socket_pair();
    peers.push_back(std::move(peer));
    ends.push_back(std::make_unique<End>(shard.io().adopt(std::move(ours))));
    ends.back()->when_received = [&, at] {
      handled.push_back(at);
      ends.back().reset();  // the last goes while it waits
      std::this_thread::sleep_for(1ms);
    };
  }
  settle(shard);
  for (const UniqueFd& peer : peers) REQUIRE(::write(peer.get(), "x", 1) == 1);
  // A timer that is due waits for the completions that came before it.
  std::size_t handled_before_timer = 0;
  ActingTimer timer;
  timer.action = [&] { handled_before_timer = handled.size(); };
  shard.timers().arm(timer, shard.now());
  std::this_thread::sleep_for(5ms);
  while (handled.size() < connections - 1) {
    const std::size_t before = handled.size();
    shard.turn();
    REQUIRE(handled.size() > before);
    REQUIRE(handled.size() - before < connections - 1);
  }
  CHECK(std::ranges::is_sorted(handled));
  settle(shard);
  CHECK(handled_before_timer == connections - 1);
}

TEST_CASE("timers fire even if completions never end") {
  Shard shard(0, kernel_io());
  // Both ends of some streams send each byte back, which takes longer than a turn may last.
  std::vector<std::unique_ptr<End>> ends;
  for (int at = 0; at < 8; ++at) {
    auto [left, right] = socket_pair();
    for (UniqueFd* fd : {&left, &right}) {
      End& end = *ends.emplace_back(std::make_unique<End>(shard.io().adopt(std::move(*fd))));
      end.when_received = [&] {
        std::this_thread::sleep_for(300us);
        end.stream->send(chain_of(shard, "x"));
      };
    }
    ends.back()->stream->send(chain_of(shard, "x"));
  }
  bool rang = false;
  ActingTimer timer;
  timer.action = [&] { rang = true; };
  shard.timers().arm(timer, after(shard.now(), 10ms));
  CHECK(turn_until(shard, [&] { return rang; }));
}

TEST_CASE("a sleeping shard wakes for its timers") {
  Shard shard(0, kernel_io());
  bool rang = false;
  ActingTimer alarm;
  alarm.action = [&] { rang = true; };
  shard.timers().arm(alarm, after(shard.io().now(), 20ms));
  const Instant due = after(shard.io().now(), 20ms);
  while (!rang) shard.turn();
  CHECK(shard.io().now() + 1ms >= due);
}

TEST_CASE("the current shard is known in its turn and nowhere else") {
  Shard shard(7, kernel_io());
  CHECK(Shard::current() == nullptr);
  Shard* seen = nullptr;
  shard.post([&] { seen = Shard::current(); });
  shard.turn();
  CHECK(seen == &shard);
  CHECK(seen->index() == 7);
  CHECK(Shard::current() == nullptr);
}

TEST_CASE("mail from many threads arrives whole, each thread's in its order, and wakes the shard") {
  Shard shard(0, kernel_io());
  constexpr int threads = 4;
  constexpr int letters = 5'000;
  std::vector<std::vector<int>> got(threads);
  int total = 0;
  {
    std::vector<std::jthread> posters;
    for (int id = 0; id < threads; ++id) {
      posters.emplace_back([&, id] {
        for (int i = 0; i < letters; ++i) {
          shard.post([&, id, i] {
            got[static_cast<std::size_t>(id)].push_back(i);
            if (++total == threads * letters) shard.stop();
          });
          if (i % 100 == 0) std::this_thread::yield();
        }
      });
    }
    shard.run();
  }
  for (const std::vector<int>& row : got) {
    REQUIRE(row.size() == letters);
    CHECK(std::ranges::is_sorted(row));
  }
}

TEST_CASE("two shards that sleep between mails never miss one") {
  Shard left(0, kernel_io());
  Shard right(1, kernel_io());
  constexpr int rounds = 3'000;
  int count = 0;
  std::function<void()> ping;
  const std::function<void()> pong = [&] { left.post([&] { ping(); }); };
  ping = [&] {
    if (++count < rounds) {
      right.post([&] { pong(); });
    } else {
      right.stop();
      left.stop();
    }
  };
  left.post([&] { ping(); });
  std::jthread other([&] { right.run(); });
  left.run();
  CHECK(count == rounds);
}

TEST_CASE("stopping wakes a shard that sleeps") {
  for (int round = 0; round < 200; ++round) {
    Shard shard(0, kernel_io({.submissions = 8, .completions = 16, .receive_buffers = 1}));
    std::jthread stopper([&] { shard.stop(); });
    shard.run();
  }
}

TEST_CASE("mail that is never delivered is destroyed with the shard, unrun") {
  const auto token = std::make_shared<int>(0);
  {
    Shard shard(0, kernel_io());
    for (int i = 0; i < 3; ++i) shard.post([token] { FAIL("run"); });
    CHECK(token.use_count() == 4);
  }
  CHECK(token.use_count() == 1);
}

TEST_CASE("an object that is kept is found by its key until it is dropped, whichever was found before") {
  struct Kept final : ShardLocal {
    explicit Kept(int given) : number(given) {}
    int number;
  };
  Shard shard(0, kernel_io());
  const int one = 0, two = 0;
  const auto found = [&](const int& key) {
    ShardLocal* const kept = shard.local(&key);
    return kept ? static_cast<Kept*>(kept)->number : 0;
  };
  CHECK(found(one) == 0);
  shard.keep(&one, std::make_unique<Kept>(1));
  shard.keep(&two, std::make_unique<Kept>(2));
  CHECK(found(one) == 1);
  CHECK(found(one) == 1);
  CHECK(found(two) == 2);
  CHECK(found(one) == 1);
  shard.drop(&two);
  CHECK(found(two) == 0);
  CHECK(found(one) == 1);
  shard.drop(&one);
  CHECK(found(one) == 0);
  shard.keep(&one, std::make_unique<Kept>(3));
  CHECK(found(one) == 3);
}
