/// What becomes of calls while nothing can be reached: each ends, although it has no deadline, and only the
/// first waits to learn that.

#include <chrono>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/load_balancing.h"
#include "ringrpc/resolver.h"
#include "ringrpc/sleep.h"

#include "rpc/client/attempts.h"
#include "rpc/client/fleet.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;

struct Named {
  const char* name;
  std::shared_ptr<const BalancingPolicy> policy;
};
std::vector<Named> policies() {
  return {{"pick_first", pick_first()},
          {"round_robin", round_robin()},
          {"least_request", least_request()},
          {"ring_hash", ring_hash()},
          {"random_subsetting", random_subsetting(1, round_robin())},
          {"outlier_detection", outlier_detection(round_robin(), by_failures())}};
}

/// The time that a call took, which has failed with UNAVAILABLE.
Task<Nanoseconds> time_to_fail(Channel& channel) {
  const Instant before = now();
  const auto failed = co_await unary(channel);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == Code::UNAVAILABLE);
  CHECK_FALSE(failed.error().message().empty());
  co_return now() - before;
}

/// Looks up names as the test says.
struct Names final : Resolver {
  Task<Result<Resolution>> resolve(ResolveRequest) override {
    ++asked;
    if (thinks_for > 0s) co_await sleep_for(thinks_for);
    if (addresses.empty()) co_return fail(Code::UNAVAILABLE, "nothing is listed");
    Resolution resolution{.addresses = {}, .valid_for = 1s};
    for (const std::string& address : addresses) resolution.addresses.push_back({.address = address});
    co_return resolution;
  }
  std::vector<std::string> addresses;
  Nanoseconds thinks_for = 0s;
  int asked = 0;
};

/// A way in which a server, or all of two, cannot be used.
struct Way {
  const char* name;
  std::function<void(Fleet&)> prepare;
};
std::vector<Way> ways() {
  const auto greet = [](const std::string& greeting) {
    return [greeting](Fleet& fleet) {
      for (const auto& host : fleet.hosts) host->greeting = greeting;
    };
  };
  return {
      {"refused",
       [](Fleet& fleet) {
         for (const auto& host : fleet.hosts) host->close();
       }},
      {"black-holed",
       [](Fleet& fleet) {
         for (const char* address : {"127.0.0.1:1", "127.0.0.1:2"})
           fleet.world.simulation().network().swallow(resolve(*Address::parse(address))->front());
       }},
      {"silent", greet("")},
      {"not HTTP/2", greet("HTTP/1.1 400 Bad Request\r\n\r\n")},
      {"GOAWAY at once", greet(http2::test::settings() + http2::test::settings_ack() +
                               http2::test::goaway(0, http2::ErrorCode::no_error))},
      {"the name is not found", [](Fleet& fleet) { fleet.target = "names:///none"; }},
      {"the look-up hangs", [](Fleet& fleet) { fleet.target = "names:///slow"; }},
  };
}

TEST_CASE("a call without a deadline ends, whatever is wrong with the servers, under each policy") {
  for (const Way& way : ways())
    for (const auto& [name, policy] : policies())
      for (const auto& config : {std::shared_ptr<const ServiceConfig>(), retrying(3), hedging(3, "0.1s")}) {
        CAPTURE(way.name);
        CAPTURE(name);
        Fleet fleet(2);
        way.prepare(fleet);
        const auto names = std::make_shared<Names>();
        if (fleet.target == "names:///slow") names->thinks_for = 1h;
        CHECK(fleet.run(policy,
                        [&](Channel& channel) -> Task<void> {
                          CHECK((co_await time_to_fail(channel)) <
                                12s);  // a timeout, and another of a second chance
                          CHECK((co_await time_to_fail(channel)) < 2s);
                        },
                        {.connect_timeout = 3s, .resolvers = {{"names", names}}, .service_config = config}));
      }
}

TEST_CASE("only the first call waits for a server that does not respond, until it does") {
  for (const bool accepts : {true, false})
    for (const auto& [name, policy] : policies()) {
      CAPTURE(accepts);
      CAPTURE(name);
      Fleet fleet(2);
      for (const auto& host : fleet.hosts) accepts ? host->greeting.clear() : host->close();
      CHECK(fleet.run(policy,
                      [&](Channel& channel) -> Task<void> {
                        CHECK((co_await time_to_fail(channel)) < 7s);  // ring_hash tries one after the other
                        for (int at = 0; at < 600; ++at) {
                          CHECK((co_await time_to_fail(channel)) < 1ms);
                          CHECK(channel.state() == Connectivity::transient_failure);
                          co_await sleep_for(100ms);
                        }
                        for (const auto& host : fleet.hosts) {
                          host->greeting = http2::test::settings() + http2::test::settings_ack();
                          if (!accepts) host->open();
                        }
                        // Attempts go on without a call.
                        CHECK((co_await channel.wait_for_state_change(Connectivity::transient_failure)) ==
                              Connectivity::ready);
                        CHECK(co_await unary(channel));
                      },
                      {.connect_timeout = 3s}));
    }
}

TEST_CASE("a look-up that has failed holds up no later call, and goes on until it succeeds") {
  Fleet fleet(1);
  fleet.target = "names:///x";
  const auto names = std::make_shared<Names>();
  names->thinks_for = 2s;
  CHECK(fleet.run(nullptr,
                  [&](Channel& channel) -> Task<void> {
                    CHECK((co_await time_to_fail(channel)) >= 2s);
                    for (int at = 0; at < 100; ++at) {
                      CHECK((co_await time_to_fail(channel)) < 1ms);
                      co_await sleep_for(200ms);
                    }
                    CHECK(names->asked > 2);
                    names->addresses = {"127.0.0.1:1"};
                    while (channel.state() == Connectivity::transient_failure) co_await sleep_for(10ms);
                    CHECK(co_await unary(channel));
                  },
                  {.resolvers = {{"names", names}}}));
}

TEST_CASE("while no address can be reached the name is looked up without a call") {
  Fleet fleet(2);
  fleet.target = "names:///x";
  const auto names = std::make_shared<Names>();
  names->addresses = {"127.0.0.1:1"};
  fleet.hosts[0]->close();
  CHECK(fleet.run(round_robin(),
                  [&](Channel& channel) -> Task<void> {
                    (void)co_await time_to_fail(channel);
                    co_await sleep_for(30s);
                    names->addresses = {"127.0.0.1:2"};
                    while (channel.state() == Connectivity::transient_failure) co_await sleep_for(100ms);
                    CHECK(co_await unary(channel));
                  },
                  {.resolvers = {{"names", names}}}));
}

TEST_CASE("pick_first that has failed tries new addresses at once, and calls do not wait for them") {
  Fleet fleet(3);
  fleet.target = "names:///x";
  const auto names = std::make_shared<Names>();
  names->addresses = {"127.0.0.1:1"};
  fleet.hosts[0]->close();
  fleet.hosts[1]->greeting.clear();
  CHECK(fleet.run(pick_first(),
                  [&](Channel& channel) -> Task<void> {
                    (void)co_await time_to_fail(channel);
                    names->addresses = {"127.0.0.1:1", "127.0.0.1:2"};
                    while (fleet.hosts[1]->peers.empty()) {
                      CHECK((co_await time_to_fail(channel)) < 1ms);
                      co_await sleep_for(100ms);
                    }
                    CHECK((co_await time_to_fail(channel)) < 1ms);
                    names->addresses = {"127.0.0.1:3"};
                    while (channel.state() == Connectivity::transient_failure) {
                      (void)co_await unary(channel);
                      co_await sleep_for(100ms);
                    }
                    CHECK(co_await unary(channel));
                  },
                  {.resolvers = {{"names", names}}}));
}

TEST_CASE("calls fail at once when one address is ejected and the others are lost, until one is back") {
  Fleet fleet(2);
  fleet.hosts[1]->answer = fails("13");
  CHECK(fleet.run(outlier_detection(round_robin(), by_failures()), [&](Channel& channel) -> Task<void> {
    CHECK((co_await channel.connect()).ok());
    co_await all_connected(fleet, 2);
    while (!co_await unary(channel) || !co_await unary(channel)) co_await sleep_for(10ms);
    fleet.hosts[0]->close();
    fleet.hosts[0]->peers.clear();
    co_await sleep_for(1ms);
    for (int at = 0; at < 20; ++at) CHECK((co_await time_to_fail(channel)) < 1ms);
    CHECK(channel.state() == Connectivity::transient_failure);
    const auto failed = co_await unary(channel);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().message() == "connect " + fleet.target +
                                          " at 127.0.0.1:1: connection refused; 1 address is hidden by the "
                                          "policy of load balancing");
    fleet.hosts[1]->answer = well_answered();
    CHECK((co_await channel.wait_for_state_change(Connectivity::transient_failure)) == Connectivity::ready);
    CHECK(co_await unary(channel));
  }));
}

TEST_CASE("a backoff of zero has attempts go on, but not as fast as the machine can") {
  Fleet fleet(1);
  fleet.world.simulation().network().faults().refuse = 1;
  CHECK(fleet.run(nullptr,
                  [&](Channel& channel) -> Task<void> {
                    (void)co_await time_to_fail(channel);
                    co_await sleep_for(1s);
                    const auto refused = fleet.world.simulation().network().fault_counts().refusals;
                    CHECK(refused > 10);
                    CHECK(refused <= 1001);
                  },
                  {.backoff = {.initial = 0ms, .jitter = 0, .max = 0ms}}));
}

}  // namespace
}  // namespace ringrpc::test
