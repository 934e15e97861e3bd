// Many handshakes at a time: their share of a shard, and their success in spite of waiting.
#include <doctest/doctest.h>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "transport/address.h"
#include "transport/tls_ends.h"

namespace ringrpc::test {
namespace {

constexpr unsigned serving_on = 0;
constexpr unsigned calling_on = 1;

/// The number of signatures in each turn of a shard that had any.
class Signatures final : TurnEnd {
 public:
  explicit Signatures(Shard& shard) : shard_(shard) {}

  void watch(SSL& session) {
    SSL_set_ex_data(&session, index(), this);
    SSL_set_info_callback(&session, on_state);
  }
  const std::vector<unsigned>& in_turns() const noexcept { return in_turns_; }
  unsigned made() const { return std::accumulate(in_turns_.begin(), in_turns_.end(), now_); }

 private:
  static int index() {
    static const int made = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return made;
  }
  /// Called when a state is left.
  static void on_state(const SSL* session, int where, int) {
    if (where != SSL_CB_ACCEPT_LOOP || SSL_get_state(session) != TLS_ST_SW_CERT_VRFY) return;
    auto& signatures = *static_cast<Signatures*>(SSL_get_ex_data(session, index()));
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
  Echo(Simulation& simulation, Session at_server, Session at_client, const SocketAddress& from = {}) {
    auto [near, far] = simulation.network().connected_pair(from);
    server.emplace(simulation.shard(serving_on),
                   over(simulation.shard(serving_on), std::move(near), at_server));
    client.emplace(simulation.shard(calling_on),
                   over(simulation.shard(calling_on), std::move(far), at_client));
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

/// Clients that have all sent a hello, and more, when the server's shard first turns.
struct Burst {
  static constexpr std::size_t size = 40;

  explicit Burst(Simulation& network, const SocketAddress& from = {})
      : simulation(network), signatures(network.shard(serving_on)) {
    const auto context = TlsContext::of_server(server_options()).value();
    for (std::size_t i = 0; i < size; ++i) {
      Session session = context->accept();
      signatures.watch(*session);
      echoes.push_back(std::make_unique<Echo>(simulation, std::move(session), client_side(), from));
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

TEST_CASE("open connections are served while others wait for their handshakes") {
  Simulation simulation(1, {.shards = 2});
  Echo early(simulation, server_side());
  early.client->send("first");
  REQUIRE(simulation.run_until([&] { return early.client->received == "first"; }));
  Burst burst(simulation);
  early.client->send(", second");
  REQUIRE(simulation.run_until([&] { return early.client->received == "first, second"; }));
  CHECK(burst.signatures.made() < Burst::size / 4);
}

TEST_CASE("a burst from one address delays a handshake of another by a step for each of its own") {
  const auto address = [](const char* text) { return resolve(*Address::parse(text))->front(); };
  Simulation simulation(1, {.shards = 2});
  Burst burst(simulation, address("127.0.0.1:1"));
  REQUIRE(simulation.run_until([&] { return burst.signatures.made() == 2; }));
  Echo newcomer(simulation, server_side(), client_side(), address("127.0.0.2:1"));
  newcomer.client->send("x");
  REQUIRE(simulation.run_until([&] { return newcomer.client->received == "x"; }));
  CHECK(burst.signatures.made() < Burst::size / 2);
  CHECK(simulation.run_until([&] { return burst.answered() == Burst::size; }));
}

TEST_CASE("a stream destroyed while it waits for its handshake gives its turn to the next") {
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

/// Sends its hello one byte at a time and never completes it.
struct Dribbler {
  explicit Dribbler(Simulation& simulation, bool records) : in_records(records) {
    auto [near, far] = simulation.network().connected_pair();
    server.emplace(simulation.shard(serving_on),
                   Echo::over(simulation.shard(serving_on), std::move(near), session));
    client.emplace(simulation.shard(calling_on), std::move(far));
    server->start();
    client->start();
  }
  /// Sends the next byte when there is room: as part of one large record, or as a record of its own.
  void dribble() {
    constexpr std::string_view record("\x16\x03\x01\x3f\xff\x01\x00\xf0\x00\x03\x03", 11);
    constexpr std::string_view record_of_one("\x16\x03\x01\x00\x01", 5);
    if (client->unsent_bytes() > 0) return;
    const std::string_view all = in_records ? record.substr(5) : record;
    const std::string next(1, said < all.size() ? all[said] : '\0');
    ++said;
    client->send(in_records ? std::string(record_of_one) + next : next);
    CHECK_FALSE(client->ended);
  }

  bool in_records;
  std::size_t said = 0;
  Session session = server_side();
  std::optional<Peer> server;
  std::optional<Peer> client;
};

TEST_CASE("a client that sends its hello byte by byte delays no other handshake") {
  for (const bool in_records : {false, true}) {
    CAPTURE(in_records);
    Simulation simulation(1, {.shards = 2});
    std::vector<std::unique_ptr<Dribbler>> dribblers;
    for (int i = 0; i < 100; ++i) dribblers.push_back(std::make_unique<Dribbler>(simulation, in_records));
    unsigned turns = 0;
    const auto dribble_until = [&](const std::function<bool()>& done) {
      turns = 0;
      return simulation.run_until([&] {
        ++turns;
        for (const auto& each : dribblers) each->dribble();
        return done();
      });
    };
    REQUIRE(dribble_until([&] { return dribblers.back()->said >= 20; }));
    Echo honest(simulation, server_side());
    honest.client->send("x");
    REQUIRE(dribble_until([&] { return honest.client->received == "x"; }));
    CHECK(turns < 50);
  }
}

}  // namespace
}  // namespace ringrpc::test
