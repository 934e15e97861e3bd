// Any bytes that no honest peer sends, cut at any places: there is no crash, no event out of order and no
// forgotten stream, and the same bytes give the same events.
#include <doctest/doctest.h>
#include <random>

#include "raw_server.h"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

namespace {

using Random = std::mt19937;

std::string random_frame(Random& random, Encoder& encoder) {
  const std::uint32_t id = random() % 4 == 0 ? random() % 200 : 2 * (random() % 20) + 1;
  std::string noise(random() % 40, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  switch (random() % 12) {
    case 0:
    case 1:
    case 2:
      return encoder.headers(id, random() % 3 == 0 ? with(get, {{"content-length", "3"}}) : get,
                             random() % 2);
    case 3:
    case 4:
      return data(id, noise, random() % 2);
    case 5:
      return padded_data(id, noise, random() % 256, random() % 2);
    case 6:
      return encoder.headers(id, {{"trailer", "x"}}, end_stream);
    case 7:
      return rst_stream(id, ErrorCode::cancel);
    case 8:
      return window_update(random() % 2 == 0 ? 0 : id,
                           random() % 3 == 0 ? 0 : static_cast<std::uint32_t>(random()));
    case 9:
      return random() % 2 == 0 ? ping() : settings({{random() % 10, static_cast<std::uint32_t>(random())}});
    case 10:
      return frame(random() % 12, random() % 256, id, noise);
    default:
      return random() % 2 == 0 ? priority(id, random() % 20) : goaway(id, ErrorCode::no_error);
  }
}

struct Outcome {
  std::string events;
  bool operator==(const Outcome&) const = default;
};

/// The effect of `bytes` on a server when they arrive in pieces of `cut()`.
template <class Cut>
Outcome outcome(const std::string& bytes, Cut cut) {
  Endpoint server(Role::server);
  std::string events;
  const auto log = [&](char what, Stream& stream) { events += what + std::to_string(stream.id()) + ' '; };
  server.headers_hook = [&](Stream& stream) { log('h', stream); };
  server.data_hook = [&](Stream& stream, Bytes) {
    CHECK(server[stream.id()].ends == 0);
    CHECK(server[stream.id()].closes == 0);
  };
  server.end_hook = [&](Stream& stream) {
    log('e', stream);
    server.session.send_headers(stream, ok_response, false);
    server.session.send_data(stream, as_bytes(server[stream.id()].body));
    server.session.send_trailers(stream, ok_trailers);
  };
  std::string_view left = bytes;
  while (!left.empty()) {
    const std::size_t piece = std::min(left.size(), cut());
    if (!server.receive(std::string(left.substr(0, piece))).ok()) break;
    left.remove_prefix(piece);
  }
  server.produce();
  for (const auto& [id, exchange] : server.exchanges) {
    CHECK(exchange.closes <= 1);
    CHECK(exchange.ends <= 1);
    CHECK(exchange.header_blocks.size() == 1);
    events += exchange.body + '|';
  }
  return {events};
}

}  // namespace

TEST_CASE("random frames have the same effect however they are cut") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Encoder encoder;
    std::string bytes = std::string(preface) + settings() + settings_ack();
    for (int i = 0; i < 30; ++i) bytes += random_frame(random, encoder);
    const Outcome whole = outcome(bytes, [&] { return bytes.size(); });
    CHECK(outcome(bytes, [] { return std::size_t{1}; }) == whole);
    CHECK(outcome(bytes, [&] { return std::size_t{1 + random() % 30}; }) == whole);
  }
}

TEST_CASE("an honest conversation with bytes changed at random does no harm") {
  Encoder encoder;
  std::string honest = std::string(preface) + settings() + settings_ack();
  for (std::uint32_t id = 1; id < 20; id += 2)
    honest += encoder.headers(id, get) + data(id, "some body", end_stream);
  for (unsigned seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    std::string bytes = honest;
    for (unsigned changes = 1 + random() % 5; changes > 0; --changes) {
      bytes[24 + random() % (bytes.size() - 24)] = static_cast<char>(random());
    }
    outcome(bytes, [&] { return std::size_t{1 + random() % 100}; });
  }
}

TEST_CASE("random bytes do a client no harm") {
  for (unsigned seed = 0; seed < 1000; ++seed) {
    Random random(seed);
    Endpoint client(Role::client);
    Encoder encoder;
    for (int i = 0; i < 10; ++i) client.open(echo_request, true);
    client.produce();
    std::string bytes = settings() + settings_ack();
    for (int i = 0; i < 20; ++i) {
      const std::uint32_t id = 2 * (random() % 12) + 1;
      bytes += random() % 3 == 0 ? random_frame(random, encoder)
                                 : encoder.headers(id, {{":status", "200"}}, random() % 2);
    }
    while (!bytes.empty()) {
      const std::size_t piece = std::min<std::size_t>(bytes.size(), 1 + random() % 50);
      if (!client.receive(bytes.substr(0, piece)).ok()) break;
      bytes.erase(0, piece);
    }
    client.produce();
    for (const auto& [id, exchange] : client.exchanges) CHECK(exchange.closes <= 1);
  }
}
