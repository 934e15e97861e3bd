/// A listening socket on the ring: one multishot accept armed, or a pause running after resources ran out.
#pragma once

#include "reactor/io.h"
#include "reactor/posix_socket.h"
#include "reactor/uring/uring_ring.h"

namespace ringrpc::uring {

class AcceptorState final : public Resident {
 public:
  AcceptorState(Ring& ring, ListeningSocket socket, Acceptor::Handler& handler) noexcept
      : ring_(ring), socket_(std::move(socket)), handler_(&handler) {}

  void arm();
  const SocketAddress& address() const noexcept { return socket_.address; }

 private:
  void cancel_all() override;
  void pause();
  void on_accept(int result, unsigned flags);
  void on_pause_over(int result, unsigned flags);
  void on_cancelled(int result, unsigned flags);
  void take(int connection);
  void fail(int error);

  Ring& ring_;
  ListeningSocket socket_;
  Acceptor::Handler* handler_;
  SpareDescriptor spare_;
  bool armed_ = false;
  bool pausing_ = false;
  __kernel_timespec pause_{};
  OperationOf<AcceptorState, &AcceptorState::on_accept> accept_{*this};
  OperationOf<AcceptorState, &AcceptorState::on_pause_over> pause_over_{*this};
  OperationOf<AcceptorState, &AcceptorState::on_cancelled> cancelled_{*this};
};

/// The handle.
class UringAcceptor final : public Acceptor {
 public:
  explicit UringAcceptor(AcceptorState& state) noexcept : state_(state) {}
  ~UringAcceptor() override { state_.abandon(); }
  SocketAddress address() const override { return state_.address(); }

 private:
  AcceptorState& state_;
};

}  // namespace ringrpc::uring
