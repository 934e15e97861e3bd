/// Threads of the library's own beside the program's, for work that may block.
///
///   std::thread thread = start_without_signals([] {
///     leave_core_of_creator();
///     ...
///   });
#pragma once

#include <csignal>
#include <sched.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace ringrpc {

/// A thread that takes no signals, as those are for the program's own threads. Throws std::system_error when
/// the system has no more threads.
template <class Run>
std::thread start_without_signals(Run run) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  struct Restore {
    const sigset_t& mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } const restore{before};
  return std::thread(std::move(run));
}

/// Lets this thread run where the main thread may: who has started it may be pinned to a core that has better
/// to do.
inline void leave_core_of_creator() noexcept {
  cpu_set_t cores;
  if (sched_getaffinity(getpid(), sizeof cores, &cores) == 0) sched_setaffinity(0, sizeof cores, &cores);
}

}  // namespace ringrpc
