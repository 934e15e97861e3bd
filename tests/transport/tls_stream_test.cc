// TLS as a byte stream: it carries what any stream does, however the network cuts, and ends like a stream.
#include "transport/tls_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <doctest/doctest.h>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "transport/identify.h"
#include "transport/tls_ends.h"

namespace ringrpc::test {
namespace {

std::string pattern(std::size_t bytes) {
  std::string made(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) made[i] = static_cast<char>(i * 7 + i / 251);
  return made;
}

constexpr int alert_record = 21;

/// The types and sizes of the records in the sent bytes.
std::vector<std::pair<int, std::size_t>> records_of(std::string_view wire) {
  std::vector<std::pair<int, std::size_t>> records;
  while (wire.size() >= 5) {
    const auto byte_at = [&](std::size_t at) { return static_cast<std::uint8_t>(wire[at]); };
    const std::size_t size = std::size_t{byte_at(3)} << 8 | byte_at(4);
    records.emplace_back(byte_at(0), size);
    wire.remove_prefix(std::min(wire.size(), 5 + size));
  }
  return records;
}

std::string bytes_of(const Chain& chain) {
  std::string bytes;
  std::array<iovec, 64> pieces;
  for (std::size_t at = 0, count = chain.gather(pieces); at < count; ++at)
    bytes.append(static_cast<const char*>(pieces[at].iov_base), pieces[at].iov_len);
  return bytes;
}

/// An end whose bytes a test sees and may change: a session over a plain peer.
class OpenEnd {
 public:
  OpenEnd(Shard& shard, UniqueFd fd, Session given)
      : wire(shard.slabs()), session(std::move(given)), peer(shard, std::move(fd)) {
    BIO* bio = wire.make_bio();
    SSL_set_bio(session.get(), bio, bio);
    SSL_set_app_data(session.get(), &wire);
    peer.on_event = [this] { advance(); };
    peer.start();
  }

  void advance() {
    const std::string arrived = peer.received.substr(taken);
    taken = peer.received.size();
    wire.input = as_bytes(arrived);
    ERR_clear_error();
    char plain[4096];
    std::size_t got = 0;
    while (SSL_read_ex(session.get(), plain, sizeof plain, &got) == 1) received.append(plain, got);
    wire.input = {};
    if (established()) encrypt();
    flush();
  }
  /// Sends at once, or when the handshake has finished.
  void say(std::string_view text) {
    to_say += text;
    if (established()) encrypt();
    flush();
  }
  void encrypt() {
    if (to_say.empty()) return;
    std::size_t written = 0;
    CHECK(SSL_write_ex(session.get(), to_say.data(), to_say.size(), &written) == 1);
    to_say.clear();
  }
  void flush() {
    std::string bytes = bytes_of(wire.take_output());
    if (bytes.empty()) return;
    if (spoils_finished && established()) bytes.back() ^= 1;
    peer.send(bytes);
  }
  bool established() const { return SSL_is_init_finished(session.get()) == 1; }

  TlsWire wire;
  Session session;
  std::string received;
  std::string to_say;
  std::size_t taken = 0;
  bool spoils_finished = false;  ///< changes the last byte of the handshake
  Peer peer;
};

/// A server's end, and an open end that connects to it.
struct OpenEnds {
  OpenEnds(Simulation& simulation, Session calling, Session serving = server_side()) {
    auto [near, far] = simulation.network().connected_pair();
    Shard& shard = simulation.shard(0);
    auto carrier = shard.io().adopt(std::move(near));
    server.emplace(shard, std::make_unique<TlsStream>(shard, std::move(carrier), std::move(serving)));
    server->start();
    client = std::make_unique<OpenEnd>(shard, std::move(far), std::move(calling));
    client->advance();
  }

  std::optional<Peer> server;
  std::unique_ptr<OpenEnd> client;
};

TEST_CASE("what one end sends the other receives, both ways at once, over any network") {
  for_each_network([](Simulation& simulation) {
    Ends ends(simulation, server_side(), client_side());
    // A simulation that carries single bytes would take a larger text for a network that never becomes idle.
    const bool slow = simulation.network().faults().socket_buffer_bytes == 1;
    const std::string question = pattern(slow ? 3'000 : 70'000);
    const std::string answer = pattern(slow ? 2'000 : 50'000);
    ends.client->send(question);
    ends.server->send(answer);
    CHECK(simulation.run_until([&] {
      return ends.server->received.size() == question.size() && ends.client->received.size() == answer.size();
    }));
    CHECK(ends.server->received == question);
    CHECK(ends.client->received == answer);
    CHECK(ends.client->stream().failure().ok());
    CHECK(ends.server->stream().failure().ok());
  });
}

TEST_CASE("a mebibyte passes through sockets of any size, and the sender waits for its reader") {
  Simulation simulation(3, {.faults = {.short_read = 0.5, .short_write = 0.5, .socket_buffer_bytes = 1000}});
  Ends ends(simulation, server_side(), client_side());
  const std::string all = pattern(1 << 20);
  ends.client->send("x");
  REQUIRE(simulation.run_until([&] { return ends.server->received == "x"; }));
  ends.server->pause();
  simulation.run_for(std::chrono::seconds(1));
  ends.client->send(all);
  simulation.run_for(std::chrono::seconds(1));
  CHECK(ends.client->unsent_bytes() == all.size());
  CHECK(ends.server->received.size() < 40'000);
  ends.server->resume();
  CHECK(simulation.run_until([&] { return ends.server->received.size() == all.size() + 1; }));
  CHECK(ends.server->received.substr(1) == all);
  CHECK(simulation.run_until([&] { return ends.client->unsent_bytes() == 0; }));
}

TEST_CASE("an end that sends no more can still receive, and both ends close orderly") {
  for_each_network([](Simulation& simulation) {
    Ends ends(simulation, server_side(), client_side());
    ends.client->send("question");
    ends.client->finish();
    REQUIRE(simulation.run_until([&] { return ends.server->ended.has_value(); }));
    CHECK(*ends.server->ended == 0);
    CHECK(ends.server->received == "question");
    CHECK_FALSE(ends.client->ended);
    ends.server->send("answer");
    ends.server->finish();
    REQUIRE(simulation.run_until([&] { return ends.client->ended.has_value(); }));
    CHECK(*ends.client->ended == 0);
    CHECK(ends.client->received == "answer");
  });
}

TEST_CASE("an end that shuts down before the handshake is over finishes that first") {
  Simulation simulation(1);
  Ends ends(simulation, server_side(), client_side());
  ends.client->finish();
  REQUIRE(simulation.run_until([&] { return ends.server->ended.has_value(); }));
  CHECK(*ends.server->ended == 0);
  ends.server->send("answer");
  REQUIRE(simulation.run_until([&] { return ends.client->received == "answer"; }));
}

TEST_CASE("an end without close_notify is orderly, because HTTP/2 detects truncation") {
  Simulation simulation(1);
  OpenEnds ends(simulation, client_side());
  ends.client->say("half");
  REQUIRE(simulation.run_until([&] { return ends.server->received == "half"; }));
  ends.client->peer.finish();
  REQUIRE(simulation.run_until([&] { return ends.server->ended.has_value(); }));
  CHECK(*ends.server->ended == 0);
  CHECK(ends.server->stream().failure().ok());
}

TEST_CASE("a flush leaves as one record, or as few as hold it, all in one send") {
  Simulation simulation(1);
  OpenEnds ends(simulation, client_side());
  REQUIRE(simulation.run_until([&] { return ends.client->established(); }));
  simulation.run_for(std::chrono::seconds(1));
  for (const auto& [bytes, expected] :
       {std::pair<std::size_t, std::size_t>{1, 1}, {16'000, 1}, {40'000, 3}}) {
    CAPTURE(bytes);
    const std::size_t before = ends.client->peer.received.size();
    const std::size_t already = ends.client->received.size();
    ends.server->send(pattern(bytes));
    REQUIRE(simulation.run_until([&] { return ends.client->received.size() == already + bytes; }));
    CHECK(records_of(std::string_view(ends.client->peer.received).substr(before)).size() == expected);
  }
}

/// `text` in slabs of those sizes, which add up to its size.
Chain in_slabs(SlabPool& slabs, std::string_view text, const std::vector<std::size_t>& sizes) {
  Chain chain(slabs);
  for (const std::size_t size : sizes) {
    Slab* const slab = slabs.take();
    slab->end = static_cast<std::uint32_t>(text.copy(reinterpret_cast<char*>(slab->data), size));
    chain.append(slab);
    text.remove_prefix(size);
  }
  return chain;
}

TEST_CASE("slabs that are filled in part share a record, as many as fit") {
  Simulation simulation(1);
  OpenEnds ends(simulation, client_side());
  REQUIRE(simulation.run_until([&] { return ends.client->established(); }));
  simulation.run_for(std::chrono::seconds(1));
  for (const auto& [sizes, expected] : {std::pair<std::vector<std::size_t>, std::size_t>{{40, 9'000}, 1},
                                        {{4'000, 4'100, 90, 5'000, 3'000}, 1},
                                        {{16, 16'368}, 1},
                                        {{17, 16'368}, 2},
                                        {{40, 9'000, 10'960}, 2},
                                        {{16'368, 16'368, 40}, 3}}) {
    const std::size_t bytes = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
    CAPTURE(bytes);
    const std::string text = pattern(bytes);
    const std::size_t before = ends.client->peer.received.size();
    const std::size_t already = ends.client->received.size();
    ends.server->send(in_slabs(simulation.shard(0).slabs(), text, sizes));
    REQUIRE(simulation.run_until([&] { return ends.client->received.size() == already + bytes; }));
    CHECK(ends.client->received.substr(already) == text);
    CHECK(records_of(std::string_view(ends.client->peer.received).substr(before)).size() == expected);
  }
}

TEST_CASE("the first bytes of the server leave together with the end of its handshake") {
  Simulation simulation(1);
  OpenEnds ends(simulation, client_side());
  ends.server->send("hello");
  REQUIRE(simulation.run_until([&] { return ends.client->received == "hello"; }));
  CHECK(ends.server->unsent_bytes() == 0);
}

TEST_CASE("a client that does not finish the handshake has no identity, whatever its certificate") {
  Simulation simulation(1);
  ServerTlsOptions strict = server_options();
  strict.client_authorities = Pem::text(our_authority().certificate());
  OpenEnds ends(simulation, client_side(client_options(our_authority().issue({}))), server_side(strict));
  SUBCASE("broken") {
    ends.client->spoils_finished = true;
    REQUIRE(simulation.run_until([&] { return ends.server->ended.has_value(); }));
    CHECK(*ends.server->ended == EPROTO);
    CHECK_FALSE(ringrpc::identify(ends.server->stream()).certificate);
  }
  SUBCASE("finished") {
    ends.client->say("x");
    REQUIRE(simulation.run_until([&] { return ends.server->received == "x"; }));
    CHECK(ringrpc::identify(ends.server->stream()).certificate);
  }
}

/// A client's end whose server has sent the first of several records of one TLS message: a ticket, which is
/// larger than a record here because it contains the client's certificate.
struct HalfTold {
  explicit HalfTold(Simulation& simulation) {
    auto [near, far] = simulation.network().connected_pair();
    Shard& shard = simulation.shard(0);
    ServerTlsOptions strict = server_options();
    strict.client_authorities = Pem::text(our_authority().certificate());
    server = std::make_unique<OpenEnd>(shard, std::move(near), server_side(strict));
    SSL_set_max_send_fragment(server->session.get(), 512);
    auto carrier = shard.io().adopt(std::move(far));
    Session calling = client_side(client_options(our_authority().issue({})));
    client.emplace(shard, std::make_unique<TlsStream>(shard, std::move(carrier), std::move(calling)));
    client->start();
    client->send("x");
    REQUIRE(simulation.run_until([&] { return server->received == "x"; }));
    simulation.run_for(std::chrono::seconds(1));

    REQUIRE(SSL_new_session_ticket(server->session.get()) == 1);
    REQUIRE(SSL_do_handshake(server->session.get()) == 1);
    rest = bytes_of(server->wire.take_output());
    const auto records = records_of(rest);
    REQUIRE(records.size() > 1);
    const std::size_t first = 5 + records.front().second;
    server->peer.send(std::string_view(rest).substr(0, first));
    rest.erase(0, first);
    simulation.run_for(std::chrono::seconds(1));
  }

  std::unique_ptr<OpenEnd> server;
  std::optional<Peer> client;
  std::string rest;  ///< of the message
};

TEST_CASE("data sent during a partial TLS message of the peer leaves after its rest") {
  Simulation simulation(1);
  HalfTold ends(simulation);
  ends.client->send(in_slabs(simulation.shard(0).slabs(), "meanwhile", {4, 5}));
  ends.client->finish();
  simulation.run_for(std::chrono::seconds(1));
  CHECK_FALSE(ends.client->ended);
  CHECK(ends.client->unsent_bytes() == 9);
  CHECK(ringrpc::identify(ends.client->stream()).certificate);
  CHECK(ends.server->received == "x");
  ends.server->peer.send(ends.rest);
  REQUIRE(simulation.run_until([&] { return ends.server->peer.ended.has_value(); }));
  CHECK(ends.server->received == "xmeanwhile");
  CHECK(SSL_get_shutdown(ends.server->session.get()) == SSL_RECEIVED_SHUTDOWN);
  CHECK(ends.client->stream().failure().ok());
}

TEST_CASE("a shutdown during a partial TLS message of the peer follows its rest") {
  Simulation simulation(1);
  HalfTold ends(simulation);
  ends.client->finish();
  simulation.run_for(std::chrono::seconds(1));
  CHECK_FALSE(ends.server->peer.ended);
  ends.server->peer.send(ends.rest);
  REQUIRE(simulation.run_until([&] { return ends.server->peer.ended.has_value(); }));
  CHECK(SSL_get_shutdown(ends.server->session.get()) == SSL_RECEIVED_SHUTDOWN);
}

TEST_CASE("a peer that closes within a TLS message leaves no send waiting") {
  Simulation simulation(1);
  HalfTold ends(simulation);
  SUBCASE("when data waits to be sent") {
    ends.client->send("meanwhile");
    ends.server->peer.finish();
    REQUIRE(simulation.run_until([&] { return ends.client->send_error.has_value(); }));
  }
  SUBCASE("when something is sent afterwards") {
    ends.server->peer.finish();
    REQUIRE(simulation.run_until([&] { return ends.client->ended.has_value(); }));
    ends.client->send("too late");
    REQUIRE(simulation.run_until([&] { return ends.client->send_error.has_value(); }));
    CHECK(ends.client->stream().failure().message() ==
          "TLS: the peer closed the connection within a message");
  }
  SUBCASE("when no more data waits") {
    ends.client->finish();
    ends.server->peer.finish();
    REQUIRE(simulation.run_until([&] { return ends.client->ended.has_value(); }));
    CHECK(ERR_peek_error() == 0);  // the next session would take it for its own error
    REQUIRE(simulation.run_until([&] { return ends.server->peer.ended.has_value(); }));
  }
  CHECK(ends.client->ended == 0);
}

TEST_CASE("damaged bytes break the session: the peer gets an alert, the handler EPROTO") {
  Simulation simulation(1);
  OpenEnds ends(simulation, client_side());
  ends.client->say("x");
  REQUIRE(simulation.run_until([&] { return ends.server->received == "x"; }));
  ends.client->peer.send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'z'));
  REQUIRE(simulation.run_until([&] { return ends.server->ended.has_value(); }));
  CHECK(*ends.server->ended == EPROTO);
  CHECK(ends.server->stream().failure().message() == "TLS: decryption failed or bad record mac");
  CHECK(SSL_get_shutdown(ends.client->session.get()) == SSL_RECEIVED_SHUTDOWN);
}

TEST_CASE("a send after a failure is reported as dropped") {
  Simulation simulation(1);
  OpenEnds ends(simulation, client_side());
  ends.client->peer.send("GET / HTTP/1.1\r\n\r\n");
  REQUIRE(simulation.run_until([&] { return ends.server->ended.has_value(); }));
  ends.server->send("anybody?");
  REQUIRE(simulation.run_until([&] { return ends.server->send_error.has_value(); }));
  CHECK(*ends.server->send_error == EPROTO);
}

TEST_CASE("a handshake that is cut off anywhere fails as such") {
  const auto cut_at = [](std::size_t bytes) {
    Simulation simulation(1);
    OpenEnds ends(simulation, foreign_client([](SSL_CTX* context) { offer(context, "\x02h2"); }));
    // The hello is in flight; a second connection repeats its first bytes.
    REQUIRE(simulation.run_until([&] { return !ends.client->peer.received.empty(); }));
    auto [near, far] = simulation.network().connected_pair();
    Shard& shard = simulation.shard(0);
    Peer server(shard, std::make_unique<TlsStream>(shard, shard.io().adopt(std::move(near)), server_side()));
    server.start();
    Peer client(shard, std::move(far));
    client.start();
    std::string hello;
    {
      TlsWire wire(shard.slabs());
      Session session = foreign_client([](SSL_CTX* context) { offer(context, "\x02h2"); });
      BIO* bio = wire.make_bio();
      SSL_set_bio(session.get(), bio, bio);
      SSL_do_handshake(session.get());
      hello = bytes_of(wire.output);
      wire.output.clear();
    }
    client.send(hello.substr(0, bytes));
    client.finish();
    REQUIRE(simulation.run_until([&] { return server.ended.has_value(); }));
    const std::string why(server.stream().failure().message());
    CHECK(*server.ended == (bytes == 0 ? 0 : EPROTO));
    CHECK(why == (bytes == 0 ? "" : "TLS: the peer closed the connection during the handshake"));
    return bytes < hello.size();
  };
  for (std::size_t bytes = 0; cut_at(bytes); bytes += bytes < 16 ? 1 : 13) {
  }
}

TEST_CASE("a client reports that its server closed during the handshake") {
  Simulation simulation(1);
  auto [near, far] = simulation.network().connected_pair();
  Shard& shard = simulation.shard(0);
  Peer server(shard, std::move(near));
  Peer client(shard, std::make_unique<TlsStream>(shard, shard.io().adopt(std::move(far)), client_side()));
  server.start();
  client.start();
  client.send("waits");
  REQUIRE(simulation.run_until([&] { return !server.received.empty(); }));
  CHECK(client.stream().failure().message() == "TLS: the peer has not finished the handshake");
  server.finish();
  REQUIRE(simulation.run_until([&] { return client.ended.has_value(); }));
  CHECK(*client.ended == EPROTO);
  CHECK(client.send_error == EPROTO);
  CHECK(client.stream().failure().message() == "TLS: the peer closed the connection during the handshake");
}

TEST_CASE("a peer that requests key updates and does not read them is disconnected") {
  Simulation simulation(1, {.faults = {.socket_buffer_bytes = 1000}});
  OpenEnds ends(simulation, client_side());
  ends.client->say("x");
  REQUIRE(simulation.run_until([&] { return ends.server->received == "x"; }));
  ends.client->peer.pause();
  constexpr std::size_t update_bytes = 27;  // of the record that answers a request
  std::size_t requests = 0;
  while (!ends.server->ended && requests * update_bytes < 2 * TlsStream::control_bytes_max) {
    ++requests;
    REQUIRE(SSL_key_update(ends.client->session.get(), SSL_KEY_UPDATE_REQUESTED) == 1);
    REQUIRE(SSL_do_handshake(ends.client->session.get()) == 1);
    ends.client->flush();
    simulation.run_until([&] { return ends.server->ended || ends.client->peer.unsent_bytes() == 0; });
  }
  CHECK(requests * update_bytes > TlsStream::control_bytes_max);
  REQUIRE(ends.server->ended);
  CHECK(*ends.server->ended == EPROTO);
  CHECK(ends.server->stream().failure().initiator() == Initiator::peer);
}

TEST_CASE("a peer that does not close after a failure is disconnected within the linger time") {
  Simulation simulation(1);
  OpenEnds ends(simulation, client_side());
  ends.client->say("x");
  REQUIRE(simulation.run_until([&] { return ends.server->received == "x"; }));
  ends.client->peer.pause();
  ends.client->peer.send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'z'));
  simulation.run_for(TlsStream::linger / 2);
  CHECK_FALSE(ends.server->ended);
  simulation.run_for(TlsStream::linger);
  CHECK(ends.server->ended == EPROTO);
}

TEST_CASE("renegotiation is refused, and the session continues") {
  Simulation simulation(1);
  OpenEnds ends(simulation, foreign_client([](SSL_CTX* context) {
                  offer(context, "\x02h2");
                  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
                }));
  ends.client->say("before");
  REQUIRE(simulation.run_until([&] { return ends.server->received == "before"; }));
  REQUIRE(SSL_renegotiate(ends.client->session.get()) == 1);
  CHECK(SSL_do_handshake(ends.client->session.get()) != 1);
  ends.client->flush();
  const std::size_t before = ends.client->peer.received.size();
  REQUIRE(simulation.run_until([&] { return ends.client->peer.received.size() > before; }));
  const auto answer = records_of(std::string_view(ends.client->peer.received).substr(before));
  REQUIRE(answer.size() == 1);
  CHECK(answer.front().first == alert_record);
  ends.server->send("still there");
  CHECK_FALSE(ends.server->ended);
  CHECK(simulation.run_until([&] { return ends.server->unsent_bytes() == 0; }));
}

TEST_CASE("a client does not renegotiate when its server asks for it") {
  Simulation simulation(1);
  auto [near, far] = simulation.network().connected_pair();
  Shard& shard = simulation.shard(0);
  Session serving = server_side();
  SSL_set_max_proto_version(serving.get(), TLS1_2_VERSION);
  SSL_clear_options(serving.get(), SSL_OP_NO_RENEGOTIATION);
  OpenEnd server(shard, std::move(near), std::move(serving));
  Peer client(shard, std::make_unique<TlsStream>(shard, shard.io().adopt(std::move(far)), client_side()));
  client.start();
  client.send("x");
  REQUIRE(simulation.run_until([&] { return server.received == "x"; }));
  const std::size_t before = server.peer.received.size();
  REQUIRE(SSL_renegotiate(server.session.get()) == 1);
  CHECK(SSL_do_handshake(server.session.get()) == 1);
  server.flush();
  REQUIRE(simulation.run_until([&] { return server.peer.received.size() > before; }));
  const auto answer = records_of(std::string_view(server.peer.received).substr(before));
  REQUIRE(answer.size() == 1);
  CHECK(answer.front().first == alert_record);
  CHECK_FALSE(client.ended);
}

TEST_CASE("a stream may be destroyed from inside any of its events, and over a network that breaks") {
  std::uint64_t broken = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Simulation simulation(seed, {.faults = {.short_read = 0.3,
                                            .short_write = 0.3,
                                            .delay = 0.3,
                                            .reset = seed % 3 == 0 ? 0.02 : 0,
                                            .socket_buffer_bytes = 2000}});
    {
      Ends ends(simulation, server_side(), client_side());
      ends.client->send(pattern(20'000));
      ends.server->send(pattern(20'000));
      std::uint64_t events_left = 1 + simulation.network().random_below(12);
      const auto count_down = [&](std::optional<Peer>& end) {
        return [&] {
          if (events_left > 0 && --events_left == 0) end.reset();
        };
      };
      ends.server->on_event = count_down(ends.server);
      ends.client->on_event = count_down(ends.client);
      CHECK(simulation.run_until([&] {
        return events_left == 0 || (ends.server->ended && ends.client->ended) ||
               (ends.server->received.size() == 20'000 && ends.client->received.size() == 20'000);
      }));
      // The other end gets one end event, now or earlier.
      if (events_left == 0)
        for (std::optional<Peer>* end : {&ends.server, &ends.client})
          if (*end) CHECK(simulation.run_until([&] { return (*end)->ended.has_value(); }));
    }
    broken += simulation.network().fault_counts().resets;
    CHECK(simulation.run_until_quiet());
    CHECK(simulation.clean());
  }
  CHECK(broken > 0);
}

}  // namespace
}  // namespace ringrpc::test
