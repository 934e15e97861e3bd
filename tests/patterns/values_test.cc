// Awaited values that are stored, concatenated or thrown.
#include <map>
#include <optional>
#include <stdexcept>
#include <vector>

#include "awaited.h"

namespace ringrpc::patterns {
namespace {

Task<std::string> member_of_an_aggregate() {
  const Pair listed{co_await later(long_text), 1};
  const Pair named{.text = co_await later(long_text), .number = 1};
  co_return listed.text + named.text;
}
Task<std::string> structured_binding() {
  auto [first, second] = std::pair{co_await later(long_text), co_await later(long_text + "z")};
  co_return first + second;
}
Task<std::string> assigned_and_appended() {
  std::string text;
  text = co_await later(long_text);
  text += co_await later("y");
  co_return text;
}
Task<std::string> concatenated() { co_return "<" + co_await later(long_text) + co_await later(">"); }
Task<int> computed() { co_return co_await later(2) * (co_await later(3) + co_await later(4)); }
Task<std::string> pushed_back() {
  std::vector<Pair> pairs;
  pairs.push_back({co_await later(long_text), 2});
  pairs.emplace_back(co_await later(long_text), co_await later(3));
  co_return pairs[0].text + pairs[1].text;
}
Task<std::string> element_of_a_list() {
  const std::vector<std::string> texts{co_await later(long_text), co_await later("y")};
  co_return texts[0] + texts[1];
}
Task<std::string> key_and_value() {
  std::map<std::string, std::string> texts;
  texts[co_await later(long_text)] = co_await later(long_text + "v");
  co_return texts.at(long_text);
}
Task<std::string> optional_assigned() {
  std::optional<Pair> pair;
  pair = Pair{co_await later(long_text), 2};
  co_return pair->text;
}
Task<std::string> optional_emplaced() {
  std::optional<Pair> pair;
  pair.emplace(Pair{long_text, 2});
  co_await suspended();
  co_return pair->text;
}
Task<int> range_of_a_loop() {
  int letters = 0;
  for (const char letter : co_await later(long_text)) letters += letter == 'x';
  co_return letters;
}
Task<std::size_t> method_of_what_is_awaited() { co_return (co_await later(long_text)).size(); }
Task<std::string> reference_to_what_is_awaited() {
  const std::string& text = co_await later(long_text);
  co_await suspended();
  co_return text;
}

Task<std::string> thrown_text() {
  throw std::runtime_error("no " + co_await later(long_text));
  co_return "";
}
Task<std::string> caught() {
  std::string what;
  try {
    co_await thrown_text();
  } catch (const std::runtime_error& error) {
    what = error.what();
  }
  co_return what + co_await later("!");
}
Task<int> unwound() {
  try {
    const Counted first(long_text);
    const CountedPair second{Counted(co_await later(long_text)), 1};
    co_await thrown_text();
  } catch (const std::runtime_error&) {
    co_return Counted::alive.load();
  }
  co_return -1;
}
Task<std::string> result_unwrapped() {
  const auto found = [](bool there) -> Task<Result<std::string>> {
    co_await suspended();
    if (!there) co_return fail(Code::NOT_FOUND, long_text);
    co_return long_text;
  };
  try {
    const std::string text = (co_await found(true)).value();
    co_return text + (co_await found(false)).value();
  } catch (const std::bad_expected_access<Status>& none) {
    co_return std::string(none.error().message());
  }
}

TEST_CASE("an awaited value may be a member of an aggregate") {
  CHECK(run(member_of_an_aggregate) == long_text + long_text);
  CHECK(run(structured_binding) == long_text + long_text + "z");
}

TEST_CASE("awaited values may be assigned, appended and computed with") {
  CHECK(run(assigned_and_appended) == long_text + "y");
  CHECK(run(concatenated) == "<" + long_text + ">");
  CHECK(run(computed) == 14);
}

TEST_CASE("containers may be filled with awaited values") {
  CHECK(run(pushed_back) == long_text + long_text);
  CHECK(run(element_of_a_list) == long_text + "y");
  CHECK(run(key_and_value) == long_text + "v");
  CHECK(run(optional_assigned) == long_text);
  CHECK(run(optional_emplaced) == long_text);
}

TEST_CASE("an awaited value lives as long as views of it") {
  CHECK(run(range_of_a_loop) == 100);
  CHECK(run(method_of_what_is_awaited) == 100);
  CHECK(run(reference_to_what_is_awaited) == long_text);
}

TEST_CASE("an exception may carry an awaited value, and unwinds the objects made before it") {
  CHECK(run(caught) == "no " + long_text + "!");
  CHECK(run(unwound) == 0);
  CHECK(run(result_unwrapped) == long_text);
}

}  // namespace
}  // namespace ringrpc::patterns
