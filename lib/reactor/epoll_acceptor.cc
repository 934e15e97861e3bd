#include "reactor/epoll_acceptor.h"

#include <cerrno>
#include <sys/socket.h>

namespace ringrpc::epoll {

void EpollAcceptor::accept() {
  UniqueFd connection(::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection) return fail(errno);
  handler_.on_accepted(std::move(connection));
}

void EpollAcceptor::fail(int error) {
  if (error == EMFILE || error == ENFILE) spare_.refuse_waiting(socket_.fd.get());
  if (retry_after(error) == AcceptRetry::later) {
    poller_.rewatch(socket_.fd.get(), 0, *this);
    poller_.start_pause(*this);
  }
  if (error != EAGAIN && error != EINTR && error != ECANCELED) handler_.on_accept_error(error);
}

void EpollAcceptor::on_pause_over() { poller_.rewatch(socket_.fd.get(), EPOLLIN, *this); }

}  // namespace ringrpc::epoll
