// Conditions, loops and branches that await.
#undef NDEBUG
#include <cassert>

#include "awaited.h"

namespace ringrpc::patterns {
namespace {

Task<std::string> refused() {
  if (!co_await no()) co_return "refused";
  co_return "admitted";
}

Task<std::string> admitted() {
  if (!(co_await yes())) co_return "refused";
  co_return "admitted";
}

Task<std::string> last_word() {
  if ((co_await fine()).ok()) co_return long_text;
  co_return "failed";
}

Task<std::string> guarded() {
  try {
    if (!co_await yes()) co_return "refused";
  } catch (...) {
    co_return "thrown";
  }
  co_return "admitted";
}

Task<int> with_initializer() {
  if (const std::string text = co_await later(long_text); text != long_text) co_return -1;
  if (const int number = co_await later(4); number == 4) co_return number;
  co_return 0;
}

Task<int> both_or_either() {
  int steps = 0;
  if (co_await yes() && co_await yes()) ++steps;
  if (co_await yes() && co_await no()) steps += 100;
  if (co_await no() || co_await yes()) ++steps;
  if (!(co_await yes() || co_await no())) steps += 100;
  co_return steps;
}

Task<bool> conjunction() { co_return co_await yes() && co_await yes(); }

Task<bool> second_is_not_asked() {
  bool asked = false;
  const auto ask = [&]() -> Task<bool> {
    asked = true;
    co_return true;
  };
  const bool either = co_await yes() || co_await ask();
  co_return either && !asked;
}

Task<std::string> chosen(bool first) {
  co_return first ? co_await later(long_text) : co_await later("second");
}

Task<std::string> chosen_by_what_is_awaited() {
  const std::string text = (co_await yes()) ? co_await later(long_text) : co_await later("no");
  co_return text;
}

Task<std::string> one_branch_awaits(bool wait) {
  const std::string text = wait ? co_await later(long_text) : long_text + "y";
  co_return text;
}

Task<int> in_a_switch() {
  switch (co_await later(2)) {
    case 1:
      co_return -1;
    case 2:
      co_return co_await later(22);
    default:
      co_return 0;
  }
}

Task<bool> switch_over_a_code() {
  switch ((co_await fine()).code()) {
    case Code::OK:
      break;
    default:
      co_return false;
  }
  co_return true;
}

Task<int> for_until_refused() {
  int rounds = 0;
  for (int i = 0; i < 3; ++i) {
    if (!co_await yes()) co_return -1;
    ++rounds;
  }
  co_return rounds;
}

Task<int> for_that_awaits_in_its_head() {
  int sum = 0;
  for (int i = co_await later(1); i < co_await later(4); i += co_await later(1)) {
    if (i == 2) continue;
    sum += i;
  }
  co_return sum;
}

Task<bool> forever_until_a_break() {
  for (;;) {
    if (co_await yes()) break;
  }
  co_return true;
}

Task<bool> do_while() {
  do {
  } while (!co_await yes());
  co_return true;
}

Task<int> do_while_with_a_break() {
  int rounds = 0;
  do {
    if (++rounds == 3) break;
  } while (co_await yes());
  co_return rounds;
}

Task<int> while_with_a_variable() {
  int left = 3;
  int rounds = 0;
  while (const int now = co_await later(left)) {
    left = now - 1;
    ++rounds;
  }
  co_return rounds;
}

Task<bool> asserted() {
  assert(co_await yes());
  co_return true;
}

TEST_CASE("a condition may await in a coroutine that has no variables") {
  CHECK(run(refused) == "refused");
  CHECK(run(admitted) == "admitted");
  CHECK(run(last_word) == long_text);
  CHECK(run(guarded) == "admitted");
}

TEST_CASE("an if statement's initializer may await") { CHECK(run(with_initializer) == 4); }

TEST_CASE("logical operators await from the left and only as far as needed") {
  CHECK(run(both_or_either) == 2);
  CHECK(run(conjunction));
  CHECK(run(second_is_not_asked));
}

TEST_CASE("a conditional expression awaits one branch, and destroys no other") {
  bool choice = true;
  CHECK(run(chosen, choice) == long_text);
  CHECK(run(one_branch_awaits, choice) == long_text);
  choice = false;
  CHECK(run(chosen, choice) == "second");
  CHECK(run(one_branch_awaits, choice) == long_text + "y");
  CHECK(run(chosen_by_what_is_awaited) == long_text);
}

TEST_CASE("a switch may await its value and in its cases") {
  CHECK(run(in_a_switch) == 22);
  CHECK(run(switch_over_a_code));
}

TEST_CASE("loops may await in their heads and bodies") {
  CHECK(run(for_until_refused) == 3);
  CHECK(run(for_that_awaits_in_its_head) == 4);
  CHECK(run(forever_until_a_break));
  CHECK(run(do_while));
  CHECK(run(do_while_with_a_break) == 3);
  CHECK(run(while_with_a_variable) == 3);
}

TEST_CASE("an assertion may await") { CHECK(run(asserted)); }

}  // namespace
}  // namespace ringrpc::patterns
