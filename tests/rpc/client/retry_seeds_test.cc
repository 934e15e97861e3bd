/// Calls with policies over networks that cut, delay, refuse and lose connections, with servers that are
/// replaced meanwhile. Every call ends once, with its own response or a failure, and the handlers begin
/// within the bounds of the policies. The metrics have an end for each call and each attempt.

#include <chrono>
#include <cstdint>
#include <doctest/doctest.h>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "ringrpc/sleep.h"

#include "rpc/client/attempts.h"
#include "rpc/metrics/channel_metrics.h"
#include "rpc/world.h"
#include "seeds.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;

constexpr int calls_of_a_seed = 30;
constexpr unsigned attempts_max = 4;

Faults lossy(std::minstd_rand& random) {
  const auto up_to = [&](double most) { return std::uniform_real_distribution<double>(0, most)(random); };
  Faults faults;
  faults.short_read = up_to(0.5);
  faults.short_write = up_to(0.5);
  faults.delay = up_to(0.5);
  faults.reset = up_to(0.02);
  faults.refuse = random() % 2 == 0 ? up_to(0.5) : 0;
  return faults;
}

struct Tally {
  int ended = 0;
  int succeeded = 0;
};

Task<void> one_call(Channel& channel, std::string payload, CallOptions options, Tally& tally) {
  const auto response = co_await ringrpc::unary(channel, "Echo", payload, std::move(options));
  ++tally.ended;
  if (!response) co_return;
  ++tally.succeeded;
  CHECK(response->bytes == payload);
}

TEST_CASE("calls with policies are never lost, mixed up or left hanging, and attempts stay within bounds") {
  int succeeded = 0;
  int all = 0;
  for_each_seed(200, [&](std::uint64_t seed) {
    INFO("RINGRPC_SEED=", seed);
    std::minstd_rand random(static_cast<std::uint32_t>(seed));
    SimulatedWorld world(seed, lossy(random));
    ChannelOptions options;
    options.metrics = true;
    options.backoff.initial = 1ms;
    options.backoff.max = 10ms;
    options.max_connections = 1 + random() % 3;
    if (random() % 2 == 0) options.retry_buffer_total_bytes = random() % 2000;
    const bool hedges = random() % 2 == 0;
    options.service_config =
        hedges ? hedging(attempts_max, random() % 2 == 0 ? "0s" : "0.003s") : retrying(attempts_max);
    Tally tally;
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> {
          std::vector<Task<void>> calls;
          for (int at = 0; at < calls_of_a_seed; ++at) {
            CallOptions call;
            call.timeout = random() % 8 == 0 ? Nanoseconds(1ms * (random() % 200)) : Nanoseconds(1min);
            call.wait_for_ready = random() % 4 == 0;
            calls.push_back(one_call(channel, std::to_string(at) + std::string(random() % 3000, 'x'),
                                     std::move(call), tally));
            calls.back().start();
            if (random() % 3 == 0) co_await sleep_for(1ms * (random() % 10));
            if (random() % 20 == 0) world.replace_server();
            if (random() % 20 == 0) calls.back() = {};  // its caller drops it
          }
          for (const auto& call : calls)
            while (call.valid() && !call.done()) co_await sleep_for(1ms);
          for (const auto& call : calls) all += call.valid() ? 1 : 0;
        },
        options));
    succeeded += tally.succeeded;
    // One more for the transparent retry of a request that had left.
    CHECK(world.service().started <= calls_of_a_seed * static_cast<int>(attempts_max + 1));
    const ChannelMetrics::Method& counted =
        TargetMetrics::of(world.address()).on(world.client_shard())->of(echo_path, MethodKind::unary);
    CHECK(counted.calls.started() == counted.calls.handled());
    CHECK(counted.attempts.started() == counted.attempts.handled());
    CHECK(counted.attempts.started() >= counted.calls.handled(Code::OK));
  });
  CHECK(succeeded * 2 > all);
}

}  // namespace
}  // namespace ringrpc::test
