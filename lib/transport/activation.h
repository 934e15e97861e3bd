/// The sockets that systemd has opened for this process (sd_listen_fds(3), systemd.socket(5)).
///
///   Result<std::vector<Address>> addresses = activated_sockets("");       // "fd:3", "fd:4"
///
/// They are open before the process runs. So clients can connect while it restarts, and it may serve on ports
/// that it could not bind itself.
#pragma once

#include <string_view>
#include <vector>

#include "ringrpc/status.h"

#include "transport/address.h"

namespace ringrpc {

/// The sockets that the socket unit calls `name` (FileDescriptorName=), or all of them for an empty name.
/// Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, and leaves these variables unchanged. FAILED_PRECONDITION
/// when there is no such socket.
Result<std::vector<Address>> activated_sockets(std::string_view name);

}  // namespace ringrpc
