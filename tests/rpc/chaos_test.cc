/// Many seeds of a network that cuts, delays, loses connections and runs out of everything: no call may be lost, answered wrongly
/// or left hanging, no handler, descriptor or slab may leak.
///
/// RINGRPC_SEEDS says how many seeds are tried; RINGRPC_SEED=n replays one.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <doctest/doctest.h>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

/// What one call came to: its status, and whether what it received was right.
struct Outcome {
  std::optional<Status> status;
  bool right = true;
};

Faults draw_faults(std::minstd_rand& random) {
  const auto up_to = [&](double most) { return std::uniform_real_distribution<double>(0, most)(random); };
  Faults faults;
  faults.short_read = up_to(0.5);
  faults.short_write = up_to(0.5);
  faults.delay = up_to(0.5);
  faults.reset = random() % 2 == 0 ? up_to(0.01) : 0;
  faults.no_buffers = up_to(0.1);
  faults.accept_failure = random() % 4 == 0 ? up_to(0.5) : 0;
  faults.refuse = random() % 4 == 0 ? up_to(0.5) : 0;
  constexpr std::array<std::size_t, 4> buffers{1, 100, 4096, 65536};
  faults.socket_buffer_bytes = buffers[random() % buffers.size()];
  return faults;
}

CallOptions draw_options(std::minstd_rand& random) {
  CallOptions options;
  options.timeout = random() % 8 == 0 ? Nanoseconds(1ms * (random() % 50)) : Nanoseconds(10min);
  return options;
}

Task<void> unary_call(Channel& channel, std::minstd_rand& random, Outcome& outcome) {
  const std::string payload(random() % 3000, static_cast<char>('a' + random() % 26));
  const auto answer = co_await detail::call_unary<RawMessage, RawMessage>(
      channel, "/test.v1.Raw/Echo", RawMessage{payload}, draw_options(random));
  outcome.status = answer ? Status() : answer.error();
  outcome.right = !answer || answer->bytes == payload;
}

Task<void> reading_call(Channel& channel, std::minstd_rand& random, Outcome& outcome) {
  const int count = static_cast<int>(random() % 40);
  auto stream = detail::call_server_streaming<RawMessage, RawMessage>(
      channel, "/test.v1.Raw/Count", RawMessage{std::to_string(count)}, draw_options(random));
  int received = 0;
  while (auto message = co_await stream.next()) outcome.right &= message->bytes == std::to_string(received++);
  outcome.status = co_await stream.finish();
  outcome.right &= !outcome.status->ok() || received == count;
}

Task<void> chatting_call(Channel& channel, std::minstd_rand& random, Outcome& outcome) {
  ClientStream<RawMessage, RawMessage> chat(
      channel.call("/test.v1.Raw/Chat", MethodKind::bidirectional, draw_options(random)));
  const int count = static_cast<int>(random() % 20);
  int received = 0;
  for (; received < count; ++received) {
    if (!co_await chat.write(RawMessage{std::to_string(received)})) break;
    const auto answer = co_await chat.next();
    if (!answer) break;
    outcome.right &= answer->bytes == std::to_string(received);
    if (random() % 200 == 0) chat.cancel();
  }
  chat.writes_done();
  while (co_await chat.next()) outcome.right = false;
  outcome.status = co_await chat.finish();
  outcome.right &= !outcome.status->ok() || received == count;
}

bool expected(const Status& status) {
  constexpr std::array allowed{Code::OK, Code::UNAVAILABLE, Code::DEADLINE_EXCEEDED, Code::CANCELLED};
  return std::ranges::find(allowed, status.code()) != allowed.end();
}

void run_seed(std::uint64_t seed) {
  CAPTURE(seed);
  std::minstd_rand random(static_cast<std::uint32_t>(seed * 2 + 1));
  SimulatedWorld world(seed, draw_faults(random));
  std::vector<Outcome> outcomes(1 + random() % 12);
  std::vector<Task<void>> calls;
  const bool ended = world.run([&](Channel& channel) -> Task<void> {
    for (Outcome& outcome : outcomes) {
      constexpr std::array kinds{&unary_call, &reading_call, &chatting_call};
      calls.push_back(kinds[random() % kinds.size()](channel, random, outcome));
      calls.back().start();
    }
    while (!std::ranges::all_of(calls, &Task<void>::done)) co_await sleep_for(10ms);
  });
  REQUIRE(ended);
  for (const Outcome& outcome : outcomes) {
    REQUIRE(outcome.status);
    CHECK_MESSAGE(expected(*outcome.status), outcome.status->to_string());
    CHECK(outcome.right);
  }
  world.stop();
  CHECK(world.simulation().run_until_quiet());
  CHECK(world.service().running == 0);
  CHECK(world.simulation().clean());
}

TEST_CASE("no call is lost under any seed") {
  if (const char* seed = std::getenv("RINGRPC_SEED")) return run_seed(std::strtoull(seed, nullptr, 10));
  const char* count = std::getenv("RINGRPC_SEEDS");
  const std::uint64_t seeds = count ? std::strtoull(count, nullptr, 10) : 10'000;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) run_seed(seed);
}

}  // namespace
}  // namespace ringrpc
