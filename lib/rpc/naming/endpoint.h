/// A place where a target can be reached: one address, with what a connection to it needs to know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reactor/io.h"
#include "transport/address.h"

namespace ringrpc {

struct Endpoint {
  SocketAddress address;
  /// The port behind the unix socket of a virtual machine (transport/hybrid_vsock.h).
  std::optional<std::uint32_t> hybrid_vsock_port{};
  std::string name;         ///< the address as text, "127.0.0.1:50051"
  std::string server_name;  ///< the name that the certificate must have

  /// True if connections to both are interchangeable.
  bool operator==(const Endpoint& other) const noexcept {
    return name == other.name && hybrid_vsock_port == other.hybrid_vsock_port &&
           server_name == other.server_name;
  }
};

/// Adds the endpoints of an address that has no host name: "localhost" has two.
inline void add_endpoints(const Address& address, const std::string& server_name, std::vector<Endpoint>& to) {
  for (const SocketAddress& each : *resolve(address))
    to.push_back({.address = each,
                  .hybrid_vsock_port = address.kind() == Address::Kind::hybrid_vsock
                                           ? std::optional(address.port())
                                           : std::nullopt,
                  .name = to_string(each),
                  .server_name = server_name});
}

}  // namespace ringrpc
