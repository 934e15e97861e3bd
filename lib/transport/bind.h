/// Makes listeners of addresses: from the text of an address to a socket that accepts.
///
///   Result<std::vector<Address>> addresses = listen_addresses("systemd:web");
///   for (const Address& address : *addresses) Result<std::string> bound = bind(shard, listener, address);
#pragma once

#include <string>
#include <vector>

#include "ringrpc/status.h"

#include "reactor/shard.h"
#include "transport/address.h"
#include "transport/listener.h"

namespace ringrpc {

/// One address, or those of the sockets that systemd has passed.
Result<std::vector<Address>> listen_addresses(const std::string& text);

/// Listens on `address` and returns the bound one, as Listener::listen does on `accepting`, the listener's
/// first shard. Retries an address in use for a quarter of a second: after a process was killed, its io_uring
/// keeps its listening sockets open for another moment. Blocks, so a shard must not call it.
Result<std::string> bind(Shard& accepting, Listener& listener, const Address& address);

}  // namespace ringrpc
