/// Identifies the peer of a connection where peers share something: a limit, or turns.
///
///   const PeerKey key = peer_key(io.peer(socket), socket.get());
///
/// All connections of one IPv4 address have one key, and so do all of one IPv6 /64, which is the least that a
/// provider assigns to a customer. The key of a virtual machine is its CID; the key of a client of a unix
/// socket is its user. Ports are left out, since a client can use as many as it likes.
#pragma once

#include <compare>
#include <cstdint>
#include <sys/socket.h>

#include "reactor/io.h"

namespace ringrpc {

struct PeerKey {
  sa_family_t family = AF_UNSPEC;
  std::uint64_t bits = 0;

  friend auto operator<=>(const PeerKey&, const PeerKey&) = default;
};

/// `descriptor` is the socket; it gives the user if `address` is that of a unix socket. Peers without an
/// address share a key.
PeerKey peer_key(const SocketAddress& address, int descriptor) noexcept;

}  // namespace ringrpc
