#include "reactor/turn_gate.h"

#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

#include "testing/simulation.h"

namespace ringrpc {
namespace {

/// Waiters for a gate of one share a turn, and the order of their shares.
class Queue {
 public:
  /// All wait from the next turn on. The first waiters find the share of that turn taken.
  void join(std::size_t count, std::uint64_t peer) {
    simulation_.shard(0).post([this, count, peer] {
      (void)gate_.take();
      for (std::size_t i = 0; i < count; ++i) {
        waiters_.push_back(std::make_unique<Waiter>(*this, peer));
        gate_.wait(*waiters_.back(), {AF_INET, peer});
      }
    });
    if (gate_.lines() == 0) simulation_.shard(0).turn(false);
  }
  void leave(std::uint64_t peer) {
    simulation_.shard(0).post(
        [this, peer] { std::erase_if(waiters_, [&](const auto& waiter) { return waiter->peer == peer; }); });
  }
  /// The owners of the next `count` shares; fewer if no more waiters are left.
  std::string serve(std::size_t count) {
    served_.clear();
    for (std::size_t i = 0; i < count; ++i) simulation_.shard(0).turn(false);
    CHECK(served_.size() <= count);
    return served_;
  }
  const TurnGate& gate() const noexcept { return gate_; }

 private:
  struct Waiter final : TurnGate::Waiter {
    Waiter(Queue& of, std::uint64_t whose) noexcept : queue(of), peer(whose) {}
    void run() override { queue.served_ += static_cast<char>('a' + peer); }
    Queue& queue;
    std::uint64_t peer;
  };

  Simulation simulation_{1};
  TurnGate gate_{simulation_.shard(0), 1};
  std::vector<std::unique_ptr<Waiter>> waiters_;
  std::string served_;
};

TEST_CASE("peers take turns at a gate, whatever the number of their waiters") {
  Queue queue;
  queue.join(1000, 0);
  CHECK(queue.serve(3) == "aaa");
  queue.join(2, 1);
  CHECK(queue.serve(2) == "ab");
  queue.join(1, 2);
  CHECK(queue.serve(6) == "abcaaa");
  CHECK(queue.gate().lines() == 1);
}

TEST_CASE("a peer that waits again at once gets no second turn before the others") {
  Queue queue;
  queue.join(3, 0);
  queue.join(3, 1);
  std::string served;
  for (int at = 0; at < 4; ++at) {
    served += queue.serve(1);
    queue.join(1, static_cast<std::uint64_t>(served.back() - 'a'));
  }
  CHECK(served == "abab");
}

TEST_CASE("peers without waiters are forgotten and take no turn") {
  Queue queue;
  for (std::uint64_t peer = 1; peer <= 20; ++peer) queue.join(2, peer);
  queue.join(1, 0);
  for (std::uint64_t peer = 1; peer <= 20; ++peer) queue.leave(peer);
  CHECK(queue.serve(1) == "a");
  CHECK(queue.gate().lines() == 0);
}

}  // namespace
}  // namespace ringrpc
