#include "ringrpc/task_scope.h"

#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <stdexcept>
#include <string>

#include "ringrpc/sleep.h"
#include "ringrpc/when.h"

#include "apps/captured_stderr.h"
#include "reactor/running.h"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {

Task<> add_after(Nanoseconds wait, int& sum) {
  co_await sleep_for(wait);
  ++sum;
}

Task<Status> end_after(Nanoseconds wait, Status status) {
  co_await sleep_for(wait);
  co_return status;
}

Task<> throw_after(Nanoseconds wait) {
  co_await sleep_for(wait);
  throw std::runtime_error("thrown");
}

Task<> hold(std::shared_ptr<int> held) {
  co_await sleep_for(1h);
  ++*held;
}

}  // namespace

TEST_CASE("join waits for all tasks of a scope, whenever they were spawned") {
  Simulation simulation(1);
  int sum = 0;
  const auto task = start_on(simulation, [&]() {
    return [](int& added) -> Task<Status> {
      TaskScope scope;
      for (int i = 0; i < 100; ++i) scope.spawn(add_after(i * 10ms, added));
      CHECK(scope.size() == 99);  // the first does not suspend
      scope.spawn([](TaskScope& own, int& more) -> Task<> {
        co_await sleep_for(990ms);
        own.spawn(add_after(1s, more));
      }(scope, added));
      co_return co_await scope.join();
    }(sum);
  });
  simulation.run_for(1900ms);
  CHECK_FALSE(task->done());
  simulation.run_for(200ms);
  REQUIRE(task->done());
  CHECK(task->result().ok());
  CHECK(sum == 101);
}

TEST_CASE("an empty scope is joined at once, and again") {
  Simulation simulation(1);
  const auto task = start_on(simulation, []() -> Task<Status> {
    TaskScope scope;
    CHECK((co_await scope.join()).ok());
    co_return co_await scope.join();
  });
  simulation.run_for(1ms);
  REQUIRE(task->done());
  CHECK(task->result().ok());
}

TEST_CASE("the first failure cancels the other tasks of a scope, and join returns it") {
  Simulation simulation(1);
  const auto held = std::make_shared<int>(0);
  const auto task = start_on(simulation, [&] {
    return [](const std::shared_ptr<int>& kept) -> Task<Status> {
      TaskScope scope;
      scope.spawn(hold(kept));
      scope.spawn(end_after(1s, Status(Code::NOT_FOUND, "first")));
      scope.spawn(end_after(1s, Status(Code::INTERNAL, "second")));
      scope.spawn(end_after(2s, Status(Code::INTERNAL, "third")));
      Status status = co_await scope.join();
      scope.spawn(hold(kept));  // it is as new
      CHECK(scope.size() == 1);
      co_return status;
    }(held);
  });
  simulation.run_for(1100ms);
  REQUIRE(task->done());
  CHECK(task->result().message() == "first");
  CHECK(held.use_count() == 1);
}

TEST_CASE("after a failure a scope begins no more tasks until it is joined") {
  Simulation simulation(1);
  const auto held = std::make_shared<int>(0);
  const auto task = start_on(simulation, [&] {
    return [](const std::shared_ptr<int>& kept) -> Task<Status> {
      TaskScope scope;
      scope.spawn(end_after(1ms, Status(Code::NOT_FOUND, "none")));
      co_await sleep_for(1s);
      scope.spawn(hold(kept));
      CHECK(scope.size() == 0);
      co_return co_await scope.join();
    }(held);
  });
  simulation.run_for(2s);
  REQUIRE(task->done());
  CHECK(task->result().message() == "none");
}

TEST_CASE("join throws the exception of a scope's task") {
  Simulation simulation(1);
  const auto task = start_on(simulation, []() -> Task<Status> {
    TaskScope scope;
    scope.spawn(throw_after(1s));
    scope.spawn(hold(std::make_shared<int>(0)));
    co_return co_await scope.join();
  });
  simulation.run_for(1100ms);
  REQUIRE(task->done());
  CHECK_THROWS_WITH_AS((void)task->result(), "thrown", std::runtime_error);
}

TEST_CASE("cancel ends the tasks of a scope, its caller among them, and is no failure") {
  Simulation simulation(1);
  const auto held = std::make_shared<int>(0);
  const auto task = start_on(simulation, [&] {
    return [](const std::shared_ptr<int>& kept) -> Task<Status> {
      TaskScope scope;
      scope.spawn(hold(kept));
      scope.spawn([](TaskScope& own, std::shared_ptr<int> mine) -> Task<> {
        co_await sleep_for(1s);
        own.cancel();
        co_await sleep_for(1s);
        ++*mine;
      }(scope, kept));
      co_return co_await scope.join();
    }(held);
  });
  simulation.run_for(1100ms);
  REQUIRE(task->done());
  CHECK(task->result().ok());
  CHECK(held.use_count() == 1);
  CHECK(*held == 0);
}

TEST_CASE("a lambda that is spawned keeps its captures until its task has ended or is destroyed") {
  Simulation simulation(1);
  const auto held = std::make_shared<int>(0);
  const auto task = start_on(simulation, [&] {
    return [](std::shared_ptr<int> counted) -> Task<Status> {
      TaskScope scope;
      scope.spawn([counted]() -> Task<> {
        co_await sleep_for(1s);
        ++*counted;
      });
      scope.spawn([counted]() -> Task<Result<int>> {
        co_await sleep_for(2s);
        co_return fail(Code::ABORTED, std::to_string(*counted));
      });
      scope.spawn([counted]() -> Task<Status> { co_return co_await end_after(1h, Status()); });
      co_return co_await scope.join();
    }(held);
  });
  CHECK(held.use_count() > 3);
  simulation.run_for(3s);
  REQUIRE(task->done());
  CHECK(task->result().to_string() == "ABORTED: 1");
  CHECK(held.use_count() == 2);  // with that of the scope's coroutine
}

TEST_CASE("destroying a scope destroys its tasks") {
  Simulation simulation(1);
  const auto held = std::make_shared<int>(0);
  auto task = start_on(simulation, [&] {
    return [](const std::shared_ptr<int>& kept) -> Task<Status> {
      TaskScope scope;
      scope.spawn(hold(kept));
      scope.spawn(hold(kept));
      co_return co_await scope.join();
    }(held);
  });
  CHECK(held.use_count() == 3);
  simulation.shard(0).post([&] { task.reset(); });
  simulation.run_for(1ms);
  CHECK(held.use_count() == 1);
}

TEST_CASE("a join that is cancelled leaves its scope alone") {
  Simulation simulation(1);
  int sum = 0;
  const auto task = start_on(simulation, [&] {
    return [](int& added) -> Task<Status> {
      TaskScope scope;
      scope.spawn(add_after(2s, added));
      const auto first = co_await when_any(scope.join(), sleep_for(1s));
      CHECK(first.index() == 1);
      CHECK(scope.size() == 1);
      co_return co_await scope.join();
    }(sum);
  });
  simulation.run_for(3s);
  REQUIRE(task->done());
  CHECK(task->result().ok());
  CHECK(sum == 1);
}

TEST_CASE("the second of two tasks that join a scope at once throws, and the first is not disturbed") {
  Simulation simulation(1);
  TaskScope scope;
  const auto first = start_on(simulation, [&] {
    scope.spawn(sleep_for(1s));
    return scope.join();
  });
  const auto second = start_on(simulation, [&] { return scope.join(); });
  REQUIRE(second->done());
  CHECK_THROWS_WITH_AS((void)second->result(),
                       "two tasks wait in `join()` of one TaskScope: join it in one of them",
                       std::logic_error);
  simulation.run_for(2s);
  REQUIRE(first->done());
  CHECK(first->result().ok());
}

TEST_CASE("a failure that is not joined is logged") {
  const apps::CapturedStderr captured;
  {
    Simulation simulation(1);
    const auto task = start_on(simulation, []() -> Task<> {
      TaskScope scope;
      scope.spawn(end_after(1ms, Status(Code::NOT_FOUND, "unheard of")));
      co_await sleep_for(1s);
    });
    simulation.run_for(2s);
    CHECK(task->done());
  }
  CHECK(captured.text().find("unheard of") != std::string::npos);
}
