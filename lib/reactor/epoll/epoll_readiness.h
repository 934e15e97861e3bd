/// A wait for the readiness of a descriptor on epoll.
#pragma once

#include <cstdint>

#include "reactor/epoll/epoll_poller.h"
#include "reactor/io.h"

namespace ringrpc::epoll {

class EpollReadiness final : public Readiness, Watcher {
 public:
  EpollReadiness(Poller& poller, int descriptor, short events, Handler& handler) noexcept;
  ~EpollReadiness() override { stop_watching(); }

 private:
  void on_events(std::uint32_t events) override;
  void stop_watching() noexcept;
  void tell() { handler_.on_ready(ready_); }

  Poller& poller_;
  Handler& handler_;
  const int descriptor_;
  bool watched_ = false;
  short ready_ = 0;
  PendingOf<EpollReadiness, &EpollReadiness::tell> tell_{*this};
};

}  // namespace ringrpc::epoll
