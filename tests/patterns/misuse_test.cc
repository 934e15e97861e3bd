// Misuses of tasks that can only be detected at run time.
#include <stdexcept>
#include <utility>

#include "awaited.h"

namespace ringrpc::patterns {
namespace {

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

TEST_CASE("A coroutine that ends without co_return throws where it is awaited") {
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

TEST_CASE("A task runs once: neither started nor awaited a second time") {
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

TEST_CASE("A task without a coroutine throws where it is awaited") {
  CHECK(run([] { return message_of(Task<std::string>()); }) ==
        "this task has no coroutine; did a function return {} instead of a task?");
}

// With a sanitizer, g++ returns through every coroutine that resumed another, so the loop would need stack.
#if defined(__clang__) || !defined(__SANITIZE_ADDRESS__)
TEST_CASE("A loop of a million tasks needs no stack") {
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
