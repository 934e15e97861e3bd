/// Channels without calls, which become idle after a while.

#include <chrono>
#include <cstddef>
#include <doctest/doctest.h>
#include <memory>
#include <utility>

#include "ringrpc/load_balancing.h"
#include "ringrpc/resolver.h"
#include "ringrpc/sleep.h"

#include "rpc/client/fleet.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;

ChannelOptions idle_after(std::chrono::milliseconds timeout) {
  ChannelOptions options;
  options.channel_idle_timeout = timeout;
  return options;
}

std::size_t open_connections(const Fleet& fleet) {
  std::size_t open = 0;
  for (const auto& host : fleet.hosts)
    for (const auto& peer : host->peers) open += peer->closed() ? 0 : 1;
  return open;
}

TEST_CASE(
    "a channel without calls closes its connections after the idle timeout, and the next call wakes it") {
  for (const auto& policy :
       {pick_first(), round_robin(), ring_hash(), outlier_detection(round_robin(), {})}) {
    Fleet fleet(3);
    CHECK(fleet.run(
        policy,
        [&](Channel& channel) -> Task<void> {
          for (int round = 0; round < 3; ++round) {
            CHECK(co_await unary(channel));
            co_await sleep_for(8s);
            CHECK(co_await unary(channel));  // so that it is not idle yet
            co_await sleep_for(9s);
            CHECK(channel.state() == Connectivity::ready);
            CHECK(open_connections(fleet) > 0);
            CHECK((co_await channel.wait_for_state_change(Connectivity::ready)) == Connectivity::idle);
            co_await sleep_for(2s);
            CHECK(open_connections(fleet) == 0);
            co_await sleep_for(1min);
            CHECK(channel.state() == Connectivity::idle);
          }
        },
        idle_after(10s)));
  }
}

TEST_CASE("a channel with a call is not idle, however long the call takes") {
  Fleet fleet(1);
  fleet.hosts[0]->answer = nullptr;
  CHECK(fleet.run(
      nullptr,
      [&](Channel& channel) -> Task<void> {
        auto call = start_calls(channel, 1);
        co_await sleep_for(302s);
        CHECK(channel.state() == Connectivity::ready);
        call.clear();  // cancels it
        co_await sleep_for(9s);
        CHECK(channel.state() == Connectivity::ready);
        co_await sleep_for(4s);
        CHECK(channel.state() == Connectivity::idle);
      },
      idle_after(10s)));
}

TEST_CASE("an idle timeout of zero is none, and one below a second is a second") {
  for (const auto& [timeout, state] :
       {std::pair(0ms, Connectivity::ready), std::pair(1ms, Connectivity::idle)}) {
    Fleet fleet(1);
    CHECK(fleet.run(
        nullptr,
        [&](Channel& channel) -> Task<void> {
          CHECK(co_await unary(channel));
          co_await sleep_for(900ms);
          CHECK(channel.state() == Connectivity::ready);
          co_await sleep_for(30min);
          CHECK(channel.state() == state);
        },
        idle_after(timeout)));
  }
}

TEST_CASE("a channel that cannot connect stops trying when it is idle, and forgets its failure") {
  Fleet fleet(2);
  for (const auto& host : fleet.hosts) host->close();
  CHECK(fleet.run(
      round_robin(),
      [&](Channel& channel) -> Task<void> {
        CHECK_FALSE(co_await unary(channel));
        co_await sleep_for(11s);
        CHECK(channel.state() == Connectivity::idle);
        for (const auto& host : fleet.hosts) host->open();
        co_await sleep_for(5min);
        CHECK(open_connections(fleet) == 0);
        CHECK(co_await unary(channel));
      },
      idle_after(10s)));
}

/// Counts its look-ups.
struct Counted final : Resolver {
  Task<Result<Resolution>> resolve(ResolveRequest) override {
    ++looks;
    co_return Resolution{.addresses = {{.address = "127.0.0.1:1"}}, .valid_for = 2s};
  }
  int looks = 0;
};

TEST_CASE("an idle channel looks up no names, and its next call looks them up anew") {
  Fleet fleet(1);
  const auto resolver = std::make_shared<Counted>();
  ChannelOptions options = idle_after(10s);
  options.resolvers = {{"counted", resolver}};
  fleet.target = "counted:///x";
  CHECK(fleet.run(
      nullptr,
      [&](Channel& channel) -> Task<void> {
        CHECK(co_await unary(channel));
        co_await sleep_for(15s);
        CHECK(channel.state() == Connectivity::idle);
        const int before = resolver->looks;
        co_await sleep_for(5min);
        CHECK(resolver->looks == before);
        CHECK(co_await unary(channel));
        CHECK(resolver->looks == before + 1);
        CHECK(fleet.hosts[0]->peers.size() == 2);
      },
      options));
}

}  // namespace
}  // namespace ringrpc::test
