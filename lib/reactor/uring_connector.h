/// A connection being made on the ring: connect(2) without blocking, then a poll until it is decided.
#pragma once

#include "reactor/io.h"
#include "reactor/uring_ring.h"

namespace ringrpc::uring {

class ConnectorState final : public Resident {
 public:
  ConnectorState(Ring& ring, Connector::Handler& handler) noexcept : ring_(ring), handler_(&handler) {}

  void start(const SocketAddress& address);

 private:
  void poll();
  void cancel_all() override;
  void on_decided(int result, unsigned flags);
  void on_cancelled(int result, unsigned flags);

  Ring& ring_;
  Connector::Handler* handler_;
  UniqueFd fd_;
  OperationOf<ConnectorState, &ConnectorState::on_decided> decided_{*this};
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
