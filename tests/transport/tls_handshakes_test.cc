// Many handshakes at a time: how much of a shard they may take, and that none suffers from waiting.
#include <doctest/doctest.h>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "transport/tls_ends.h"

namespace ringrpc::test {
namespace {

constexpr unsigned serving = 0;
constexpr unsigned calling = 1;

/// How many signatures handshakes have made in each turn of a shard that had any.
class Signatures final : TurnEnd {
 public:
  explicit Signatures(Shard& shard) : shard_(shard) {}

  void watch(SSL& session) {
    SSL_set_msg_callback(&session, on_message);
    SSL_set_msg_callback_arg(&session, this);
  }
  const std::vector<unsigned>& in_turns() const noexcept { return in_turns_; }
  unsigned made() const { return std::accumulate(in_turns_.begin(), in_turns_.end(), now_); }

 private:
  static void on_message(int sent, int, int type, const void* message, std::size_t length, SSL*, void* self) {
    const bool handshake = sent == 1 && type == SSL3_RT_HANDSHAKE && length > 0;
    if (!handshake || *static_cast<const unsigned char*>(message) != SSL3_MT_CERTIFICATE_VERIFY) return;
    auto& signatures = *static_cast<Signatures*>(self);
    ++signatures.now_;
    signatures.shard_.at_turn_end(signatures);
  }
  void on_turn_end() override { in_turns_.push_back(std::exchange(now_, 0)); }

  Shard& shard_;
  unsigned now_ = 0;
  std::vector<unsigned> in_turns_;
};

/// A client and a server that echoes.
struct Echo {
  Echo(Simulation& simulation, Session at_server) : Echo(simulation, std::move(at_server), client_side()) {}
  Echo(Simulation& simulation, Session at_server, Session at_client) {
    auto [near, far] = simulation.network().connected_pair();
    server.emplace(simulation.shard(serving), over(simulation.shard(serving), std::move(near), at_server));
    client.emplace(simulation.shard(calling), over(simulation.shard(calling), std::move(far), at_client));
    server->on_event = [this] {
      server->send(std::string_view(server->received).substr(echoed));
      echoed = server->received.size();
      if (server->ended) server->finish();
    };
    server->start();
    client->start();
  }
  static std::unique_ptr<ByteStream> over(Shard& shard, UniqueFd fd, Session& session) {
    return std::make_unique<TlsStream>(shard, shard.io().adopt(std::move(fd)), std::move(session));
  }

  std::size_t echoed = 0;
  std::optional<Peer> server;
  std::optional<Peer> client;
};

/// Clients that have all said hello, and more, when the server's shard first turns.
struct Burst {
  static constexpr std::size_t size = 40;

  explicit Burst(Simulation& network) : simulation(network), signatures(network.shard(serving)) {
    const auto context = TlsContext::of_server(server_options()).value();
    for (std::size_t i = 0; i < size; ++i) {
      Session session = context->accept();
      signatures.watch(*session);
      echoes.push_back(std::make_unique<Echo>(simulation, std::move(session)));
      echoes.back()->client->send("number " + std::to_string(i));
      echoes.back()->client->finish();
    }
  }
  std::size_t answered() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(echoes, [](const auto& echo) { return echo && echo->client->ended == 0; }));
  }

  Simulation& simulation;
  Signatures signatures;
  std::vector<std::unique_ptr<Echo>> echoes;
};

TEST_CASE("a shard makes one step of a handshake in a turn, and all of them are made") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Simulation simulation(seed, {.shards = 2, .faults = {.short_read = 0.2, .delay = 0.2}});
    {
      Burst burst(simulation);
      REQUIRE(simulation.run_until([&] { return burst.answered() == Burst::size; }));
      for (std::size_t i = 0; i < Burst::size; ++i)
        CHECK(burst.echoes[i]->client->received == "number " + std::to_string(i));
      CHECK(burst.signatures.in_turns() == std::vector<unsigned>(Burst::size, 1));
    }
    CHECK(simulation.run_until_quiet());
    CHECK(simulation.clean());
  }
}

TEST_CASE("connections that are up are served while others wait for their handshakes") {
  Simulation simulation(1, {.shards = 2});
  Echo early(simulation, server_side());
  early.client->send("first");
  REQUIRE(simulation.run_until([&] { return early.client->received == "first"; }));
  Burst burst(simulation);
  early.client->send(", second");
  REQUIRE(simulation.run_until([&] { return early.client->received == "first, second"; }));
  CHECK(burst.signatures.made() < Burst::size / 4);
}

TEST_CASE("one that goes while it waits for its handshake leaves its place to the next") {
  Simulation simulation(1, {.shards = 2});
  Burst burst(simulation);
  REQUIRE(simulation.run_until([&] { return burst.signatures.in_turns().size() == 2; }));
  for (std::size_t i = Burst::size / 2; i < Burst::size; ++i) burst.echoes[i].reset();
  REQUIRE(simulation.run_until([&] { return burst.answered() == Burst::size / 2; }));
  CHECK(burst.signatures.in_turns().size() == Burst::size / 2);
}

TEST_CASE("a stream that its handler has paused stays so when its handshake has had its turn") {
  Simulation simulation(1, {.shards = 2});
  Burst burst(simulation);
  Echo& last = *burst.echoes.back();
  last.server->pause();
  simulation.run_for(std::chrono::minutes(1));
  CHECK(burst.answered() == Burst::size - 1);
  last.server->resume();
  REQUIRE(simulation.run_until([&] { return burst.answered() == Burst::size; }));
}

}  // namespace
}  // namespace ringrpc::test
