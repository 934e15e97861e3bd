/// A channel whose target has names: what it asks its resolver, when, and what becomes of the answers.

#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/load_balancing.h"
#include "ringrpc/resolver.h"
#include "ringrpc/service_config.h"
#include "ringrpc/sleep.h"
#include "ringrpc/testing/span_memory.h"
#include "ringrpc/tracer.h"

#include "rpc/client/named_world.h"
#include "rpc/kept_log.h"
#include "rpc/naming/name_server.h"
#include "text_data.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("the first call asks the resolver, with the parts of the target, and its addresses get the calls") {
  NamedWorld named;
  RawHost host(named.world);
  host.answer = well_answered();
  named.inventory->addresses = {"127.0.0.1:7"};
  CHECK(named.run(
      [&](Channel& channel) -> Task<void> {
        co_await sleep_for(10s);
        CHECK(named.inventory->asked == 0);
        for (int at = 0; at < 5; ++at) CHECK(co_await unary(channel));
        CHECK(named.inventory->asked == 1);
        CHECK(named.inventory->last.authority == "rack7");
        CHECK(named.inventory->last.name == "orders:50051");
        CHECK(host.peers.front()->field(1, ":authority") == "orders:50051");
      },
      {}, "inventory://rack7/orders:50051"));
}

TEST_CASE("the level trace has each look-up, and what it found") {
  NamedWorld named;
  RawHost host(named.world);
  host.answer = well_answered();
  named.inventory->addresses = {"127.0.0.1:7", "127.0.0.1:8"};
  const KeptLog log(log::Level::trace);
  CHECK(named.run([&](Channel& channel) -> Task<void> { CHECK(co_await unary(channel)); }));
  CHECK(log.count("trace inventory:///orders: looking up the addresses") == 1);
  CHECK(log.count("trace inventory:///orders: found 2 addresses, the first is 127.0.0.1:7") == 1);
}

TEST_CASE("addresses are tried in their order; a failure names each, at most five") {
  NamedWorld named;
  RawHost host(named.world);
  host.answer = well_answered();
  named.inventory->addresses = {"127.0.0.1:1", "127.0.0.1:7", "127.0.0.1:2"};
  CHECK(named.run([&](Channel& channel) -> Task<void> { CHECK(co_await unary(channel)); }));
  named.inventory->addresses = {"127.0.0.1:1", "127.0.0.1:2"};
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    const auto refused = co_await unary(channel);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().to_string() ==
          "UNAVAILABLE: connect inventory:///orders at 127.0.0.1:1: connection refused; "
          "at 127.0.0.1:2: connection refused");
  }));
  for (int port = 3; port < 7; ++port)
    named.inventory->addresses.push_back("127.0.0.1:" + std::to_string(port));
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    const auto refused = co_await unary(channel);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message().ends_with("at 127.0.0.1:5: connection refused; and 1 more"));
  }));
}

TEST_CASE("the wait for names is an event of the call's span, and its attempt begins after it") {
  NamedWorld named;
  RawHost host(named.world);
  host.answer = well_answered();
  named.inventory->addresses = {"127.0.0.1:7"};
  named.inventory->thinks_for = 2s;
  const auto spans = std::make_shared<testing::SpanMemory>();
  CHECK(named.run(
      [&](Channel& channel) -> Task<void> {
        CHECK(co_await unary(channel));
        CHECK(co_await unary(channel));
      },
      {.tracer = std::make_shared<const Tracer>(Tracer{.sink = spans})}));
  const std::vector<SpanRecord> calls = spans->named("Sent.test.v1.Raw.Echo");
  const std::vector<SpanRecord> attempts = spans->named("Attempt.test.v1.Raw.Echo");
  REQUIRE(calls.size() == 2);
  REQUIRE(attempts.size() == 2);
  REQUIRE(calls[0].events.size() == 1);
  CHECK(calls[0].events[0].name == "Delayed name resolution complete");
  CHECK(calls[0].events[0].time_ns - calls[0].start_ns >= 2'000'000'000);
  CHECK(attempts[0].start_ns == calls[0].events[0].time_ns);
  CHECK(attempts[0].events[0].name == "Delayed LB pick complete");
  CHECK(calls[1].events.empty());
}

TEST_CASE("a call whose names are not found has a span without attempts") {
  NamedWorld named;
  named.inventory->failure = Status(Code::UNAVAILABLE, "lost");
  const auto spans = std::make_shared<testing::SpanMemory>();
  CHECK(named.run([&](Channel& channel) -> Task<void> { CHECK_FALSE(co_await unary(channel)); },
                  {.tracer = std::make_shared<const Tracer>(Tracer{.sink = spans})}));
  const std::vector<SpanRecord> all = spans->spans();
  REQUIRE(all.size() == 1);
  CHECK(all[0].code == Code::UNAVAILABLE);
  CHECK(all[0].events.empty());
}

TEST_CASE("a list of addresses needs no resolver") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = well_answered();
  CHECK(world.run_against("ipv4:127.0.0.1:1,127.0.0.1:7,unix:/nowhere",
                          [&](Channel& channel) -> Task<void> { CHECK(co_await unary(channel)); }));
  CHECK(host.peers.front()->field(1, ":authority") == "127.0.0.1:1");
}

TEST_CASE("calls fail with the reason of a failed look-up, except those that wait for readiness") {
  NamedWorld named;
  RawHost host(named.world);
  host.answer = well_answered();
  named.inventory->failure =
      Status(Code::PERMISSION_DENIED, "the inventory is closed", Initiator::application);
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    CallOptions patient;
    patient.wait_for_ready = true;
    auto waiting = unary(channel, patient);
    waiting.start();
    for (int at = 0; at < 3; ++at) {
      const auto refused = co_await unary(channel);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().to_string() ==
            "UNAVAILABLE: resolve inventory:///orders: the inventory is closed");
    }
    CHECK(named.inventory->asked == 1);
    named.inventory->failure = Status();
    named.inventory->addresses = {"127.0.0.1:7"};
    while (!waiting.done()) co_await sleep_for(100ms);
    CHECK(waiting.result());
    CHECK(named.inventory->asked == 2);
  }));
}

TEST_CASE("look-ups that fail back off") {
  NamedWorld named;
  named.inventory->throws = true;
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    for (int at = 0; at < 600; ++at) {
      const auto refused = co_await unary(channel);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code() == Code::UNAVAILABLE);
      co_await sleep_for(100ms);
    }
    // 1 s, 1.6 s, 2.56 s, ... in a minute
    CHECK(named.inventory->asked >= 6);
    CHECK(named.inventory->asked <= 10);
  }));
}

TEST_CASE("look-ups that fail are a second apart, however short the backoff is") {
  NamedWorld named;
  named.inventory->failure = Status(Code::UNAVAILABLE, "lost");
  CHECK(named.run(
      [&](Channel& channel) -> Task<void> {
        for (int at = 0; at < 100; ++at) {
          CHECK_FALSE(co_await unary(channel));
          co_await sleep_for(100ms);
        }
        CHECK(named.inventory->asked >= 9);
        CHECK(named.inventory->asked <= 11);
      },
      {.backoff = {.initial = 1ms, .max = 1ms}}));
}

TEST_CASE("no addresses, and only invalid ones, are failures; invalid ones among others are left out") {
  NamedWorld named;
  RawHost host(named.world);
  host.answer = well_answered();
  const KeptLog log(log::Level::warn);
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    const auto empty = co_await unary(channel);
    REQUIRE_FALSE(empty);
    CHECK(empty.error().to_string() == "UNAVAILABLE: resolve inventory:///orders: the name has no address");
  }));
  named.inventory->addresses = {"orders.example:7", "nonsense"};
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    const auto invalid = co_await unary(channel);
    REQUIRE_FALSE(invalid);
    CHECK(
        invalid.error().to_string() ==
        "UNAVAILABLE: resolve inventory:///orders: address \"orders.example:7\": a resolver gives addresses, "
        "not names");
  }));
  CHECK(log.count("warn inventory:///orders: the resolver gave 2 invalid addresses, which are left out; "
                  "the first: address \"orders.example:7\": a resolver gives addresses, not names") == 1);
  named.inventory->addresses.push_back("127.0.0.1:7");
  CHECK(named.run([&](Channel& channel) -> Task<void> { CHECK(co_await unary(channel)); }));
}

TEST_CASE("a resolver that does not answer is left after the connect timeout, and its task destroyed") {
  NamedWorld named;
  named.inventory->thinks_for = 1h;
  CHECK(named.run(
      [&](Channel& channel) -> Task<void> {
        const Instant before = now();
        const auto refused = co_await unary(channel);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().to_string() ==
              "UNAVAILABLE: resolve inventory:///orders: no response within 3000 ms");
        CHECK(now() - before < 4s);
      },
      {.connect_timeout = 3s}));
  CHECK(named.inventory->answered == 0);
}

TEST_CASE("a channel may be closed and destroyed while its name is looked up") {
  NamedWorld named;
  named.inventory->thinks_for = 1h;
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    auto call = unary(channel);
    call.start();
    co_await sleep_for(1s);
    CHECK(co_await channel.close(1s) == 1);
    CHECK(call.result().error().code() == Code::CANCELLED);
    auto other = std::make_unique<Channel>("inventory:///orders",
                                           ChannelOptions{.resolvers = {{"inventory", named.inventory}}});
    auto cut = unary(*other);
    cut.start();
    co_await sleep_for(1s);
    other.reset();
    co_await sleep_for(1ms);
    CHECK(cut.done());
  }));
}

TEST_CASE("while calls are made the name is looked up when the answer has expired; without calls it is not") {
  NamedWorld named;
  RawHost host(named.world);
  host.answer = well_answered();
  named.inventory->addresses = {"127.0.0.1:7"};
  named.inventory->valid_for = 10s;
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    for (int at = 0; at < 60; ++at) {
      CHECK(co_await unary(channel));
      co_await sleep_for(1s);
    }
    CHECK(named.inventory->asked >= 6);
    CHECK(named.inventory->asked <= 7);
    co_await sleep_for(20min);
    CHECK(named.inventory->asked <= 8);
    const int before = named.inventory->asked;
    CHECK(co_await unary(channel));  // which does not wait for the answer
    CHECK(named.inventory->asked == before + 1);
    CHECK(host.peers.size() == 1);
  }));
}

TEST_CASE("an answer is used for a second at least, and for five minutes at most") {
  NamedWorld named;
  RawHost host(named.world);
  host.answer = well_answered();
  named.inventory->addresses = {"127.0.0.1:7"};
  const auto asked_in_half_an_hour = [&](std::chrono::milliseconds valid_for) {
    named.inventory->valid_for = valid_for;
    named.inventory->asked = 0;
    CHECK(named.run([&](Channel& channel) -> Task<void> {
      for (int at = 0; at < 3600; ++at) {
        CHECK(co_await unary(channel));
        co_await sleep_for(500ms);
      }
    }));
    return named.inventory->asked;
  };
  CHECK(asked_in_half_an_hour(std::chrono::milliseconds::max()) == 7);
  for (const std::chrono::milliseconds shorter : {0ms, -1ms, std::chrono::milliseconds::min()}) {
    const int asked = asked_in_half_an_hour(shorter);
    CHECK(asked <= 1801);
    CHECK(asked >= 1500);
  }
}

TEST_CASE("a look-up that fails later takes no address away, and is tried again") {
  NamedWorld named;
  RawHost host(named.world);
  host.answer = well_answered();
  named.inventory->addresses = {"127.0.0.1:7"};
  named.inventory->valid_for = 1s;
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    CHECK(co_await unary(channel));
    named.inventory->failure = Status(Code::UNAVAILABLE, "no", Initiator::application);
    for (int at = 0; at < 100; ++at) {
      CHECK(co_await unary(channel));
      co_await sleep_for(1s);
    }
    CHECK(named.inventory->asked > 5);
    CHECK(host.peers.size() == 1);
    named.inventory->failure = Status();
    named.inventory->addresses.clear();  // an empty answer is a failure
    for (int at = 0; at < 100; ++at) {
      CHECK(co_await unary(channel));
      co_await sleep_for(1s);
    }
  }));
}

TEST_CASE("calls move to new addresses, and those under way end where they are") {
  NamedWorld named;
  RawHost first(named.world);
  RawHost second(named.world, "127.0.0.1:8");
  second.answer = well_answered();
  named.inventory->addresses = {"127.0.0.1:7"};
  named.inventory->valid_for = 1s;
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    auto slow = unary(channel);
    slow.start();
    while (first.peers.empty() || !first.peers.front()->field(1, ":path")) co_await sleep_for(1ms);
    named.inventory->addresses = {"127.0.0.1:8"};
    co_await sleep_for(3s);
    CHECK(co_await unary(channel));
    co_await sleep_for(1s);
    CHECK(co_await unary(channel));
    CHECK(second.peers.size() == 1);
    CHECK_FALSE(slow.done());
    CHECK_FALSE(first.peers.front()->closed());
    first.peers.front()->send(well_answered()(*first.peers.front(), 1));
    while (!slow.done()) co_await sleep_for(1ms);
    CHECK(slow.result());
    co_await sleep_for(2s);
    CHECK(first.peers.front()->closed());
  }));
}

TEST_CASE("a connection that was lost puts the addresses in doubt, but not more than once in half a minute") {
  NamedWorld named;
  RawHost host(named.world);
  host.answer = well_answered();
  named.inventory->addresses = {"127.0.0.1:7"};
  named.inventory->valid_for = 1h;
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    CHECK(co_await unary(channel));
    co_await sleep_for(40s);
    CHECK(named.inventory->asked == 1);
    host.peers.clear();
    co_await sleep_for(1ms);
    CHECK(co_await unary(channel));
    co_await sleep_for(10ms);
    CHECK(named.inventory->asked == 2);
    for (int at = 0; at < 1000; ++at) {
      host.peers.clear();
      co_await sleep_for(100ms);
      (void)co_await unary(channel);
    }
    CHECK(named.inventory->asked >= 4);
    CHECK(named.inventory->asked <= 6);
  }));
}

TEST_CASE("of ten thousand addresses the process draws a thousand, and repeated ones count once") {
  NamedWorld named;
  const KeptLog log(log::Level::warn);
  for (int at = 0; at < 10'000; ++at)
    named.inventory->addresses.push_back("127.0." + std::to_string(at / 250) + "." +
                                         std::to_string(at % 250) + ":1");
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    const auto refused = co_await unary(channel);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message().ends_with("; and 995 more"));
    bool first_five = true;
    for (int at = 0; at < 5; ++at)
      first_five &= refused.error().message().contains(" 127.0.0." + std::to_string(at) + ":1: ");
    CHECK_FALSE(first_five);
  }));
  CHECK(log.count("warn inventory:///orders: the name has 10000 addresses; this process uses 1000 of them, "
                  "drawn at random") == 1);
  named.inventory->addresses.assign(500, "127.0.0.1:1");
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    const auto refused = co_await unary(channel);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message() == "connect inventory:///orders at 127.0.0.1:1: connection refused");
  }));
}

TEST_CASE("a thousand addresses that change each second lose no call") {
  NamedWorld named;
  std::vector<std::unique_ptr<RawHost>> hosts;
  for (int at = 0; at < 4; ++at) {
    hosts.push_back(std::make_unique<RawHost>(named.world, "127.0.0.1:" + std::to_string(100 + at)));
    hosts.back()->answer = well_answered();
  }
  named.inventory->valid_for = 1s;
  unsigned round = 0;
  const auto shuffle = [&] {
    named.inventory->addresses = {"127.0.0.1:" + std::to_string(100 + round++ % 4)};
    for (unsigned at = 0; at < 999; ++at)
      named.inventory->addresses.push_back("10." + std::to_string(round % 250) + "." +
                                           std::to_string(at / 250) + "." + std::to_string(at % 250) + ":1");
  };
  shuffle();
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    for (int at = 0; at < 300; ++at) {
      const auto calls = start_calls(channel, 3);
      if (at % 10 == 0) shuffle();
      co_await all_done(calls);
      for (const auto& call : calls) CHECK_MESSAGE(call.result(), call.result().error().to_string());
      co_await sleep_for(100ms);
    }
    CHECK(named.inventory->asked > 20);
  }));
  for (const auto& host : hosts) CHECK_FALSE(host->peers.empty());
}

TEST_CASE("a resolver that is null is the caller's error") {
  SimulatedWorld world(1);
  CHECK(world.run_against("inventory:///orders",
                          [](Channel& channel) -> Task<void> {
                            const auto failed = co_await unary(channel);
                            REQUIRE_FALSE(failed);
                            CHECK(failed.error().to_string() ==
                                  "INVALID_ARGUMENT: the resolver of the scheme inventory is null");
                          },
                          {.resolvers = {{"inventory", nullptr}}}));
}

TEST_CASE("a host name is looked up by DNS, on every backend") {
  RealWorld world;
  world.serve({});
  const NameServer server([](const NameServer::Query& query) {
    if (query.name != "orders.test") return NameServer::Reply{.code = 3};
    if (query.type != NameServer::type_a) return NameServer::Reply{};
    return NameServer::Reply{
        .records = {NameServer::alias("a.orders.test", 60), NameServer::address("127.0.0.1", 60)}};
  });
  const std::string port = world.address().substr(world.address().rfind(':'));
  const std::string server_name = "dns://" + server.address() + "/";
  CHECK(world.run_against(server_name + "orders.test" + port, [](Channel& channel) -> Task<void> {
    const auto response = co_await ringrpc::unary(channel, "Echo", "x");
    CHECK_MESSAGE(response, response.error().to_string());
  }));
  CHECK(world.run_against(server_name + "nobody.test.:1", [](Channel& channel) -> Task<void> {
    const auto failed = co_await ringrpc::unary(channel, "Echo", "x");
    REQUIRE_FALSE(failed);
    CHECK(failed.error().to_string().starts_with("UNAVAILABLE: resolve nobody.test.: "));
    CHECK(failed.error().cause() == Cause::unknown_name);
  }));
  // A list is as good as those of its names that are known.
  CHECK(world.run_against(
      server_name + "nobody.test.:1,dns://" + server.address() + "/orders.test" + port,
      [](Channel& channel) -> Task<void> { CHECK(co_await ringrpc::unary(channel, "Echo", "x")); }));
}

TEST_CASE(
    "a name server that does not answer costs a look-up its own name alone, after the connect timeout") {
  RealWorld world;
  world.serve({});
  const NameServer silent([](const NameServer::Query&) { return NameServer::Reply{.silent = true}; });
  const std::string in_vain = "dns://" + silent.address() + "/orders.test.:1";
  const auto alone = [](Channel& channel) -> Task<void> {
    const auto failed = co_await ringrpc::unary(channel, "Echo", "x");
    REQUIRE_FALSE(failed);
    CHECK(failed.error().to_string() ==
          "UNAVAILABLE: resolve orders.test.: no name server responded within 300 ms");
    CHECK(failed.error().cause() == Cause::lookup_failed);
  };
  CHECK(world.run_against(in_vain, alone, {.connect_timeout = 300ms}));
  const auto among_others = [](Channel& channel) -> Task<void> {
    const auto response = co_await ringrpc::unary(channel, "Echo", "x");
    CHECK_MESSAGE(response, response.error().to_string());
  };
  CHECK(world.run_against(in_vain + "," + world.address(), among_others, {.connect_timeout = 5s}));
}

TEST_CASE("a channel may be destroyed while its host is looked up") {
  RealWorld world;
  const NameServer silent([](const NameServer::Query&) { return NameServer::Reply{.silent = true}; });
  for (int at = 0; at < 20; ++at) {
    CHECK(world.run_against("127.0.0.1:1", [&](Channel&) -> Task<void> {
      auto channel = std::make_unique<Channel>("dns://" + silent.address() + "/orders.test.:1");
      auto call = unary(*channel);
      call.start();
      if (at % 2 == 0) co_await sleep_for(1ms);
      channel.reset();
      while (!call.done()) co_await sleep_for(1ms);
      CHECK(call.result().error().code() == Code::CANCELLED);
    }));
  }
}

/// Two hosts, a name that has both, and calls while the resolver changes its mind.
struct ConfiguredWorld : NamedWorld {
  ConfiguredWorld() {
    for (RawHost* host : {&one, &two}) host->answer = well_answered();
    inventory->addresses = {"127.0.0.1:1", "127.0.0.1:2"};
    inventory->valid_for = 1s;
  }
  /// Waits until the resolver has been asked again, with calls that make it so.
  Task<void> looked_again(Channel& channel) {
    for (const int before = inventory->answered; inventory->answered < before + 2;) {
      CHECK(co_await unary(channel));
      co_await sleep_for(100ms);
    }
    co_await sleep_for(10ms);
  }
  /// The hosts that take ten calls.
  Task<std::size_t> hosts_of_ten_calls(Channel& channel) {
    const auto requests = [&](RawHost& host) {
      std::size_t streams = 0;
      for (const auto& peer : host.peers)
        for (std::uint32_t id = 1; peer->field(id, ":path"); id += 2) ++streams;
      return streams;
    };
    const std::size_t before[] = {requests(one), requests(two)};
    for (int at = 0; at < 10; ++at) CHECK(co_await unary(channel));
    co_return (requests(one) > before[0] ? 1u : 0u) + (requests(two) > before[1] ? 1u : 0u);
  }

  RawHost one{world, "127.0.0.1:1"};
  RawHost two{world, "127.0.0.1:2"};
};

constexpr const char* in_turn = R"({"loadBalancingConfig": [{"round_robin": {}}]})";

TEST_CASE("the service config of a name chooses the policy, and changes it without losing a call") {
  ConfiguredWorld named;
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    CHECK((co_await named.hosts_of_ten_calls(channel)) == 1);
    named.inventory->service_config = in_turn;
    co_await named.looked_again(channel);
    CHECK((co_await named.hosts_of_ten_calls(channel)) == 2);
    CHECK(named.one.peers.size() == 1);  // the connection that there was is in use
    named.inventory->service_config = "";
    co_await named.looked_again(channel);
    CHECK((co_await named.hosts_of_ten_calls(channel)) == 1);
    co_await sleep_for(100ms);
    CHECK(named.one.peers.front()->closed() != named.two.peers.front()->closed());
    named.inventory->service_config = in_turn;
    co_await named.looked_again(channel);
    CHECK((co_await named.hosts_of_ten_calls(channel)) == 2);
    CHECK(named.one.peers.size() + named.two.peers.size() == 3);
  }));
}

TEST_CASE("a wrong service config of a name leaves the last good one in use, and is logged with the reason") {
  ConfiguredWorld named;
  const KeptLog log(log::Level::warn);
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    named.inventory->service_config = in_turn;
    CHECK(co_await unary(channel));
    const std::vector<Result<std::string>> wrong = {
        R"({"loadBalancingConfig": [{"best": {}}]})",
        "{",
        std::string(resolved_config_bytes_max + 1, ' '),
        fail(Code::UNAVAILABLE, "the inventory has lost it"),
    };
    for (const Result<std::string>& config : wrong) {
      named.inventory->service_config = config;
      co_await named.looked_again(channel);
      CHECK((co_await named.hosts_of_ten_calls(channel)) == 2);
    }
  }));
  CHECK(lines_with(log.text(), {"warn inventory:///orders: ", "loadBalancingConfig: ", "best",
                                "the last good one stays in use"}) >= 1);
}

TEST_CASE("the service config of a name replaces that of the options, which is back when the name has none") {
  ConfiguredWorld named;
  ChannelOptions options;
  options.service_config = *ServiceConfig::parse(in_turn);
  options.balancing = pick_first();
  CHECK(named.run(
      [&](Channel& channel) -> Task<void> {
        CHECK(co_await unary(channel));
        co_await sleep_for(10ms);
        CHECK((co_await named.hosts_of_ten_calls(channel)) == 2);
        named.inventory->service_config = R"({"loadBalancingConfig": [{"pick_first": {}}]})";
        co_await named.looked_again(channel);
        CHECK((co_await named.hosts_of_ten_calls(channel)) == 1);
        named.inventory->service_config = R"({"methodConfig": [{"name": [{}], "timeout": "0s"}]})";
        co_await sleep_for(2s);
        (void)co_await unary(channel);
        co_await sleep_for(2s);
        const auto overdue = co_await unary(channel);
        REQUIRE_FALSE(overdue);
        CHECK(overdue.error().code() == Code::DEADLINE_EXCEEDED);
        named.inventory->service_config = "";
        co_await sleep_for(2s);
        (void)co_await unary(channel);
        co_await sleep_for(2s);
        CHECK((co_await named.hosts_of_ten_calls(channel)) == 2);
      },
      options));
}

}  // namespace
}  // namespace ringrpc::test
