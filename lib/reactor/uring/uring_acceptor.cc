#include "reactor/uring/uring_acceptor.h"

#include <cerrno>
#include <utility>

namespace ringrpc::uring {

void AcceptorState::arm() {
  armed_ = true;
  began();
  ring_.submit(accept_, [&](io_uring_sqe& entry) {
    io_uring_prep_multishot_accept(&entry, socket_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC);
  });
}

void AcceptorState::on_accept(int result, unsigned flags) {
  const bool final = is_final(flags);
  if (final) armed_ = false;
  if (result >= 0) {
    take(result);
  } else {
    fail(-result);
  }
  if (!final) return;
  if (!abandoned() && !pausing_) arm();
  ended();
}

void AcceptorState::take(int connection) {
  // Some kernels (6.6.1 to 6.8) could report numbers that are not our connections. Do not close those.
  if (!is_socket(connection)) {
    if (!abandoned()) handler_->on_accept_error(EBADF);
    return;
  }
  UniqueFd owned(connection);
  if (!abandoned()) handler_->on_accepted(std::move(owned));
}

void AcceptorState::fail(int error) {
  if (abandoned()) return;
  if (error == EMFILE || error == ENFILE) spare_.refuse_waiting(socket_.fd.get());
  if (retry_after(error) == AcceptRetry::later) pause();
  if (is_accept_failure(error)) handler_->on_accept_error(error);
}

void AcceptorState::pause() {
  pausing_ = true;
  pause_.tv_nsec = Nanoseconds(accept_pause).count();
  began();
  ring_.submit(pause_over_, [&](io_uring_sqe& entry) { io_uring_prep_timeout(&entry, &pause_, 0, 0); });
}

void AcceptorState::on_pause_over(int, unsigned) {
  pausing_ = false;
  if (!abandoned()) arm();
  ended();
}

void AcceptorState::cancel_all() {
  handler_ = nullptr;
  // Shut down, because the descriptor stays open until the kernel has released it: new clients are refused
  // from here on. If other processes accept on the socket too, they get the clients. A sandbox may forbid it.
  if (!socket_.shared) ::shutdown(socket_.fd.get(), SHUT_RDWR);
  socket_.file = SocketFile();
  began();
  ring_.cancel(cancelled_, armed_ ? static_cast<Operation&>(accept_) : pause_over_);
}

void AcceptorState::on_cancelled(int, unsigned) { ended(); }

}  // namespace ringrpc::uring
