// The measurements of calls on a schedule agree with what happened.
#include <doctest/doctest.h>
#include <tuple>

#include "bench.h"

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

Values at_rate(std::uint32_t rate, std::chrono::milliseconds duration) {
  Values values;
  values.rate = rate;
  values.duration = duration;
  return values;
}

TEST_CASE("a server that responds in exactly 10 ms is measured as 10 ms at every rate below saturation") {
  for (const Spacing spacing : {Spacing::constant, Spacing::poisson}) {
    for (const std::uint32_t rate : {1u, 100u, 1000u, 20'000u}) {
      INFO("rate ", rate, ", spacing ", static_cast<int>(spacing));
      Bench bench(10ms);
      Values values = at_rate(rate, rate < 1000 ? 20s : 1s);
      values.spacing = spacing;
      const Measurement measured = bench.run(bench.plan(values));
      const Histogram& latency = measured.tallies.at(0).latency;
      CHECK(latency.min() == 10ms);
      CHECK(latency.max() == 10ms);
      CHECK(latency.percentile(50) == 10ms);
      CHECK(measured.waited_for_slot == 0);
      CHECK(measured.late.max() == 0ns);
    }
  }
}

TEST_CASE("the same holds for threads with unequal numbers of connections") {
  for (const auto& [connections, threads, rate] :
       {std::tuple(3u, 2u, 200u), {5u, 4u, 400u}, {10u, 4u, 900u}}) {
    INFO(connections, " connections, ", threads, " threads");
    Bench bench(10ms);
    Values values = at_rate(rate, 5s);
    values.connections = connections;
    values.threads = threads;
    values.streams = 1;
    const Measurement measured = bench.run(bench.plan(values));
    CHECK(measured.tallies.at(0).succeeded() == rate * 5);
    CHECK(measured.tallies.at(0).latency.max() == 10ms);
    CHECK(measured.waited_for_slot == 0);
  }
}

TEST_CASE("every connection has as many calls as any other, though one would do for all") {
  Bench bench(10ms);
  bench.run(bench.plan(at_rate(1000, 1s)));
  REQUIRE(bench.service.started_by_peer().size() == 10);
  for (const auto& [peer, started] : bench.service.started_by_peer()) CHECK(started == 100);
}

TEST_CASE("calls start at the requested rate, and the actual rate is reported") {
  for (const std::uint32_t rate : {1u, 3u, 1000u}) {
    Bench bench(10ms);
    const Measurement measured = bench.run(bench.plan(at_rate(rate, 3s)));
    CHECK(measured.tallies.at(0).succeeded() == rate * 3);
    CHECK(bench.service.started() == rate * 3);
    CHECK(measured.duration >= 3s);
    CHECK(measured.duration <= 3010ms);
  }
}

TEST_CASE("a number of calls at a rate takes the time that follows from both") {
  for (const unsigned threads : {1u, 2u, 4u}) {
    for (const std::uint32_t calls : {1u, 3u, 10u}) {
      Bench bench(10ms);
      Values values = at_rate(2, 0s);
      values.requests = calls;
      values.threads = threads;
      const Measurement measured = bench.run(bench.plan(values));
      CHECK(measured.tallies.at(0).succeeded() == calls);
      CHECK(measured.duration == calls * 500ms);
    }
  }
}

TEST_CASE("the same holds beside a duration and after a warm-up") {
  for (const unsigned threads : {1u, 2u, 4u}) {
    Values values = at_rate(10, 600ms);
    values.requests = 5;
    values.threads = threads;
    const auto duration = [&] {
      Bench bench(10ms);
      return bench.run(bench.plan(values)).duration;
    };
    CHECK(duration() == 500ms);
    values.duration = 0s;
    values.warmup = 100ms;
    values.connections = 4;
    CHECK(duration() == 500ms);
  }
}

TEST_CASE("with Poisson spacing the run has the same length for any number of threads") {
  const auto duration = [](unsigned threads) {
    Bench bench(10ms);
    Values values = at_rate(1000, 0s);
    values.spacing = Spacing::poisson;
    values.requests = 1000;
    values.threads = threads;
    const Instant begun = bench.now();
    const Measurement measured = bench.run(bench.plan(values));
    CHECK(measured.tallies.at(0).succeeded() == 1000);
    CHECK(measured.duration <= bench.now() - begun + 20ms);
    return measured.duration;
  };
  const Nanoseconds alone = duration(1);
  CHECK(alone >= 900ms);
  CHECK(alone <= 1100ms);
  for (const unsigned threads : {2u, 4u}) CHECK(duration(threads) - alone <= 10ms);
}

TEST_CASE("a stall of a second shows in the percentiles, because every delayed call counts") {
  Bench bench(10ms);
  const Measurement measured = bench.run(bench.plan(at_rate(1000, 10s)),
                                         [&] { bench.service.stall(bench.now() + 5s, bench.now() + 6s); });
  const Tally& tally = measured.tallies.at(0);
  CHECK(tally.succeeded() == 10'000);
  CHECK(tally.latency.max() >= 1009ms);
  CHECK(tally.latency.max() <= 1011ms);
  // A tenth of the calls were due in it. The earlier ones waited longer.
  CHECK(tally.latency.percentile(99) >= 905ms);
  CHECK(tally.latency.percentile(99) <= 915ms);
  CHECK(tally.latency.percentile(95) >= 505ms);
  CHECK(tally.latency.percentile(95) <= 515ms);
  CHECK(tally.latency.percentile(50) <= 10'010us);
}

TEST_CASE("calls that are due together leave in portions, so that the server need not wait for all") {
  Bench bench(10ms);
  Values values = at_rate(1'000'000, 1ms);
  values.connections = 1;
  values.streams = 100;
  Plan plan = bench.plan(values);
  plan.pace->calls_per_second = 1e12;
  plan.calls = 100;
  const Measurement measured = bench.run(plan);
  CHECK(measured.tallies.at(0).succeeded() == 100);
  CHECK(bench.service.most_started_in_a_turn() <= 64);
}

TEST_CASE("a stall shows equally when few streams keep most of the calls from starting") {
  Bench bench(10ms);
  Values values = at_rate(1000, 10s);
  values.streams = 10;  // a hundred in total: a tenth of the calls due during the stall
  const Measurement measured =
      bench.run(bench.plan(values), [&] { bench.service.stall(bench.now() + 5s, bench.now() + 6s); });
  CHECK(measured.waited_for_slot >= 900);
  CHECK(measured.tallies.at(0).latency.percentile(99) >= 905ms);
  CHECK(measured.tallies.at(0).latency.percentile(99) <= 1010ms);
}

TEST_CASE("in closed loop a stall hides behind the calls that were never made") {
  Bench bench(10ms);
  Values values;
  values.duration = 10s;
  const Measurement measured =
      bench.run(bench.plan(values), [&] { bench.service.stall(bench.now() + 5s, bench.now() + 6s); });
  CHECK(measured.tallies.at(0).latency.max() >= 1s);
  CHECK(measured.tallies.at(0).latency.percentile(99) <= 10'010us);
}

TEST_CASE("a run above the server's capacity ends on time, and expired calls are not sent") {
  Bench bench(100ms);
  Values values = at_rate(1000, 2s);
  values.streams = 1;  // ten in flight: a hundred calls a second
  values.deadline = 500ms;
  const Measurement measured = bench.run(bench.plan(values));
  const Tally& tally = measured.tallies.at(0);
  CHECK(tally.total() == 2000);
  CHECK(tally.ended[static_cast<std::size_t>(Code::DEADLINE_EXCEEDED)] >= 1500);
  CHECK(bench.service.started() <= 1000);
  CHECK(tally.latency.percentile(99) >= 500ms);
  CHECK(measured.duration <= 3s);
}

TEST_CASE("a rate above the server's capacity costs no connection, with any number of streams") {
  Bench bench(400ms);
  Values values = at_rate(2000, 5s);
  values.streams = 50;  // 500 in flight: 1250 calls a second
  values.deadline = 500ms;
  const Measurement measured = bench.run(bench.plan(values));
  const Tally& tally = measured.tallies.at(0);
  CHECK(tally.total() == 10'000);
  CHECK(tally.ended[static_cast<std::size_t>(Code::UNAVAILABLE)] == 0);
  CHECK(tally.succeeded() + tally.ended[static_cast<std::size_t>(Code::DEADLINE_EXCEEDED)] == 10'000);
  CHECK(tally.succeeded() >= 500);
  // At most one for each stream: an expired call keeps its stream.
  CHECK(bench.service.started() >= 500 * 5 / 0.4 - 500);
  CHECK(bench.service.started() <= 500 * 5.5 / 0.4 + 500);
  CHECK(measured.fatal.ok());
  CHECK(measured.duration <= 6s);
}

TEST_CASE("a call that waits for a stream expires on time, even if none becomes free") {
  Bench bench(3s);
  Values values = at_rate(100, 2s);
  values.streams = 1;
  values.deadline = 2s;
  const Measurement measured = bench.run(bench.plan(values));
  const Tally& tally = measured.tallies.at(0);
  CHECK(tally.ended[static_cast<std::size_t>(Code::DEADLINE_EXCEEDED)] == 200);
  CHECK(tally.latency.max() <= 2110ms);
}

TEST_CASE("a stopped run reports the due calls that found no stream") {
  for (const std::chrono::milliseconds warmup : {0ms, 200ms}) {
    Bench bench(100h);
    Values values = at_rate(1000, 30s);
    values.streams = 1;
    values.warmup = warmup;
    const Measurement measured = bench.run(bench.plan(values), [&] {
      bench.run_for(500ms);
      bench.stop();
    });
    const auto due = static_cast<std::uint64_t>((500ms - warmup).count());
    CHECK(bench.service.started() == 10);
    CHECK(measured.without_response >= due);
    CHECK(measured.without_response <= due + 2);
    CHECK(measured.tallies.at(0).total() == 0);
  }
}

TEST_CASE("after the loss of the server the due calls are reported too") {
  Bench bench(100h);
  Values values = at_rate(1000, 30s);
  values.streams = 1;
  const Measurement measured = bench.run(bench.plan(values), [&] {
    bench.run_for(500ms);
    bench.world().stop();
  });
  CHECK(measured.fatal.code() == Code::UNAVAILABLE);
  CHECK(measured.tallies.at(0).total() + measured.without_response >= 500);
}

}  // namespace
}  // namespace ringrpc::grpcbench
