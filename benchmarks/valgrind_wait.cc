/// Preloaded into grpcd under Valgrind: makes waits for completions let other threads run.
///
/// Valgrind runs one thread at a time. It knows which system calls may block, but (up to 3.19 at least) not
/// that io_uring_enter does, so a thread that waits in it stops all others. Valgrind does know poll. But a
/// ring that defers its work to the thread that enters it does not always wake its pollers, so this code
/// polls in short rounds. The rounds add a few hundred instructions in an idle millisecond, which are
/// counted with the rest.
#include <chrono>
#include <liburing.h>
#include <poll.h>

extern "C" int io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned,
                                                __kernel_timespec* limit, sigset_t*) {
  using std::chrono::nanoseconds, std::chrono::seconds, std::chrono::steady_clock;
  const auto until = limit ? steady_clock::now() + seconds(limit->tv_sec) + nanoseconds(limit->tv_nsec)
                           : steady_clock::time_point::max();
  io_uring_submit_and_get_events(ring);
  while (io_uring_cq_ready(ring) == 0 && steady_clock::now() < until) {
    pollfd completion{.fd = ring->ring_fd, .events = POLLIN, .revents = 0};
    poll(&completion, 1, 1);
    io_uring_get_events(ring);
  }
  return io_uring_peek_cqe(ring, first);
}
