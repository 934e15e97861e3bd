/// A listening socket on epoll: several accepts in each turn while clients wait, or a pause after resources
/// ran out.
#pragma once

#include <cstdint>

#include "base/lifetime.h"
#include "reactor/epoll/epoll_poller.h"
#include "reactor/io.h"
#include "reactor/posix_socket.h"

namespace ringrpc::epoll {

class EpollAcceptor final : public Acceptor, Watcher, Timer {
 public:
  EpollAcceptor(Poller& poller, ListeningSocket socket, Handler& handler) noexcept
      : poller_(poller), socket_(std::move(socket)), handler_(handler) {}
  ~EpollAcceptor() override { poller_.unwatch(socket_.fd.get()); }

  /// Starts accepting. Returns 0 or an errno value.
  int start() noexcept { return poller_.watch(socket_.fd.get(), EPOLLIN, *this); }
  SocketAddress address() const override { return socket_.address; }

 private:
  void on_events(std::uint32_t) override { poller_.pend(accept_); }
  void on_time() override;
  void accept();
  void fail(int error);

  Poller& poller_;
  ListeningSocket socket_;
  Handler& handler_;
  SpareDescriptor spare_;
  Lifetime lifetime_;
  PendingOf<EpollAcceptor, &EpollAcceptor::accept> accept_{*this};
};

}  // namespace ringrpc::epoll
