/// The forms of targets.

#include "rpc/naming/target.h"

#include <doctest/doctest.h>
#include <string>

namespace ringrpc::test {
namespace {

Result<Target> parse(const std::string& text) {
  return Target::parse(text, [](std::string_view scheme) { return scheme == "inventory"; });
}

/// The places of a target, as text.
std::string places(const std::string& text) {
  const Result<Target> target = parse(text);
  if (!target) return std::string(target.error().message());
  std::string all;
  for (const Target::Place& place : target->places()) {
    all += (all.empty() ? "" : " ") + place.address.to_string();
    if (place.name_server) all += "@" + place.name_server->to_string();
  }
  return all;
}

TEST_CASE("one address is a target") {
  for (const std::string text : {"127.0.0.1:50051", "[::1]:50051", "orders.example:443", "unix:/run/x.sock",
                                 "unix-abstract:x", "vsock:3:50051", "hvsock:///run/vm.sock:50051"})
    CHECK(places(text) == text);
  CHECK(places("unix:relative.sock") == "unix:relative.sock");
}

TEST_CASE("dns targets name a host, and perhaps the server that knows it") {
  CHECK(places("dns:orders.example:50051") == "orders.example:50051");
  CHECK(places("dns:///orders.example:50051") == "orders.example:50051");
  CHECK(places("dns:/orders.example:50051") == "orders.example:50051");
  CHECK(places("dns:///[2001:db8::1]:50051") == "[2001:db8::1]:50051");
  CHECK(places("dns://10.0.0.53/orders.example:50051") == "orders.example:50051@10.0.0.53:53");
  CHECK(places("dns://10.0.0.53:5353/orders.example:50051") == "orders.example:50051@10.0.0.53:5353");
  CHECK(places("dns://[2001:db8::53]/orders.example:1") == "orders.example:1@[2001:db8::53]:53");
  CHECK(places("dns://[2001:db8::53]:54/orders.example:1") == "orders.example:1@[2001:db8::53]:54");
}

TEST_CASE("without a port it is that of HTTPS over TLS, else that of HTTP") {
  CHECK(places("dns:///orders.example") == "orders.example:80");
  CHECK(places("tls+dns:///orders.example") == "orders.example:443");
  CHECK(places("ipv4:10.0.0.1") == "10.0.0.1:80");
  CHECK(places("tls+ipv6:2001:db8::1") == "[2001:db8::1]:443");
  CHECK(places("ipv6:[2001:db8::1]") == "[2001:db8::1]:80");
}

TEST_CASE("lists mix all forms") {
  CHECK(places("ipv4:10.0.0.1:1,10.0.0.2:2,10.0.0.3") == "10.0.0.1:1 10.0.0.2:2 10.0.0.3:80");
  CHECK(places("ipv6:[2001:db8::1]:1,[2001:db8::2]:2,2001:db8::3") ==
        "[2001:db8::1]:1 [2001:db8::2]:2 [2001:db8::3]:80");
  CHECK(places("ipv4:10.0.0.1:1,unix:/run/x.sock,vsock:3:1,dns:///a.example:1,ipv6:[::1]:2,b.example:3") ==
        "10.0.0.1:1 unix:/run/x.sock vsock:3:1 a.example:1 [::1]:2 b.example:3");
  CHECK(places("10.0.0.1:1,[::1]:2") == "10.0.0.1:1 [::1]:2");
  const Result<Target> target = parse("tls+a.example:1,10.0.0.2:2");
  REQUIRE(target);
  CHECK(target->tls());
  CHECK(target->needs_resolver());
  CHECK_FALSE(parse("10.0.0.1:1,localhost:2")->needs_resolver());
}

TEST_CASE("the first place gives the authority and the name of the certificate") {
  CHECK(parse("dns:///orders.example:50051,10.0.0.1:1")->authority() == "orders.example:50051");
  CHECK(parse("dns:///orders.example:50051")->server_name() == "orders.example");
  CHECK(parse("unix:/run/x.sock,10.0.0.1:1")->authority() == "localhost");
  CHECK(parse("inventory:///orders.example:50051")->authority() == "orders.example:50051");
  CHECK(parse("inventory:///orders.example:50051")->server_name() == "orders.example");
  CHECK(parse("inventory:///orders")->server_name() == "orders");
}

TEST_CASE("a scheme of the application's takes what follows as it is") {
  const Result<Target> target = parse("tls+inventory://rack7/orders,invoices?zone=a");
  REQUIRE(target);
  REQUIRE(target->name());
  CHECK(target->tls());
  CHECK(target->needs_resolver());
  CHECK(target->name()->scheme == "inventory");
  CHECK(target->name()->authority == "rack7");
  CHECK(target->name()->name == "orders,invoices?zone=a");
  CHECK(parse("inventory:orders")->name()->name == "orders");
}

TEST_CASE("a wrong target says what would be right") {
  const auto wrong = [](const std::string& text, const std::string& words) {
    CAPTURE(text);
    const Result<Target> target = parse(text);
    REQUIRE_FALSE(target);
    CHECK(target.error().code() == Code::INVALID_ARGUMENT);
    CHECK(target.error().message().find(text) != std::string_view::npos);
    CHECK_MESSAGE(target.error().message().find(words) != std::string_view::npos, target.error().message());
  };
  wrong("nowhere", "want host:port");
  wrong("dns://orders.example:50051", "want dns:///host:port or dns://server/host:port");
  wrong("dns://ns.example/orders.example:1", "the name server \"ns.example\" must be an IP address");
  wrong("dns:///", "");
  wrong("dns:///unix:/x", "");
  wrong("ipv4:orders.example:1", "is not an IPv4 address");
  wrong("ipv4:[::1]:1", "is not an IPv4 address");
  wrong("ipv6:10.0.0.1:1", "");
  wrong("ipv4:10.0.0.1:70000", "65535");
  wrong("10.0.0.1:1,", "");
  wrong("10.0.0.1:1,,10.0.0.2:2", "");
  wrong("10.0.0.1:1,tls+10.0.0.2:2", "tls+ stands before the whole list, once");
  wrong("tls+tls+10.0.0.2:2", "tls+ stands before the whole list, once");
  wrong("inventory:///", "a name must follow inventory:///");
  wrong("xds:///orders", "there is no xDS here; name the servers, as in dns:///host:port");
  wrong("http://orders", "this is a URL");
  wrong("vsock:any:1", "servers");
  wrong("systemd", "servers");
  std::string many = "10.0.0.1:1";
  for (std::size_t at = 1; at < target_places_max; ++at) many += ",10.0.0.1:1";
  CHECK(parse(many)->places().size() == target_places_max);
  wrong(many + ",10.0.0.1:1", "it has more than 100 addresses");
}

}  // namespace
}  // namespace ringrpc::test
