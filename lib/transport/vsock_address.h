/// The address family of virtual machines, AF_VSOCK: a machine's context id (CID) and a port, both 32 bits
/// (vsock(7)).
///
///   std::optional<std::uint32_t> cid = parse_cid("host");          // 2
///   SocketAddress address = vsock_address(*cid, 50051);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "reactor/io.h"

namespace ringrpc {

/// "any", "local" (this machine), "host" (the machine that runs this one), or a number. Nothing for other
/// words.
std::optional<std::uint32_t> parse_cid(std::string_view text);

/// The name of the CID if it has one, else the number.
std::string cid_name(std::uint32_t cid);

/// With port 0 the kernel chooses one when the address is bound.
SocketAddress vsock_address(std::uint32_t cid, std::uint32_t port);

/// The CID in `address`; nothing for an address of another family.
std::optional<std::uint32_t> cid_of(const SocketAddress& address);

/// "vsock:3:50051".
std::string vsock_to_string(const SocketAddress& address);

}  // namespace ringrpc
