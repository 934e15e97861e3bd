/// A connected stream on the ring: one multishot receive and at most one send in flight.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sys/socket.h>
#include <utility>

#include "base/slab.h"
#include "base/unique_fd.h"
#include "reactor/io.h"
#include "reactor/posix_socket.h"
#include "reactor/uring/uring_buffers.h"
#include "reactor/uring/uring_ring.h"

namespace ringrpc::uring {

/// The state that the kernel works on: the descriptor, the chain being sent, and the operations.
///
///   receiving   paused <---> flowing ---> ended     begins paused
///                  +------------------------^       what was on its way during a pause may be the end
class StreamState final : public Resident {
 public:
  StreamState(Ring& ring, ReceiveBuffers& buffers, UniqueFd fd) noexcept
      : ring_(ring), buffers_(buffers), fd_(std::move(fd)), pieces_max_(pieces_of_a_send(fd_.get())) {}

  void start(ByteStream::Handler& handler);
  void pause_receiving();
  void resume_receiving();
  void send(Chain&& chain);
  void shutdown_send();
  int descriptor() const noexcept { return fd_.get(); }

 private:
  enum class Receiving : std::uint8_t { paused, flowing, ended };

  void arm_receive();
  void cancel_receive();
  void submit_send();
  void cancel_all() override;
  void on_receive(int result, unsigned flags);
  void on_receive_cancelled(int result, unsigned flags);
  void on_send(int result, unsigned flags);
  void on_send_cancelled(int result, unsigned flags);
  void take_received(int result, unsigned flags);
  void end_receive(int error);
  void end_send(int error);

  Ring& ring_;
  ReceiveBuffers& buffers_;
  UniqueFd fd_;
  std::size_t pieces_max_;  ///< slabs in one send
  ByteStream::Handler* handler_ = nullptr;
  Receiving receiving_ = Receiving::paused;
  bool armed_ = false;       ///< `receive_` is in flight
  bool cancelling_ = false;  ///< `receive_cancel_` is in flight
  OperationOf<StreamState, &StreamState::on_receive> receive_{*this};
  OperationOf<StreamState, &StreamState::on_receive_cancelled> receive_cancel_{*this};
  OperationOf<StreamState, &StreamState::on_send> send_{*this};
  OperationOf<StreamState, &StreamState::on_send_cancelled> send_cancel_{*this};
  std::optional<Chain> sending_;
  msghdr message_{};
  std::array<iovec, pieces_of_a_send_max> pieces_;
};

/// The handle.
class Stream final : public ByteStream {
 public:
  explicit Stream(StreamState& state) noexcept : state_(state) {}
  ~Stream() override { state_.abandon(); }

  void start(Handler& handler) override { state_.start(handler); }
  void pause_receiving() override { state_.pause_receiving(); }
  void resume_receiving() override { state_.resume_receiving(); }
  void send(Chain chain) override { state_.send(std::move(chain)); }
  void shutdown_send() override { state_.shutdown_send(); }
  SocketAddress peer() const override;
  int descriptor() const noexcept override { return state_.descriptor(); }

 private:
  StreamState& state_;
};

}  // namespace ringrpc::uring
