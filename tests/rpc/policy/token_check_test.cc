// Calls that share the verification of a token.
#include "rpc/policy/token_check.h"

#include <doctest/doctest.h>
#include <vector>

#include "ringrpc/sleep.h"

#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a turn that ends without a result goes to the next call that still waits, and a result to all") {
  SimulatedWorld world(1);
  CHECK(world.run([](Channel&) -> Task<void> {
    TokenChecks checks;
    std::vector<int> had_turn, had_result;
    const auto take_turn = [&](int number) -> Task<> {
      TokenTurn turn(checks, "token");
      co_await turn;
      (turn.settled() ? had_result : had_turn).push_back(number);
      if (turn.settled()) co_return;
      co_await sleep_for(1s);
      if (number != 3) turn.settle({});
    };
    std::vector<Task<>> calls;
    for (int number = 0; number < 8; ++number) {
      calls.push_back(take_turn(number));
      calls.back().start();
    }
    CHECK(had_turn == std::vector{0});
    calls[5] = {};
    calls[0] = {};
    calls[1] = {};  // it has the turn, but has not run yet
    co_await sleep_for(500ms);
    CHECK(had_turn == std::vector{0, 2});
    calls[2] = {};
    co_await sleep_for(1500ms);
    CHECK(had_turn == std::vector{0, 2, 3, 4});
    CHECK(had_result.empty());
    co_await sleep_for(1s);
    CHECK(had_turn == std::vector{0, 2, 3, 4});
    CHECK(had_result == std::vector{6, 7});
    CHECK(checks.empty());

    calls.push_back(take_turn(8));
    calls.back().start();
    CHECK(had_turn.back() == 8);
    calls.clear();
    CHECK(checks.empty());
  }));
}

}  // namespace
}  // namespace ringrpc
