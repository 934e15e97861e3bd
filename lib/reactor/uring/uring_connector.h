/// A connection attempt on the ring: a non-blocking connect(2), then a poll until the outcome is known; or a
/// pause and another connect(2) while the listener's backlog is full.
#pragma once

#include "reactor/io.h"
#include "reactor/uring/uring_ring.h"

namespace ringrpc::uring {

class ConnectorState final : public Resident {
 public:
  ConnectorState(Ring& ring, Connector::Handler& handler) noexcept : ring_(ring), handler_(&handler) {}

  void start(const SocketAddress& address) {
    address_ = address;
    attempt();
  }

 private:
  void attempt();
  void poll();
  void pause();
  void cancel_all() override;
  void on_decided(int result, unsigned flags);
  void on_pause_over(int result, unsigned flags);
  void on_cancelled(int result, unsigned flags);

  Ring& ring_;
  Connector::Handler* handler_;
  SocketAddress address_;
  UniqueFd fd_;
  bool pausing_ = false;
  __kernel_timespec pause_{};
  OperationOf<ConnectorState, &ConnectorState::on_decided> decided_{*this};
  OperationOf<ConnectorState, &ConnectorState::on_pause_over> pause_over_{*this};
  OperationOf<ConnectorState, &ConnectorState::on_cancelled> cancelled_{*this};
};

/// The handle.
class UringConnector final : public Connector {
 public:
  explicit UringConnector(ConnectorState& state) noexcept : state_(state) {}
  ~UringConnector() override { state_.abandon(); }

 private:
  ConnectorState& state_;
};

}  // namespace ringrpc::uring
