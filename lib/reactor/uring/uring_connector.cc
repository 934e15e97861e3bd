#include "reactor/uring/uring_connector.h"

#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <utility>

#include "reactor/posix_socket.h"

namespace ringrpc::uring {

void ConnectorState::attempt() {
  Connecting begun = start_connect(address_);
  fd_ = std::move(begun.fd);
  if (begun.error == EINPROGRESS) return poll();
  if (is_full_backlog(address_, begun.error)) return pause();
  began();
  ring_.complete_later(decided_, -begun.error);
}

void ConnectorState::poll() {
  began();
  ring_.submit(decided_, [&](io_uring_sqe& entry) { io_uring_prep_poll_add(&entry, fd_.get(), POLLOUT); });
}

void ConnectorState::pause() {
  pausing_ = true;
  pause_.tv_nsec = Nanoseconds(full_backlog_pause).count();
  began();
  ring_.submit(pause_over_, [&](io_uring_sqe& entry) { io_uring_prep_timeout(&entry, &pause_, 0, 0); });
}

void ConnectorState::on_pause_over(int, unsigned) {
  pausing_ = false;
  if (!abandoned()) attempt();
  ended();
}

void ConnectorState::on_decided(int result, unsigned) {
  // The result of a poll is its events, which are not zero. Zero is a connect that succeeded at once.
  const int error = result > 0 ? finish_connect(fd_.get()) : -result;
  if (abandoned()) return ended();
  if (result > 0 && is_undecided(error, static_cast<std::uint32_t>(result))) {
    poll();
  } else {
    UniqueFd connection = std::move(fd_);
    if (error != 0) connection.reset();
    std::exchange(handler_, nullptr)->on_connected(std::move(connection), error);
  }
  ended();
}

void ConnectorState::cancel_all() {
  began();
  ring_.cancel(cancelled_, pausing_ ? static_cast<Operation&>(pause_over_) : decided_);
}

void ConnectorState::on_cancelled(int, unsigned) { ended(); }

}  // namespace ringrpc::uring
