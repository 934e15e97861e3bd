/// Keeps what a process has in memory from other processes and from core dumps.
///
///   keep_process_secret();      // before there are keys
#pragma once

namespace ringrpc {

/// No core dumps (RLIMIT_CORE), no debugger and no /proc/PID/mem for others of the same user
/// (PR_SET_DUMPABLE). What the system refuses is logged as a warning.
void keep_process_secret();

}  // namespace ringrpc
