#include "ringrpc/turn_share.h"

#include <doctest/doctest.h>
#include <memory>
#include <vector>

#include "io_fixture.h"
#include "reactor/shard.h"

namespace ringrpc {
namespace {

/// Tasks that each take a share of a shard and then note their number.
class Burst {
 public:
  explicit Burst(Shard& shard) : shard_(shard) {}

  void add(unsigned tasks) {
    shard_.post([this, tasks] {
      for (unsigned i = 0; i < tasks; ++i) {
        tasks_.push_back(note(static_cast<unsigned>(tasks_.size())));
        tasks_.back().start();
      }
    });
  }
  void cancel(std::size_t number) {
    shard_.post([this, number] { tasks_[number] = Task<>(); });
  }
  /// The tasks that got a share in one more turn.
  std::vector<unsigned> turn() {
    noted_.clear();
    shard_.turn(false);
    return noted_;
  }

 private:
  Task<> note(unsigned number) {
    co_await turn_share();
    noted_.push_back(number);
  }

  Shard& shard_;
  std::vector<Task<>> tasks_;
  std::vector<unsigned> noted_;
};

std::vector<unsigned> numbers(unsigned first, unsigned last) {
  std::vector<unsigned> all;
  for (unsigned i = first; i <= last; ++i) all.push_back(i);
  return all;
}

static_assert(turn_shares == 16);

TEST_CASE("a turn has a fixed number of shares, and the rest follow in order in the next turns") {
  Shard shard(0, test::kernel_io());
  Burst burst(shard);
  burst.add(40);
  CHECK(burst.turn() == numbers(0, 15));
  CHECK(burst.turn() == numbers(16, 31));
  CHECK(burst.turn() == numbers(32, 39));
  CHECK(burst.turn().empty());
}

/// Does nothing, in its place on the ready list.
struct Idle final : Ready {
  void run() override {}
};

TEST_CASE("shares of several turns do not add up when the ready list is longer than a turn") {
  Shard shard(0, test::kernel_io());
  Burst burst(shard);
  burst.add(100);
  CHECK(burst.turn() == numbers(0, 15));
  std::vector<std::unique_ptr<Idle>> many;
  for (int i = 0; i < 1000; ++i) shard.ready().push(*many.emplace_back(std::make_unique<Idle>()));
  std::size_t let_through = 16;
  while (let_through < 100) {
    const std::size_t now = burst.turn().size();
    REQUIRE(now <= 16);
    let_through += now;
  }
}

TEST_CASE("a later task waits behind those that wait already") {
  Shard shard(0, test::kernel_io());
  Burst burst(shard);
  burst.add(34);
  CHECK(burst.turn() == numbers(0, 15));
  burst.add(1);
  CHECK(burst.turn() == numbers(16, 31));
  CHECK(burst.turn() == numbers(32, 34));
}

TEST_CASE("a new turn has all its shares again") {
  Shard shard(0, test::kernel_io());
  Burst burst(shard);
  burst.add(16);
  CHECK(burst.turn() == numbers(0, 15));
  burst.add(16);
  CHECK(burst.turn() == numbers(16, 31));
}

TEST_CASE("a cancelled waiter leaves its share to the next") {
  Shard shard(0, test::kernel_io());
  Burst burst(shard);
  burst.add(33);
  CHECK(burst.turn() == numbers(0, 15));
  burst.cancel(32);
  CHECK(burst.turn() == numbers(16, 31));
  CHECK(burst.turn().empty());
}

}  // namespace
}  // namespace ringrpc
