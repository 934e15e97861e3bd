/// Accepting, and the log lines when it fails.
#include "transport/listener.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <regex>

#include "apps/captured_stderr.h"
#include "testing/simulation.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

struct NoSink final : ConnectionSink {
  void on_connection(Shard&, UniqueFd, bool, PeerCounts::Hold) override {}
};

struct NoClient final : Connector::Handler {
  void on_connected(UniqueFd, int) override {}
};

/// Keeps connections.
struct Hoard final : ConnectionSink {
  void on_connection(Shard& shard, UniqueFd connection, bool, PeerCounts::Hold counted) override {
    kept.push_back(shard.io().adopt(std::move(connection)));
    counts.push_back(std::move(counted));
  }
  void let_go(Shard& shard) {
    kept.pop_back();
    counts.pop_back();
    shard.load().fetch_sub(1);
  }
  std::vector<std::unique_ptr<ByteStream>> kept;
  std::vector<PeerCounts::Hold> counts;
};

/// A listener with clients of several addresses.
struct Crowd {
  Crowd(std::uint32_t connections, std::uint32_t of_address)
      : listener(shards, hoard, connections, of_address) {
    REQUIRE(listener.listen(*Address::parse("127.0.0.1:7")));
  }
  void connect(std::size_t count, const char* from = "127.0.0.1:1") {
    simulation.network().client_address() = resolve(*Address::parse(from))->front();
    for (std::size_t i = 0; i < count; ++i) {
      auto connector =
          simulation.shard(0).io().connect(resolve(*Address::parse("127.0.0.1:7"))->front(), clients);
      simulation.run_for(1ms);
    }
  }

  struct Clients final : Connector::Handler {
    void on_connected(UniqueFd connection, int) override { connected.push_back(std::move(connection)); }
    std::vector<UniqueFd> connected;
  };

  Simulation simulation{1};
  Shard* shards[1] = {&simulation.shard(0)};
  Hoard hoard;
  Clients clients;
  Listener listener;
};

TEST_CASE("one address gets at most its share of the connections, and others get the rest") {
  Crowd crowd(10, 6);
  const apps::CapturedStderr log;
  crowd.connect(8);
  CHECK(crowd.hoard.kept.size() == 6);
  CHECK(crowd.listener.refused_of_address() == 2);
  crowd.connect(4, "127.0.0.2:1");
  CHECK(crowd.hoard.kept.size() == 10);
  crowd.connect(1, "127.0.0.3:1");
  CHECK(crowd.hoard.kept.size() == 10);
  CHECK(crowd.listener.refused() == 3);
  CHECK(crowd.listener.refused_of_address() == 2);
  CHECK(crowd.listener.accepted() == 10);
  const std::string text = log.text();
  CHECK(text.contains(
      ": closed at once: 6 connections of its address are open, as many as "
      "ServerOptions::max_connections_per_address (grpcd --max-connections-per-address) allows; raise "
      "it if many clients share the address, as behind a proxy\n"));
  CHECK(
      text.contains(": closed at once: 10 connections are open, as many as ServerOptions::max_connections "
                    "(grpcd --max-connections) allows; raise it, or lower max_connections_per_address\n"));
  CHECK(text.contains(" warning 127.0.0.1:"));
}

TEST_CASE("a connection that ends makes room for another of its address") {
  Crowd crowd(10, 2);
  const apps::CapturedStderr log;
  crowd.connect(3);
  CHECK(crowd.hoard.kept.size() == 2);
  crowd.hoard.let_go(crowd.simulation.shard(0));
  crowd.connect(2);
  CHECK(crowd.hoard.kept.size() == 2);
  CHECK(crowd.listener.refused() == 2);
}

TEST_CASE("without a limit one address may have all connections") {
  Crowd crowd(10, 0);
  const apps::CapturedStderr log;
  crowd.connect(11);
  CHECK(crowd.hoard.kept.size() == 10);
  CHECK(crowd.listener.refused_of_address() == 0);
}

/// True if a line ends with a number and words in parentheses, which LogQuota puts there.
bool says_how_many_were_left_out(const std::string& text) {
  return std::regex_search(text, std::regex(R"( \([0-9]+ [a-z ]+\)\n)"));
}

TEST_CASE("refusals are logged, at a limited rate") {
  Crowd crowd(1, 0);
  const apps::CapturedStderr log;
  crowd.connect(1000);
  const std::string text = log.text();
  const auto records = std::ranges::count(text, '\n');
  CHECK(records >= 20);
  CHECK(records < 25);
  crowd.simulation.run_for(1min);
  crowd.connect(1);
  CHECK(says_how_many_were_left_out(log.text()));
}

TEST_CASE("peers are counted while they have connections") {
  const auto counts = std::make_shared<PeerCounts>();
  const PeerKey peer{AF_INET, 1};
  {
    const PeerCounts::Hold one = PeerCounts::take(counts, peer, 2);
    PeerCounts::Hold two = PeerCounts::take(counts, peer, 2);
    CHECK(two);
    CHECK_FALSE(PeerCounts::take(counts, peer, 2));
    two = {};
    CHECK(PeerCounts::take(counts, peer, 2));
    CHECK(counts->peers() == 1);
  }
  CHECK(counts->peers() == 0);
}

TEST_CASE("a lack of descriptors is logged, at a limited rate") {
  Simulation simulation(1, {.shards = 1, .faults = {.descriptors_max = 1}});
  Shard* shards[] = {&simulation.shard(0)};
  NoSink sink;
  Listener listener(shards, sink, 10);
  const auto address = *Address::parse("127.0.0.1:7");
  REQUIRE(listener.listen(address));
  NoClient client;
  const auto connector = simulation.shard(0).io().connect(resolve(address)->front(), client);
  const apps::CapturedStderr log;
  simulation.run_for(100s);
  const std::string text = log.text();
  CHECK(text.find("warning accept: too many open files; new connections are closed at once; raise the limit "
                  "(ulimit -n)\n") != std::string::npos);
  CHECK(says_how_many_were_left_out(text));
  const auto records = std::ranges::count(text, '\n');
  CHECK(records > 100);
  CHECK(records < 130);
  CHECK(listener.accept_errors() > static_cast<std::uint64_t>(records));
}

}  // namespace
}  // namespace ringrpc
