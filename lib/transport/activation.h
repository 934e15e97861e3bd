/// Sockets that systemd has opened for this process (sd_listen_fds(3), systemd.socket(5)).
///
///   Result<std::vector<Address>> addresses = activated_sockets("");       // "fd:3", "fd:4"
///
/// They are open before the process runs, so no client meets a closed door while it restarts, and it may
/// serve on ports that it could not bind.
#pragma once

#include <string_view>
#include <vector>

#include "ringrpc/status.h"

#include "transport/address.h"

namespace ringrpc {

/// Those that the socket unit calls `name` (FileDescriptorName=), all of them for an empty name; from the
/// variables LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, which are left as they are. FAILED_PRECONDITION when
/// there are none.
Result<std::vector<Address>> activated_sockets(std::string_view name);

}  // namespace ringrpc
