#include "transport/address.h"

#include <doctest/doctest.h>
#include <string>
#include <utility>

#include "transport/vsock_address.h"

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
  for (const char* text :
       {"127.0.0.1:50051", "[::1]:50051", "localhost:0", "example.org:65535", "unix:/run/x.sock",
        "unix:relative.sock", "unix-abstract:name", "vsock:3:50051", "vsock:any:0", "vsock:local:4294967294",
        "vsock:host:1024", "hvsock:///run/vm.sock:52", "hvsock://vm.sock:4294967295", "hvsock:///a:b:7",
        "tls+127.0.0.1:50051", "tls+unix:/run/x.sock", "tls+unix-abstract:name", "tls+vsock:any:0"})
    CHECK(round_trip(text) == text);
  CHECK(round_trip("tcp://[::1]:50051") == "[::1]:50051");
  CHECK(round_trip("tls+tcp://example.org:443") == "tls+example.org:443");
}

TEST_CASE("a host whose name begins like another form is written with tcp://") {
  for (const char* text : {"tcp://unix:1", "tcp://unix-abstract:1", "tcp://vsock:1", "tcp://hvsock:1",
                           "tcp://systemd:1", "tcp://fd:1", "tcp://tls+.1:1", "tls+tcp://unix:1"}) {
    CHECK(round_trip(text) == text);
    CHECK(parsed(text).kind() == Address::Kind::tcp);
  }
  CHECK(parsed("tcp://unix:1").authority() == "unix:1");
  CHECK(round_trip("tcp://unixes:1") == "unixes:1");
}

TEST_CASE("tls+ before an address turns TLS on and changes nothing else") {
  CHECK_FALSE(parsed("example.org:1").tls());
  const Address address = parsed("tls+example.org:1");
  CHECK(address.tls());
  CHECK(address.authority() == "example.org:1");
  CHECK(address.server_name() == "example.org");
  CHECK(address.with_tls(false).to_string() == "example.org:1");
  CHECK(parsed("tls+unix:/run/x.sock").server_name() == "localhost");
  CHECK(round_trip("tls+tls+example.org:1") == "address \"tls+tls+example.org:1\": tls+ is given twice");
  CHECK(round_trip("tls+") ==
        "address \"tls+\": want host:port, [v6]:port, unix:/path, unix-abstract:name, vsock:CID:port or "
        "hvsock:///path:port");
}

TEST_CASE("the error of a bad address gives the expected form") {
  const std::string forms =
      "want host:port, [v6]:port, unix:/path, unix-abstract:name, vsock:CID:port or hvsock:///path:port";
  CHECK(round_trip("50051") == "address \"50051\": " + forms);
  CHECK(round_trip("") == "address \"\": " + forms);
  CHECK(round_trip(":50051") == "address \":50051\": " + forms);
  CHECK(round_trip("host:65536") == "address \"host:65536\": the port must be a number from 0 to 65535");
  CHECK(round_trip("host:") == "address \"host:\": the port must be a number from 0 to 65535");
  CHECK(round_trip("host:-1") == "address \"host:-1\": the port must be a number from 0 to 65535");
  for (const char* text : {"tcp://x", "tls+x", "tls+tcp://x"})
    CHECK(round_trip(text) == "address \"" + std::string(text) + "\": " + forms);
  CHECK(round_trip("::1:50051") == "address \"::1:50051\": an IPv6 address must be in brackets: [::1]:50051");
  CHECK(round_trip("[nonsense]:1") ==
        "address \"[nonsense]:1\": the text in brackets is not an IPv6 address");
  CHECK(round_trip("[fe80::1%eth0]:1") ==
        "address \"[fe80::1%eth0]:1\": an IPv6 address with a scope, such as %eth0, is not supported; give "
        "one that is not link-local");
  for (const char* everywhere : {"*:50051", "tcp://*:50051"})
    CHECK(
        round_trip(everywhere)
            .ends_with(
                "*:50051\": * is not a host; to listen on every address, write 0.0.0.0:50051 or [::]:50051"));
  CHECK(round_trip("unix:") == "address \"unix:\": a name must follow the colon");
  CHECK(round_trip("unix:/" + std::string(107, 'x')).ends_with("longer than the 107 bytes of a unix socket"));
  for (const char* url : {"http://x:1", "http://x", "dns:///x:1"})
    CHECK(round_trip(url).ends_with("this is a URL; write host:port, without a scheme or a path"));
  CHECK(round_trip("a/b:1").ends_with(forms));
  for (const char* text : {"fd:", "fd:x", "fd:-1", "fd:2147483648", "tls+fd:x"})
    CHECK(round_trip(text) ==
          "address \"" + std::string(text) + "\": want fd:N, where N is the number of a socket that listens");
}

TEST_CASE("vsock addresses are read with and without slashes, by number and by name") {
  CHECK(round_trip("vsock://3:50051") == "vsock:3:50051");
  CHECK(round_trip("vsock://any:1") == "vsock:any:1");
  CHECK(round_trip("vsock:4294967295:1") == "vsock:any:1");
  CHECK(round_trip("vsock:1:1") == "vsock:local:1");
  CHECK(round_trip("vsock:2:1") == "vsock:host:1");
  CHECK(round_trip("hvsock:/run/vm.sock:52") == "hvsock:///run/vm.sock:52");
  for (const char* text :
       {"vsock:", "vsock:3", "vsock::1", "vsock:3:", "vsock:x:1", "vsock:3:x", "vsock:-1:1",
        "vsock:3:4294967296", "vsock:3:1:1", "vsock:4294967296:1", "vsock:///3:1"})
    CHECK(round_trip(text) == "address \"" + std::string(text) +
                                  "\": want vsock:CID:port, where the CID is a number, any, local or host, "
                                  "and the port a number");
  for (const char* text : {"hvsock:", "hvsock://", "hvsock:///run/vm.sock", "hvsock:///run/vm.sock:",
                           "hvsock:///run/vm.sock:x", "hvsock:///run/vm.sock:4294967296", "hvsock://:52"})
    CHECK(round_trip(text) ==
          "address \"" + std::string(text) + "\": want hvsock:///path:port, where the port is a number");
  CHECK(round_trip("hvsock:///" + std::string(104, 'x') + ":52")
            .ends_with("the path with _port is longer than the 107 bytes of a unix socket"));
}

TEST_CASE("a vsock address resolves to its CID and port, where port 0 is any") {
  const SocketAddress address = resolve(parsed("vsock:3:50051"))->front();
  CHECK(address.family() == AF_VSOCK);
  CHECK(cid_of(address) == 3u);
  CHECK(to_string(address) == "vsock:3:50051");
  CHECK(to_string(resolve(parsed("vsock:any:0"))->front()) == "vsock:any:4294967295");
  CHECK_FALSE(cid_of(resolve(parsed("127.0.0.1:1"))->front()));
}

TEST_CASE("only servers take sockets that are open already") {
  for (const char* text : {"systemd", "systemd:grpc", "fd:3"}) {
    CHECK(round_trip(text) == text);
    const auto refused = resolve(parsed(text));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message() ==
          std::string(text) + " is for servers to listen on; a client cannot connect to it");
    CHECK(Address::parse_target(text).error().message() == refused.error().message());
  }
  CHECK(parsed("systemd:grpc").name() == "grpc");
  CHECK(Address::of_descriptor(7).to_string() == "fd:7");
  CHECK(parsed("systemdx:1").kind() == Address::Kind::tcp);
}

TEST_CASE("only servers take the CID any") {
  for (const char* text : {"vsock:any:1", "vsock:4294967295:1"})
    CHECK(Address::parse_target(text).error().message() ==
          "vsock:any:1: any is for servers; use local, host or a number");
  CHECK(Address::parse_target("vsock:3:1"));
  CHECK(Address::parse_target("127.0.0.1:1"));
}

TEST_CASE("hybrid vsock connects to the machine's socket and listens beside it") {
  const Address address = parsed("hvsock:///run/vm.sock:52");
  CHECK(to_string(resolve(address)->front()) == "unix:/run/vm.sock");
  CHECK(address.bound().to_string() == "unix:/run/vm.sock_52");
  CHECK(parsed("127.0.0.1:1").bound().to_string() == "127.0.0.1:1");
}

TEST_CASE("literal addresses and unix sockets resolve at once, and convert back to the same text") {
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

TEST_CASE("a client's :authority is never a path") {
  CHECK(parsed("unix:/run/x.sock").authority() == "localhost");
  CHECK(parsed("unix-abstract:x").authority() == "localhost");
  CHECK(parsed("vsock:3:50051").authority() == "localhost");
  CHECK(parsed("hvsock:///run/vm.sock:52").authority() == "localhost");
  CHECK(parsed("[::1]:50051").authority() == "[::1]:50051");
  CHECK(parsed("tls+[::1]:50051").authority() == "[::1]:50051");
  CHECK(parsed("tls+unix:/run/x.sock").authority() == "localhost");
}

}  // namespace
}  // namespace ringrpc
