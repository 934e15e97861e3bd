/// What the patterns await, and how a test runs one: `CHECK(run(pattern) == "...")`.
///
/// A pattern is code as users write it, in one coroutine that gives a value; what it awaits suspends, so that
/// the frame, with every temporary in it, lives on beyond the turn.
#pragma once

#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <string>
#include <utility>

#include "ringrpc/block_on.h"
#include "ringrpc/sleep.h"
#include "ringrpc/task.h"

namespace ringrpc::patterns {

/// Too long to be kept inside a std::string: destroyed twice, it is freed twice.
inline const std::string long_text(100, 'x');

/// How many there are, so that none is destroyed twice or never.
struct Counted {
  static inline std::atomic<int> alive = 0;

  explicit Counted(std::string held = {}) : text(std::move(held)) { ++alive; }
  Counted(const Counted& other) : text(other.text) { ++alive; }
  Counted(Counted&& other) noexcept : text(std::move(other.text)) { ++alive; }
  Counted& operator=(const Counted&) = default;
  Counted& operator=(Counted&&) = default;
  ~Counted() { --alive; }

  std::string text;
};

/// Aggregates, which compilers have got wrong most.
struct Pair {
  std::string text;
  int number = 0;
};
struct CountedPair {
  Counted counted;
  int number = 0;
};

inline Task<> suspended() { co_await sleep_for(std::chrono::nanoseconds(1)); }

inline Task<bool> yes() {
  co_await suspended();
  co_return true;
}
inline Task<bool> no() {
  co_await suspended();
  co_return false;
}
inline Task<std::string> later(std::string text) {
  co_await suspended();
  co_return text;
}
inline Task<int> later(int number) {
  co_await suspended();
  co_return number;
}
inline Task<Status> fine() {
  co_await suspended();
  co_return Status();
}

/// The value of the task that `pattern` makes of `arguments`; what it throws or fails with fails the test.
template <class Pattern, class... Arguments>
auto run(Pattern pattern, Arguments&... arguments) {
  auto result = block_on([&] { return pattern(arguments...); });
  if (!result) FAIL(result.error().to_string());
  return *std::move(result);
}

}  // namespace ringrpc::patterns
