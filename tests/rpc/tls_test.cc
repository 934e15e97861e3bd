// Calls over TLS, and the reports of failed handshakes.
#include "ringrpc/tls.h"

#include <array>
#include <doctest/doctest.h>
#include <memory>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "ringrpc/resolver.h"
#include "ringrpc/sleep.h"

#include "apps/captured_stderr.h"
#include "base/log_quota.h"
#include "rpc/client/raw_host.h"
#include "rpc/who_am_i.h"
#include "rpc/world.h"
#include "text_data.h"
#include "transport/test_authority.h"
#include "transport/tls_context.h"
#include "transport/tls_stream.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using test::our_authority;
using test::TestIdentity;

std::shared_ptr<ServerTls> loaded(const ServerTlsOptions& options) {
  auto tls = ServerTls::load(options);
  REQUIRE_MESSAGE(tls, tls.error().to_string());
  return *tls;
}
std::shared_ptr<const ClientTls> loaded(const ClientTlsOptions& options) {
  auto tls = ClientTls::load(options);
  REQUIRE_MESSAGE(tls, tls.error().to_string());
  return *tls;
}

ServerOptions serving(const ServerTlsOptions& options = test::server_options()) {
  ServerOptions server;
  server.tls = loaded(options);
  return server;
}
ChannelOptions calling(const ClientTlsOptions& options = test::client_options()) {
  ChannelOptions channel;
  channel.tls = loaded(options);
  return channel;
}

constexpr std::string_view secure_address = "tls+127.0.0.1:0";

TEST_CASE("unary calls and streams of any size pass through TLS, whatever the network") {
  for_each_world([](World& world) {
    world.serve(serving(), secure_address);
    CHECK(world.address().starts_with("tls+127.0.0.1:"));
    const bool done = world.run(
        [](Channel& channel) -> Task<void> {
          for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{20'000}}) {
            const auto answer = co_await unary(channel, "Echo", std::string(bytes, 'x'));
            CHECK_MESSAGE(answer, answer.error().to_string());
            if (answer) CHECK(answer->bytes == std::string(bytes, 'x'));
          }
          auto chat = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Raw/Chat");
          for (int at = 0; at < 5; ++at) {
            CHECK(co_await chat.write(RawMessage{std::to_string(at)}));
            const auto answer = co_await chat.next();
            REQUIRE(answer);
            CHECK(answer->bytes == std::to_string(at));
          }
          chat.writes_done();
          CHECK_FALSE(co_await chat.next());
          CHECK((co_await chat.finish()).ok());
        },
        calling());
    CHECK(done);
  });
}

TEST_CASE("a handler knows the client by its certificate, over a unix socket by its process too") {
  ServerTlsOptions strict = test::server_options();
  strict.client_authorities = Pem::text(our_authority().certificate());
  const TestIdentity billing = our_authority().issue({.names = "URI:spiffe://example.org/billing"});
  const auto ask = [&](World& world, std::string_view where) {
    WhoAmI service;
    std::string answered;
    world.also_serve(service);
    world.serve(serving(strict), where);
    const auto script = [&](Channel& channel) -> Task<void> {
      const auto answer =
          co_await channel.unary<RawMessage, RawMessage>("/test.v1.WhoAmI/Ask", RawMessage{}, {});
      CHECK_MESSAGE(answer, answer.error().to_string());
      if (answer) answered = answer->bytes;
    };
    CHECK(world.run(script, calling(test::client_options(billing))));
    world.stop();
    return answered;
  };
  SimulatedWorld simulated(1);
  CHECK(ask(simulated, secure_address) == "spiffe://example.org/billing");
  RealWorld real;
  CHECK(ask(real, "tls+unix-abstract:ringrpc-tls-test-" + std::to_string(::getpid())) ==
        "pid " + std::to_string(::getpid()) + ", uid " + std::to_string(::geteuid()) + ", gid " +
            std::to_string(::getegid()) + ", spiffe://example.org/billing");
}

/// The status of a call over a channel to `world`.
Status outcome(World& world, const ChannelOptions& options, std::string address = {}) {
  Status status;
  const auto script = [&](Channel& channel) -> Task<void> {
    const auto answer = co_await unary(channel, "Echo", "x");
    if (!answer) status = answer.error();
  };
  CHECK(world.run_against(address.empty() ? world.address() : address, script, options));
  return status;
}

TEST_CASE("a failed handshake is reported with the address, the cause and the remedy") {
  Cause cause = Cause::other;
  const auto refusal = [&cause](const ServerTlsOptions& server, const ClientTlsOptions& client) {
    SimulatedWorld world(1);
    world.serve(serving(server), "tls+127.0.0.1:7");
    const Status status = outcome(world, calling(client), "127.0.0.1:7");
    cause = status.cause();
    return status.to_string();
  };
  const auto old = our_authority().issue({.valid_from_hours = -48, .valid_until_hours = -24});
  const std::string expired = refusal(test::server_options(old), test::client_options());
  CHECK(expired.starts_with(
      "UNAVAILABLE: connect 127.0.0.1:7: TLS: certificate has expired, that of CN=test on "));

  const auto elsewhere = our_authority().issue({.names = "DNS:example.org"});
  CHECK(test::missing(refusal(test::server_options(elsewhere), test::client_options()),
                      {"UNAVAILABLE: connect 127.0.0.1:7: TLS: ", "example.org"}) == "");
  CHECK(cause == Cause::misnamed);
  ClientTlsOptions named = test::client_options();
  named.server_name = "example.org";
  CHECK(refusal(test::server_options(elsewhere), named) == "OK");

  const test::TestAuthority stranger("a stranger");
  CHECK(test::missing(refusal(test::server_options(stranger.issue({})), test::client_options()),
                      {"UNAVAILABLE: connect 127.0.0.1:7: TLS: ", "CN=test"}) == "");
  CHECK(cause == Cause::untrusted);

  ServerTlsOptions strict = test::server_options();
  strict.client_authorities = Pem::text(our_authority().certificate());
  CHECK(test::missing(refusal(strict, test::client_options()),
                      {"UNAVAILABLE: connect 127.0.0.1:7: TLS: ", "certificate required"}) == "");
  CHECK(cause == Cause::certificate_wanted);
}

/// Gives one address, with the name of its certificate.
struct OneAddress final : Resolver {
  Task<Result<Resolution>> resolve(ResolveRequest) override {
    co_return Resolution{.addresses = {{.address = "127.0.0.1:7", .server_name = name}}};
  }
  std::string name;
};

TEST_CASE("a resolver gives each address the name of its certificate, unless the options have one for all") {
  const auto resolver = std::make_shared<OneAddress>();
  const auto response = [&](const std::string& name, const std::string& for_all) {
    SimulatedWorld world(1);
    world.serve(serving(test::server_options(our_authority().issue({.names = "DNS:a.example"}))),
                "tls+127.0.0.1:7");
    resolver->name = name;
    ClientTlsOptions tls = test::client_options();
    tls.server_name = for_all;
    ChannelOptions options = calling(tls);
    options.resolvers = {{"inventory", resolver}};
    return outcome(world, options, "inventory:///orders").to_string();
  };
  const std::string refused =
      "UNAVAILABLE: connect inventory:///orders at 127.0.0.1:7: TLS: hostname mismatch, ";
  CHECK(response("a.example", "") == "OK");
  CHECK(test::missing(response("b.example", ""), {refused, "a.example"}) == "");
  CHECK(test::missing(response("", ""), {refused, "a.example"}) == "");  // the channel's name is "orders"
  CHECK(response("b.example", "a.example") == "OK");
}

TEST_CASE("handshakes that fail cannot hide from the log what other clients do") {
  SimulatedWorld world(1);
  world.serve(serving());
  const auto connected = [&](bool tls) {
    auto [ours, theirs] = world.simulation().network().connected_pair();
    world.server_shard().load().fetch_add(1);
    world.server().add(std::move(theirs), tls);
    return std::make_unique<RawPeer>(world.client_shard(), std::move(ours));
  };
  const auto count = [](const std::string& text, std::string_view what) {
    int found = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++found;
    return found;
  };
  constexpr std::string_view failed = ": TLS: ";
  const apps::CapturedStderr captured;
  std::vector<std::unique_ptr<RawPeer>> strangers;
  for (int at = 0; at < 2 * LogQuota::burst; ++at) strangers.push_back(connected(true));
  for (const auto& each : strangers) each->send("GET / HTTP/1.1\r\n\r\n");
  REQUIRE(world.run_until([&] { return world.server().counters().connections_open == 0; }));
  const auto client = connected(false);
  client->send(std::string(http2::test::preface) + http2::test::settings() +
               http2::test::goaway(0, http2::ErrorCode::internal_error));
  REQUIRE(world.run_until([&] { return world.server().counters().connections_open == 0; }));
  const std::string text = captured.text();
  CHECK(count(text, failed) >= LogQuota::burst);
  CHECK(count(text, failed) < 2 * LogQuota::burst);
  CHECK(count(text, ": the client sent GOAWAY: INTERNAL_ERROR \n") == 1);
}

TEST_CASE("a plaintext peer is distinguished from a missing one") {
  SimulatedWorld world(1);
  SUBCASE("nobody") { CHECK(outcome(world, calling(), "127.0.0.1:7").cause() == Cause::refused); }
  SUBCASE("the server") {
    world.serve({}, "127.0.0.1:7");
    const Status status = outcome(world, calling());
    CHECK(status.message().starts_with("connect 127.0.0.1:7: TLS: "));
    CHECK(status.cause() == Cause::no_tls);
  }
  SUBCASE("the client") {
    world.serve(serving(), "tls+127.0.0.1:7");
    const Status status = outcome(world, {}, "127.0.0.1:7");
    CHECK(status.code() == Code::UNAVAILABLE);
    CHECK(status.message().starts_with("connect 127.0.0.1:7: "));
    CHECK(status.cause() == Cause::no_http2);
  }
  SUBCASE("the client, and the server objects with an alert") {
    test::RawHost host(world);
    host.greeting = std::string("\x15\x03\x03\x00\x02\x02\x46", 7);
    const Status status = outcome(world, {}, "127.0.0.1:7");
    CHECK(test::missing(status.message(), {"connect 127.0.0.1:7: ", "tls+"}) == "");
    CHECK(status.cause() == Cause::tls);
  }
  SUBCASE("the client, and the server is one of HTTP/1.1") {
    test::RawHost host(world);
    host.greeting = "HTTP/1.1 400 Bad Request\r\n\r\n";
    CHECK(outcome(world, {}, "127.0.0.1:7").cause() == Cause::no_http2);
  }
}

TEST_CASE("a target with tls+ needs no options, and then trusts only the system's CAs") {
  SimulatedWorld world(1);
  world.serve(serving(), "tls+127.0.0.1:7");
  CHECK(outcome(world, {}).message().starts_with(
      "connect tls+127.0.0.1:7: TLS: unable to get local issuer certificate"));
}

TEST_CASE("a client that does not finish its handshake times out like one that sends no preface") {
  SimulatedWorld world(1);
  ServerOptions options = serving();
  options.handshake_timeout = 3s;
  world.serve(options, "tls+127.0.0.1:7");
  auto [ours, theirs] = world.simulation().network().connected_pair();
  world.server_shard().load().fetch_add(1);
  world.server().add(std::move(theirs), true);
  RawPeer client(world.client_shard(), std::move(ours));
  client.send(std::string("\x16\x03\x01\x02\x00\x01", 6));  // a record that is never completed
  world.simulation().run_for(2s);
  CHECK_FALSE(client.closed());
  world.simulation().run_for(3s);
  CHECK(client.closed());
}

TEST_CASE("a server that does not respond to the hello times out, and the status names the missing step") {
  SimulatedWorld world(1);
  test::RawHost host(world);
  host.greeting.clear();
  ChannelOptions options = calling();
  options.connect_timeout = 200ms;
  options.backoff.initial = 100ms;
  const Status status = outcome(world, options, "127.0.0.1:7");
  CHECK(status.message().starts_with("connect 127.0.0.1:7: TLS: "));
  CHECK(status.message().ends_with(" within 200 ms"));
  CHECK(status.cause() == Cause::no_tls);
}

/// A hand-made server, which shows the fields as they arrived. Its responses are OK without a message.
class SecureHost final : Acceptor::Handler {
 public:
  SecureHost(SimulatedWorld& where, const TlsContext& tls, std::string_view at) : world_(where), tls_(tls) {
    const auto address = resolve(*Address::parse(at));
    acceptor_ = std::move(*world_.server_shard().io().listen(address->front(), 16, *this));
  }
  std::unique_ptr<RawPeer> peer;
  std::vector<openssl::Owned<SSL>> sessions;  ///< of all clients

  /// True for each session that was resumed.
  std::vector<bool> known() const {
    std::vector<bool> each;
    for (const auto& session : sessions) each.push_back(SSL_session_reused(session.get()) == 1);
    return each;
  }

 private:
  void on_accepted(UniqueFd connection) override {
    Shard& shard = world_.server_shard();
    auto carrier = shard.io().adopt(std::move(connection));
    openssl::Owned<SSL> session = tls_.accept();
    SSL_up_ref(session.get());
    sessions.emplace_back(session.get());
    peer = std::make_unique<RawPeer>(
        shard, std::make_unique<TlsStream>(shard, std::move(carrier), std::move(session)));
    peer->send(http2::test::settings() + http2::test::settings_ack());
    peer->on_headers = [this](std::uint32_t stream) {
      peer->send(peer->encoder.headers(
          stream, {{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "0"}},
          http2::test::end_stream));
    };
  }
  void on_accept_error(int) override {}
  SimulatedWorld& world_;
  const TlsContext& tls_;
  std::unique_ptr<Acceptor> acceptor_;
};

TEST_CASE("the server counts handshakes by their outcome, and connections over TLS apart") {
  SimulatedWorld world(1);
  ServerOptions options = serving();
  options.metrics = true;
  options.max_connection_idle = 1s;
  world.serve(options, secure_address);
  const auto come_twice = [](Channel& channel) -> Task<void> {
    for (int time = 0; time < 2; ++time) {
      CHECK(co_await unary(channel, "Echo", "x"));
      co_await sleep_for(5s);  // the connection is drained
    }
  };
  CHECK(world.run(come_twice, calling()));
  const ConnectionMetrics& connections = world.server().metrics()->connections;
  CHECK(connections.tls.full == 1);
  CHECK(connections.tls.resumed == 1);
  CHECK(connections.tls.failed == 0);
  CHECK(connections.drained == 2);
  const std::size_t kind =
      ConnectionMetrics::index_of({.transport = ConnectionKind::Transport::tcp, .tls = true});
  CHECK(connections.accepted[kind] == 2);
  CHECK(connections.ended[kind] == 2);
  // A client without TLS.
  const std::string plain = world.address().substr(std::string_view("tls+").size());
  CHECK(world.run_against(plain, [](Channel& channel) -> Task<void> {
    CHECK(!co_await unary(channel, "Echo", "x", {.timeout = 1s}));
  }));
  CHECK(connections.tls.failed >= 1);
}

TEST_CASE("requests over TLS have the scheme https and the server's name") {
  SimulatedWorld world(1);
  const auto context = TlsContext::of_server(test::server_options());
  REQUIRE(context);
  const auto fields = [&](const ClientTlsOptions& options, const std::string& at) {
    SecureHost host(world, **context, at);
    const Status status = outcome(world, calling(options), at);
    CHECK(status.code() == Code::UNIMPLEMENTED);  // OK without a message
    REQUIRE(host.peer);
    return host.peer->field(1, ":scheme").value_or("none") + "://" +
           host.peer->field(1, ":authority").value_or("none");
  };
  CHECK(fields(test::client_options(), "127.0.0.1:7") == "https://127.0.0.1:7");
  ClientTlsOptions named = test::client_options();
  named.server_name = "localhost";
  CHECK(fields(named, "127.0.0.1:8") == "https://localhost");
}

TEST_CASE("a channel that reconnects resumes its session; another channel begins one") {
  SimulatedWorld world(1);
  const auto context = TlsContext::of_server(test::server_options());
  REQUIRE(context);
  SecureHost host(world, **context, "127.0.0.1:7");
  const ChannelOptions options = calling();
  const auto come_twice = [&](Channel& channel) -> Task<void> {
    for (int time = 0; time < 2; ++time) {
      const auto answer = co_await unary(channel, "Echo", "x");
      CHECK(answer.error().code() == Code::UNIMPLEMENTED);  // OK without a message
      co_await sleep_for(2s);
      host.peer.reset();  // the connection is lost
      co_await sleep_for(2s);
    }
  };
  for (int channel = 0; channel < 2; ++channel) CHECK(world.run_against("127.0.0.1:7", come_twice, options));
  CHECK(host.known() == std::vector<bool>{false, true, false, true});
}

TEST_CASE("credentials apply to every address, or only to those with tls+ if there are any") {
  RawService service;
  const auto served = [&](std::vector<std::string> listen, bool with_tls) -> std::string {
    ServerOptions options;
    if (with_tls) options = serving();
    options.listen = std::move(listen);
    options.shards = 1;
    const auto server = Server::start({&service}, options);
    if (!server) return server.error().to_string();
    std::string kinds;
    for (const std::string& address : (*server)->addresses())
      kinds += address.starts_with("tls+127.0.0.1:") ? "s" : "p";
    return kinds;
  };
  CHECK(served({"127.0.0.1:0", "127.0.0.1:0"}, true) == "ss");
  CHECK(served({"127.0.0.1:0", "tls+tcp://127.0.0.1:0"}, true) == "ps");
  CHECK(served({"127.0.0.1:0"}, false) == "p");
  CHECK(served({"127.0.0.1:0", "tls+127.0.0.1:0"}, false) ==
        "INVALID_ARGUMENT: listen on tls+127.0.0.1:0: TLS needs a certificate and a private key");
}

}  // namespace
}  // namespace ringrpc
