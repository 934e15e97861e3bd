// Misuses that can only be detected at run time.
#include <chrono>
#include <functional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

#include "ringrpc/channel.h"
#include "ringrpc/event_count.h"
#include "ringrpc/server.h"
#include "ringrpc/shield.h"
#include "ringrpc/task_scope.h"
#include "ringrpc/turn_share.h"
#include "ringrpc/when.h"
#include "ringrpc/worker_pool.h"

#include "awaited.h"

namespace ringrpc::patterns {
namespace {

using namespace std::chrono_literals;

class Nothing final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Nothing"; }
  std::span<const Method> service_methods() const noexcept override { return {}; }
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wreturn-type"
Task<std::string> without_co_return() { co_await suspended(); }
Task<std::string> without_co_return_in_a_branch(bool give) {
  if (give) co_return long_text;
  co_await suspended();
}
#pragma GCC diagnostic pop

Task<std::string> message_of(Task<std::string> task) {
  try {
    co_return co_await std::move(task);
  } catch (const std::logic_error& error) {
    co_return error.what();
  }
}

Task<int> tiny() { co_return 1; }

TEST_CASE("a coroutine that ends without co_return throws where it is awaited") {
  const std::string message = "a coroutine ended without co_return";
  CHECK(run([] { return message_of(without_co_return()); }) == message);
  CHECK(run([] { return message_of(without_co_return_in_a_branch(false)); }) == message);
  CHECK(run([] { return message_of(without_co_return_in_a_branch(true)); }) == long_text);
}

TEST_CASE("block_on gives INTERNAL for a coroutine that ends without co_return") {
  const Result<std::string> text = block_on(without_co_return());
  REQUIRE_FALSE(text);
  CHECK(text.error().code() == Code::INTERNAL);
}

TEST_CASE("a task runs once: neither started nor awaited a second time") {
  const std::string message = "a task runs once; was it started or awaited before?";
  CHECK(run([]() -> Task<std::string> {
          Task<std::string> task = later(long_text);
          task.start();
          co_return co_await message_of(std::move(task));
        }) == message);
  CHECK(run([]() -> Task<std::string> {
          Task<std::string> task = later(long_text);
          if (co_await task.in_place() != long_text) co_return "not awaited";
          co_return co_await message_of(std::move(task));
        }) == message);
  const Task<int> started = tiny();
  started.start();
  CHECK(started.done());
  CHECK_THROWS_WITH_AS(started.start(), message.c_str(), std::logic_error);
}

TEST_CASE("a task that has not ended has no result") {
  const std::string message = "this task has no result: it has not ended";
  const Task<int> fresh = tiny();
  CHECK_THROWS_WITH_AS((void)fresh.result(), message.c_str(), std::logic_error);
  CHECK_THROWS_WITH_AS((void)Task<int>().result(), message.c_str(), std::logic_error);
  CHECK_THROWS_WITH_AS(Task<>().result(), message.c_str(), std::logic_error);
}

Task<> holding(Counted) { co_return; }

TEST_CASE("assigning to a task destroys its frame") {
  const int before = Counted::alive;
  Task<> task = holding(Counted());
  CHECK(Counted::alive == before + 1);
  Task<> other = holding(Counted());
  task = std::move(other);
  CHECK(Counted::alive == before + 1);
  task = Task<>();
  CHECK(Counted::alive == before);
}

TEST_CASE("a task without a coroutine throws where it is awaited") {
  CHECK(run([] { return message_of(Task<std::string>()); }) ==
        "this task has no coroutine; did a function return {} instead of a task?");
}

/// The result of `make` on a thread outside of all shards.
template <class Make>
std::string thrown_off_a_shard(const Make& make) {
  auto task = make();
  task.start();
  if (!task.done()) return "waits";
  try {
    (void)task.result();
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "nothing";
}

TEST_CASE("a wait away from any shard throws") {
  const std::string message = "await this on a shard: in a handler, or under block_on";
  EventCount changes;
  const auto join_one = [](TaskScope& scope) -> Task<> {
    scope.spawn(fine());
    (void)co_await scope.join();
  };
  TaskScope scope;
  const Channel channel("unix-abstract:nobody");
  CHECK(thrown_off_a_shard([] { return sleep_for(1ms); }) == message);
  CHECK(thrown_off_a_shard([] { return turn_share(); }) == message);
  CHECK(thrown_off_a_shard([&] { return changes.past(0); }) == message);
  CHECK(thrown_off_a_shard([] { return shield(tiny()); }) == message);
  CHECK(thrown_off_a_shard([] { return when_all(tiny(), tiny()); }) == message);
  CHECK(thrown_off_a_shard([] { return when_any(tiny(), tiny()); }) == message);
  CHECK(thrown_off_a_shard([&] { return join_one(scope); }) == message);
  CHECK(thrown_off_a_shard([&] { return channel.close(1s); }) == message);
  scope.cancel();
  CHECK(scope.size() == 0);
}

/// The status with which a task ends on a thread outside of all shards.
template <class T>
Status status_off_a_shard(Task<T> task) {
  task.start();
  REQUIRE(task.done());
  auto outcome = task.result();
  if constexpr (std::is_same_v<T, Status>)
    return outcome;
  else
    return outcome ? Status() : outcome.error();
}

TEST_CASE("a wait away from any shard fails where its result can say so") {
  const auto pool = WorkerPool::start({.threads = 1});
  TaskScope scope;
  const Channel channel("unix-abstract:nobody");
  Nothing nothing;
  const auto server = Server::start({&nothing}, {.listen = {"127.0.0.1:0"}, .shards = 1, .metrics = true});
  REQUIRE(pool);
  REQUIRE(server);
  CHECK(status_off_a_shard((*pool)->run([] { return 1; })).code() == Code::FAILED_PRECONDITION);
  CHECK(status_off_a_shard(scope.join()).code() == Code::FAILED_PRECONDITION);
  CHECK(status_off_a_shard(channel.connect()).code() == Code::FAILED_PRECONDITION);
  CHECK(status_off_a_shard((*server)->metrics_text(MetricsFormat::openmetrics)).code() ==
        Code::FAILED_PRECONDITION);
  CHECK(status_off_a_shard((*server)->calls(1)).code() == Code::FAILED_PRECONDITION);
  CHECK(status_off_a_shard((*server)->shard_snapshots()).code() == Code::FAILED_PRECONDITION);
}

/// What `spawn` or `shield` says of a task.
template <class Give>
Task<std::string> said_of(const Give& give) {
  TaskScope scope;
  std::string room = long_text;
  try {
    co_await give(scope, room);
  } catch (const std::logic_error& error) {
    co_return error.what();
  }
  const Status joined = co_await scope.join();
  co_return joined.ok() ? room : joined.to_string();
}

TEST_CASE("the task of a lambda with captures is refused where it outlives the expression") {
  const std::string lost =
      "the task of a lambda that was called does not keep its captures: give the lambda itself, or its name, "
      "without `()` behind it; or let the task keep them: `[x](this auto) -> Task<> { ... }()`";
  CHECK(run([] {
          return said_of([](TaskScope& scope, std::string room) -> Task<> {
            scope.spawn([room]() -> Task<> { co_await suspended(); }());
            co_return;
          });
        }) == lost);
  CHECK(run([] {
          return said_of([](TaskScope& scope, std::string& room) -> Task<> {
            scope.spawn([&room]() mutable -> Task<Status> {
              co_await suspended();
              room = "lost";
              co_return Status();
            }());
            co_return;
          });
        }) == lost);
  CHECK(run([] {
          return said_of([](TaskScope& scope, std::string& room) -> Task<> {
            scope.spawn([room]() -> Task<Result<int>> { co_return static_cast<int>(room.size()); }());
            co_return;
          });
        }) == lost);
  CHECK(run([] {
          return said_of([](TaskScope&, std::string& room) -> Task<> {
            co_await shield([room]() -> Task<> { co_await suspended(); }());
          });
        }) == lost);
  // A name does not tell whether the lambda lives long enough.
  CHECK(run([] {
          return said_of([](TaskScope& scope, std::string& room) -> Task<> {
            const auto greet = [&room]() -> Task<> {
              co_await suspended();
              room = "greeted";
            };
            scope.spawn(greet());
            (void)co_await scope.join();
          });
        }) == lost);
}

TEST_CASE("lambdas that are given, that capture nothing or that keep their captures are run") {
  const auto appends = [](TaskScope& scope, std::string& room) -> Task<> {
    scope.spawn([text = std::string("given "), &room]() -> Task<> {
      co_await suspended();
      room = text;
    });
    (void)co_await scope.join();
    const auto again = [&room]() -> Task<> {
      co_await suspended();
      room += "by name ";
    };
    scope.spawn(again);
    (void)co_await scope.join();
    scope.spawn([]() -> Task<> { co_await suspended(); }());
    scope.spawn([text = std::string("kept "), &room](this auto) -> Task<> {
      co_await suspended();
      room += text;
    }());
    (void)co_await scope.join();
    co_await shield([text = std::string("shielded"), &room]() -> Task<> {
      co_await suspended();
      room += text;
    });
    co_await [&room]() -> Task<> {
      co_await suspended();
      room += "!";
    }();
  };
  CHECK(run([&] { return said_of(appends); }) == "given by name kept shielded!");
}

/// A named class whose objects can be called.
struct Hearing {
  Task<> operator()() {
    co_await suspended();
    room += "called ";
  }
  Task<> hear() {
    co_await suspended();
    room += "heard ";
  }

  std::string& room;
};

Task<> until(const std::function<bool()>& stop) {
  while (!stop()) co_await suspended();
}

template <class Stop>
Task<> until_any(Stop& stop) {
  while (!stop()) co_await suspended();
}

Task<> twice(std::function<Task<>()>& make) {
  co_await make();
  co_await make();
}

TEST_CASE("coroutines of named classes, and functions that take something to call, are run") {
  const auto runs = [](TaskScope& scope, std::string& room) -> Task<> {
    Hearing hearing{room};
    room.clear();
    scope.spawn(hearing());
    scope.spawn(hearing.hear());
    (void)co_await scope.join();
    co_await shield(hearing());
    int left = 3;
    const std::function<bool()> stop = [&left] { return --left == 0; };
    scope.spawn(until(stop));
    (void)co_await scope.join();
    auto stop_later = [&left]() mutable { return ++left == 3; };
    scope.spawn(until_any(stop_later));
    (void)co_await scope.join();
    std::function<Task<>()> make = [&room]() -> Task<> {
      co_await suspended();
      room += "made ";
    };
    scope.spawn(twice(make));
    (void)co_await scope.join();
    room += std::to_string(left);
  };
  CHECK(run([&] { return said_of(runs); }) == "called heard called made made 3");
}

/// The error that `block` throws on a shard.
template <class Block>
std::string thrown_on_a_shard(const Block& block) {
  return run([&]() -> Task<std::string> {
    try {
      block();
    } catch (const std::logic_error& error) {
      co_return error.what();
    }
    co_return "nothing";
  });
}

TEST_CASE("a server's functions that block throw on a shard") {
  Nothing nothing;
  const auto server = Server::start({&nothing}, {.listen = {"127.0.0.1:0"}, .shards = 1});
  REQUIRE(server);
  const std::string why = " on a shard would wait for itself: call it on a thread of your own";
  CHECK(thrown_on_a_shard([&] { (*server)->drain(1s); }) == "Server::drain" + why);
  CHECK(thrown_on_a_shard([&] { (*server)->wait(); }) == "Server::wait" + why);
  CHECK(thrown_on_a_shard([&] { (void)(*server)->counters(); }) == "Server::counters" + why);
  CHECK_FALSE((*server)->draining());
}

// With a sanitizer, g++ returns through every coroutine that resumed another, so the loop would need stack.
#if defined(__clang__) || !defined(__SANITIZE_ADDRESS__)
TEST_CASE("a loop of a million tasks needs no stack") {
  constexpr int rounds = 1'000'000;
  CHECK(run([]() -> Task<int> {
          int sum = 0;
          for (int i = 0; i < rounds; ++i) sum += co_await tiny();
          co_return sum;
        }) == rounds);
}
#endif

}  // namespace
}  // namespace ringrpc::patterns
