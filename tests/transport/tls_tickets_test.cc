// Resuming sessions: with which tickets, for whom, and for how long.
#include "transport/tls_tickets.h"

#include <ctime>
#include <doctest/doctest.h>
#include <memory>
#include <string>

#include "transport/tls_ends.h"

namespace ringrpc::test {
namespace {

using Context = std::shared_ptr<const TlsContext>;
using Tickets = std::shared_ptr<TlsTickets>;

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

struct Visit {
  bool resumed = false;
  bool served = false;
  std::string failure;
};

/// A client that connects, sends a request, gets the response and closes: orderly, or cut off.
Visit visit(Session serving, Session calling, bool orderly = true) {
  Simulation simulation(1);
  REQUIRE(SSL_up_ref(calling.get()) == 1);
  const Session client(calling.get());
  Visit made;
  {
    Ends ends(simulation, std::move(serving), std::move(calling));
    bool asked = false;
    ends.server->on_event = [&] {
      if (ends.server->received == "x" && !std::exchange(asked, true)) ends.server->send("y");
    };
    ends.client->send("x");
    simulation.run_until([&] { return ends.client->received == "y" || ends.client->ended; });
    made.served = ends.client->received == "y";
    made.resumed = SSL_session_reused(client.get()) == 1;
    made.failure = Ends::failure(ends.client);
    if (orderly && made.served) {
      ends.client->finish();
      ends.server->finish();
      CHECK(simulation.run_until_quiet());
    }
  }
  CHECK(simulation.run_until_quiet());
  return made;
}

Session calling(const Context& client, const Tickets& tickets, int version,
                const std::string& host = "localhost") {
  Session session = client->connect(host, tickets);
  SSL_set_max_proto_version(session.get(), version);
  return session;
}

TEST_CASE("a client that reconnects resumes each time, however the last connection ended") {
  for (const int version : versions) {
    for (const bool orderly : {true, false}) {
      CAPTURE(version);
      CAPTURE(orderly);
      const Context server = TlsContext::of_server(server_options()).value();
      const Context client = TlsContext::of_client(client_options()).value();
      const auto tickets = std::make_shared<TlsTickets>();
      for (int time = 0; time < 10; ++time) {
        const Visit made = visit(server->accept(), calling(client, tickets, version), orderly);
        CHECK(made.served);
        CHECK(made.resumed == (time > 0));
      }
    }
  }
}

TEST_CASE("a server with new certificates ignores old tickets and serves all the same") {
  for (const int version : versions) {
    CAPTURE(version);
    const Context client = TlsContext::of_client(client_options()).value();
    const auto tickets = std::make_shared<TlsTickets>();
    for (int time = 0; time < 2; ++time) {
      const Context server = TlsContext::of_server(server_options()).value();
      const Visit made = visit(server->accept(), calling(client, tickets, version));
      CHECK(made.served);
      CHECK_FALSE(made.resumed);
    }
  }
}

TEST_CASE("a ticket that fails to resume is not offered again") {
  const Context server = TlsContext::of_server(server_options()).value();
  const Context client = TlsContext::of_client(client_options()).value();
  const auto tickets = std::make_shared<TlsTickets>();
  // OpenSSL does not resume sessions of a server that requests certificates but sets no session id context.
  const auto accept_but_never_resume = [&] {
    Session session = server->accept();
    SSL_set_verify(session.get(), SSL_VERIFY_PEER, nullptr);
    return session;
  };
  const Visit first = visit(accept_but_never_resume(), calling(client, tickets, TLS1_2_VERSION));
  CHECK(first.served);
  const Visit second = visit(accept_but_never_resume(), calling(client, tickets, TLS1_2_VERSION));
  CHECK_FALSE(second.served);
  const Visit third = visit(accept_but_never_resume(), calling(client, tickets, TLS1_2_VERSION));
  CHECK(third.served);
  CHECK_FALSE(third.resumed);
}

TEST_CASE("a client without a name to verify resumes nothing") {
  const Context server = TlsContext::of_server(server_options()).value();
  const Context client = TlsContext::of_client(client_options()).value();
  const auto tickets = std::make_shared<TlsTickets>();
  REQUIRE(visit(server->accept(), calling(client, tickets, TLS1_3_VERSION)).served);
  const Visit nameless = visit(server->accept(), calling(client, tickets, TLS1_3_VERSION, ""));
  CHECK_FALSE(nameless.served);
  CHECK_FALSE(nameless.resumed);
}

TEST_CASE("a ticket expires with the server's certificate") {
  const TestIdentity old = our_authority().issue({.valid_from_hours = -3, .valid_until_hours = -1});
  const Context server = TlsContext::of_server(server_options(old)).value();
  const Context client = TlsContext::of_client(client_options()).value();
  const auto tickets = std::make_shared<TlsTickets>();
  Session two_hours_ago = calling(client, tickets, TLS1_3_VERSION);
  X509_VERIFY_PARAM_set_time(SSL_get0_param(two_hours_ago.get()), std::time(nullptr) - 2 * 3600);
  REQUIRE(visit(server->accept(), std::move(two_hours_ago)).served);
  const Visit now = visit(server->accept(), calling(client, tickets, TLS1_3_VERSION));
  CHECK_FALSE(now.served);
  CHECK(now.failure.starts_with("TLS: certificate has expired"));
}

TEST_CASE("TLS 1.3's tickets are used once each, and few are kept") {
  const Context server = TlsContext::of_server(server_options()).value();
  const Context client = TlsContext::of_client(client_options()).value();
  const auto tickets = std::make_shared<TlsTickets>();
  for (int time = 0; time < 2 * static_cast<int>(TlsTickets::kept_max); ++time) {
    const auto others = std::make_shared<TlsTickets>();
    REQUIRE(visit(server->accept(), calling(client, others, TLS1_3_VERSION)).served);
    while (const auto ticket = others->take()) tickets->keep(*ticket);
  }
  for (std::size_t at = 0; at < TlsTickets::kept_max; ++at) CHECK(tickets->take());
  CHECK_FALSE(tickets->take());
}

}  // namespace
}  // namespace ringrpc::test
