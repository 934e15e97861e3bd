#include "reactor/uring_connector.h"

#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <utility>

#include "reactor/posix_socket.h"

namespace ringrpc::uring {

void ConnectorState::start(const SocketAddress& address) {
  Connecting begun = start_connect(address);
  fd_ = std::move(begun.fd);
  if (begun.error == EINPROGRESS) return poll();
  began();
  ring_.complete_later(decided_, -begun.error);
}

void ConnectorState::poll() {
  began();
  ring_.submit(decided_, [&](io_uring_sqe& entry) { io_uring_prep_poll_add(&entry, fd_.get(), POLLOUT); });
}

void ConnectorState::on_decided(int result, unsigned) {
  // A poll ends with the events that came, which are not zero; zero is a connect that succeeded at once.
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
  ring_.cancel(cancelled_, decided_);
}

void ConnectorState::on_cancelled(int, unsigned) { ended(); }

}  // namespace ringrpc::uring
