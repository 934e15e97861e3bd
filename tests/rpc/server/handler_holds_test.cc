// Handlers that hold their shard are told.
#include "rpc/server/handler_holds.h"

#include <array>
#include <chrono>
#include <doctest/doctest.h>
#include <string>
#include <thread>

#include "ringrpc/sleep.h"

#include "base/ticks.h"
#include "rpc/kept_log.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

/// Blocks its shard, as a call of a database without coroutines does.
class Blocking final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Blocking"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&Blocking::login>("Login"), method<&Blocking::wait>("Wait")};
    return methods;
  }

 private:
  static void block() { std::this_thread::sleep_for(HandlerHolds::told_from + 50ms); }

  Task<Result<RawMessage>> login(Call&, RawMessage request) {
    block();
    co_return request;
  }
  Task<Result<RawMessage>> wait(Call&, RawMessage request) {
    co_await sleep_for(1s);
    block();
    co_return request;
  }
};

std::size_t told_of(const test::KeptLog& log, const std::string& method) {
  return log.count("warn the handler of /test.v1.Blocking/" + method + " held shard 0 for ");
}

TEST_CASE("a handler that holds its shard is told, whether it has waited before or not") {
  const test::KeptLog log(log::Level::info);
  Blocking service;
  SimulatedWorld world(1);
  world.also_serve(service);
  world.serve({.metrics = true});
  for (const std::string method : {"Login", "Wait", "Login"})
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      const auto reply =
          co_await channel.unary<RawMessage, RawMessage>("/test.v1.Blocking/" + method, RawMessage{}, {});
      CHECK(reply.has_value());
    }));
  CHECK(told_of(log, "Login") == 2);
  CHECK(told_of(log, "Wait") == 1);
  CHECK(world.server().metrics()->turns.handler_holds == 3);
}

TEST_CASE("a step within a step counts once") {
  const test::KeptLog log(log::Level::info);
  HandlerHolds holds(3);
  const std::uint64_t begun = ticks();
  std::this_thread::sleep_for(HandlerHolds::told_from + 50ms);
  CHECK(holds.check("/a.B/Inner", begun));
  CHECK_FALSE(holds.check("/a.B/Outer", begun));
  CHECK_FALSE(holds.check("/a.B/Later", ticks()));
  CHECK(log.count("warn the handler of /a.B/Inner held shard 3 for ") == 1);
  CHECK(log.lines().size() == 1);
}

}  // namespace
}  // namespace ringrpc
