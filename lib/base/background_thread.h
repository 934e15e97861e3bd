/// Threads of the library itself, for work that may block.
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

/// Starts a thread that takes no signals, because those are for the program's threads. Throws
/// std::system_error if the system has no more threads.
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

/// Lets this thread run on the cores of the main thread. Without this it would share the core of the shard
/// that started it.
inline void leave_core_of_creator() noexcept {
  cpu_set_t cores;
  if (sched_getaffinity(getpid(), sizeof cores, &cores) == 0) sched_setaffinity(0, sizeof cores, &cores);
}

}  // namespace ringrpc
