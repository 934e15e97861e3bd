// What a server tells about its calls and shards.
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
#include "rpc/server/raw_peer.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

/// All in one step, as far as the simulated clock tells.
CallsSnapshot survey_at_once(SimulatedWorld& world, std::size_t most) {
  CallSurvey survey(most);
  const Slices endless(world.server_shard());
  REQUIRE(survey.visit_some(world.server(), endless));
  return std::move(survey).finish();
}

void let_pass(SimulatedWorld& world) { world.simulation().run_for(10ms); }

TEST_CASE("each state of a call is told") {
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

TEST_CASE("a survey in steps bears connections that close and open meanwhile") {
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

TEST_CASE("a server tells of all its shards") {
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
