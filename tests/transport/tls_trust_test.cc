// The peers that each side of TLS trusts, its reports about others, and the contents of certificates.
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "ringrpc/tls.h"

#include "apps/scratch_file.h"
#include "base/internals.h"
#include "transport/client_certificates.h"
#include "transport/identify.h"
#include "transport/tls_ends.h"

namespace ringrpc::test {
namespace {

/// The failure that each end reports; empty if a byte passed in each direction.
struct Outcome {
  std::string server;
  std::string client;
  PeerIdentity identity;  ///< as the server sees it
};

Outcome meet(Session serving, Session calling) {
  Simulation simulation(1);
  Outcome outcome;
  {
    Ends ends(simulation, std::move(serving), std::move(calling));
    ends.client->send("x");
    ends.server->send("y");
    const auto settled = [](const std::optional<Peer>& end) { return end->ended || !end->received.empty(); };
    REQUIRE(simulation.run_until([&] { return settled(ends.server) && settled(ends.client); }));
    simulation.run_for(std::chrono::seconds(5));
    outcome.server = Ends::failure(ends.server);
    outcome.client = Ends::failure(ends.client);
    outcome.identity = ringrpc::identify(ends.server->stream());
    CHECK(ends.server->ended.value_or(0) == (outcome.server.empty() ? 0 : EPROTO));
    CHECK(ends.client->ended.value_or(0) == (outcome.client.empty() ? 0 : EPROTO));
  }
  CHECK(simulation.run_until_quiet());
  CHECK(simulation.clean());
  return outcome;
}

ServerTlsOptions strict_server() {
  ServerTlsOptions options = server_options();
  options.client_authorities = Pem::text(our_authority().certificate());
  return options;
}

TEST_CASE("a certificate is trusted for its names and by its CA, also through an intermediate") {
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const Outcome outcome = meet(server_side(), client_side(client_options(), host));
    CHECK(outcome.client.empty());
    CHECK(outcome.server.empty());
    CHECK_FALSE(outcome.identity.certificate);
  }
  const TestAuthority between = our_authority().delegate("one in between");
  TestIdentity identity = between.issue({});
  identity.certificate += between.certificate();
  CHECK(meet(server_side(server_options(identity)), client_side()).client.empty());
}

TEST_CASE("a certificate is trusted for its alternative names only, not for its subject") {
  const TestIdentity nameless = our_authority().issue({.common_name = "localhost", .names = ""});
  CHECK(meet(server_side(server_options(nameless)), client_side()).client ==
        "TLS: hostname mismatch, the certificate of CN=localhost has neither a DNS name nor an IP address as "
        "subjectAltName, and its common name does not count; it must be reissued with the server's names");
  const TestIdentity empty = our_authority().issue({.common_name = "", .names = "URI:spiffe://localhost"});
  CHECK(
      meet(server_side(server_options(empty)), client_side()).client ==
      "TLS: hostname mismatch, the certificate without a subject has neither a DNS name nor an IP address as "
      "subjectAltName; it must be reissued with the server's names");
  const TestIdentity expired = our_authority().issue({.common_name = "", .valid_until_hours = -1});
  CHECK(meet(server_side(server_options(expired)), client_side())
            .client.starts_with("TLS: certificate has expired, that without a subject on "));
}

TEST_CASE("a wildcard stands for one whole label") {
  const auto failure = [](const std::string& name, const std::string& host) {
    const TestIdentity identity = our_authority().issue({.names = "DNS:" + name});
    return meet(server_side(server_options(identity)), client_side(client_options(), host)).client;
  };
  CHECK(failure("*.example.org", "server.example.org").empty());
  for (const std::string name : {"s*.example.org", "*r.example.org", "se*er.example.org", "*.org"}) {
    CAPTURE(name);
    CHECK(failure(name, "server.example.org").starts_with("TLS: hostname mismatch, "));
  }
}

TEST_CASE("a name that cannot be checked matches no certificate") {
  using namespace std::string_literals;
  for (const std::string& name :
       {""s, "localhost\0"s, "localhost\0.example"s, "127.0.0.1\0"s, "\0"s, std::string(300, 'x')}) {
    CAPTURE(name);
    CHECK(meet(server_side(), client_side(client_options(), name))
              .client.starts_with("TLS: hostname mismatch, the certificate is for localhost, 127.0.0.1; "));
  }
  ClientTlsOptions options = client_options();
  options.server_name = "localhost\0.example"s;
  const auto loaded = ClientTls::load(options);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().to_string() == "INVALID_ARGUMENT: TLS: the server's name has a NUL byte in it");
}

TEST_CASE("a client reports why it does not trust a server, and the server gets an alert") {
  const auto refused = [](const TestSubject& subject, const std::string& host = "localhost") {
    return meet(server_side(server_options(our_authority().issue(subject))),
                client_side(client_options(), host));
  };
  Outcome outcome = refused({.common_name = "old", .valid_from_hours = -48, .valid_until_hours = -24});
  CHECK(outcome.client.starts_with("TLS: certificate has expired, that of CN=old on "));
  CHECK(outcome.client.ends_with(" UTC; it must be renewed"));
  CHECK(outcome.server ==
        "TLS: the peer refused: certificate expired; this side's certificate must be renewed");

  outcome = refused({.common_name = "new", .valid_from_hours = 24, .valid_until_hours = 48});
  CHECK(outcome.client.starts_with("TLS: certificate is not yet valid, that of CN=new from "));
  CHECK(outcome.client.ends_with("; compare the clocks of both machines"));

  outcome = refused({.names = "DNS:a.example,DNS:b.example,IP:127.0.0.9"});
  CHECK(outcome.client ==
        "TLS: hostname mismatch, the certificate is for a.example, b.example, 127.0.0.9; use one of these "
        "names in "
        "the address, or set it as the server's name");
  CHECK(outcome.server == "TLS: the peer refused: bad certificate; it rejects this side's certificate");

  outcome = refused({.names = "DNS:localhost"}, "127.0.0.1");
  CHECK(outcome.client.starts_with("TLS: IP address mismatch, the certificate is for localhost; "));

  outcome = refused({.common_name = "client", .usage = "clientAuth"});
  CHECK(outcome.client.starts_with("TLS: unsuitable certificate purpose, that of CN=client; "));
}

TEST_CASE("a client that does not know the CA names the certificate") {
  const TestAuthority stranger("a stranger");
  const Outcome outcome = meet(server_side(server_options(stranger.issue({}))), client_side());
  CHECK(outcome.client ==
        "TLS: unable to get local issuer certificate, that of CN=test; add the certificate "
        "authority (CA) that signed it to the trusted CAs");
  CHECK(outcome.server ==
        "TLS: the peer refused: unknown CA; it does not trust the certificate authority (CA) that "
        "signed this side's certificate");
}

TEST_CASE("a server with CAs for clients identifies its clients") {
  const TestSubject subject{.common_name = "billing",
                            .names =
                                "URI:spiffe://example.org/billing,DNS:billing.example,IP:10.0.0.1,"
                                "IP:fd00::1,email:billing@example.org"};
  for (const TlsVersion version : {TlsVersion::tls_1_2, TlsVersion::tls_1_3}) {
    ServerTlsOptions options = strict_server();
    options.version_min = version;
    const Outcome outcome =
        meet(server_side(options), client_side(client_options(our_authority().issue(subject))));
    CHECK(outcome.client.empty());
    REQUIRE(outcome.identity.certificate);
    const CertificateIdentity& who = *outcome.identity.certificate;
    CHECK(who.subject == "CN=billing");
    CHECK(who.spiffe_id == "spiffe://example.org/billing");
    CHECK(who.uris == std::vector<std::string>{"spiffe://example.org/billing"});
    CHECK(who.dns_names == std::vector<std::string>{"billing.example"});
    CHECK(who.ip_addresses == std::vector<std::string>{"10.0.0.1", "fd00::1"});
    CHECK(who.email_addresses == std::vector<std::string>{"billing@example.org"});
    CHECK(to_string(outcome.identity) == "spiffe://example.org/billing");
  }
}

TEST_CASE("a SPIFFE id is the only URI, and names a trust domain") {
  const auto id_of = [](const std::string& names) {
    const Outcome outcome = meet(server_side(strict_server()),
                                 client_side(client_options(our_authority().issue({.names = names}))));
    REQUIRE(outcome.identity.certificate);
    return outcome.identity.certificate->spiffe_id;
  };
  CHECK(id_of("URI:spiffe://example.org") == "spiffe://example.org");
  CHECK(id_of("URI:spiffe://example.org/a,URI:spiffe://example.org/b").empty());
  CHECK(id_of("URI:https://example.org/a").empty());
  CHECK(id_of("URI:spiffe:///a").empty());
  CHECK(id_of("").empty());
}

TEST_CASE("a server with CAs for clients refuses certificates of others") {
  Outcome outcome = meet(server_side(strict_server()), client_side());
  CHECK(outcome.server == "TLS: the client has sent no certificate; this server requires one");
  CHECK(outcome.client == "TLS: the peer refused: certificate required; it requires a client certificate");
  CHECK_FALSE(outcome.identity.certificate);

  const TestAuthority stranger("a stranger");
  outcome = meet(server_side(strict_server()),
                 client_side(client_options(stranger.issue({.common_name = "mallory"}))));
  CHECK(outcome.server.starts_with("TLS: unable to get local issuer certificate, that of CN=mallory; "));
  CHECK(outcome.client ==
        "TLS: the peer refused: unknown CA; it does not trust the certificate authority (CA) that "
        "signed this side's certificate");
  CHECK_FALSE(outcome.identity.certificate);

  const TestIdentity old = our_authority().issue({.valid_from_hours = -48, .valid_until_hours = -24});
  outcome = meet(server_side(strict_server()), client_side(client_options(old)));
  CHECK(outcome.server.starts_with("TLS: certificate has expired, that of CN=test on "));
  CHECK(outcome.client ==
        "TLS: the peer refused: certificate expired; this side's certificate must be renewed");
}

TEST_CASE("a context knows when the first of its certificates expires") {
  const auto expires_in_hours = [](const ServerTlsOptions& options) {
    const auto context = TlsContext::of_server(options).value();
    const std::vector<CertificateSnapshot> certificates = context->certificates();
    REQUIRE(!certificates.empty());
    const auto expires = certificates.front().not_after.time_since_epoch();
    return static_cast<double>(expires.count() - std::time(nullptr)) / 3600;
  };
  const TestIdentity soon = our_authority().issue({.valid_until_hours = 5});
  CHECK(expires_in_hours(server_options(soon)) == doctest::Approx(5).epsilon(0.1));
  const TestIdentity old = our_authority().issue({.valid_from_hours = -48, .valid_until_hours = -24});
  CHECK(expires_in_hours(server_options(old)) == doctest::Approx(-24).epsilon(0.1));
  // An intermediate certificate that expires earlier.
  const TestIdentity late = our_authority().issue({.valid_until_hours = 100});
  CHECK(expires_in_hours(server_options({late.certificate + soon.certificate, late.key})) ==
        doctest::Approx(5).epsilon(0.1));
}

TEST_CASE("a context lists its certificates, from the one that expires first, by their use") {
  using Use = CertificateSnapshot::Use;
  const TestIdentity late = our_authority().issue({.common_name = "late", .valid_until_hours = 15});
  const TestIdentity soon = our_authority().issue({.common_name = "soon", .valid_until_hours = 5});
  ServerTlsOptions options = strict_server();
  options.certificate = Pem::text(late.certificate + soon.certificate);
  options.private_key = Pem::text(late.key);
  const std::vector<CertificateSnapshot> all = TlsContext::of_server(options).value()->certificates();
  REQUIRE(all.size() == 3);
  CHECK(all[0].use == Use::intermediate);
  CHECK(all[0].subject == "CN=soon");
  CHECK(!all[0].serial.empty());
  CHECK(all[1].use == Use::server);
  CHECK(all[1].subject == "CN=late");
  CHECK(all[1].serial != all[0].serial);
  CHECK(all[2].use == Use::client_ca);
  CHECK(std::ranges::is_sorted(all, {}, &CertificateSnapshot::not_after));
}

TEST_CASE(
    "a client's context lists its own certificate and the CAs that it was given, but not the system's") {
  using Use = CertificateSnapshot::Use;
  CHECK(TlsContext::of_client({}).value()->certificates().empty());
  const TestIdentity own = our_authority().issue({.common_name = "own", .valid_until_hours = 5});
  ClientTlsOptions options = client_options();
  options.certificate = Pem::text(own.certificate);
  options.private_key = Pem::text(own.key);
  const std::vector<CertificateSnapshot> all = TlsContext::of_client(options).value()->certificates();
  REQUIRE(all.size() == 2);
  CHECK(all[0].use == Use::client);
  CHECK(all[0].subject == "CN=own");
  CHECK(all[1].use == Use::server_ca);
}

TEST_CASE("the certificates of clients are listed until their last owner is gone") {
  const TestIdentity own = our_authority().issue({.common_name = "listed", .valid_until_hours = 1});
  const auto listed = [] {
    return std::ranges::any_of(client_certificates(),
                               [](const auto& each) { return each.subject == "CN=listed"; });
  };
  {
    ClientTlsOptions options = client_options();
    options.certificate = Pem::text(own.certificate);
    options.private_key = Pem::text(own.key);
    const auto tls = ClientTls::load(options);
    REQUIRE(tls.has_value());
    CHECK(listed());
    CHECK(std::ranges::is_sorted(client_certificates(), {}, &CertificateSnapshot::not_after));
  }
  CHECK_FALSE(listed());
}

/// A connection of a client that may have connected before.
struct Meeting {
  Outcome outcome;
  bool resumed = false;
  std::shared_ptr<SSL_SESSION> ticket{};  ///< for the next connection
};

Meeting meeting_of(Session serving, Session calling) {
  REQUIRE(SSL_up_ref(serving.get()) == 1);
  REQUIRE(SSL_up_ref(calling.get()) == 1);
  const Session server(serving.get());
  const Session client(calling.get());
  Meeting made{.outcome = meet(std::move(serving), std::move(calling))};
  made.resumed = SSL_session_reused(server.get()) == 1;
  // A copy, because an end without close_notify makes the session's own ticket unusable.
  made.ticket.reset(SSL_SESSION_dup(SSL_get_session(client.get())), SSL_SESSION_free);
  return made;
}

TEST_CASE("a client resumes while its certificate is valid, and not when it has expired") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const auto serving = TlsContext::of_server(strict_server()).value();
    const auto twice = [&](const TestSubject& subject, std::int64_t first_hours) {
      const auto context = TlsContext::of_client(client_options(our_authority().issue(subject))).value();
      const auto calling = [&] {
        Session session = context->connect("localhost");
        SSL_set_max_proto_version(session.get(), version);
        return session;
      };
      Session at_first = serving->accept();
      X509_VERIFY_PARAM_set_time(SSL_get0_param(at_first.get()), std::time(nullptr) + first_hours * 3600);
      const Meeting first = meeting_of(std::move(at_first), calling());
      CHECK(first.outcome.server.empty());
      CHECK_FALSE(first.resumed);
      Session again = calling();
      REQUIRE(SSL_set_session(again.get(), first.ticket.get()) == 1);
      return meeting_of(serving->accept(), std::move(again));
    };
    const Meeting valid = twice({.common_name = "alice"}, 0);
    CHECK(valid.outcome.server.empty());
    CHECK(valid.resumed);
    REQUIRE(valid.outcome.identity.certificate);
    CHECK(valid.outcome.identity.certificate->subject == "CN=alice");

    const Meeting expired =
        twice({.common_name = "bob", .valid_from_hours = -3, .valid_until_hours = -1}, -2);
    CHECK(expired.outcome.server.starts_with("TLS: certificate has expired, that of CN=bob on "));
    CHECK_FALSE(expired.resumed);
    CHECK_FALSE(expired.outcome.identity.certificate);
  }
}

TEST_CASE("a client that does not offer HTTP/2 is refused with no_application_protocol") {
  for (const std::string_view offered : {"", "\x08http/1.1", "\x02h3\x03h2c"}) {
    CAPTURE(std::string(offered));
    const Outcome outcome = meet(server_side(), foreign_client([&](SSL_CTX* context) {
                                   if (!offered.empty()) offer(context, offered);
                                 }));
    CHECK(outcome.server == (offered.empty()
                                 ? "TLS: the client offers no protocol; it must offer HTTP/2 (ALPN h2)"
                                 : "TLS: the client does not speak HTTP/2; it must offer ALPN h2"));
    CHECK(outcome.client ==
          "TLS: the peer refused: no application protocol; it does not speak HTTP/2 (ALPN h2)");
  }
}

TEST_CASE("HTTP/2 is chosen from among others") {
  CHECK(meet(server_side(), foreign_client([](SSL_CTX* context) { offer(context, "\x08http/1.1\x02h2"); }))
            .server.empty());
}

TEST_CASE("a client refuses a server that does not choose HTTP/2") {
  static const TestIdentity identity = our_authority().issue({});
  Session serving = foreign_session(TLS_server_method(), [](SSL_CTX* context) {
    const openssl::Owned<BIO> certificate(BIO_new_mem_buf(identity.certificate.data(), -1));
    const openssl::Owned<BIO> key(BIO_new_mem_buf(identity.key.data(), -1));
    const openssl::Owned<X509> shown(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
    const openssl::Owned<EVP_PKEY> secret(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
    REQUIRE(SSL_CTX_use_certificate(context, shown.get()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(context, secret.get()) == 1);
  });
  SSL_set_accept_state(serving.get());
  const Outcome outcome = meet(std::move(serving), client_side());
  CHECK(outcome.client == "TLS: the server does not choose HTTP/2 (ALPN h2); it may not speak gRPC");
}

TEST_CASE("versions below the minimum are refused: TLS 1.1 always, 1.2 if it is disabled") {
  const auto old_client = [](int version) {
    return foreign_client([version](SSL_CTX* context) {
      offer(context, "\x02h2");
      SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
      SSL_CTX_set_max_proto_version(context, version);
      SSL_CTX_set_cipher_list(context, "DEFAULT@SECLEVEL=0");
    });
  };
  Outcome outcome = meet(server_side(), old_client(TLS1_1_VERSION));
  CHECK(outcome.server == "TLS: no version of TLS in common; this side supports 1.3 and 1.2");
  CHECK(outcome.client ==
        "TLS: the peer refused: protocol version; it supports no version of TLS that this side supports");
  CHECK(meet(server_side(), old_client(TLS1_2_VERSION)).server.empty());
  ServerTlsOptions strict = server_options();
  strict.version_min = TlsVersion::tls_1_3;
  CHECK(meet(server_side(strict), old_client(TLS1_2_VERSION)).server ==
        "TLS: no version of TLS in common; this side supports 1.3");
}

TEST_CASE("plaintext is recognised on either side") {
  Simulation simulation(1);
  auto [near, far] = simulation.network().connected_pair();
  Shard& shard = simulation.shard(0);
  Peer plain(shard, std::move(near));
  plain.start();
  std::string expected = "TLS: the peer does not speak TLS; it may use plaintext";
  SUBCASE("by a server") {
    Peer server(shard, std::make_unique<TlsStream>(shard, shard.io().adopt(std::move(far)), server_side()));
    server.start();
    plain.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    REQUIRE(simulation.run_until([&] { return server.ended.has_value(); }));
    CHECK(server.stream().failure().message() == expected);
  }
  SUBCASE("by a client") {
    Peer client(shard, std::make_unique<TlsStream>(shard, shard.io().adopt(std::move(far)), client_side()));
    client.start();
    plain.send(std::string("\0\0\0\4\0\0\0\0\0", 9));
    // At once, though the peer does not close the connection.
    REQUIRE(simulation.run_until([&] { return client.ended.has_value(); }, std::chrono::milliseconds(100)));
    CHECK(client.stream().failure().message() == expected);
  }
}

TEST_CASE("unusable credentials are refused with the reason") {
  const TestIdentity one = our_authority().issue({});
  const TestIdentity other = our_authority().issue({});
  const auto refusal = [](const ServerTlsOptions& options) {
    const auto loaded = ServerTls::load(options);
    return loaded ? "taken" : loaded.error().to_string();
  };
  CHECK(refusal({}) == "INVALID_ARGUMENT: TLS: a server needs a certificate and its private key");
  CHECK(refusal({.certificate = Pem::text(one.certificate), .private_key = Pem::text(other.key)}) ==
        "INVALID_ARGUMENT: TLS: the private key: the key is not that of the first certificate in the "
        "certificate");
  CHECK(refusal({.certificate = Pem::text("nothing"), .private_key = Pem::text(one.key)}) ==
        "INVALID_ARGUMENT: TLS: the certificate: there is no certificate in it; want PEM, -----BEGIN "
        "CERTIFICATE-----");
  CHECK(refusal({.certificate = Pem::text(one.certificate), .private_key = Pem::text(one.certificate)}) ==
        "INVALID_ARGUMENT: TLS: the private key: there is no private key in it; want PEM, -----BEGIN PRIVATE "
        "KEY-----");
  std::string damaged = one.certificate;
  damaged.replace(damaged.size() / 2, 8, "########");
  CHECK(refusal({.certificate = Pem::text(damaged), .private_key = Pem::text(one.key)})
            .starts_with("INVALID_ARGUMENT: TLS: the certificate: a certificate in it is damaged ("));
  CHECK(refusal({.certificate = Pem::file("/nowhere/server.pem"), .private_key = Pem::text(one.key)}) ==
        "NOT_FOUND: TLS: open /nowhere/server.pem: no such file or directory");
  CHECK(refusal({.certificate = Pem::file("/dev/zero"), .private_key = Pem::text(one.key)}) ==
        "INVALID_ARGUMENT: TLS: /dev/zero: more than 1 MiB; is it the right file?");
  const auto half = ClientTls::load({.certificate = Pem::text(one.certificate)});
  REQUIRE_FALSE(half);
  CHECK(half.error().message() == "TLS: a client certificate and its private key must be given together");
}

TEST_CASE("a file may be a pipe that is still being written to") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const std::string text(50'000, 'x');
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // so that the reader comes first
    CHECK(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
  });
  const Result<std::string> read = Pem::file("/proc/self/fd/" + std::to_string(ends[0])).read();
  writer.join();
  ::close(ends[0]);
  REQUIRE_MESSAGE(read, read.error().to_string());
  CHECK(*read == text);
}

TEST_CASE("a pipe without a writer is empty, and reading does not wait") {
  const apps::ScratchFile file("");
  ::unlink(file.path().c_str());
  REQUIRE(::mkfifo(file.path().c_str(), 0600) == 0);
  CHECK(Pem::file(file.path()).read().value().empty());
}

TEST_CASE("a key of another type than the certificate's is refused, at the start and at a reload") {
  const TestIdentity elliptic = our_authority().issue({});
  const TestIdentity rsa = our_authority().issue({.rsa = true});
  const apps::ScratchFile certificate(rsa.certificate);
  const apps::ScratchFile key(elliptic.key);
  const ServerTlsOptions options = {.certificate = Pem::file(certificate.path()),
                                    .private_key = Pem::file(key.path())};
  const std::string why = "TLS: " + key.path() + ": the key is not that of the first certificate in ";
  const auto mixed = ServerTls::load(options);
  REQUIRE_FALSE(mixed);
  CHECK(mixed.error().message() == why + certificate.path());

  key.write(rsa.key);
  const auto tls = ServerTls::load(options);
  REQUIRE_MESSAGE(tls, tls.error().to_string());
  const auto loaded = detail::Internals::context(**tls);
  key.write(elliptic.key);
  CHECK((*tls)->reload().message() == why + certificate.path());
  key.write(rsa.key);
  certificate.write(elliptic.certificate);
  CHECK((*tls)->reload().message() == why + certificate.path());
  CHECK(detail::Internals::context(**tls) == loaded);
}

}  // namespace
}  // namespace ringrpc::test
