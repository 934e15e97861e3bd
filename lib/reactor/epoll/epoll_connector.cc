#include "reactor/epoll/epoll_connector.h"

#include <cerrno>
#include <utility>

#include "reactor/posix_socket.h"

namespace ringrpc::epoll {

void EpollConnector::attempt() {
  Connecting begun = start_connect(address_);
  fd_ = std::move(begun.fd);
  if (is_full_backlog(address_, begun.error)) return poller_.start_pause(*this, full_backlog_pause);
  if (begun.error != EINPROGRESS) return decide(begun.error);
  const int refused = poller_.watch(fd_.get(), EPOLLOUT | EPOLLET, *this);
  if (refused != 0) return decide(refused);
  watched_ = true;
}

void EpollConnector::on_events(std::uint32_t events) {
  const int error = finish_connect(fd_.get());
  if (!is_undecided(error, events)) decide(error);
}

void EpollConnector::decide(int error) {
  stop_watching();
  error_ = error;
  if (error_ != 0) fd_.reset();
  poller_.pend(tell_);
}

/// The connection's next owner watches it differently.
void EpollConnector::stop_watching() noexcept {
  if (std::exchange(watched_, false)) poller_.unwatch(fd_.get());
}

void EpollConnector::tell() { handler_.on_connected(std::move(fd_), error_); }

}  // namespace ringrpc::epoll
