/// Calls that a stop ends, which is requested on any thread.

#include "ringrpc/stop.h"

#include <chrono>
#include <doctest/doctest.h>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>

#include "ringrpc/sleep.h"
#include "ringrpc/when.h"

#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

const std::string stop_status = "CANCELLED: a stop was requested (CallOptions::stop)";

ClientStream<RawMessage, RawMessage> talk(const Channel& channel, std::stop_token stop) {
  return channel.bidirectional<RawMessage, RawMessage>("/test.v1.Raw/Chat", {.stop = std::move(stop)});
}

TEST_CASE("a stop that is requested on another thread cancels a call") {
  RealWorld world;
  CHECK(world.run([](Channel& channel) -> Task<void> {
    std::stop_source stop;
    auto stream = talk(channel, stop.get_token());
    CHECK(co_await stream.write(RawMessage{"x"}));
    CHECK(co_await stream.next());
    const std::jthread other([&stop] { stop.request_stop(); });
    CHECK_FALSE(co_await stream.next());
    CHECK((co_await stream.finish()).to_string() == stop_status);
  }));
}

TEST_CASE("a stop cancels all calls that have its token, whatever they wait for, and no other") {
  for_some_worlds([](World& world) {
    CHECK(world.run([&world](Channel& channel) -> Task<void> {
      std::stop_source stop;
      const CallOptions stopping{.stop = stop.get_token()};
      auto slow = unary(channel, "Sleep", "3600000", stopping);
      auto ends = unary(channel, "Sleep", "50");
      auto requests = [&]() -> Task<> {
        while (world.service().running < 2) co_await sleep_for(1ms);
        stop.request_stop();
      };
      auto [first, second, done] = co_await when_all(std::move(slow), std::move(ends), requests);
      REQUIRE_FALSE(first);
      CHECK(first.error().to_string() == stop_status);
      CHECK(second);
    }));
  });
}

TEST_CASE("a call whose stop was requested before ends at once and is not sent") {
  SimulatedWorld world(1);
  CHECK(world.run([&world](Channel& channel) -> Task<void> {
    std::stop_source stop;
    stop.request_stop();
    const auto answer = co_await unary(channel, "Echo", "x", {.stop = stop.get_token()});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code() == Code::CANCELLED);
    CHECK(world.service().started == 0);
  }));
}

TEST_CASE(
    "a stop that is requested when the call has ended, or in the turn in which it is dropped, does nothing") {
  SimulatedWorld world(1);
  CHECK(world.run([](Channel& channel) -> Task<void> {
    std::stop_source stop;
    CHECK(co_await unary(channel, "Echo", "x", {.stop = stop.get_token()}));
    {
      auto stream = talk(channel, stop.get_token());
      stop.request_stop();
    }
    CHECK(co_await unary(channel, "Echo", "x"));
  }));
}

TEST_CASE("stop_requested ends when a stop is requested, on any thread or before") {
  RealWorld world;
  CHECK(world.run([](Channel&) -> Task<void> {
    std::stop_source stop;
    const std::jthread other([&stop] { stop.request_stop(); });
    co_await stop_requested(stop.get_token());
    CHECK(stop.stop_requested());
    co_await stop_requested(stop.get_token());
    const auto first = co_await when_any(stop_requested({}), sleep_for(1ms));
    CHECK(first.index() == 1);
  }));
}

/// What a task throws that runs on a thread of its own.
template <class Make>
std::string thrown_elsewhere(const Make& make) {
  std::string thrown = "nothing";
  std::jthread([&] {
    const auto task = make();
    try {
      task.start();
      (void)task.result();
    } catch (const std::logic_error& error) {
      thrown = error.what();
    }
  }).join();
  return thrown;
}

TEST_CASE("the operations of a call are refused on another thread") {
  const std::string refusal =
      "a call is used on the shard on which it was begun; another thread cancels it by CallOptions::stop";
  RealWorld world;
  CHECK(world.run([&refusal](Channel& channel) -> Task<void> {
    auto stream = talk(channel, {});
    const auto write = [&stream]() -> Task<> { (void)co_await stream.write(RawMessage{"y"}); };
    const auto next = [&stream]() -> Task<> { (void)co_await stream.next(); };
    const auto metadata = [&stream]() -> Task<> { (void)co_await stream.initial_metadata(); };
    const auto finish = [&stream]() -> Task<> { (void)co_await stream.finish(); };
    const auto writes_done = [&stream]() -> Task<> { co_return stream.writes_done(); };
    const auto cancel = [&stream]() -> Task<> { co_return stream.cancel(); };
    CHECK(thrown_elsewhere(metadata) == refusal);
    CHECK(thrown_elsewhere(next) == refusal);
    CHECK(thrown_elsewhere(write) == refusal);
    CHECK(thrown_elsewhere(writes_done) == refusal);
    CHECK(thrown_elsewhere(finish) == refusal);
    CHECK(thrown_elsewhere(cancel) == refusal);
    CHECK(co_await stream.write(RawMessage{"x"}));
    CHECK((co_await stream.next())->bytes == "x");
    stream.cancel();
    CHECK((co_await stream.finish()).code() == Code::CANCELLED);
  }));
}

TEST_CASE("finish ends the writes, so a server that reads to their end ends the call") {
  for_each_world([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      auto stream = talk(channel, {});
      CHECK(co_await stream.write(RawMessage{"x"}));
      CHECK((co_await stream.finish()).ok());
      CHECK_FALSE(co_await stream.write(RawMessage{"y"}));
    }));
  });
}

}  // namespace
}  // namespace ringrpc
