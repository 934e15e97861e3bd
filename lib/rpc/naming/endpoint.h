/// A place where a target can be reached: one address, with what a connection to it needs to know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "reactor/io.h"

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

}  // namespace ringrpc
