/// Hides the memory of this process from other processes and from core dumps.
///
///   keep_process_secret();      // before the first key is loaded
#pragma once

namespace ringrpc {

/// Turns off core dumps (RLIMIT_CORE), and debuggers and /proc/PID/mem for other processes of the same user
/// (PR_SET_DUMPABLE). A step that the system refuses is logged as a warning.
void keep_process_secret();

}  // namespace ringrpc
