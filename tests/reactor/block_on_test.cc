#include "ringrpc/block_on.h"

#include <doctest/doctest.h>
#include <stdexcept>

#include "ringrpc/sleep.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

Task<Result<int>> give(int value, Nanoseconds wait) {
  co_await sleep_for(wait);
  co_return value;
}

Task<Result<int>> refuse() { co_return fail(Code::NOT_FOUND, "no"); }

Task<Result<int>> throw_up(bool standard) {
  if (standard) throw std::runtime_error("bad");
  if (!standard) throw 7;
  co_return 0;
}

TEST_CASE("block_on gives what the task gave, whether it waited or not") {
  CHECK(block_on(give(7, 0ns)) == 7);
  CHECK(block_on(give(8, 1ms)) == 8);
}

TEST_CASE("block_on gives a task's failure") {
  const Result<int> none = block_on(refuse());
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Code::NOT_FOUND);
}

TEST_CASE("block_on makes a failure of what a task throws") {
  CHECK(block_on(throw_up(true)).error().to_string() == "INTERNAL: the task threw: bad");
  CHECK(block_on(throw_up(false)).error().to_string() == "INTERNAL: the task threw");
}

}  // namespace
}  // namespace ringrpc
