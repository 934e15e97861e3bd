// The load of one shard: how it begins, what it counts, and all the ways in which it ends.
#include "grpcbench/generator.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <tuple>

#include "ringrpc/bearer_auth.h"
#include "ringrpc/client_interceptor.h"

#include "bench.h"

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

Values requests(std::uint32_t count) {
  Values values;
  values.requests = count;
  return values;
}

Values lasting(std::chrono::milliseconds duration) {
  Values values;
  values.duration = duration;
  return values;
}

Operation raw(const std::string& method, MethodKind kind, std::vector<RawMessage> messages) {
  return make_operation("test.v1.Raw/" + method, kind, std::move(messages));
}

std::uint64_t ended(const Measurement& measured, Code code) {
  return measured.tallies.at(0).ended[static_cast<std::size_t>(code)];
}

TEST_CASE("the requested number of calls is made, and the server receives as many") {
  for (const std::uint32_t count : {1u, 9u, 10u, 1234u}) {
    Bench bench(10ms);
    const Measurement measured = bench.run(bench.plan(requests(count)));
    CHECK(measured.tallies.at(0).succeeded() == count);
    CHECK(bench.service.started() == count);
    CHECK(measured.tallies.at(0).traffic.bytes_sent == count);
    CHECK(measured.tallies.at(0).traffic.bytes_received == count);
    CHECK(measured.fatal.ok());
  }
}

TEST_CASE("metadata goes with each call, so that a service behind bearer tokens can be loaded") {
  BearerAuth authentication(BearerAuth::known_tokens({{"2YotnFZFEjr1zCsicMWp", "alice"}}));
  ServerOptions options;
  options.interceptors = {&authentication};
  Values values = requests(100);
  const auto run = [&] {
    Bench bench(10ms, options);
    return bench.run(bench.plan(values));
  };
  CHECK(ended(run(), Code::UNAUTHENTICATED) == 100);
  REQUIRE(values.headers.add("authorization", "Bearer 2YotnFZFEjr1zCsicMWp").ok());
  CHECK(ended(run(), Code::OK) == 100);
}

TEST_CASE("in closed loop each stream always has a call in flight") {
  Bench bench(10ms);
  Values values = lasting(1s);
  values.streams = 5;
  const Measurement measured = bench.run(bench.plan(values));
  CHECK(measured.tallies.at(0).succeeded() == 10 * 5 * 100);
  CHECK(measured.tallies.at(0).latency.min() == 10ms);
  CHECK(measured.tallies.at(0).latency.max() == 10ms);
  CHECK(measured.duration == 1s);
}

TEST_CASE("each connection makes as many of the calls, however many threads share them") {
  for (const auto& [connections, threads, calls] : {std::tuple(10u, 4u, 1000u), {3u, 2u, 600u}}) {
    Bench bench(10ms);
    Values values = requests(calls);
    values.connections = connections;
    values.threads = threads;
    const Measurement measured = bench.run(bench.plan(values));
    CHECK(measured.tallies.at(0).succeeded() == calls);
    CHECK(measured.duration == calls / connections * 10ms);
  }
}

TEST_CASE("threads begin with different methods, so that few calls go to all") {
  Bench bench(10ms);
  Values values = requests(4);
  values.threads = 4;
  const Measurement measured = bench.run(
      bench.plan(values, {make_operation("test.v1.Paced/Answer", MethodKind::unary, {RawMessage("x")}),
                          raw("Echo", MethodKind::unary, {RawMessage("x")})}));
  CHECK(measured.tallies.at(0).succeeded() == 2);
  CHECK(measured.tallies.at(1).succeeded() == 2);
}

TEST_CASE("a fatal error of one thread ends the run for all") {
  Bench bench(10ms);
  Values values = lasting(30s);
  values.threads = 3;
  const Measurement measured = bench.run(bench.plan(values), [&] {
    bench.run_for(1s);
    bench.world().stop();
  });
  CHECK(measured.fatal.code() == Code::UNAVAILABLE);
  CHECK(measured.duration < 3s);
}

TEST_CASE("calls that wait for the server's stream limit are reported") {
  Bench bench(10ms, {.max_concurrent_streams = 1});
  Values values = requests(100);
  values.connections = 2;
  values.streams = 5;
  const Measurement measured = bench.run(bench.plan(values));
  CHECK(measured.tallies.at(0).succeeded() == 100);
  CHECK(measured.waited_for_turn >= 90);
  CHECK(measured.duration >= 500ms);
}

TEST_CASE("a method that does not end its streams is not reported as a server that hangs") {
  Bench bench(100h);
  Values values = requests(100);
  values.deadline = 1s;
  const Measurement measured = bench.run(bench.plan(
      values, {make_operation("test.v1.Paced/Stream", MethodKind::server_streaming, {RawMessage("x")})}));
  CHECK(measured.tallies.at(0).first_message.at(static_cast<std::size_t>(Code::DEADLINE_EXCEEDED)) ==
        "the stream did not end before the deadline");
  CHECK(measured.fatal.message().ends_with(
      ": calls are measured to the end of their streams, and this method may never end its stream; "
      "--duration ends such streams"));
}

Operation paced(const std::string& method) {
  return make_operation("test.v1.Paced/" + method, MethodKind::server_streaming, {RawMessage("x")});
}

TEST_CASE("the duration ends endless streams, which count as open, with the messages that came within it") {
  for (const auto& [deadline, warmup] : {std::pair(20s, 0s), {1s, 0s}, {20s, 3s}, {1s, 3s}}) {
    Bench bench(10ms);
    Values values = lasting(5s);
    values.deadline = deadline;
    values.warmup = warmup;
    const Measurement measured = bench.run(bench.plan(values, {paced("Ticks")}));
    CHECK(measured.fatal.ok());
    CHECK(measured.duration == 5s);
    const Tally& tally = measured.tallies.at(0);
    CHECK(tally.total() == 0);
    CHECK(tally.open == 10);
    CHECK(tally.latency.count() == 0);
    CHECK(tally.traffic.messages_received >= 4'990);
    CHECK(tally.traffic.messages_received <= 5'010);
    CHECK(tally.traffic.bytes_received == tally.traffic.messages_received);
    CHECK(measured.without_response == 0);
    CHECK(measured.backends.rows().at(0).open == 10);
    CHECK(measured.backends.rows().at(0).messages == tally.traffic.messages_received);
    CHECK(measured.timeline.intervals().at(10).messages == 100);
  }
}

TEST_CASE("a stream that is silent after its first message is open until the end of the duration") {
  Bench bench(100h);
  Values values = lasting(5s);
  values.deadline = 1s;
  const Measurement measured = bench.run(bench.plan(values, {paced("Stream")}));
  CHECK(measured.fatal.ok());
  CHECK(measured.duration == 5s);
  CHECK(measured.tallies.at(0).total() == 0);
  CHECK(measured.tallies.at(0).open == 10);
  CHECK(measured.tallies.at(0).traffic.messages_received == 10);
}

TEST_CASE("a stream without a message has a deadline, whatever the duration") {
  Bench bench(100h);
  Values values = lasting(1500ms);
  values.deadline = 1s;
  const Measurement measured = bench.run(bench.plan(values, {paced("Ticks")}));
  CHECK(ended(measured, Code::DEADLINE_EXCEEDED) == 10);
  CHECK(measured.tallies.at(0).first_message.at(static_cast<std::size_t>(Code::DEADLINE_EXCEEDED)) ==
        "no response before the deadline");
  CHECK(measured.tallies.at(0).open == 0);
}

TEST_CASE("streams that end are measured to their end, also beyond the duration") {
  Bench bench(300ms);
  const Measurement measured = bench.run(bench.plan(lasting(1s), {paced("Stream")}));
  CHECK(measured.tallies.at(0).succeeded() == 40);
  CHECK(measured.tallies.at(0).open == 0);
  CHECK(measured.tallies.at(0).latency.max() == 300ms);
  CHECK(measured.tallies.at(0).traffic.messages_received == 40);
  CHECK(measured.duration == 1200ms);
}

TEST_CASE("streams that end after their deadline have exceeded it, also the first of them") {
  Bench bench(1500ms);
  Values values = lasting(4s);
  values.deadline = 1s;
  const Measurement measured = bench.run(bench.plan(values, {paced("Stream")}));
  CHECK(measured.fatal.ok());
  CHECK(ended(measured, Code::OK) == 0);
  CHECK(ended(measured, Code::DEADLINE_EXCEEDED) == 30);
  CHECK(measured.tallies.at(0).open == 0);
}

TEST_CASE(
    "calls that are due while endless streams have all slots are reported, and do not prolong the run") {
  Bench bench(10ms);
  Values values = lasting(5s);
  values.rate = 100;
  values.streams = 1;
  const Measurement measured = bench.run(bench.plan(values, {paced("Ticks")}));
  CHECK(measured.fatal.ok());
  CHECK(measured.duration == 5s);
  CHECK(measured.tallies.at(0).open == 10);
  CHECK(measured.tallies.at(0).total() == 0);
  CHECK(measured.without_response == 490);
}

TEST_CASE("an interrupted run has the messages of its open streams") {
  Bench bench(10ms);
  Values values = lasting(1h);
  const Measurement measured = bench.run(bench.plan(values, {paced("Ticks")}), [&] {
    bench.run_for(1005ms);
    bench.stop();
  });
  CHECK(measured.tallies.at(0).open == 10);
  CHECK(measured.tallies.at(0).traffic.messages_received >= 990);
  CHECK(measured.without_response == 0);
  CHECK(measured.duration >= 1s);
}

TEST_CASE("a run that is interrupted in its warm-up has no open streams, as it has no messages of them") {
  for (const auto& interrupt : {&Bench::stop, &Bench::cease}) {
    Bench bench(10ms);
    Values values = lasting(1h);
    values.warmup = 5s;
    const Measurement measured = bench.run(bench.plan(values, {paced("Ticks")}), [&] {
      bench.run_for(1s);
      (bench.*interrupt)();
    });
    CHECK(measured.tallies.at(0).open == 0);
    CHECK(measured.tallies.at(0).traffic.messages_received == 0);
    CHECK(measured.duration == 0s);
  }
}

TEST_CASE("a stream that is lost fails, and its messages count") {
  Bench bench(10ms);
  const Measurement measured = bench.run(bench.plan(lasting(30s), {paced("Ticks")}), [&] {
    bench.run_for(1s);
    bench.world().stop();
  });
  CHECK(measured.fatal.code() == Code::UNAVAILABLE);
  CHECK(ended(measured, Code::UNAVAILABLE) >= 10);
  CHECK(measured.tallies.at(0).open == 0);
  CHECK(measured.tallies.at(0).traffic.messages_received >= 980);
}

TEST_CASE("the timeline shows when calls ended") {
  Bench bench(10ms);
  const Measurement measured = bench.run(bench.plan(lasting(1s)));
  const auto& intervals = measured.timeline.intervals();
  REQUIRE(intervals.size() >= 10);
  for (std::size_t at = 1; at < 10; ++at) CHECK(intervals[at].latency.count() == 100);
}

TEST_CASE("calls due in the warm-up are made and not counted") {
  for (const std::uint32_t rate : {0u, 1000u}) {
    Bench bench(10ms);
    Values values = lasting(2s);
    values.warmup = 1s;
    values.rate = rate;
    const Measurement measured = bench.run(bench.plan(values));
    CHECK(measured.tallies.at(0).succeeded() == 2000);
    CHECK(bench.service.started() == 3000);
    CHECK(measured.duration >= 2s);
    CHECK(measured.duration <= 2010ms);
  }
}

TEST_CASE("the number of calls excludes the warm-up") {
  Bench bench(10ms);
  Values values = requests(50);
  values.warmup = 100ms;
  const Measurement measured = bench.run(bench.plan(values));
  CHECK(measured.tallies.at(0).succeeded() == 50);
  CHECK(bench.service.started() == 150);
}

TEST_CASE("several methods take turns") {
  Bench bench(10ms);
  const Measurement measured = bench.run(bench.plan(
      requests(1001), {make_operation("test.v1.Paced/Answer", MethodKind::unary, {RawMessage("abc")}),
                       raw("Echo", MethodKind::unary, {RawMessage("x"), RawMessage("xyz")})}));
  CHECK(measured.tallies.at(0).succeeded() == 501);
  CHECK(measured.tallies.at(1).succeeded() == 500);
  CHECK(measured.tallies.at(0).traffic.bytes_sent == 501 * 3);
  CHECK(measured.tallies.at(1).traffic.bytes_received == 250 * 1 + 250 * 3);
}

TEST_CASE("streams of every kind are one call each, with all that they carry") {
  const std::vector<RawMessage> three{RawMessage("a"), RawMessage("bb"), RawMessage("ccc")};
  const auto of = [](Operation operation) {
    Bench fresh(10ms);
    return fresh.run(fresh.plan(requests(20), {std::move(operation)})).tallies.at(0);
  };
  const Tally counted = of(raw("Count", MethodKind::server_streaming, {RawMessage("5")}));
  CHECK(counted.succeeded() == 20);
  CHECK(counted.traffic.bytes_received == 20 * 5);
  const Tally joined = of(raw("Join", MethodKind::client_streaming, three));
  CHECK(joined.succeeded() == 20);
  CHECK(joined.traffic.bytes_sent == 20 * 6);
  CHECK(joined.traffic.bytes_received == 20 * 6);
  const Tally chatted = of(raw("Chat", MethodKind::bidirectional, three));
  CHECK(chatted.succeeded() == 20);
  CHECK(chatted.traffic.bytes_received == 20 * 6);
}

TEST_CASE("messages larger than every window are transferred completely") {
  const std::string large(1'500'000, 'x');
  const auto received = [](MethodKind kind, const char* method, std::size_t messages,
                           const std::string& message) {
    Bench bench(10ms);
    const Plan plan =
        bench.plan(requests(3), {raw(method, kind, std::vector<RawMessage>(messages, RawMessage(message)))});
    return bench.run(plan).tallies.at(0).traffic.bytes_received;
  };
  CHECK(received(MethodKind::unary, "Echo", 1, large) == 3 * large.size());
  CHECK(received(MethodKind::bidirectional, "Chat", 4, large) == 3 * 4 * large.size());
}

TEST_CASE("failures are counted by their code, and the run continues") {
  Bench bench(10ms);
  const Measurement measured = bench.run(
      bench.plan(requests(30), {raw("Fail", MethodKind::unary, {RawMessage("5"), RawMessage("8")})}));
  CHECK(ended(measured, Code::NOT_FOUND) == 15);
  CHECK(ended(measured, Code::RESOURCE_EXHAUSTED) == 15);
  CHECK(measured.fatal.ok());
}

TEST_CASE("a call that ends with OK and without a message fails") {
  Bench bench(10ms);
  const Measurement measured =
      bench.run(bench.plan(requests(10), {raw("Count", MethodKind::unary, {RawMessage("0")})}));
  CHECK(measured.tallies.at(0).succeeded() == 0);
  CHECK(ended(measured, Code::UNIMPLEMENTED) > 0);
}

TEST_CASE("a call without a response ends at its deadline, and its duration counts as latency") {
  Bench bench(100h);
  Values values = requests(10);
  values.deadline = 1s;
  const Measurement measured = bench.run(bench.plan(values));
  CHECK(ended(measured, Code::DEADLINE_EXCEEDED) == 10);
  CHECK(measured.timeline.intervals().back().failed == 10);
  CHECK(measured.timeline.intervals().back().succeeded == 0);
  CHECK(measured.timeline.intervals().back().latency.count() == 10);
  CHECK(measured.tallies.at(0).latency.min() >= 1s);
  CHECK(measured.tallies.at(0).latency.max() <= 1060ms);
  CHECK(measured.fatal.ok());
}

TEST_CASE("a call whose response comes after its deadline counts once, and its stream is free again then") {
  Bench bench(1500ms);
  Values values = requests(30);
  values.deadline = 1s;
  const Measurement measured = bench.run(bench.plan(values));
  CHECK(ended(measured, Code::DEADLINE_EXCEEDED) == 30);
  CHECK(measured.tallies.at(0).total() == 30);
  CHECK(measured.tallies.at(0).latency.max() <= 1060ms);
  CHECK(measured.tallies.at(0).traffic.bytes_sent == 0);
  CHECK(measured.tallies.at(0).traffic.bytes_received == 0);
  CHECK(measured.duration >= 4s);
  CHECK(measured.duration <= 4060ms);
}

TEST_CASE(
    "a run ends one deadline after the last call has expired at a server that sends no more responses") {
  for (const std::uint32_t rate : {0u, 1000u}) {
    Bench bench(100h);
    Values values = requests(5000);
    values.rate = rate;
    values.streams = 2;
    values.deadline = 1s;
    const Instant begun = bench.now();
    const Measurement measured = bench.run(bench.plan(values));
    CHECK(bench.now() - begun <= 2300ms);
    CHECK(bench.service.started() == 20);
    CHECK(ended(measured, Code::DEADLINE_EXCEEDED) >= 20);
    CHECK(measured.fatal.code() == Code::DEADLINE_EXCEEDED);
    CHECK(measured.fatal.message() ==
          "all 20 calls in flight of a thread are beyond the deadline, and none ended for 1 s more: the "
          "server seems to hang");
    CHECK(measured.fatal_call == "test.v1.Paced/Answer");
    // All due calls are reported, as calls or as calls without a response.
    if (rate > 0) CHECK(measured.tallies.at(0).total() + measured.without_response >= 2000);
    CHECK(measured.duration >= 1s);
    CHECK(measured.duration <= 2300ms);
  }
}

TEST_CASE("a stall that lasts a little longer than the deadline does not end the run") {
  Bench bench(10ms);
  Values values = lasting(10s);
  values.deadline = 1s;
  const Measurement measured =
      bench.run(bench.plan(values), [&] { bench.service.stall(bench.now() + 5s, bench.now() + 6500ms); });
  CHECK(measured.fatal.ok());
  CHECK(ended(measured, Code::DEADLINE_EXCEEDED) == 10);
  CHECK(ended(measured, Code::OK) >= 8400);
  CHECK(measured.duration <= 10'010ms);
}

TEST_CASE("a run ends with its duration although no call has a response") {
  Bench bench(100h);
  Values values = lasting(1500ms);
  values.deadline = 1s;
  const Measurement measured = bench.run(bench.plan(values));
  CHECK(measured.fatal.ok());
  CHECK(ended(measured, Code::DEADLINE_EXCEEDED) == 10);
  CHECK(measured.duration == 1500ms);
}

TEST_CASE("an unknown service ends the run") {
  Bench bench(10ms);
  const Measurement measured =
      bench.run(bench.plan(lasting(30s), {make_operation("a.B/C", MethodKind::unary, {RawMessage("x")})}));
  CHECK(measured.fatal.code() == Code::UNIMPLEMENTED);
  CHECK(measured.fatal_call == "a.B/C");
  CHECK(bench.ended_early());
  CHECK(measured.tallies.at(0).total() == 10);
  CHECK(measured.duration < 1s);
}

TEST_CASE("without a server the run does not begin") {
  Bench bench(10ms);
  Plan plan = bench.plan(requests(10));
  plan.server = "127.0.0.1:1";
  bench.connect(plan);
  REQUIRE(bench.connect_status);
  CHECK(bench.connect_status->code() == Code::UNAVAILABLE);
  CHECK(bench.connect_status->message().starts_with("connect 127.0.0.1:1: "));
  bench.end();
}

TEST_CASE("a lost server ends the run, with the measurements so far") {
  Bench bench(10ms);
  const Measurement measured = bench.run(bench.plan(lasting(30s)), [&] {
    bench.run_for(1s);
    bench.world().stop();
  });
  CHECK(measured.fatal.code() == Code::UNAVAILABLE);
  CHECK(measured.fatal.message().starts_with("connect "));
  CHECK(measured.tallies.at(0).succeeded() >= 900);
  CHECK(measured.tallies.at(0).succeeded() <= 1010);
  CHECK(ended(measured, Code::UNAVAILABLE) > 0);
  CHECK(measured.duration < 3s);
}

TEST_CASE("a lost connection that can be made again costs only its calls in flight") {
  Bench bench(10ms);
  const Measurement measured = bench.run(bench.plan(lasting(2s)), [&] {
    bench.run_for(1s);
    bench.world().replace_server();
  });
  CHECK(measured.fatal.ok());
  CHECK(measured.tallies.at(0).succeeded() >= 1900);
}

TEST_CASE("a run that keeps going counts the failures of an outage, and the calls after it") {
  for (const std::uint32_t rate : {0u, 100u}) {
    Bench bench(10ms);
    Values values = lasting(10s);
    values.rate = rate;
    values.keep_going = true;
    std::uint64_t before = 0;
    const Measurement measured = bench.run(bench.plan(values), [&] {
      bench.run_for(1s);
      const std::string address = bench.world().address();
      bench.world().stop();
      bench.run_for(2s);
      before = bench.service.started();
      bench.world().serve({}, address);
    });
    CHECK(measured.fatal.ok());
    CHECK_FALSE(bench.ended_early());
    CHECK(ended(measured, Code::UNAVAILABLE) >= 100);
    CHECK(ended(measured, Code::UNAVAILABLE) <= 5000);
    CHECK(bench.service.started() >= before + 100);
    CHECK(measured.duration >= 10s);
  }
}

/// Fails each call as if the server could not be reached, 1 to 10 ms after the call has begun, one after the other.
class Outage final : public ClientInterceptor {
 public:
  Task<Status> intercept(ClientRequest&, ClientNext) override {
    const Instant now = Shard::here().io().now();
    if (calls > 0) longest_pause = std::max(longest_pause, now - last_begun);
    last_begun = now;
    co_await ExactWait(now + (calls++ % 10 + 1) * 1ms);
    co_return Status(Code::UNAVAILABLE, "the server cannot be reached", Initiator::library);
  }

  unsigned calls = 0;
  Instant last_begun;
  Nanoseconds longest_pause{0};
};

TEST_CASE("calls begin every 10 ms of an outage, however many others fail meanwhile") {
  Bench bench(10ms);
  Values values = lasting(1s);
  values.keep_going = true;
  Plan plan = bench.plan(values);
  Outage outage;
  plan.channel.interceptors = {&outage};
  bench.run(plan);
  CHECK(outage.calls >= 800);
  CHECK(outage.longest_pause <= 12ms);
}

TEST_CASE("a stopped run waits for the calls in flight and counts them") {
  for (const std::uint32_t rate : {0u, 1000u}) {
    Bench bench(10ms);
    Values values = lasting(30s);
    values.rate = rate;
    const Measurement measured = bench.run(bench.plan(values), [&] {
      bench.run_for(1005ms);
      bench.cease();
      CHECK_FALSE(bench.done());
    });
    CHECK(measured.fatal.ok());
    CHECK_FALSE(bench.ended_early());
    CHECK(measured.tallies.at(0).succeeded() == bench.service.started());
    CHECK(measured.without_response == 0);
    CHECK(measured.duration >= 1s);
    CHECK(measured.duration <= 1020ms);
  }
}

TEST_CASE("a stopped run reports due calls that found no stream as calls without a response") {
  Bench bench(100ms);
  Values values = lasting(30s);
  values.rate = 1000;
  values.streams = 1;  // on each of ten connections, so a hundred calls a second
  const Measurement measured = bench.run(bench.plan(values), [&] {
    bench.run_for(1s);
    bench.cease();
  });
  CHECK(measured.tallies.at(0).total() == bench.service.started());
  CHECK(measured.tallies.at(0).total() + measured.without_response >= 1000);
  CHECK(measured.tallies.at(0).total() + measured.without_response <= 1010);
}

TEST_CASE("a run that is stopped before the first call makes none") {
  Bench bench(10ms);
  bench.connect(bench.plan(lasting(30s)));
  bench.cease();
  CHECK_FALSE(bench.done());
  bench.begin();
  bench.wait();
  CHECK(bench.service.started() == 0);
  CHECK(bench.end().tallies.at(0).total() == 0);
}

TEST_CASE("an aborted run reports its results, and the number of calls without a response") {
  Bench bench(10ms);
  const Plan plan = bench.plan(lasting(30s));
  Measurement measured = bench.run(plan, [&] {
    bench.run_for(1005ms);
    bench.stop();
    CHECK(bench.done());
  });
  CHECK(measured.tallies.at(0).succeeded() == 1000);
  CHECK(measured.without_response == 10);
  CHECK(measured.duration >= 1s);
  CHECK(measured.duration <= 1010ms);
}

}  // namespace
}  // namespace ringrpc::grpcbench
