/// Reads the addresses of a DNS response (RFC 1035, 4.1; RFC 3596).
///
///   DnsAddresses found;
///   if (!read_addresses(message, 50051, found)) ...            // the message is malformed
///
/// A reader of our own, because that of c-ares takes the square of the number of addresses, and a response
/// over TCP has thousands (docs/decisions/0054-targets-and-resolvers.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "ringrpc/bytes.h"

#include "reactor/io.h"

namespace ringrpc {

struct DnsAddresses {
  std::vector<SocketAddress> addresses;
  /// The time for which all of them, and the aliases that led to them, may be used.
  std::uint32_t ttl_s = std::numeric_limits<std::uint32_t>::max();
};

/// The most addresses of a name. It is above what a response can have, so that channels draw theirs from all.
inline constexpr std::size_t dns_addresses_max = 4'096;

/// Adds the addresses of the response, with `port`, as long as there are fewer than dns_addresses_max.
/// False if the message is malformed; some may have been added then.
bool read_addresses(Bytes message, std::uint16_t port, DnsAddresses& to);

}  // namespace ringrpc
