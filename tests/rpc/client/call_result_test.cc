// A CallResult is a Result that also has the response's metadata, in every way to await it.
#include "ringrpc/call_result.h"

#include <chrono>
#include <concepts>
#include <doctest/doctest.h>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/sleep.h"
#include "ringrpc/submit.h"
#include "ringrpc/task_scope.h"
#include "ringrpc/when.h"

#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using Answer = CallResult<RawMessage>;

static_assert(std::derived_from<Answer, Result<RawMessage>>);
static_assert(std::convertible_to<Answer, Result<RawMessage>>);
static_assert(std::convertible_to<Result<RawMessage>, Answer>);
static_assert(std::convertible_to<RawMessage, Answer>);
static_assert(std::convertible_to<std::unexpected<Status>, Answer>);
static_assert(std::copyable<Answer>);

ResponseMetadata cost(std::string_view value) {
  ResponseMetadata metadata;
  CHECK(metadata.trailing.add("x-cost", value).ok());
  return metadata;
}

Task<Answer> succeed(std::string text) { co_return Answer(RawMessage{std::move(text)}, cost("12")); }

Task<Answer> refuse() { co_return Answer(fail(Code::NOT_FOUND, "none"), cost("3")); }

Task<Answer> never_end() {
  co_await sleep_for(1h);
  co_return RawMessage{};
}

TEST_CASE("a call's result is used as a Result, and has its metadata in success and failure") {
  const Answer there(RawMessage{"x"}, cost("1"));
  REQUIRE(there);
  CHECK(there->bytes == "x");
  CHECK((*there).bytes == "x");
  CHECK(there.metadata.trailing.find("x-cost") == "1");
  const Result<RawMessage> plain = there;
  CHECK(plain->bytes == "x");

  Answer missing = fail(Code::NOT_FOUND, "none");
  CHECK_FALSE(missing);
  CHECK(missing.error().code() == Code::NOT_FOUND);
  CHECK(missing.metadata.trailing.empty());
  missing = there;
  CHECK(missing->bytes == "x");
}

TEST_CASE("block_on gives a call's result with its metadata") {
  const Answer answer = block_on(succeed("x"));
  REQUIRE(answer);
  CHECK(answer->bytes == "x");
  CHECK(answer.metadata.trailing.find("x-cost") == "12");
  const Answer refused = block_on([] { return refuse(); });
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Code::NOT_FOUND);
  CHECK(refused.metadata.trailing.find("x-cost") == "3");
  const Answer thrown = block_on([]() -> Task<Answer> {
    co_await sleep_for(1us);
    throw std::runtime_error("lost");
  });
  REQUIRE_FALSE(thrown);
  CHECK(thrown.error().code() == Code::INTERNAL);
}

TEST_CASE("submit gives a call's result with its metadata, to a future and to a callback of a Result") {
  const Answer answer = submit([] { return succeed("x"); }).get();
  REQUIRE(answer);
  CHECK(answer.metadata.trailing.find("x-cost") == "12");
  std::promise<Result<RawMessage>> called;
  submit([] { return succeed("y"); },
         [&](Result<RawMessage> outcome) { called.set_value(std::move(outcome)); });
  CHECK(called.get_future().get()->bytes == "y");
}

TEST_CASE("when_all and when_any give calls' results with their metadata") {
  const Status status = block_on([]() -> Task<Status> {
    const auto [first, second] = co_await when_all(succeed("x"), refuse());
    CHECK(first->bytes == "x");
    CHECK(first.metadata.trailing.find("x-cost") == "12");
    CHECK(second.metadata.trailing.find("x-cost") == "3");

    std::vector<Task<Answer>> tasks;
    tasks.push_back(never_end());
    tasks.push_back(succeed("y"));
    const FirstOf<Answer> fastest = co_await when_any(std::move(tasks));
    CHECK(fastest.index == 1);
    CHECK(fastest.value.metadata.trailing.find("x-cost") == "12");

    const auto either = co_await when_any(never_end(), refuse());
    CHECK(std::get<1>(either).metadata.trailing.find("x-cost") == "3");
    co_return Status();
  });
  CHECK(status.ok());
}

TEST_CASE("a scope takes calls, and a failed one cancels the others") {
  const Status status = block_on([]() -> Task<Status> {
    TaskScope scope;
    scope.spawn(succeed("x"));
    scope.spawn([]() -> Task<Result<int>> { co_return 1; }());
    CHECK((co_await scope.join()).ok());
    scope.spawn(never_end());
    scope.spawn(refuse());
    co_return co_await scope.join();
  });
  CHECK(status.to_string() == "NOT_FOUND: none");
}

TEST_CASE("a call that fails on this side has a result without metadata") {
  const Channel channel("not an address");
  const Answer answer = block_on(channel.unary<RawMessage, RawMessage>("/test.v1.Raw/Echo", RawMessage{}));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == Code::INVALID_ARGUMENT);
  CHECK(answer.metadata.initial.empty());
  CHECK(answer.metadata.trailing.empty());
}

TEST_CASE("typed calls of all four kinds are made by path") {
  for_each_world([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      const Answer echoed = co_await channel.unary<RawMessage, RawMessage>(echo_path, RawMessage{"x"});
      REQUIRE(echoed);
      CHECK(echoed->bytes == "x");

      auto counting = channel.server_streaming<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{"2"});
      CHECK((co_await counting.next())->bytes == "0");
      CHECK((co_await counting.next())->bytes == "1");
      CHECK_FALSE(co_await counting.next());
      CHECK((co_await counting.finish()).ok());

      auto joining = channel.client_streaming<RawMessage, RawMessage>(join_path);
      for (const char* const part : {"a", "b"}) CHECK(co_await joining.write(RawMessage{part}));
      const Answer joined = co_await joining.finish();
      REQUIRE(joined);
      CHECK(joined->bytes == "ab");

      auto chatting = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Raw/Chat");
      CHECK(co_await chatting.write(RawMessage{"c"}));
      CHECK((co_await chatting.next())->bytes == "c");
      chatting.writes_done();
      CHECK((co_await chatting.finish()).ok());
    }));
  });
}

}  // namespace
}  // namespace ringrpc
