// The memory of coroutine frames: when it is recycled and when it returns to the system.
#include <cstring>
#include <doctest/doctest.h>
#include <thread>
#include <vector>

#include "ringrpc/task.h"

#include "base/frame_allocator.h"

using namespace ringrpc;
using detail::allocate_frame;
using detail::free_frame;

TEST_CASE("frames of every size can be written from end to end, and freed in any order") {
  std::vector<std::pair<void*, std::size_t>> frames;
  for (std::size_t bytes = 1; bytes < 9'000; bytes += 61) {
    void* frame = allocate_frame(bytes);
    std::memset(frame, static_cast<int>(frames.size() % 251), bytes);
    frames.emplace_back(frame, bytes);
  }
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const std::vector<unsigned char> written(frames[i].second, static_cast<unsigned char>(i % 251));
    CHECK(std::memcmp(frames[i].first, written.data(), written.size()) == 0);
  }
  for (std::size_t i = 0; i < frames.size(); i += 2) free_frame(frames[i].first, frames[i].second);
  for (std::size_t i = 1; i < frames.size(); i += 2) free_frame(frames[i].first, frames[i].second);
}

// AddressSanitizer finds the leak.
TEST_CASE("more frames than are kept, and frames freed on another thread, leak nothing") {
  std::vector<void*> frames;
  for (int i = 0; i < 3'000; ++i) frames.push_back(allocate_frame(200));
  std::thread([&] {
    for (void* frame : frames) free_frame(frame, 200);
  }).join();
}

#ifndef RINGRPC_SANITIZED
TEST_CASE("the frame freed last is the next one of its size") {
  void* small = allocate_frame(100);
  void* large = allocate_frame(1'000);
  free_frame(small, 100);
  free_frame(large, 1'000);
  CHECK(allocate_frame(120) == small);
  CHECK(allocate_frame(990) == large);
  free_frame(small, 120);
  free_frame(large, 990);
}
#endif

TEST_CASE("frames count as held memory until they are freed, also in memory that is used again") {
  const std::size_t before = held_frame_bytes();
  for (int round = 0; round < 2; ++round) {
    for (const std::size_t bytes : {1, 100, 4'096, 9'000}) {
      void* const frame = allocate_frame(bytes);
      CHECK(held_frame_bytes() == before + bytes);
      free_frame(frame, bytes);
      CHECK(held_frame_bytes() == before);
    }
  }
}

TEST_CASE("a task gives its value to the task that awaits it, and its exception too") {
  const auto inner = [](int value) -> Task<int> {
    if (value < 0) throw value;
    co_return value + 1;
  };
  const auto outer = [&](int value) -> Task<int> { co_return co_await inner(value) * 10; };
  const Task<int> good = outer(4);
  good.start();
  REQUIRE(good.done());
  CHECK(good.result() == 50);
  const Task<int> bad = outer(-3);
  bad.start();
  REQUIRE(bad.done());
  CHECK_THROWS_AS(bad.result(), int);
}

TEST_CASE("destroying a suspended task destroys the tasks that it awaits") {
  struct Mark {
    explicit Mark(int& destroyed) : count(destroyed) {}
    ~Mark() { ++count; }
    int& count;
  };
  int destroyed = 0;
  const auto inner = [&]() -> Task<> {
    const Mark mark(destroyed);
    co_await std::suspend_always();
  };
  const auto outer = [&]() -> Task<> {
    const Mark mark(destroyed);
    co_await inner();
  };
  {
    const Task<> task = outer();
    task.start();
    CHECK(!task.done());
    CHECK(destroyed == 0);
  }
  CHECK(destroyed == 2);
}
