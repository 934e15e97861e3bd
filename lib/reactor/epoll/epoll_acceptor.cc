#include "reactor/epoll/epoll_acceptor.h"

#include <cerrno>
#include <sys/socket.h>

namespace ringrpc::epoll {

namespace {
/// More accepts in a turn would delay existing connections.
constexpr int accepts_a_turn = 32;
}  // namespace

void EpollAcceptor::accept() {
  const Lifetime::Watch watch(lifetime_);
  for (int taken = 0; taken < accepts_a_turn; ++taken) {
    UniqueFd connection(::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) return fail(errno);
    handler_.on_accepted(std::move(connection));
    if (watch.ended()) return;
  }
}

void EpollAcceptor::fail(int error) {
  if (error == EMFILE || error == ENFILE) spare_.refuse_waiting(socket_.fd.get());
  if (retry_after(error) == AcceptRetry::later) {
    // Clear the registration, not only the events: epoll reports a socket that was shut down in every turn
    // regardless.
    poller_.unwatch(socket_.fd.get());
    poller_.start_pause(*this, accept_pause);
  }
  if (is_accept_failure(error)) handler_.on_accept_error(error);
}

void EpollAcceptor::on_time() {
  if (start() != 0) poller_.start_pause(*this, accept_pause);
}

}  // namespace ringrpc::epoll
