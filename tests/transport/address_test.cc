#include "transport/address.h"

#include <doctest/doctest.h>
#include <string>
#include <utility>

namespace ringrpc {
namespace {

std::string round_trip(std::string_view text) {
  const Result<Address> address = Address::parse(text);
  return address ? address->to_string() : std::string(address.error().message());
}

Address parsed(std::string_view text) {
  Result<Address> address = Address::parse(text);
  REQUIRE_MESSAGE(address, address.error().message());
  return std::move(*address);
}

TEST_CASE("an address is written as it is read") {
  for (const char* text : {"127.0.0.1:50051", "[::1]:50051", "localhost:0", "example.org:65535",
                           "unix:/run/x.sock", "unix:relative.sock", "unix-abstract:name",
                           "tls+127.0.0.1:50051", "tls+unix:/run/x.sock", "tls+unix-abstract:name"})
    CHECK(round_trip(text) == text);
  CHECK(round_trip("tcp://[::1]:50051") == "[::1]:50051");
  CHECK(round_trip("tls+tcp://example.org:443") == "tls+example.org:443");
}

TEST_CASE("tls+ before an address says that it is one with TLS, and changes nothing else of it") {
  CHECK_FALSE(parsed("example.org:1").tls());
  const Address address = parsed("tls+example.org:1");
  CHECK(address.tls());
  CHECK(address.authority() == "example.org:1");
  CHECK(address.server_name() == "example.org");
  CHECK(address.with_tls(false).to_string() == "example.org:1");
  CHECK(parsed("tls+unix:/run/x.sock").server_name() == "localhost");
  CHECK(round_trip("tls+tls+example.org:1") == "address \"tls+tls+example.org:1\": tls+ stands there twice");
  CHECK(round_trip("tls+") == "address \"\": want host:port, [v6]:port, unix:/path or unix-abstract:name");
}

TEST_CASE("a bad address is refused with what would be right") {
  CHECK(round_trip("50051") ==
        "address \"50051\": want host:port, [v6]:port, unix:/path or unix-abstract:name");
  CHECK(round_trip("") == "address \"\": want host:port, [v6]:port, unix:/path or unix-abstract:name");
  CHECK(round_trip(":50051") ==
        "address \":50051\": want host:port, [v6]:port, unix:/path or unix-abstract:name");
  CHECK(round_trip("host:65536") == "address \"host:65536\": the port must be a number from 0 to 65535");
  CHECK(round_trip("host:") == "address \"host:\": the port must be a number from 0 to 65535");
  CHECK(round_trip("host:-1") == "address \"host:-1\": the port must be a number from 0 to 65535");
  CHECK(round_trip("::1:50051") == "address \"::1:50051\": an IPv6 address stands in brackets: [::1]:50051");
  CHECK(round_trip("[nonsense]:1") ==
        "address \"[nonsense]:1\": what stands in brackets is not an IPv6 address");
  CHECK(round_trip("unix:") == "address \"unix:\": a name must follow the colon");
  CHECK(round_trip("unix:/" + std::string(107, 'x')).ends_with("longer than the 107 bytes of a unix socket"));
  for (const char* url : {"http://x:1", "http://x", "dns:///x:1"})
    CHECK(round_trip(url).ends_with("this is a URL; write host:port, without a scheme or a path"));
  CHECK(round_trip("vsock:2:1").ends_with("want host:port, [v6]:port, unix:/path or unix-abstract:name"));
  CHECK(round_trip("a/b:1").ends_with("unix:/path or unix-abstract:name"));
}

TEST_CASE("literal addresses and unix sockets resolve at once, and back to the same words") {
  for (const char* text : {"127.0.0.1:50051", "[::1]:50051", "unix:/run/x.sock", "unix-abstract:name"}) {
    const Address address = parsed(text);
    CHECK(resolves_at_once(address));
    const auto sockets = resolve(address);
    REQUIRE(sockets);
    CHECK(to_string(sockets->front()) == text);
  }
  CHECK(to_string(resolve(parsed("localhost:7"))->front()) == "127.0.0.1:7");
  CHECK_FALSE(resolves_at_once(parsed("example.org:80")));
}

TEST_CASE("the longest unix path fits") {
  const std::string path = "unix:/" + std::string(106, 'x');
  CHECK(to_string(resolve(parsed(path))->front()) == path);
}

TEST_CASE("what a client says in :authority is never a path") {
  CHECK(parsed("unix:/run/x.sock").authority() == "localhost");
  CHECK(parsed("unix-abstract:x").authority() == "localhost");
  CHECK(parsed("[::1]:50051").authority() == "[::1]:50051");
}

}  // namespace
}  // namespace ringrpc
