#include "reactor/slices.h"

#include <doctest/doctest.h>

#include "ringrpc/task.h"

#include "io_fixture.h"

using namespace ringrpc;

namespace {

/// Computes for `wanted` slices and counts them.
Task<> compute(Shard& shard, unsigned wanted, unsigned& done) {
  Slices slices(shard);
  while (done < wanted) {
    while (!slices.over()) {
    }
    ++done;
    co_await slices.next();
  }
}

}  // namespace

TEST_CASE("A computation has one slice in each turn") {
  Shard shard(0, test::kernel_io());
  unsigned done = 0;
  Task<> task;
  shard.post([&] {
    task = compute(shard, 3, done);
    task.start(nullptr);
  });
  for (unsigned turn = 1; turn <= 3; ++turn) {
    shard.turn(false);
    CHECK(done == turn);
  }
  shard.turn(false);
  CHECK(task.done());
}

TEST_CASE("A computation that is destroyed between slices is not resumed") {
  Shard shard(0, test::kernel_io());
  unsigned done = 0;
  Task<> task;
  shard.post([&] {
    task = compute(shard, 3, done);
    task.start(nullptr);
  });
  shard.turn(false);
  shard.post([&] { task = {}; });
  shard.turn(false);
  shard.turn(false);
  CHECK(done == 1);
}
