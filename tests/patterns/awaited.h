/// The awaited parts of patterns, and a function that runs one: `CHECK(run(pattern) == "...")`.
///
/// A pattern is code as users write it, in one coroutine that gives a value. It awaits something that
/// suspends, so its frame, with every temporary in it, outlives the turn.
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

/// Too long for the buffer inside a std::string, so that destroying it twice frees memory twice.
inline const std::string long_text(100, 'x');

/// Counts its live objects, to find one that is destroyed twice or never.
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

/// Aggregates, which compilers get wrong most often.
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

/// The value of the task that `pattern` makes of `arguments`. An exception or a failure fails the test.
template <class Pattern, class... Arguments>
auto run(Pattern pattern, Arguments&... arguments) {
  auto result = block_on([&] { return pattern(arguments...); });
  if (!result) FAIL(result.error().to_string());
  return *std::move(result);
}

}  // namespace ringrpc::patterns
