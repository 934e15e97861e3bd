// Permission to call methods, by the identity that the transport has verified.
#include "ringrpc/allow_list.h"

#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/log.h"
#include "ringrpc/testing/fake_call.h"

#include "apps/captured_stderr.h"
#include "base/internals.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

PeerIdentity with_certificate(CertificateIdentity certificate) {
  PeerIdentity peer;
  peer.certificate = std::make_shared<CertificateIdentity>(std::move(certificate));
  return peer;
}

PeerIdentity with_spiffe_id(const std::string& id) {
  CertificateIdentity certificate;
  certificate.uris = {id};
  certificate.spiffe_id = id;
  return with_certificate(std::move(certificate));
}

TEST_CASE("each kind of name admits its holders and no one else") {
  const auto allows = [](std::string_view who, const PeerIdentity& peer) {
    AllowList list;
    REQUIRE(list.add("*", who).ok());
    return list.allows("/p.S/M", peer);
  };
  CertificateIdentity names;
  names.subject = "CN=alice,O=x";
  names.dns_names = {"a.example", "b.example"};
  names.uris = {"https://a.example/", "urn:b"};
  names.email_addresses = {"alice@example.org"};
  const PeerIdentity alice = with_certificate(names);
  for (const char* who :
       {"*", "subject:CN=alice,O=x", "dns:b.example", "uri:urn:b", "email:alice@example.org"})
    CHECK_MESSAGE(allows(who, alice), who);
  for (const char* who : {"subject:CN=alice", "dns:.example", "dns:urn:b", "uri:urn", "email:a.example",
                          "uid:0", "spiffe://a.example/"})
    CHECK_FALSE_MESSAGE(allows(who, alice), who);

  PeerIdentity process;
  process.unix_credentials = UnixCredentials{.pid = 1, .uid = 1000, .gid = 7};
  CHECK(allows("uid:1000", process));
  CHECK_FALSE(allows("uid:100", process));
  CHECK_FALSE(allows("uid:7", process));

  PeerIdentity machine;
  machine.vsock_cid = 3;
  CHECK(allows("cid:3", machine));
  CHECK(allows("cid:03", machine));
  CHECK_FALSE(allows("cid:33", machine));
  CHECK_FALSE(allows("uid:3", machine));
  machine.vsock_cid = 4'294'967'295;
  CHECK(allows("cid:4294967295", machine));
  CHECK_FALSE(allows("cid:1000", process));

  CHECK(allows("*", {}));
  for (const char* who : {"uid:0", "cid:0", "dns:a.example", "subject:CN=alice,O=x", "spiffe://d/*"})
    CHECK_FALSE_MESSAGE(allows(who, {}), who);
}

TEST_CASE("a SPIFFE id is compared whole, or by the path above it") {
  AllowList list;
  REQUIRE(list.add("*", "spiffe://example.org/billing").ok());
  REQUIRE(list.add("*", "spiffe://example.org/ns/prod/*").ok());
  for (const char* id :
       {"spiffe://example.org/billing", "spiffe://example.org/ns/prod/a", "spiffe://example.org/ns/prod/a/b"})
    CHECK_MESSAGE(list.allows("/p.S/M", with_spiffe_id(id)), id);
  for (const char* id :
       {"spiffe://example.org/billing2", "spiffe://example.org/billing/a", "spiffe://example.org/ns/prod",
        "spiffe://example.org/ns/production/a", "spiffe://example.com/billing"})
    CHECK_FALSE_MESSAGE(list.allows("/p.S/M", with_spiffe_id(id)), id);
}

TEST_CASE("the closest list for a method counts, and without a list no caller is admitted") {
  AllowList list;
  REQUIRE(list.add("/p.S/M", "uid:1").ok());
  REQUIRE(list.add("/p.S/*", "uid:2").ok());
  const auto user = [](uid_t uid) {
    PeerIdentity peer;
    peer.unix_credentials = UnixCredentials{.pid = 1, .uid = uid, .gid = 0};
    return peer;
  };
  CHECK(list.allows("/p.S/M", user(1)));
  CHECK_FALSE(list.allows("/p.S/M", user(2)));
  CHECK(list.allows("/p.S/N", user(2)));
  CHECK_FALSE(list.allows("/p.S/N", user(1)));
  CHECK_FALSE(list.allows("/p.T/M", user(1)));
  CHECK_FALSE(list.allows("/p.S2/M", user(2)));
  REQUIRE(list.add("*", "uid:3").ok());
  CHECK(list.allows("/p.T/M", user(3)));
  CHECK_FALSE(list.allows("/p.S/M", user(3)));
}

TEST_CASE("an entry that names no method or no caller is refused and quoted") {
  AllowList list;
  for (const char* methods :
       {"", "p.S/M", "/p.S", "/p.S/", "//M", "/*", "/p.*/M", "/p.S/M*", "/p/S/M", "/p.S/M N"}) {
    CAPTURE(methods);
    CHECK(list.add(methods, "*").message() ==
          "\"" + std::string(methods) +
              "\" names no method; want /package.Service/Method, /package.Service/* or *");
  }
  for (const char* who : {"", "alice", "spiffe://", "dns:", "uid:root", "uid:-1", "uid:", "cid:", "cid:any",
                          "cid:-1", "cid:4294967296", "cid:3 "}) {
    CAPTURE(who);
    CHECK(list.add("*", who).message().starts_with("\"" + std::string(who) +
                                                   "\" names no caller; want spiffe://"));
  }
  CHECK(list.add("*", "cid:any").message().ends_with(", uid: or cid: with a number, or *"));
}

TEST_CASE("a caller who is not on the list gets PERMISSION_DENIED with its identity") {
  AllowList list;
  REQUIRE(list.add(echo_path, "*").ok());
  REQUIRE(list.add("/test.v1.Raw/*", "uid:0").ok());
  SimulatedWorld world(1);
  ServerOptions options;
  options.interceptors = {&list};
  world.serve(options);
  const auto script = [](Channel& channel) -> Task<void> {
    CHECK((co_await unary(channel, "Echo", "x")).has_value());
    const auto refused = co_await unary(channel, "Sleep", "1");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().to_string() ==
          "PERMISSION_DENIED: an unidentified caller may not call /test.v1.Raw/Sleep");
  };
  CHECK(world.run(script));
  CHECK(world.service().started == 1);
}

/// The status of a caller that no list names, and its log line.
std::pair<std::string, std::string> refusal_of(PeerIdentity peer) {
  AllowList list;
  REQUIRE(list.add("*", "uid:0").ok());
  testing::FakeCall call("/p.S/M");
  call.identity = std::move(peer);
  RawService service;
  const Method method = service.service_methods()[0];
  testing::FakeStream stream;
  bool begun = false;
  const apps::CapturedStderr captured;
  log::set_level(log::Level::debug);
  const Task<Status> task = list.intercept(
      call,
      detail::Internals::make<Next>(std::span<Interceptor* const>(), method, service, call, stream, begun));
  task.start();
  log::set_level(log::Level::info);
  REQUIRE(task.done());
  return {task.result().to_string(), captured.text()};
}

TEST_CASE("the log names a refused user or machine in a list's syntax") {
  PeerIdentity machine;
  machine.vsock_cid = 3;
  const auto [status, line] = refusal_of(machine);
  CHECK(status == "PERMISSION_DENIED: vsock cid 3 may not call /p.S/M");
  CHECK_MESSAGE(line.ends_with("vsock cid 3 may not call /p.S/M; a list names it cid:3\n"), line);
  PeerIdentity process;
  process.unix_credentials = UnixCredentials{.pid = 1, .uid = 1000, .gid = 7};
  const std::string logged = refusal_of(process).second;
  CHECK_MESSAGE(logged.ends_with("may not call /p.S/M; a list names it uid:1000\n"), logged);
}

TEST_CASE("the log has all names of a caller who is refused, the caller gets one") {
  CertificateIdentity names;
  names.subject = "CN=alice,O=x";
  names.dns_names = {"a.example", "b\n.example"};
  names.uris = {"urn:b"};
  names.email_addresses = {"alice@example.org", std::string(100'000, 'x')};
  const auto [status, line] = refusal_of(with_certificate(names));
  CHECK(status == "PERMISSION_DENIED: CN=alice,O=x may not call /p.S/M");
  CHECK_MESSAGE(
      line.find(
          " debug fake:1: CN=alice,O=x may not call /p.S/M; its certificate names subject:CN=alice,O=x, "
          "dns:a.example, dns:b\\x0a.example, uri:urn:b, email:alice@example.org, email:xxx") !=
          std::string::npos,
      line);
  CHECK(line.size() < 1400);
}

}  // namespace
}  // namespace ringrpc
