#include "reactor/peer_key.h"

#include <arpa/inet.h>
#include <cstring>
#include <doctest/doctest.h>
#include <linux/vm_sockets.h>
#include <sys/un.h>
#include <unistd.h>

#include "io_fixture.h"

namespace ringrpc {
namespace {

PeerKey ip(const char* text, std::uint16_t port = 1) {
  SocketAddress address;
  sockaddr_in four{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  if (::inet_pton(AF_INET, text, &four.sin_addr) == 1) {
    std::memcpy(&address.storage, &four, sizeof four);
    address.length = sizeof four;
  } else {
    REQUIRE(::inet_pton(AF_INET6, text, &six.sin6_addr) == 1);
    std::memcpy(&address.storage, &six, sizeof six);
    address.length = sizeof six;
  }
  return peer_key(address, -1);
}

PeerKey vsock(unsigned cid, unsigned port) {
  SocketAddress address;
  sockaddr_vm vm{};
  vm.svm_family = AF_VSOCK;
  vm.svm_cid = cid;
  vm.svm_port = port;
  std::memcpy(&address.storage, &vm, sizeof vm);
  address.length = sizeof vm;
  return peer_key(address, -1);
}

TEST_CASE("an IPv4 address is one peer, whatever its ports, over a socket of IPv6 too") {
  CHECK(ip("127.0.0.1", 1) == ip("127.0.0.1", 2));
  CHECK(ip("127.0.0.1") != ip("127.0.0.2"));
  CHECK(ip("::ffff:127.0.0.1") == ip("127.0.0.1"));
  CHECK(ip("::ffff:127.0.0.2") != ip("127.0.0.1"));
}

TEST_CASE("an IPv6 network of 64 bits is one peer") {
  CHECK(ip("2001:db8::1") == ip("2001:db8::ffff:1"));
  CHECK(ip("2001:db8::1") != ip("2001:db8:0:1::1"));
  CHECK(ip("::1") != ip("0.0.0.0"));
}

TEST_CASE("a virtual machine is one peer, and so is a user of a unix socket") {
  CHECK(vsock(3, 1) == vsock(3, 2));
  CHECK(vsock(3, 1) != vsock(4, 1));
  const auto [near, far] = test::socket_pair();
  SocketAddress unnamed;
  unnamed.storage.ss_family = AF_UNIX;
  unnamed.length = sizeof(sa_family_t);
  CHECK(peer_key(unnamed, near.get()) == PeerKey{AF_UNIX, ::geteuid()});
  CHECK(peer_key({}, -1) == PeerKey{});
}

}  // namespace
}  // namespace ringrpc
