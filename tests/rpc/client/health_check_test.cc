/// Health checks by the client (gRFC A17): which servers get calls, and what becomes of the watches.

#include <chrono>
#include <cstddef>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/load_balancing.h"
#include "ringrpc/resolver.h"
#include "ringrpc/sleep.h"

#include "rpc/client/fleet.h"
#include "rpc/kept_log.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view watch_path = "/grpc.health.v1.Health/Watch";

enum Serving : int { serving = 1, not_serving = 2, service_unknown = 3 };

std::string says(Serving status) { return message(std::string("\x08") + static_cast<char>(status)); }

ChannelOptions checking(const std::string& config = R"("healthCheckConfig": {"serviceName": "a.B"})") {
  ChannelOptions options;
  auto parsed = ServiceConfig::parse("{" + config + "}");
  REQUIRE_MESSAGE(parsed, parsed.error().to_string());
  options.service_config = *parsed;
  options.backoff.jitter = 0;
  return options;
}

/// Hosts with health services, each of which says this when a watch begins.
struct HealthFleet : Fleet {
  struct Watch {
    RawPeer* peer;
    std::uint32_t id;
  };
  using Opening = std::function<std::string(RawPeer&, std::uint32_t id)>;

  explicit HealthFleet(int count)
      : Fleet(count), opening(hosts.size(), saying(serving)), watches(hosts.size()) {
    for (std::size_t at = 0; at < hosts.size(); ++at)
      hosts[at]->answer = [this, at](RawPeer& peer, std::uint32_t id) -> std::string {
        if (peer.field(id, ":path") != watch_path) return well_answered()(peer, id);
        watches[at].push_back({&peer, id});
        return opening[at](peer, id);
      };
  }

  static Opening saying(Serving status) {
    return [status](RawPeer& peer, std::uint32_t id) {
      return peer.encoder.headers(id, good_headers) + http2::test::data(id, says(status));
    };
  }
  void say(std::size_t host, Serving status) const {
    const Watch& watch = watches[host].back();
    watch.peer->send(http2::test::data(watch.id, says(status)));
  }
  void end_watch(std::size_t host, const FieldList& trailers) const {
    const Watch& watch = watches[host].back();
    watch.peer->send(watch.peer->encoder.headers(watch.id, trailers, http2::test::end_stream));
  }
  /// The calls that a host got.
  std::size_t served(std::size_t host) const { return calls(host) - watches[host].size(); }

  std::vector<Opening> opening;
  std::vector<std::vector<Watch>> watches;
};

Task<void> make_calls(Channel& channel, int count) {
  for (int at = 0; at < count; ++at) {
    const auto answered = co_await unary(channel);
    CHECK_MESSAGE(answered, answered.error().to_string());
  }
}

TEST_CASE(
    "a server that says that it does not serve keeps its connection, and gets calls when it serves again") {
  for (const auto& policy : {round_robin(), least_request(), outlier_detection(round_robin(), {})}) {
    const KeptLog log(log::Level::info);
    HealthFleet fleet(3);
    CHECK(fleet.run(
        policy,
        [&](Channel& channel) -> Task<void> {
          CHECK((co_await channel.connect()).ok());
          co_await all_connected(fleet, 3);
          co_await make_calls(channel, 60);
          CHECK(fleet.served(1) > 10);
          fleet.say(1, not_serving);
          co_await sleep_for(10ms);
          const std::size_t before = fleet.served(1);
          co_await make_calls(channel, 60);
          CHECK(fleet.served(1) == before);
          CHECK(fleet.hosts[1]->peers.size() == 1);
          CHECK_FALSE(fleet.hosts[1]->peers.front()->closed());
          fleet.say(1, serving);
          co_await sleep_for(10ms);
          co_await make_calls(channel, 60);
          CHECK(fleet.served(1) > before + 10);
          for (const auto& watches : fleet.watches) CHECK(watches.size() == 1);
        },
        checking()));
    CHECK(log.count("info " + fleet.target + ": 127.0.0.1:2 gets no calls: connect " + fleet.target +
                    " at 127.0.0.1:2: the health check of \"a.B\" says NOT_SERVING") == 1);
    CHECK(log.count("info " + fleet.target + ": 127.0.0.1:2 serves again") == 1);
  }
}

TEST_CASE("a watch asks for the service of the service config, in one message") {
  for (const auto& [name, request] : {std::pair<std::string, std::string>("a.B",
                                                                          "\x0a\x03"
                                                                          "a.B"),
                                      {"", ""}}) {
    HealthFleet fleet(1);
    CHECK(fleet.run(
        round_robin(),
        [&](Channel& channel) -> Task<void> {
          co_await make_calls(channel, 1);
          REQUIRE(fleet.watches[0].size() == 1);
          const auto [peer, id] = fleet.watches[0].front();
          CHECK(peer->body(id) == message(request));
          CHECK(peer->ended(id));
          CHECK(peer->field(id, ":method") == "POST");
          CHECK(peer->field(id, ":authority") == "127.0.0.1:1");
          CHECK(peer->field(id, "content-type") == "application/grpc");
          CHECK(peer->field(id, "te") == "trailers");
        },
        checking(R"("healthCheckConfig": {"serviceName": ")" + name + "\"}")));
  }
}

TEST_CASE("while no server serves, calls fail with the reasons, and those that wait for readiness wait") {
  HealthFleet fleet(2);
  fleet.opening = {HealthFleet::saying(not_serving), HealthFleet::saying(service_unknown)};
  CHECK(fleet.run(
      round_robin(),
      [&](Channel& channel) -> Task<void> {
        const auto refused = co_await unary(channel);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().to_string() ==
              "UNAVAILABLE: connect " + fleet.target +
                  " at 127.0.0.1:1: the health check of \"a.B\" says NOT_SERVING; "
                  "at 127.0.0.1:2: the health check of \"a.B\" says SERVICE_UNKNOWN");
        CHECK(channel.state() == Connectivity::transient_failure);
        CallOptions patient;
        patient.wait_for_ready = true;
        auto waiting = unary(channel, patient);
        waiting.start();
        co_await sleep_for(10s);
        CHECK_FALSE(waiting.done());
        patient.timeout = 1s;
        const auto late = co_await unary(channel, patient);
        REQUIRE_FALSE(late);
        CHECK(late.error().message().find("waited for a connection") != std::string::npos);
        CHECK(late.error().message().find("NOT_SERVING") != std::string::npos);
        fleet.say(1, serving);
        while (!waiting.done()) co_await sleep_for(10ms);
        CHECK(waiting.result());
        CHECK(channel.state() == Connectivity::ready);
        for (const auto& host : fleet.hosts) CHECK(host->peers.size() == 1);
      },
      checking()));
}

TEST_CASE("a server without the health service counts as healthy, and one line says so") {
  for (const auto& refusal :
       {FieldList{{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "12"}},
        FieldList{{":status", "404"}}}) {
    const KeptLog log(log::Level::info);
    HealthFleet fleet(2);
    fleet.opening[0] = headers_only(refusal);
    CHECK(fleet.run(
        round_robin(),
        [&](Channel& channel) -> Task<void> {
          CHECK((co_await channel.connect()).ok());
          co_await all_connected(fleet, 2);
          co_await make_calls(channel, 20);
          co_await sleep_for(30min);
          CHECK(fleet.watches[0].size() == 1);
          CHECK(fleet.served(0) == 10);
        },
        checking()));
    CHECK(log.count("warn " + fleet.target + ": 127.0.0.1:1 has no grpc.health.v1.Health") == 1);
  }
}

TEST_CASE("a watch that fails is begun again after a backoff, and at once after it had a message") {
  HealthFleet fleet(2);
  fleet.opening[0] =
      headers_only({{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "13"}});
  CHECK(fleet.run(
      round_robin(),
      [&](Channel& channel) -> Task<void> {
        CHECK((co_await channel.connect()).ok());
        co_await all_connected(fleet, 2);
        co_await sleep_for(900ms);
        CHECK(fleet.watches[0].size() == 1);
        co_await sleep_for(200ms);  // after 1 s
        CHECK(fleet.watches[0].size() == 2);
        co_await sleep_for(1400ms);
        CHECK(fleet.watches[0].size() == 2);
        co_await sleep_for(200ms);  // after another 1.6 s
        CHECK(fleet.watches[0].size() == 3);
        co_await make_calls(channel, 10);
        CHECK(fleet.served(0) == 0);
        fleet.opening[0] = HealthFleet::saying(serving);
        co_await sleep_for(5s);
        REQUIRE(fleet.watches[0].size() == 4);
        co_await make_calls(channel, 10);
        CHECK(fleet.served(0) == 5);
        for (std::size_t ended = 1; ended < 4; ++ended) {
          fleet.end_watch(0, {{"grpc-status", ended == 1 ? "0" : "14"}});
          co_await sleep_for(10ms);
          if (ended == 1) {  // long after it began
            CHECK(fleet.watches[0].size() == 5);
          } else {
            CHECK(fleet.watches[0].size() == 3 + ended);
            co_await sleep_for(1s);
            CHECK(fleet.watches[0].size() == 4 + ended);
          }
        }
        co_await make_calls(channel, 10);
        CHECK(fleet.served(0) == 10);
      },
      checking()));
}

TEST_CASE("a server whose health is not known in time counts as unhealthy") {
  HealthFleet fleet(1);
  fleet.opening[0] = [](RawPeer&, std::uint32_t) { return std::string(); };
  ChannelOptions options = checking();
  options.connect_timeout = 5s;
  CHECK(fleet.run(
      round_robin(),
      [&](Channel& channel) -> Task<void> {
        const Instant before = now();
        const auto refused = co_await unary(channel);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().message() ==
              "connect 127.0.0.1:1: the health check of \"a.B\" failed: UNAVAILABLE: no response within 5000 "
              "ms");
        CHECK(now() - before >= 5s);
        co_await sleep_for(10ms);
        CHECK(fleet.hosts[0]->peers.front()->resets(fleet.watches[0].front().id).size() == 1);
        fleet.opening[0] = HealthFleet::saying(serving);
        co_await sleep_for(2s);
        co_await make_calls(channel, 1);
      },
      options));
}

TEST_CASE("a watch that has had a message may be silent for longer than the connect timeout") {
  HealthFleet fleet(1);
  ChannelOptions options = checking();
  options.connect_timeout = 5s;
  CHECK(fleet.run(
      round_robin(),
      [&](Channel& channel) -> Task<void> {
        co_await make_calls(channel, 1);
        co_await sleep_for(1min);
        co_await make_calls(channel, 1);
        CHECK(fleet.watches[0].size() == 1);
      },
      options));
}

TEST_CASE("watches that break the protocol make a server unhealthy, and nothing else") {
  const std::vector<std::pair<std::string, HealthFleet::Opening>> table = {
      {"UNAVAILABLE: the response has HTTP status 503", headers_only({{":status", "503"}})},
      {"UNKNOWN: the response is not gRPC's",
       whole({{":status", "200"}, {"content-type", "text/html"}}, "<html>", {})},
      {"INTERNAL: its response cannot be parsed", whole(good_headers, message("\x08"), good_trailers)},
      {"INTERNAL: ", whole(good_headers, message("\x08\x01", 1), good_trailers)},
      {"RESOURCE_EXHAUSTED: ", whole(good_headers, message(std::string(1025, 'x')), good_trailers)},
      {"the server ended it", whole(good_headers, "", good_trailers)},
      {"UNKNOWN: the response is not gRPC's", whole(good_headers, "", {{"x", "y"}})},
      {"PERMISSION_DENIED: no", headers_only({{":status", "200"},
                                              {"content-type", "application/grpc"},
                                              {"grpc-status", "7"},
                                              {"grpc-message", "no"}})},
      {"the stream was reset: INTERNAL_ERROR",
       [](RawPeer&, std::uint32_t id) {
         return http2::test::rst_stream(id, http2::ErrorCode::internal_error);
       }},
  };
  for (const auto& [told, opening] : table) {
    CAPTURE(told);
    HealthFleet fleet(2);
    fleet.opening[0] = opening;
    CHECK(fleet.run(
        round_robin(),
        [&](Channel& channel) -> Task<void> {
          CHECK((co_await channel.connect()).ok());
          co_await all_connected(fleet, 2);
          co_await make_calls(channel, 10);
          CHECK(fleet.served(1) == 10);
          CHECK(fleet.hosts[0]->peers.size() == 1);
          fleet.say(1, not_serving);
          co_await sleep_for(10ms);
          const auto refused = co_await unary(channel);
          REQUIRE_FALSE(refused);
          CHECK_MESSAGE(refused.error().message().find(told) != std::string::npos, refused.error().message());
        },
        checking()));
  }
}

TEST_CASE("messages that come in pieces, and fields of later versions, are read") {
  HealthFleet fleet(1);
  fleet.opening[0] = [](RawPeer& peer, std::uint32_t id) {
    std::string all = peer.encoder.headers(id, good_headers);
    for (const char byte : message("\x12\x01x\x08\x02\x08\x01"))
      all += http2::test::data(id, std::string(1, byte));
    return all;
  };
  CHECK(fleet.run(round_robin(), [](Channel& channel) { return make_calls(channel, 3); }, checking()));
}

TEST_CASE("pick_first checks no health, nor does a channel that is told not to, or has no name for it") {
  ChannelOptions off = checking();
  off.health_checks = false;
  const std::vector<std::pair<std::shared_ptr<const BalancingPolicy>, ChannelOptions>> table = {
      {pick_first(), checking()},
      {outlier_detection(nullptr, {}), checking()},
      {random_subsetting(1, nullptr), checking()},
      {round_robin(), off},
      {round_robin(), checking(R"("healthCheckConfig": {})")},
  };
  for (const auto& [policy, options] : table) {
    HealthFleet fleet(1);
    fleet.opening[0] = HealthFleet::saying(not_serving);
    CHECK(fleet.run(policy, [](Channel& channel) { return make_calls(channel, 3); }, options));
    CHECK(fleet.watches[0].empty());
  }
}

TEST_CASE("each connection is checked anew, and a watch keeps none open") {
  HealthFleet fleet(1);
  CHECK(fleet.run(
      round_robin(),
      [&](Channel& channel) -> Task<void> {
        co_await make_calls(channel, 1);
        RawPeer& first = *fleet.hosts[0]->peers.front();
        const std::uint32_t last = fleet.watches[0].front().id + 2;
        first.send(http2::test::goaway(last, http2::ErrorCode::no_error));
        co_await sleep_for(10ms);
        CHECK(first.closed());
        co_await make_calls(channel, 1);
        CHECK(fleet.hosts[0]->peers.size() == 2);
        CHECK(fleet.watches[0].size() == 2);
        fleet.opening[0] = HealthFleet::saying(not_serving);
        fleet.hosts[0]->peers.clear();  // connections are lost
        co_await sleep_for(10ms);
        CHECK_FALSE(co_await unary(channel));
        CHECK(fleet.watches[0].size() == 3);
        CHECK(fleet.hosts[0]->peers.size() == 1);
      },
      checking()));
}

TEST_CASE("a closing channel waits for no watch, nor does a policy that leaves an address") {
  HealthFleet fleet(2);
  CHECK(fleet.run(
      round_robin(),
      [&](Channel& channel) -> Task<void> {
        CHECK((co_await channel.connect()).ok());
        co_await all_connected(fleet, 2);
        const Instant before = now();
        CHECK((co_await channel.close(1min)) == 0);
        CHECK(now() - before < 5s);
      },
      checking()));
}

/// Gives one address, and a service config that the test may change.
struct OneHost final : Resolver {
  Task<Result<Resolution>> resolve(ResolveRequest) override {
    co_return Resolution{
        .addresses = {{.address = "127.0.0.1:1"}}, .valid_for = 1s, .service_config = config};
  }
  std::string config;
};

TEST_CASE("a service config that changes begins and ends watches on the connections that are there") {
  HealthFleet fleet(1);
  fleet.opening[0] = HealthFleet::saying(not_serving);
  const auto resolver = std::make_shared<OneHost>();
  ChannelOptions options;
  options.resolvers = {{"one", resolver}};
  fleet.target = "one:///x";
  CHECK(fleet.run(
      round_robin(),
      [&](Channel& channel) -> Task<void> {
        co_await make_calls(channel, 1);
        resolver->config = R"({"healthCheckConfig": {"serviceName": "a"}})";
        co_await sleep_for(2s);
        (void)co_await unary(channel);  // has the name looked up
        co_await sleep_for(2s);
        CHECK_FALSE(co_await unary(channel));
        REQUIRE(fleet.watches[0].size() == 1);
        resolver->config = R"({"healthCheckConfig": {"serviceName": "b"}})";
        co_await sleep_for(2s);
        (void)co_await unary(channel);
        co_await sleep_for(2s);
        REQUIRE(fleet.watches[0].size() == 2);
        CHECK(fleet.hosts[0]->peers.front()->resets(fleet.watches[0].front().id).size() == 1);
        resolver->config = "{}";
        co_await sleep_for(2s);
        (void)co_await unary(channel);
        co_await sleep_for(2s);
        co_await make_calls(channel, 3);
        CHECK(fleet.hosts[0]->peers.size() == 1);
      },
      options));
}

}  // namespace
}  // namespace ringrpc::test
