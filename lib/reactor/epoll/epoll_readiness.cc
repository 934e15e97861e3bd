#include "reactor/epoll/epoll_readiness.h"

#include <poll.h>
#include <utility>

namespace ringrpc::epoll {

// The events have the same numbers in both.
static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR && POLLHUP == EPOLLHUP);

EpollReadiness::EpollReadiness(Poller& poller, int descriptor, short events, Handler& handler) noexcept
    : poller_(poller), handler_(handler), descriptor_(descriptor) {
  watched_ = poller_.watch(descriptor_, static_cast<std::uint32_t>(events) | EPOLLONESHOT, *this) == 0;
  if (!watched_) on_events(POLLERR);  // epoll cannot watch it
}

void EpollReadiness::on_events(std::uint32_t events) {
  stop_watching();
  ready_ = static_cast<short>(events);
  poller_.pend(tell_);
}

void EpollReadiness::stop_watching() noexcept {
  if (std::exchange(watched_, false)) poller_.unwatch(descriptor_);
}

}  // namespace ringrpc::epoll
