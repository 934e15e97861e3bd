#include "reactor/slices.h"

#include <doctest/doctest.h>

#include "ringrpc/task.h"

#include "io_fixture.h"

using namespace ringrpc;

namespace {

/// A computation of three slices, on a shard that the test turns.
struct Computation {
  Computation() {
    shard.post([this] {
      task = compute();
      task.start();
    });
  }

  Task<> compute() {
    Slices slices(shard);
    while (done < 3) {
      while (!slices.over()) {
      }
      ++done;
      co_await slices.next();
    }
  }

  Shard shard{0, test::kernel_io()};
  unsigned done = 0;
  Task<> task;
};

}  // namespace

TEST_CASE("a computation has one slice in each turn") {
  Computation computation;
  for (unsigned turn = 1; turn <= 3; ++turn) {
    computation.shard.turn(false);
    CHECK(computation.done == turn);
  }
  computation.shard.turn(false);
  CHECK(computation.task.done());
}

TEST_CASE("a computation that is destroyed between slices is not resumed") {
  Computation computation;
  computation.shard.turn(false);
  computation.shard.post([&] { computation.task = {}; });
  computation.shard.turn(false);
  computation.shard.turn(false);
  CHECK(computation.done == 1);
}
