/// The system calls that grpcd needs once it serves (seccomp(2)).
#pragma once

#include "ringrpc/status.h"

namespace ringrpc::grpcd {

/// The sockets that a process may still make. All others it has made before.
struct Sockets {
  bool connects = false;  ///< TCP, UDP, vsock and unix sockets, for connections to other processes
  bool notifies = false;  ///< unix sockets for datagrams, for NOTIFY_SOCKET
};

/// From now on, every thread of the process gets EPERM from all other system calls: executing programs, creating
/// processes, tracing, mounting, loading code, listening, making rings of io_uring and so on. This cannot be lifted.
///
/// Requests of io_uring are not system calls, so the filter does not see them. It forbids new rings; those of the reactor
/// take only the operations that the reactor uses (reactor/uring/uring.h).
///
/// Returns the number of system calls that stay allowed. Errors: FAILED_PRECONDITION with the kernel's reason.
Result<int> allow_only_needed_system_calls(const Sockets& sockets = {});

}  // namespace ringrpc::grpcd
