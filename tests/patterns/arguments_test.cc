// Temporaries among the arguments of an awaited call, and the results of such calls.
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "awaited.h"

namespace ringrpc::patterns {
namespace {

Task<std::string> text_of(Pair pair) {
  co_await suspended();
  co_return pair.text;
}
Task<std::string> text_of_reference(const Pair& pair) {
  co_await suspended();
  co_return pair.text;
}
Task<std::string> text_of_counted(CountedPair pair) {
  co_await suspended();
  co_return pair.counted.text;
}
Task<std::string> text_of_view(std::string_view text) {
  co_await suspended();
  co_return std::string(text);
}
Task<std::string> text_of_optional(std::optional<std::string> text) {
  co_await suspended();
  co_return *text;
}
Task<std::string> text_of_pointer(std::unique_ptr<std::string> text) {
  co_await suspended();
  co_return *text;
}
Task<std::string> text_of_pair(std::pair<std::string, int> pair) {
  co_await suspended();
  co_return pair.first;
}
Task<std::string> text_of_tuple(std::tuple<int, Pair> tuple) {
  co_await suspended();
  co_return std::get<1>(tuple).text;
}
Task<std::string> text_of_variant(std::variant<int, std::string> text) {
  co_await suspended();
  co_return std::get<std::string>(text);
}
Task<std::string> joined(std::array<std::string, 2> texts) {
  co_await suspended();
  co_return texts[0] + texts[1];
}
Task<std::size_t> total(std::vector<std::string> texts) {
  co_await suspended();
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  co_return bytes;
}
Task<Pair> pair_of(std::string text) {
  co_await suspended();
  co_return Pair{text, 1};
}
Task<Pair> braced_pair_of(std::string text) {
  co_await suspended();
  co_return {.text = text, .number = 1};
}

Task<std::string> aggregate() {
  std::string text = co_await text_of({.text = long_text});
  if (text == co_await text_of(Pair{long_text, 3})) co_return text;
  co_return "differs";
}
Task<std::string> aggregate_by_reference() { co_return co_await text_of_reference({.text = long_text}); }
Task<std::string> aggregate_that_awaits() {
  const std::string text = co_await text_of({.text = co_await later(long_text), .number = 3});
  co_return text;
}
Task<std::string> counted_aggregate() {
  const std::string text = co_await text_of_counted({.counted = Counted(long_text)});
  if (Counted::alive == 0) co_return text;
  co_return "destroyed more or less than once";
}
Task<std::string> counted_aggregate_by_name() {
  const std::string text = co_await text_of_counted(CountedPair{Counted(long_text), 3});
  if (Counted::alive == 0) co_return text;
  co_return "destroyed more or less than once";
}
Task<std::string> temporary_text() { co_return co_await later(long_text + "y"); }
Task<std::string> temporary_behind_a_view() {
  const std::string text = co_await text_of_view(long_text + "y");
  co_return text;
}
Task<std::string> optional_text() { co_return co_await text_of_optional(long_text); }
Task<std::string> pointer_to_text() {
  const std::string text = co_await text_of_pointer(std::make_unique<std::string>(long_text));
  co_return text;
}
Task<std::string> pair_in_braces() {
  const std::string text = co_await text_of_pair({long_text, 1});
  co_return text;
}
Task<std::string> tuple_in_braces() {
  const std::string text = co_await text_of_tuple({1, {.text = long_text}});
  co_return text;
}
Task<std::string> variant_of_text() {
  const std::string text = co_await text_of_variant(long_text);
  co_return text;
}
Task<std::string> array_in_braces() {
  const std::string text = co_await joined({long_text, long_text});
  co_return text;
}
Task<std::size_t> vector_in_braces() { co_return co_await total({long_text, long_text, long_text}); }
Task<std::string> aggregate_as_result() {
  const Pair named = co_await pair_of(long_text);
  const Pair braced = co_await braced_pair_of(long_text);
  co_return named.text + braced.text;
}
Task<std::string> call_in_a_call_in_a_call() {
  const std::string text = co_await later(co_await later(co_await later(long_text)));
  co_return text;
}
Task<std::string> several_awaited_arguments() {
  const std::string text = co_await joined({co_await later(long_text), co_await later(long_text + "y")});
  co_return text;
}

TEST_CASE("an aggregate made among the arguments is destroyed once") {
  CHECK(run(aggregate) == long_text);
  CHECK(run(aggregate_by_reference) == long_text);
  CHECK(run(aggregate_that_awaits) == long_text);
  CHECK(run(counted_aggregate) == long_text);
  CHECK(run(counted_aggregate_by_name) == long_text);
}

TEST_CASE("a temporary among the arguments lives until the call has ended") {
  CHECK(run(temporary_text) == long_text + "y");
  CHECK(run(temporary_behind_a_view) == long_text + "y");
}

TEST_CASE("containers and pointers may be made among the arguments") {
  CHECK(run(optional_text) == long_text);
  CHECK(run(pointer_to_text) == long_text);
  CHECK(run(pair_in_braces) == long_text);
  CHECK(run(tuple_in_braces) == long_text);
  CHECK(run(variant_of_text) == long_text);
  CHECK(run(array_in_braces) == long_text + long_text);
  CHECK(run(vector_in_braces) == 300);
}

TEST_CASE("a task may give an aggregate") { CHECK(run(aggregate_as_result) == long_text + long_text); }

TEST_CASE("an argument may itself be awaited") {
  CHECK(run(call_in_a_call_in_a_call) == long_text);
  CHECK(run(several_awaited_arguments) == long_text + long_text + "y");
}

}  // namespace
}  // namespace ringrpc::patterns
