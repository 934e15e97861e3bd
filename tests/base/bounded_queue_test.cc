#include "base/bounded_queue.h"

#include <doctest/doctest.h>
#include <string>
#include <thread>
#include <vector>

namespace ringrpc {
namespace {

TEST_CASE("a queue returns its elements in order, round after round") {
  BoundedQueue<std::string> queue(4);
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 3; ++i) REQUIRE(queue.try_push(std::to_string(round * 3 + i)));
    for (int i = 0; i < 3; ++i) CHECK(queue.try_pop() == std::to_string(round * 3 + i));
    CHECK_FALSE(queue.try_pop());
  }
  CHECK(queue.pushed() == 15);
}

TEST_CASE("a full queue refuses a value and leaves it unchanged") {
  BoundedQueue<std::string> queue(3);
  REQUIRE(queue.capacity() == 4);
  for (int i = 0; i < 4; ++i) REQUIRE(queue.try_push("kept"));
  std::string refused = "refused";
  CHECK_FALSE(queue.try_push(std::move(refused)));
  CHECK(refused == "refused");
  CHECK(queue.pushed() == 4);

  CHECK(queue.try_pop() == "kept");
  CHECK(queue.try_push("room again"));
}

TEST_CASE("many producers lose nothing and each keeps its order") {
  constexpr std::size_t producers = 3, each = 20'000;
  BoundedQueue<std::size_t> queue(64);
  std::vector<std::thread> threads;
  for (std::size_t p = 0; p < producers; ++p) {
    threads.emplace_back([&queue, p] {
      for (std::size_t i = 0; i < each; ++i)
        while (!queue.try_push(p * each + i)) std::this_thread::yield();
    });
  }
  std::vector<std::size_t> next(producers);
  bool ordered = true;
  for (std::size_t popped = 0; popped < producers * each;) {
    const auto value = queue.try_pop();
    if (!value) {
      std::this_thread::yield();
      continue;
    }
    ordered = ordered && *value % each == next[*value / each]++;
    ++popped;
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(ordered);
  CHECK_FALSE(queue.try_pop());
}

}  // namespace
}  // namespace ringrpc
