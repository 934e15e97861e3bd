/// Hides the memory of this process from other processes and from core dumps.
///
///   keep_process_secret();      // before the first key is loaded
#pragma once

namespace ringrpc {

/// Turns off core dumps (RLIMIT_CORE), and denies other processes of the same user debugging and
/// /proc/PID/mem (PR_SET_DUMPABLE). A step that the system refuses is logged as a warning.
void keep_process_secret();

}  // namespace ringrpc
