/// Channels with several addresses: connecting to them, and the policies that share calls among them.

#include <doctest/doctest.h>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
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
using http2::test::settings;
using http2::test::settings_ack;

SocketAddress socket_address(const std::string& text) { return resolve(*Address::parse(text))->front(); }

TEST_CASE("an address that swallows packets costs a quarter of a second") {
  SimulatedWorld world(1);
  world.simulation().network().swallow(socket_address("[2001:db8::1]:7"));
  RawHost host(world, "127.0.0.1:7");
  host.answer = well_answered();
  CHECK(world.run_against("[2001:db8::1]:7,[2001:db8::2]:7,127.0.0.1:7", [&](Channel& channel) -> Task<void> {
    const Instant before = now();
    CHECK(co_await unary(channel));
    CHECK(now() - before >= 250ms);
    CHECK(now() - before < 600ms);
    co_await sleep_for(1min);  // the attempt that was left is not noticed any more
    CHECK(channel.state() == Connectivity::ready);
    CHECK(co_await unary(channel));
    CHECK(host.peers.size() == 1);
  }));
}

TEST_CASE("families take turns, and a refusal does not wait for its turn") {
  SimulatedWorld world(1);
  for (const char* six : {"[2001:db8::1]:7", "[2001:db8::2]:7", "[2001:db8::3]:7"})
    world.simulation().network().swallow(socket_address(six));
  RawHost host(world, "127.0.0.1:8");
  host.answer = well_answered();
  CHECK(world.run_against("[2001:db8::1]:7,[2001:db8::2]:7,[2001:db8::3]:7,127.0.0.1:7,127.0.0.1:8",
                          [&](Channel& channel) -> Task<void> {
                            // six 1 at 0 ms, four 7 at 250 ms is refused, six 2 at once, four 8 at 500 ms
                            const Instant before = now();
                            CHECK(co_await unary(channel));
                            CHECK(now() - before >= 500ms);
                            CHECK(now() - before < 510ms);
                          }));
}

TEST_CASE("of several attempts under way the first that answers is used, and the others are given up") {
  SimulatedWorld world(1);
  RawHost slow(world, "127.0.0.1:1");
  slow.greeting.clear();
  RawHost host(world, "127.0.0.1:2");
  host.answer = well_answered();
  CHECK(world.run_against("127.0.0.1:1,127.0.0.1:2", [&](Channel& channel) -> Task<void> {
    CHECK(co_await unary(channel));
    REQUIRE(slow.peers.size() == 1);
    co_await sleep_for(1s);
    CHECK(slow.peers.front()->closed());
    CHECK(host.peers.size() == 1);
  }));
}

TEST_CASE("pick_first has one connection, and moves on when it is lost") {
  Fleet fleet(3);
  CHECK(fleet.run(pick_first(), [&](Channel& channel) -> Task<void> {
    for (int at = 0; at < 10; ++at) CHECK(co_await unary(channel));
    CHECK(fleet.calls(0) == 10);
    CHECK(fleet.hosts[1]->peers.empty());
    fleet.hosts[0]->close();
    fleet.hosts[0]->peers.clear();
    co_await sleep_for(1ms);
    for (int at = 0; at < 10; ++at) CHECK(co_await unary(channel));
    CHECK(fleet.calls(1) == 10);
    CHECK(fleet.hosts[2]->peers.empty());
  }));
}

TEST_CASE("pick_first that shuffles spreads channels over the addresses") {
  Fleet fleet(4);
  for (int at = 0; at < 80; ++at)
    CHECK(fleet.run(pick_first({.shuffle = true}), [&](Channel& channel) -> Task<void> {
      CHECK(co_await unary(channel));
      co_await sleep_for(std::chrono::nanoseconds(1 + at));
    }));
  for (const auto& host : fleet.hosts) CHECK(host->peers.size() > 5);
}

TEST_CASE("round_robin connects to all addresses and gives each its share") {
  Fleet fleet(10);
  CHECK(fleet.run(round_robin(), [&](Channel& channel) -> Task<void> {
    CHECK(co_await unary(channel));
    co_await all_connected(fleet, 10);
    std::vector<std::size_t> before;
    for (std::size_t at = 0; at < 10; ++at) before.push_back(fleet.calls(at));
    for (int at = 0; at < 500; ++at) CHECK(co_await unary(channel));
    for (std::size_t at = 0; at < 10; ++at) CHECK(fleet.calls(at) - before[at] == 50);
  }));
}

TEST_CASE("a call knows the address that it went to, also when the connection is gone") {
  Fleet fleet(3);
  CHECK(fleet.run(round_robin(), [&](Channel& channel) -> Task<void> {
    CHECK(co_await unary(channel));
    co_await all_connected(fleet, 3);
    std::map<std::string, int, std::less<>> calls;
    std::unique_ptr<ClientCall> last;
    for (int at = 0; at < 30; ++at) {
      last = channel.call("/test.v1.Raw/Echo", MethodKind::unary, {});
      write_message(*last, RawMessage("x"));
      last->writes_done();
      CHECK((co_await detail::FinishAwaiter(*last)).ok());
      ++calls[std::string(last->peer())];
    }
    CHECK(calls == decltype(calls){{"127.0.0.1:1", 10}, {"127.0.0.1:2", 10}, {"127.0.0.1:3", 10}});
    const std::string before(last->peer());
    for (const auto& host : fleet.hosts) {
      host->close();
      host->peers.clear();
    }
    co_await sleep_for(1s);
    CHECK(last->peer() == before);
  }));
}

TEST_CASE("of several attempts the latest gives the address, and a call that went nowhere has none") {
  Fleet fleet(2);
  fleet.hosts[0]->answer = fails("14");
  ChannelOptions options;
  options.service_config = retrying(2);
  const auto script = [&](Channel& channel) -> Task<void> {
    CHECK(co_await unary(channel));
    co_await all_connected(fleet, 2);
    for (int at = 0; at < 4; ++at) {
      const std::unique_ptr<ClientCall> call = channel.call("/test.v1.Raw/Echo", MethodKind::unary, {});
      write_message(*call, RawMessage("x"));
      call->writes_done();
      CHECK((co_await detail::FinishAwaiter(*call)).ok());
      CHECK(call->peer() == "127.0.0.1:2");
    }
    const Channel nowhere("127.0.0.1:9");
    const std::unique_ptr<ClientCall> lost = nowhere.call("/test.v1.Raw/Echo", MethodKind::unary, {});
    CHECK((co_await detail::FinishAwaiter(*lost)).code() == Code::UNAVAILABLE);
    CHECK(lost->peer().empty());
  };
  CHECK(fleet.run(round_robin(), script, options));
}

TEST_CASE("round_robin leaves out an address that is lost, and takes it back when it is there again") {
  Fleet fleet(3);
  CHECK(fleet.run(round_robin(), [&](Channel& channel) -> Task<void> {
    CHECK(co_await unary(channel));
    co_await all_connected(fleet, 3);
    fleet.hosts[1]->close();
    fleet.hosts[1]->peers.clear();
    co_await sleep_for(1ms);
    for (int at = 0; at < 30; ++at) CHECK(co_await unary(channel));
    CHECK(fleet.hosts[1]->peers.empty());
    fleet.hosts[1]->open();
    while (fleet.hosts[1]->peers.empty()) co_await sleep_for(10ms);  // without a call that asks for it
    co_await sleep_for(1ms);
    for (int at = 0; at < 30; ++at) CHECK(co_await unary(channel));
    CHECK(fleet.calls(1) == 10);
  }));
}

TEST_CASE("round_robin passes over an address whose streams are all in use, and calls wait when all are") {
  Fleet fleet(2);
  for (const auto& host : fleet.hosts)
    host->greeting = settings({{http2::test::setting::max_concurrent_streams, 1}}) + settings_ack();
  fleet.hosts[0]->answer = nullptr;
  CHECK(fleet.run(round_robin(),
                  [&](Channel& channel) -> Task<void> {
                    CHECK((co_await channel.connect()).ok());
                    co_await all_connected(fleet, 2);
                    auto stuck = start_calls(channel, 2);
                    while (fleet.calls(0) == 0) co_await sleep_for(1ms);
                    for (int at = 0; at < 10; ++at) CHECK(co_await unary(channel));
                    CHECK(fleet.calls(0) == 1);
                    fleet.hosts[1]->answer = nullptr;
                    auto waiting = start_calls(channel, 2);
                    co_await sleep_for(1s);
                    for (const auto& call : waiting) CHECK_FALSE(call.done());
                    fleet.hosts[0]->answer = fleet.hosts[1]->answer = well_answered();
                    for (const auto& host : fleet.hosts)
                      for (std::uint32_t id = 1; id < 100; id += 2)
                        if (host->peers.front()->field(id, ":path") &&
                            host->peers.front()->body(id).size() > 0)
                          host->peers.front()->send(well_answered()(*host->peers.front(), id));
                    co_await all_done(waiting);
                  },
                  {.max_connections = 1}));
}

TEST_CASE("least_request gives a slow address fewer calls") {
  Fleet fleet(3);
  fleet.hosts[0]->answer = nullptr;  // which keeps every call
  CHECK(fleet.run(least_request(), [&](Channel& channel) -> Task<void> {
    CHECK((co_await channel.connect()).ok());
    co_await all_connected(fleet, 3);
    std::vector<std::vector<Task<CallResult<RawMessage>>>> all;
    for (int at = 0; at < 300; ++at) {
      all.push_back(start_calls(channel, 1));
      co_await sleep_for(1ms);
    }
    // It gets another only when it is drawn twice.
    CHECK(fleet.calls(0) < 60);
    CHECK(fleet.calls(1) > 90);
    CHECK(fleet.calls(2) > 90);
  }));
}

TEST_CASE("least_request shares the calls that do not fit among all addresses with room") {
  Fleet fleet(10);
  for (std::size_t at = 2; at < 10; ++at) {
    fleet.hosts[at]->greeting =
        settings({{http2::test::setting::max_concurrent_streams, 1}}) + settings_ack();
    fleet.hosts[at]->answer = nullptr;  // which keeps its call
  }
  CHECK(fleet.run(least_request(),
                  [&](Channel& channel) -> Task<void> {
                    CHECK((co_await channel.connect()).ok());
                    co_await all_connected(fleet, 10);
                    const auto stuck = start_calls(channel, 200);
                    for (std::size_t at = 2; at < 10; ++at)
                      while (fleet.calls(at) == 0) co_await sleep_for(1ms);
                    const std::size_t before[] = {fleet.calls(0), fleet.calls(1)};
                    for (int at = 0; at < 200; ++at) CHECK(co_await unary(channel));
                    CHECK(fleet.calls(0) - before[0] > 60);
                    CHECK(fleet.calls(1) - before[1] > 60);
                  },
                  {.max_connections = 1}));
}

TEST_CASE("while every address refuses, calls fail with the causes, and those that wait for readiness wait") {
  for (const auto& policy : {pick_first(), round_robin(), least_request()}) {
    Fleet fleet(2);
    for (const auto& host : fleet.hosts) host->close();
    CHECK(fleet.run(policy, [&](Channel& channel) -> Task<void> {
      const auto refused = co_await unary(channel);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().to_string() == "UNAVAILABLE: connect " + fleet.target +
                                               " at 127.0.0.1:1: connection refused; "
                                               "at 127.0.0.1:2: connection refused");
      CHECK(channel.state() == Connectivity::transient_failure);
      CallOptions patient;
      patient.wait_for_ready = true;
      auto waiting = unary(channel, patient);
      waiting.start();
      co_await sleep_for(10s);
      CHECK_FALSE(waiting.done());
      fleet.hosts[1]->open();
      while (!waiting.done()) co_await sleep_for(10ms);
      CHECK(waiting.result());
      CHECK(channel.state() == Connectivity::ready);
    }));
  }
}

TEST_CASE("a channel's states can be read and awaited") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = well_answered();
  host.close();
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    CHECK(channel.state() == Connectivity::idle);
    std::vector<Connectivity> seen;
    const auto follow = [&]() -> Task<void> {
      for (Connectivity state = Connectivity::idle; state != Connectivity::shutdown;) {
        state = co_await channel.wait_for_state_change(state);
        seen.push_back(state);
      }
    };
    auto following = follow();
    following.start();
    auto given_up = channel.wait_for_state_change(Connectivity::idle);
    given_up.start();
    given_up = {};
    CHECK_FALSE(co_await unary(channel));
    co_await sleep_for(10s);
    host.open();
    CHECK((co_await channel.wait_for_state_change(Connectivity::transient_failure)) == Connectivity::ready);
    CHECK(co_await unary(channel));
    CHECK((co_await channel.wait_for_state_change(Connectivity::idle)) == Connectivity::ready);
    host.peers.clear();
    co_await sleep_for(1ms);
    CHECK(channel.state() == Connectivity::idle);
    co_await channel.close(1s);
    CHECK(channel.state() == Connectivity::shutdown);
    co_await sleep_for(1ms);
    CHECK(following.done());
    using enum Connectivity;
    CHECK(seen == std::vector{connecting, transient_failure, ready, idle, shutdown});
    CHECK((co_await channel.wait_for_state_change(ready)) == shutdown);
  }));
  const Channel outside("127.0.0.1:7");
  CHECK_THROWS_AS((void)outside.state(), std::logic_error);
}

/// A policy of the application's: calls of a tenant go to the backend that its name chooses.
class ByTenant final : public BalancingPolicy {
 public:
  class Chooser final : public Balancer {
   public:
    void update(std::span<Backend* const> backends) override {
      backends_.assign(backends.begin(), backends.end());
      connect();
    }
    void on_state(Backend& backend) noexcept override { backend.connect(); }
    void connect() noexcept override {
      for (Backend* const each : backends_) each->connect();
    }
    Connectivity state() const noexcept override { return joint_state(backends_); }
    Backend* pick(const PickedCall& call) noexcept override {
      const std::string_view tenant = call.metadata().find("tenant").value_or("");
      CHECK(call.path() == echo);
      return tenant.empty() ? backends_.front() : backends_[static_cast<std::size_t>(tenant.back() - '0')];
    }

   private:
    std::vector<Backend*> backends_;
  };
  std::unique_ptr<Balancer> make() const override { return std::make_unique<Chooser>(); }
};

TEST_CASE("a policy of the application's sees the call, and a call waits for the backend that it chooses") {
  Fleet fleet(3);
  CHECK(fleet.run(std::make_shared<ByTenant>(), [&](Channel& channel) -> Task<void> {
    CHECK((co_await channel.connect()).ok());
    for (int at = 0; at < 30; ++at) {
      CallOptions options;
      CHECK(options.metadata.add("tenant", "t" + std::to_string(at % 3)).ok());
      CHECK(co_await unary(channel, options));
    }
    for (std::size_t at = 0; at < 3; ++at) CHECK(fleet.calls(at) == 10);
  }));
}

/// Changes its addresses at each look-up.
struct Flapping final : Resolver {
  Task<Result<Resolution>> resolve(ResolveRequest) override {
    Resolution resolution{.addresses = {}, .valid_for = 1s};
    for (int at = 0; at < 1000; ++at)
      resolution.addresses.push_back({.address = "127.0.0.1:" + std::to_string(1 + (at + first) % 1500)});
    first += 250;
    co_return resolution;
  }
  int first = 0;
};

TEST_CASE("round_robin over a thousand addresses that change each second loses no call") {
  Fleet fleet(1500);
  ChannelOptions options;
  options.resolvers = {{"flapping", std::make_shared<Flapping>()}};
  fleet.target = "flapping:///x";
  CHECK(fleet.run(
      round_robin(),
      [&](Channel& channel) -> Task<void> {
        for (int at = 0; at < 100; ++at) {
          const auto calls = start_calls(channel, 30);
          co_await all_done(calls);
          for (const auto& call : calls) CHECK_MESSAGE(call.result(), call.result().error().to_string());
          co_await sleep_for(100ms);
        }
      },
      options));
  std::size_t used = 0;
  for (const auto& host : fleet.hosts) used += host->peers.empty() ? 0 : 1;
  CHECK(used == 1500);
}

}  // namespace
}  // namespace ringrpc::test
