#include "reactor/peer_key.h"

#include <cstring>
#include <linux/vm_sockets.h>
#include <netinet/in.h>

namespace ringrpc {
namespace {

/// Copies the address into the type of its `family`.
template <class Address>
Address as(const SocketAddress& address) noexcept {
  Address exact{};
  std::memcpy(&exact, &address.storage, sizeof exact);
  return exact;
}

PeerKey of_ipv6(const in6_addr& address) noexcept {
  if (IN6_IS_ADDR_V4MAPPED(&address)) {  // an IPv4 connection to a socket for both versions
    std::uint32_t four = 0;
    std::memcpy(&four, address.s6_addr + 12, sizeof four);
    return {AF_INET, four};
  }
  std::uint64_t network = 0;
  std::memcpy(&network, address.s6_addr, sizeof network);
  return {AF_INET6, network};
}

}  // namespace

PeerKey peer_key(const SocketAddress& address, int descriptor) noexcept {
  switch (address.family()) {
    case AF_INET:
      return {AF_INET, as<sockaddr_in>(address).sin_addr.s_addr};
    case AF_INET6:
      return of_ipv6(as<sockaddr_in6>(address).sin6_addr);
    case AF_VSOCK:
      return {AF_VSOCK, as<sockaddr_vm>(address).svm_cid};
    case AF_UNIX: {
      ucred who{};
      socklen_t length = sizeof who;
      const bool told = ::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0;
      return {AF_UNIX, told ? who.uid : std::uint64_t{0}};
    }
    default:
      return {};
  }
}

}  // namespace ringrpc
