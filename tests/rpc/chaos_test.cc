/// Many seeds of a network that cuts, delays, loses connections and runs out of everything, of servers that are
/// replaced under load and of channels that pool, queue, wait and close: no call may be lost, answered wrongly,
/// begun twice or left hanging, no handler, descriptor or slab may leak.
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

#include "ringrpc/client_interceptor.h"

#include "rpc/world.h"
#include "transport/test_authority.h"

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
  options.wait_for_ready = random() % 4 == 0;
  return options;
}

/// Lets calls wait, before they begin and after they have ended.
class Pausing final : public ClientInterceptor {
  Task<Status> intercept(ClientRequest& request, ClientNext next) override {
    const Nanoseconds pause = 1ms * ((request.method.size() + calls_++) % 7);
    if (pause > 0ns) co_await sleep_for(pause);
    Status status = co_await next();
    if (calls_ % 3 == 0) co_await sleep_for(1ms);
    co_return status;
  }

  std::size_t calls_ = 0;
};

ChannelOptions draw_channel_options(std::minstd_rand& random, ClientInterceptor& interceptor) {
  ChannelOptions options;
  options.max_connections = 1 + random() % 4;
  options.idle_timeout = 1ms * (1 + random() % 2000);
  if (random() % 2 == 0) options.keepalive_time = 10s;
  if (random() % 4 == 0) options.interceptors = {&interceptor};
  return options;
}

/// Every eighth seed goes through TLS; the handshakes make it slow.
bool secured(std::uint64_t seed) { return seed % 8 == 7; }

void secure(ServerOptions& options) {
  static const std::shared_ptr<ServerTls> tls = ServerTls::load(test::server_options()).value();
  options.tls = tls;
}
void secure(ChannelOptions& options) {
  static const std::shared_ptr<const ClientTls> tls = ClientTls::load(test::client_options()).value();
  options.tls = tls;
}

ServerOptions draw_server_options(std::minstd_rand& random) {
  constexpr std::array<std::uint32_t, 4> streams{1, 2, 5, 100};
  ServerOptions options;
  options.max_concurrent_streams = streams[random() % streams.size()];
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

constexpr std::array kinds{&unary_call, &reading_call, &chatting_call};

/// Replaces the server a few times while the calls run.
Task<void> restart_server(World& world, std::minstd_rand& random) {
  for (int times = static_cast<int>(random() % 4); times > 0; --times) {
    co_await sleep_for(1ms * (random() % 30));
    world.replace_server();
  }
}

/// What is left when all calls have ended must be nothing.
void check_nothing_left(SimulatedWorld& world) {
  world.stop();
  CHECK(world.simulation().run_until_quiet());
  CHECK(world.service().running == 0);
  CHECK(world.simulation().clean());
}

void run_seed(std::uint64_t seed) {
  CAPTURE(seed);
  std::minstd_rand random(static_cast<std::uint32_t>(seed * 2 + 1));
  SimulatedWorld world(seed, draw_faults(random));
  ServerOptions server_options = draw_server_options(random);
  if (secured(seed)) secure(server_options);
  world.serve(server_options, secured(seed) ? "tls+127.0.0.1:0" : "127.0.0.1:0");
  std::vector<Outcome> outcomes(1 + random() % 12);
  std::vector<Task<void>> calls;
  const auto script = [&](Channel& channel) -> Task<void> {
    const auto restarts = restart_server(world, random);
    restarts.start();
    for (Outcome& outcome : outcomes) {
      if (random() % 8 == 0) co_await sleep_for(1ms * (random() % 20));
      calls.push_back(kinds[random() % kinds.size()](channel, random, outcome));
      calls.back().start();
    }
    if (random() % 4 == 0) co_await channel.close(1ms * (random() % 200));
    while (!std::ranges::all_of(calls, &Task<void>::done) || !restarts.done()) co_await sleep_for(10ms);
  };
  Pausing pausing;
  ChannelOptions channel_options = draw_channel_options(random, pausing);
  if (secured(seed)) secure(channel_options);
  REQUIRE(world.run(script, channel_options));
  for (const Outcome& outcome : outcomes) {
    REQUIRE(outcome.status);
    CHECK_MESSAGE(expected(*outcome.status), outcome.status->to_string());
    CHECK(outcome.right);
  }
  CHECK(world.service().started <= static_cast<int>(outcomes.size()));
  check_nothing_left(world);
}

/// A server that is replaced in good order, over a network that loses nothing: no call may fail.
void run_restarts(std::uint64_t seed) {
  CAPTURE(seed);
  std::minstd_rand random(static_cast<std::uint32_t>(seed * 2 + 1));
  SimulatedWorld world(seed, benign_faults());
  world.serve(draw_server_options(random));
  const auto script = [&](Channel& channel) -> Task<void> {
    for (int round = 0; round < 3; ++round) {
      std::vector<Task<Result<RawMessage>>> calls;
      for (int at = 0; at < 20; ++at) {
        if (at == 10) world.replace_server();
        if (random() % 4 == 0) co_await sleep_for(1ms * (random() % 5));
        calls.push_back(
            detail::call_unary<RawMessage, RawMessage>(channel, "/test.v1.Raw/Sleep", RawMessage{"3"}, {}));
        calls.back().start();
      }
      for (const auto& call : calls) {
        while (!call.done()) co_await sleep_for(1ms);
        const auto answer = call.result();
        CHECK_MESSAGE(answer, answer.error().to_string());
      }
    }
  };
  Pausing pausing;
  REQUIRE(world.run(script, draw_channel_options(random, pausing)));
  CHECK(world.service().started == 60);
  check_nothing_left(world);
}

/// Runs one seed of RINGRPC_SEED, or a share of those that RINGRPC_SEEDS asks for.
void for_each_seed(void (*run)(std::uint64_t), std::uint64_t share) {
  if (const char* seed = std::getenv("RINGRPC_SEED")) return run(std::strtoull(seed, nullptr, 10));
  const char* count = std::getenv("RINGRPC_SEEDS");
  const std::uint64_t seeds = (count ? std::strtoull(count, nullptr, 10) : 10'000) / share;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) run(seed);
}

TEST_CASE("no call is lost under any seed") { for_each_seed(&run_seed, 1); }

TEST_CASE("no call fails because its server is replaced") { for_each_seed(&run_restarts, 10); }

}  // namespace
}  // namespace ringrpc
