#include "reactor/uring/uring_readiness.h"

#include <poll.h>

namespace ringrpc::uring {

// The descriptor may be closed after the handle was destroyed and before the kernel sees the entry. Then the
// poll fails, or watches another file until the entry behind it cancels it.
void ReadinessState::start(int descriptor, short events) {
  began();
  ring_.submit(done_, [&](io_uring_sqe& entry) {
    io_uring_prep_poll_add(&entry, descriptor, static_cast<unsigned>(events));
  });
}

void ReadinessState::on_done(int result, unsigned) {
  if (!abandoned()) handler_.on_ready(static_cast<short>(result < 0 ? POLLERR : result));
  ended();
}

void ReadinessState::cancel_all() {
  began();
  ring_.cancel(cancelled_, done_);
}

}  // namespace ringrpc::uring
