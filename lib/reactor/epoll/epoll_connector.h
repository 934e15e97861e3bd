/// A connection attempt on epoll: a non-blocking connect(2), then events until the outcome is known; or a
/// pause and another connect(2) while the listener's backlog is full.
#pragma once

#include <cstdint>

#include "base/unique_fd.h"
#include "reactor/epoll/epoll_poller.h"
#include "reactor/io.h"

namespace ringrpc::epoll {

class EpollConnector final : public Connector, Watcher, Timer {
 public:
  EpollConnector(Poller& poller, Handler& handler) noexcept : poller_(poller), handler_(handler) {}
  ~EpollConnector() override { stop_watching(); }

  void start(const SocketAddress& address) {
    address_ = address;
    attempt();
  }

 private:
  void attempt();
  void on_time() override { attempt(); }
  void on_events(std::uint32_t events) override;
  void decide(int error);
  void stop_watching() noexcept;
  void tell();

  Poller& poller_;
  Handler& handler_;
  SocketAddress address_;
  UniqueFd fd_;
  bool watched_ = false;
  int error_ = 0;
  PendingOf<EpollConnector, &EpollConnector::tell> tell_{*this};
};

}  // namespace ringrpc::epoll
