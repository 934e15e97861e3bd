// A server's snapshots of its calls and shards.
#include "ringrpc/server_snapshot.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"
#include "ringrpc/server.h"

#include "rpc/server/call_survey.h"
#include "rpc/server/connection_survey.h"
#include "rpc/server/failure_survey.h"
#include "rpc/server/raw_peer.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

/// Surveys all calls in one step: the simulated clock stands still meanwhile.
CallsSnapshot survey_at_once(SimulatedWorld& world, std::size_t most) {
  CallSurvey survey(most);
  const Slices endless(world.server_shard());
  REQUIRE(survey.visit_some(world.server(), endless));
  return std::move(survey).finish();
}

void let_pass(SimulatedWorld& world) { world.simulation().run_for(10ms); }

TEST_CASE("each state of a call is reported") {
  SimulatedWorld world(1);
  world.serve({});
  const auto peer =
      RawPeer::before_server(world, http2::test::settings({{http2::test::setting::initial_window_size, 0}}));
  peer->begin(1, "/test.v1.Raw/Echo");
  peer->begin(3, "/test.v1.Raw/Chat");
  peer->begin(5, "/test.v1.Raw/Flood");
  peer->send_body(5, message("x"));
  peer->request(7, "/test.v1.Raw/Sleep", message("60000"), {{"grpc-timeout", "30S"}});
  peer->request(9, "/test.v1.Raw/Inflate", message("100"));
  let_pass(world);
  std::map<std::string, CallSnapshot> calls;
  for (CallSnapshot& call : survey_at_once(world, 10).oldest) calls.emplace(call.method, call);
  REQUIRE(calls.size() == 5);
  CHECK(calls.at("/test.v1.Raw/Echo").state == CallState::receiving);
  CHECK(calls.at("/test.v1.Raw/Chat").state == CallState::reading);
  CHECK(calls.at("/test.v1.Raw/Flood").state == CallState::writing);
  CHECK(calls.at("/test.v1.Raw/Inflate").state == CallState::responding);
  const CallSnapshot& sleeping = calls.at("/test.v1.Raw/Sleep");
  CHECK(sleeping.state == CallState::handling);
  CHECK(sleeping.peer == "unknown");
  CHECK(sleeping.age <= 10ms);
  REQUIRE(sleeping.time_left);
  CHECK(*sleeping.time_left > 29s);
  CHECK(*sleeping.time_left <= 30s);
  CHECK_FALSE(calls.at("/test.v1.Raw/Chat").time_left);
}

TEST_CASE("states have names") {
  CHECK(name(CallState::receiving) == "receiving");
  CHECK(name(CallState::parsing) == "parsing");
  CHECK(name(CallState::reading) == "reading");
  CHECK(name(CallState::writing) == "writing");
  CHECK(name(CallState::handling) == "handling");
  CHECK(name(CallState::responding) == "responding");
}

TEST_CASE("the oldest calls of all connections are kept, from the oldest") {
  SimulatedWorld world(1);
  world.serve({});
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (int i = 0; i < 4; ++i) peers.push_back(RawPeer::before_server(world));
  // The connections take turns, so that the oldest calls are on several.
  for (std::uint32_t id = 1; id <= 9; id += 2)
    for (const auto& peer : peers) {
      peer->request(id, "/test.v1.Raw/Sleep", message("600000"));
      let_pass(world);
    }
  const CallsSnapshot some = survey_at_once(world, 6);
  CHECK(some.in_flight == 20);
  REQUIRE(some.oldest.size() == 6);
  CHECK(std::ranges::is_sorted(some.oldest, std::ranges::greater(), &CallSnapshot::age));
  CHECK(some.oldest.back().age >= 14 * 10ms);
  CHECK(survey_at_once(world, 100).oldest.size() == 20);
  CHECK(survey_at_once(world, 0).oldest.empty());
}

TEST_CASE("connections may close and open between the steps of a survey") {
  SimulatedWorld world(1);
  world.serve({});
  std::vector<std::unique_ptr<RawPeer>> peers;
  const auto connect = [&] {
    peers.push_back(RawPeer::before_server(world));
    peers.back()->request(1, "/test.v1.Raw/Sleep", message("600000"));
    let_pass(world);
  };
  for (int i = 0; i < 6; ++i) connect();
  CallSurvey survey(100);
  Slices over(world.server_shard());
  world.simulation().run_for(1ms);  // a slice that is over ends each step after one connection
  REQUIRE_FALSE(survey.visit_some(world.server(), over));
  peers[0].reset();  // was visited
  peers[1].reset();  // would be next
  peers[3].reset();
  let_pass(world);
  REQUIRE_FALSE(survey.visit_some(world.server(), over));
  connect();
  int steps = 0;
  while (!survey.visit_some(world.server(), over)) ++steps;
  CHECK(steps == 3);
  const CallsSnapshot calls = std::move(survey).finish();
  CHECK(calls.in_flight == 5);  // the first was still open
  CHECK(calls.oldest.size() == 5);
}

TEST_CASE("the last connection may close between two steps") {
  SimulatedWorld world(1);
  world.serve({});
  auto first = RawPeer::before_server(world);
  auto second = RawPeer::before_server(world);
  let_pass(world);
  CallSurvey survey(100);
  const Slices over(world.server_shard());
  world.simulation().run_for(1ms);
  REQUIRE_FALSE(survey.visit_some(world.server(), over));
  second.reset();
  let_pass(world);
  CHECK(survey.visit_some(world.server(), over));
}

TEST_CASE("a server reports all of its shards") {
  RawService service;
  auto server = Server::start({&service}, {.listen = {"127.0.0.1:0"}, .shards = 3});
  REQUIRE_MESSAGE(server, server.error().to_string());
  CHECK_FALSE((*server)->draining());
  std::vector<Channel> channels;
  for (int i = 0; i < 6; ++i) channels.emplace_back((*server)->addresses().front());
  for (const Channel& channel : channels) REQUIRE(block_on(unary(channel, "Echo", "hello")));
  const auto shards = block_on((*server)->shard_snapshots());
  REQUIRE(shards);
  REQUIRE(shards->size() == 3);
  std::uint64_t succeeded = 0;
  for (unsigned index = 0; index < 3; ++index) {
    CHECK((*shards)[index].index == index);
    CHECK((*shards)[index].connections_open == 2);
    succeeded += (*shards)[index].calls_succeeded;
  }
  CHECK(succeeded == 6);
  const auto calls = block_on((*server)->calls(10));
  REQUIRE(calls);
  CHECK(calls->in_flight == 0);
  CHECK(calls->oldest.empty());
  (*server)->drain(0s);
  CHECK((*server)->draining());
  CHECK(block_on((*server)->calls(10)));
}

TEST_CASE("the oldest and the newest connections are listed, each once") {
  SimulatedWorld world(1);
  world.serve({.metrics = true});
  std::vector<std::unique_ptr<RawPeer>> peers;
  const auto survey = [&](std::size_t most) {
    ConnectionSurvey connections(most);
    connections.visit(world.server());
    return std::move(connections).finish();
  };
  for (std::size_t number = 1; number <= 7; ++number) {
    peers.push_back(RawPeer::before_server(world));
    let_pass(world);
    const ConnectionsSnapshot all = survey(5);
    CHECK(all.open == number);
    CHECK(all.oldest.size() == std::min<std::size_t>(number, 5));
    CHECK(all.newest.size() == number - all.oldest.size());
  }
  peers.front()->begin(1, "/test.v1.Raw/Chat");
  let_pass(world);
  const ConnectionsSnapshot some = survey(2);
  REQUIRE(some.oldest.size() == 2);
  REQUIRE(some.newest.size() == 2);
  CHECK(some.oldest[0].calls_in_flight == 1);
  CHECK(some.oldest[0].age >= some.oldest[1].age);
  CHECK(some.oldest[1].age > some.newest[1].age);
  CHECK(some.newest[1].age >= some.newest[0].age);
  REQUIRE(some.kinds.size() == 1);
  CHECK(some.kinds[0].open == 7);
  CHECK(survey(1'000).oldest.size() == 7);
  CHECK(survey(0).oldest.empty());
}

TEST_CASE("the last failures of each code are kept") {
  SimulatedWorld world(1);
  world.serve({.metrics = true});
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    CHECK(!co_await unary(channel, "Fail", "5"));
    for (int count = 0; count < 1'000; ++count) CHECK(!co_await unary(channel, "Fail", "13"));
    CHECK(!co_await unary(channel, "Missing", ""));
    CHECK(co_await unary(channel, "Echo", "hello"));
  }));
  std::vector<FailureSnapshot> failures;
  add_failures(world.server(), failures);
  add_failures(world.server(), failures);  // as if another shard had as many
  keep_newest(failures);
  CHECK(std::ranges::is_sorted(failures, std::ranges::greater(), &FailureSnapshot::at));
  std::map<Code, int> codes;
  for (const FailureSnapshot& failure : failures) ++codes[failure.code];
  CHECK(codes == std::map<Code, int>{{Code::NOT_FOUND, 2}, {Code::UNIMPLEMENTED, 2}, {Code::INTERNAL, 8}});
  for (const FailureSnapshot& failure : failures) {
    CHECK(!failure.message.empty());
    CHECK(failure.method == (failure.code == Code::UNIMPLEMENTED ? "unknown" : "/test.v1.Raw/Fail"));
  }
}

TEST_CASE("a long message of a failure is cut") {
  RecentFailures failures;
  const std::string message(100'000, 'x');
  failures.add({.code = Code::ABORTED, .method = "/a/b", .peer = "p", .message = message, .at = {}});
  failures.for_each([](const RecentFailure& failure) { CHECK(failure.message.size() == 256); });
}

TEST_CASE("the methods that were called most come first, with their latency") {
  RawService service;
  const auto server =
      Server::start({&service}, {.listen = {"127.0.0.1:0"}, .shards = 2, .metrics = true}).value();
  const Channel channel(server->addresses().front());
  for (int count = 0; count < 20; ++count) REQUIRE(block_on(unary(channel, "Echo", "x")));
  for (int count = 0; count < 5; ++count) CHECK(!block_on(unary(channel, "Fail", "5")));
  CHECK(!block_on(unary(channel, "Missing", "")));
  const auto all = block_on(server->methods(10)).value();
  REQUIRE(all.size() == 3);
  CHECK(all[0].method == "test.v1.Raw/Echo");
  CHECK(all[0].started == 20);
  CHECK(all[0].failed == 0);
  CHECK(all[0].p50 > 0ns);
  CHECK(all[0].p50 <= all[0].p999);
  std::uint64_t timed = 0;
  for (const MethodSnapshot::Bucket& bucket : all[0].latency) timed += bucket.calls;
  CHECK(timed == all[0].handled);
  CHECK(all[1].failed == 5);
  CHECK(all[2].method == "unknown");
  CHECK(block_on(server->methods(1)).value().size() == 1);
}

TEST_CASE("a server without metrics keeps no failures and times no methods") {
  RawService service;
  const auto server = Server::start({&service}, {.listen = {"127.0.0.1:0"}, .shards = 1}).value();
  CHECK(!block_on(unary(Channel(server->addresses().front()), "Fail", "5")));
  CHECK_FALSE(server->counts_metrics());
  CHECK(block_on(server->failures()).value().empty());
  CHECK(block_on(server->methods(10)).value().empty());
  CHECK(block_on(server->connections(10)).value().kinds.empty());
}

TEST_CASE("a server may be destroyed after the tasks that visit its shards") {
  RawService service;
  for (int round = 0; round < 20; ++round) {
    auto server = Server::start({&service}, {.listen = {"127.0.0.1:0"}, .shards = 2});
    REQUIRE_MESSAGE(server, server.error().to_string());
    (void)block_on([&]() -> Task<> {
      for (int i = 0; i < 10; ++i) {
        const auto abandoned = std::make_unique<Task<Result<CallsSnapshot>>>((*server)->calls(10));
        abandoned->start();
      }
      co_return;
    });
  }
}

}  // namespace
}  // namespace ringrpc
