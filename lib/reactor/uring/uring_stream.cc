#include "reactor/uring/uring_stream.h"

#include <cassert>
#include <cerrno>
#include <span>

namespace ringrpc::uring {

SocketAddress Stream::peer() const { return peer_address(state_.descriptor()); }

void StreamState::start(ByteStream::Handler& handler) {
  assert(!handler_);
  handler_ = &handler;
  resume_receiving();
}

void StreamState::pause_receiving() {
  if (receiving_ == Receiving::flowing) receiving_ = Receiving::paused;
  if (armed_ && !cancelling_) cancel_receive();
}

void StreamState::resume_receiving() {
  if (receiving_ == Receiving::ended) return;
  receiving_ = Receiving::flowing;
  // A receive that is still being cancelled is armed again at its last completion.
  if (!armed_) arm_receive();
}

void StreamState::arm_receive() {
  armed_ = true;
  began();
  ring_.submit(receive_, [&](io_uring_sqe& entry) {
    io_uring_prep_recv_multishot(&entry, fd_.get(), nullptr, 0, 0);
    entry.flags |= IOSQE_BUFFER_SELECT;
    entry.buf_group = ReceiveBuffers::group;
  });
}

void StreamState::cancel_receive() {
  cancelling_ = true;
  began();
  ring_.cancel(receive_cancel_, receive_);
}

void StreamState::on_receive_cancelled(int result, unsigned) {
  cancelling_ = false;
  // The kernel may have been working on the receive at that moment, and left it armed.
  if (result == -EALREADY && armed_ && receiving_ != Receiving::flowing) cancel_receive();
  ended();
}

void StreamState::on_receive(int result, unsigned flags) {
  const bool final = is_final(flags);
  if (final) armed_ = false;
  take_received(result, flags);
  if (!final) return;
  if (receiving_ == Receiving::flowing && !armed_ && !abandoned()) arm_receive();
  ended();
}

void StreamState::take_received(int result, unsigned flags) {
  if (result > 0 && !abandoned()) {
    handler_->on_received(buffers_.received(ReceiveBuffers::id_of(flags), static_cast<std::size_t>(result)));
  }
  if (flags & IORING_CQE_F_BUFFER) buffers_.recycle(ReceiveBuffers::id_of(flags));
  if (result > 0) return;
  switch (-result) {
    case ENOBUFS:  // some are free again when the receive is re-armed
      return buffers_.note_shortage();
    case ECANCELED:  // paused, and perhaps resumed since
    case EINTR:
    case EAGAIN:
      return;
    default:
      end_receive(-result);
  }
}

void StreamState::end_receive(int error) {
  receiving_ = Receiving::ended;
  if (!abandoned()) handler_->on_receive_end(error);
}

void StreamState::send(Chain&& chain) {
  assert(handler_ && !sending_ && !chain.empty());
  sending_.emplace(std::move(chain));
  submit_send();
}

void StreamState::shutdown_send() {
  assert(!sending_);
  ::shutdown(fd_.get(), SHUT_WR);
}

void StreamState::submit_send() {
  const std::size_t count = sending_->gather(std::span(pieces_).first(pieces_max_));
  began();
  // MSG_WAITALL makes the kernel continue a short send by itself.
  constexpr int send_flags = MSG_NOSIGNAL | MSG_WAITALL;
  ring_.submit(send_, [&](io_uring_sqe& entry) {
    if (count == 1) {
      io_uring_prep_send(&entry, fd_.get(), pieces_[0].iov_base, pieces_[0].iov_len, send_flags);
    } else {
      message_.msg_iov = pieces_.data();
      message_.msg_iovlen = count;
      io_uring_prep_sendmsg(&entry, fd_.get(), &message_, send_flags);
    }
  });
}

void StreamState::on_send(int result, unsigned) {
  if (result > 0) sending_->consume(static_cast<std::size_t>(result));
  if (abandoned()) {
    sending_.reset();
  } else if (result < 0 && result != -EINTR && result != -EAGAIN) {
    end_send(-result);
  } else if (!sending_->empty()) {
    submit_send();
  } else {
    end_send(0);
  }
  ended();
}

void StreamState::end_send(int error) {
  sending_.reset();
  handler_->on_sent(error);
}

void StreamState::on_send_cancelled(int, unsigned) { ended(); }

void StreamState::cancel_all() {
  handler_ = nullptr;
  receiving_ = Receiving::ended;
  // A send that is queued in this turn has not reached the kernel; the shutdown makes it refuse it.
  ::shutdown(fd_.get(), SHUT_WR);
  if (armed_ && !cancelling_) cancel_receive();
  if (sending_) {
    began();
    ring_.cancel(send_cancel_, send_);
  }
}

}  // namespace ringrpc::uring
