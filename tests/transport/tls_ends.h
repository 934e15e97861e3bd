/// Two ends of TLS on a simulated network, for tests of what passes between them.
///
///   Ends ends(simulation, server_side(options), client_side(options));
///   ends.client.send("hello");
///   REQUIRE(simulation.run_until([&] { return ends.server->received == "hello"; }));
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "reactor/peer.h"
#include "testing/simulation.h"
#include "transport/test_authority.h"
#include "transport/tls_context.h"
#include "transport/tls_stream.h"

namespace ringrpc::test {

using Session = openssl::Owned<SSL>;

inline Session server_side(const ServerTlsOptions& options = server_options()) {
  const auto context = TlsContext::of_server(options);
  REQUIRE_MESSAGE(context, context.error().to_string());
  return (*context)->accept();
}
inline Session client_side(const ClientTlsOptions& options = client_options(),
                           const std::string& host = "localhost") {
  const auto context = TlsContext::of_client(options);
  REQUIRE_MESSAGE(context, context.error().to_string());
  return (*context)->connect(host);
}

/// A session that the test makes itself: `prepare` may set what the library would not.
inline Session foreign_session(const SSL_METHOD* method, const std::function<void(SSL_CTX*)>& prepare) {
  const openssl::Owned<SSL_CTX> context(SSL_CTX_new(method));
  REQUIRE(context);
  prepare(context.get());
  Session session(SSL_new(context.get()));
  REQUIRE(session);
  return session;
}
inline Session foreign_client(const std::function<void(SSL_CTX*)>& prepare) {
  Session session = foreign_session(TLS_client_method(), prepare);
  SSL_set_connect_state(session.get());
  return session;
}
inline void offer(SSL_CTX* context, std::string_view protocols) {
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(protocols.data()),
                          static_cast<unsigned>(protocols.size()));
}

struct Ends {
  Ends(Simulation& simulation, Session serving, Session calling) {
    auto [near, far] = simulation.network().connected_pair();
    Shard& shard = simulation.shard(0);
    server.emplace(shard,
                   std::make_unique<TlsStream>(shard, shard.io().adopt(std::move(near)), std::move(serving)));
    client.emplace(shard,
                   std::make_unique<TlsStream>(shard, shard.io().adopt(std::move(far)), std::move(calling)));
    server->start();
    client->start();
  }

  static std::string failure(const std::optional<Peer>& end) {
    return std::string(end->stream().failure().message());
  }

  std::optional<Peer> server;
  std::optional<Peer> client;
};

/// Runs `test` on a network that carries one byte at a time, and on some that cut and delay.
inline void for_each_network(const std::function<void(Simulation&)>& test) {
  {
    INFO("one byte at a time");
    Simulation simulation(1, {.faults = {.socket_buffer_bytes = 1}});
    test(simulation);
    CHECK(simulation.run_until_quiet());
    CHECK(simulation.clean());
  }
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    INFO("seed ", seed);
    const Faults faults = {
        .short_read = 0.3, .short_write = 0.3, .delay = 0.3, .no_buffers = 0.05, .socket_buffer_bytes = 4096};
    Simulation simulation(seed, {.faults = seed == 0 ? Faults() : faults});
    test(simulation);
    CHECK(simulation.run_until_quiet());
    CHECK(simulation.clean());
  }
}

}  // namespace ringrpc::test
