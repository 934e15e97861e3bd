#include "ringrpc/when.h"

#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ringrpc/sleep.h"
#include "ringrpc/status.h"

#include "reactor/running.h"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {

Task<int> number_after(Nanoseconds wait, int number) {
  co_await sleep_for(wait);
  co_return number;
}

Task<std::string> text_now(std::string text) { co_return text; }

Task<int> throw_after(Nanoseconds wait, std::string what) {
  co_await sleep_for(wait);
  throw std::runtime_error(what);
}

Task<std::unique_ptr<int>> owned_after(Nanoseconds wait, int number) {
  co_await sleep_for(wait);
  co_return std::make_unique<int>(number);
}

/// Counts itself while its frame lives.
Task<int> hold_number(std::shared_ptr<int> held) {
  co_await sleep_for(1h);
  co_return *held;
}

}  // namespace

TEST_CASE("when_all gives all values in the order of its arguments, when the last task has ended") {
  Simulation simulation(1);
  const auto task = start_on(simulation, [] {
    return when_all(number_after(2s, 1), text_now("two"), sleep_for(1s), owned_after(1s, 4));
  });
  simulation.run_for(1900ms);
  CHECK_FALSE(task->done());
  simulation.run_for(200ms);
  REQUIRE(task->done());
  const auto [one, two, three, four] = task->result();
  CHECK(one == 1);
  CHECK(two == "two");
  CHECK(three == std::monostate());
  CHECK(*four == 4);
}

TEST_CASE("when_all runs its tasks at the same time") {
  Simulation simulation(1);
  const auto task = start_on(simulation, [] {
    std::vector<Task<int>> tasks;
    for (int number = 0; number < 1000; ++number) tasks.push_back(number_after(1s, number));
    return when_all(std::move(tasks));
  });
  simulation.run_for(1100ms);
  REQUIRE(task->done());
  const std::vector<int> numbers = task->result();
  REQUIRE(numbers.size() == 1000);
  CHECK(numbers[0] == 0);
  CHECK(numbers[999] == 999);
}

TEST_CASE("when_all of no tasks ends at once") {
  Simulation simulation(1);
  const auto values = start_on(simulation, [] { return when_all(std::vector<Task<int>>()); });
  REQUIRE(values->done());
  CHECK(values->result().empty());
  const auto nothing = start_on(simulation, [] { return when_all(std::vector<Task<>>()); });
  CHECK(nothing->done());
}

TEST_CASE("an exception of one task cancels the others and reaches the awaiter of when_all") {
  Simulation simulation(1);
  const auto held = std::make_shared<int>(7);
  const auto task = start_on(
      simulation, [&] { return when_all(hold_number(held), throw_after(1s, "lost"), number_after(1ms, 1)); });
  CHECK(held.use_count() == 2);
  simulation.run_for(1100ms);
  REQUIRE(task->done());
  CHECK(held.use_count() == 1);
  CHECK_THROWS_WITH_AS((void)task->result(), "lost", std::runtime_error);
}

TEST_CASE("a failure that is a value cancels nothing") {
  Simulation simulation(1);
  const auto task = start_on(simulation, [] {
    const auto failing = []() -> Task<Result<int>> { co_return fail(Code::NOT_FOUND, "none"); };
    return when_all(failing(), number_after(1s, 5));
  });
  CHECK_FALSE(task->done());
  simulation.run_for(1100ms);
  REQUIRE(task->done());
  const auto [failed, number] = task->result();
  CHECK(failed.error().code() == Code::NOT_FOUND);
  CHECK(number == 5);
}

TEST_CASE("cancelling the awaiter of when_all destroys the frames of its tasks") {
  Simulation simulation(1);
  const auto held = std::make_shared<int>(7);
  auto task = start_on(simulation, [&] { return when_all(hold_number(held), hold_number(held)); });
  CHECK(held.use_count() == 3);
  simulation.shard(0).post([&] { task.reset(); });
  simulation.run_for(1ms);
  CHECK(held.use_count() == 1);
}

TEST_CASE("when_any gives the value of the first task at its index, and cancels the others") {
  Simulation simulation(1);
  const auto held = std::make_shared<int>(7);
  const auto task = start_on(simulation, [&] {
    return when_any(hold_number(held), sleep_for(2s), number_after(1s, 3), hold_number(held));
  });
  CHECK(held.use_count() == 3);
  simulation.run_for(1100ms);
  REQUIRE(task->done());
  CHECK(held.use_count() == 1);
  const auto first = task->result();
  REQUIRE(first.index() == 2);
  CHECK(std::get<2>(first) == 3);
}

TEST_CASE("when_any starts no task behind one that has ended already") {
  Simulation simulation(1);
  bool begun = false;
  const auto late = [](bool& told) -> Task<int> {
    told = true;
    co_return 1;
  };
  const auto task = start_on(simulation, [&] { return when_any(text_now("first"), late(begun)); });
  REQUIRE(task->done());
  CHECK(std::get<0>(task->result()) == "first");
  CHECK_FALSE(begun);
}

TEST_CASE("when_all and when_any keep a lambda until its task has ended or is destroyed") {
  Simulation simulation(1);
  const auto held = std::make_shared<int>(7);
  const auto number = [held](Nanoseconds wait) {
    return [held, wait]() -> Task<int> {
      co_await sleep_for(wait);
      co_return *held;
    };
  };
  const auto all = start_on(simulation, [&] { return when_all(number(1s), number_after(2s, 8)); });
  const auto any = start_on(simulation, [&] { return when_any(number(1h), number(2s)); });
  simulation.run_for(3s);
  REQUIRE(all->done());
  CHECK(all->result() == std::tuple(7, 8));
  REQUIRE(any->done());
  CHECK(any->result() == std::variant<int, int>(std::in_place_index<1>, 7));
  CHECK(held.use_count() == 2);  // with that of `number`
}

TEST_CASE("when_any throws what the first task throws, and not what a later one would have thrown") {
  Simulation simulation(1);
  const auto throws =
      start_on(simulation, [] { return when_any(throw_after(1s, "first"), number_after(2s, 1)); });
  const auto gives =
      start_on(simulation, [] { return when_any(throw_after(2s, "late"), number_after(1s, 1)); });
  simulation.run_for(3s);
  REQUIRE(throws->done());
  CHECK_THROWS_WITH_AS((void)throws->result(), "first", std::runtime_error);
  REQUIRE(gives->done());
  CHECK(std::get<1>(gives->result()) == 1);
}

TEST_CASE("when_any of many tasks gives the index of the first") {
  Simulation simulation(1);
  const auto task = start_on(simulation, [] {
    std::vector<Task<int>> tasks;
    for (int number = 0; number < 100; ++number)
      tasks.push_back(number_after(1s + 10ms * (99 - number), number));
    return when_any(std::move(tasks));
  });
  simulation.run_for(2s);
  REQUIRE(task->done());
  const FirstOf<int> first = task->result();
  CHECK(first.index == 99);
  CHECK(first.value == 99);
}

TEST_CASE("when_any without a task throws instead of waiting forever") {
  Simulation simulation(1);
  const auto task = start_on(simulation, [] { return when_any(std::vector<Task<int>>()); });
  REQUIRE(task->done());
  CHECK_THROWS_AS((void)task->result(), std::invalid_argument);
}

TEST_CASE("an empty task in when_all is an exception, and the others are cancelled") {
  Simulation simulation(1);
  const auto held = std::make_shared<int>(7);
  const auto task = start_on(simulation, [&] { return when_all(hold_number(held), Task<int>()); });
  REQUIRE(task->done());
  CHECK(held.use_count() == 1);
  CHECK_THROWS_AS((void)task->result(), std::logic_error);
}
