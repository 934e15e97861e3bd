/// Tests the log lines of channels about their connections and calls.

#include "rpc/client/channel_log.h"

#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <thread>

#include "ringrpc/sleep.h"

#include "rpc/client/raw_host.h"
#include "rpc/kept_log.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
using http2::ErrorCode;
using http2::test::rst_stream;

/// Runs a test on a thread of its own, where no line has used up the limits yet.
void on_fresh_thread(const std::function<void()>& test) { std::jthread thread(test); }

TEST_CASE("a channel logs that it cannot connect, that it has, and the loss of a connection with its cause") {
  const KeptLog log(log::Level::debug);
  on_fresh_thread([&] {
    SimulatedWorld world(1);
    RawHost host(world);
    host.close();
    CHECK(host.serve([&](Channel& channel) -> Task<void> {
      CHECK_FALSE(co_await unary(channel));
      CHECK(log.count("info cannot connect: connect 127.0.0.1:7: connection refused") == 1);
      host.open();
      co_await sleep_for(10s);
      const auto calls = start_calls(channel, 3, {});
      while (host.peers.empty() || !host.peers.front()->field(5, ":path")) co_await sleep_for(1ms);
      CHECK(log.count("info 127.0.0.1:7: connected again, to 127.0.0.1:7") == 1);
      host.peers.clear();
      co_await all_done(calls);
      CHECK(log.count("info 127.0.0.1:7: lost the connection to 127.0.0.1:7 with 3 calls: the peer ") == 1);
    }));
  });
}

TEST_CASE("a channel that logs no outages has these lines at level debug") {
  const KeptLog log(log::Level::debug);
  on_fresh_thread([&] {
    SimulatedWorld world(1);
    RawHost host(world);
    host.close();
    ChannelOptions options;
    options.log_outages = false;
    CHECK(host.serve(
        [&](Channel& channel) -> Task<void> {
          CHECK_FALSE(co_await unary(channel));
          host.open();
          co_await sleep_for(10s);
          const auto calls = start_calls(channel, 3, {});
          while (host.peers.empty() || !host.peers.front()->field(5, ":path")) co_await sleep_for(1ms);
          host.peers.clear();
          co_await all_done(calls);
        },
        options));
    CHECK(log.count("debug cannot connect: connect 127.0.0.1:7: connection refused") == 1);
    CHECK(log.count("debug 127.0.0.1:7: connected again, to 127.0.0.1:7") == 1);
    CHECK(log.count("debug 127.0.0.1:7: lost the connection to 127.0.0.1:7 with 3 calls: ") == 1);
    CHECK(log.text().find("info 127.0.0.1:7") == std::string::npos);
  });
}

TEST_CASE("a first connection is no news, and neither is the end of one that the channel needs no more") {
  const KeptLog log(log::Level::debug);
  on_fresh_thread([&] {
    for_some_worlds([](World& world) {
      CHECK(world.run([](Channel& channel) -> Task<void> {
        CHECK(co_await ringrpc::unary(channel, "Echo", "x"));
        co_await channel.close(1s);
      }));
    });
  });
  CHECK(log.count("debug 127.0.0.1:") > 0);
  CHECK(log.text().find("connected to 127.0.0.1:") != std::string::npos);
  CHECK(log.text().find("lost the connection") == std::string::npos);
  CHECK(log.count("info ") == log.count("info using epoll"));
}

TEST_CASE("a request that is sent again is logged") {
  const KeptLog log(log::Level::debug);
  on_fresh_thread([&] {
    SimulatedWorld world(1);
    RawHost host(world);
    int refusals = 1;
    host.answer = [&](RawPeer& peer, std::uint32_t id) {
      return refusals-- > 0 ? rst_stream(id, ErrorCode::refused_stream) : well_answered()(peer, id);
    };
    CHECK(host.serve([&](Channel& channel) -> Task<void> { CHECK(co_await unary(channel)); }));
    CHECK(
        log.count(
            "debug 127.0.0.1:7: /test.v1.Raw/Echo: the server has not begun the call, so its request is sent "
            "again") == 1);
  });
}

TEST_CASE("lines of a kind are limited") {
  const KeptLog log(log::Level::info);
  on_fresh_thread([&] {
    const Status why(Code::UNAVAILABLE, "no");
    for (int at = 0; at < 1000; ++at) channel_log::connect_failed("target", why, log::Level::info);
    CHECK(log.count("info cannot connect: no") < 30);
  });
}

}  // namespace
}  // namespace ringrpc::test
