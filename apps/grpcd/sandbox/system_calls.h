/// The system calls that grpcd needs once it serves (seccomp(2)).
#pragma once

#include "ringrpc/status.h"

namespace ringrpc::grpcd {

/// From now on, every thread of the process gets EPERM from all other system calls: executing programs, creating
/// processes, tracing, mounting, loading code, new kinds of sockets and so on. This cannot be lifted.
///
/// Requests of io_uring are not system calls, so the filter does not see them; Landlock does.
///
/// Returns the number of system calls that stay allowed. Errors: the kernel's own.
Result<int> allow_only_needed_system_calls();

}  // namespace ringrpc::grpcd
