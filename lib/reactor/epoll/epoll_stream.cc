#include "reactor/epoll/epoll_stream.h"

#include <cassert>
#include <cerrno>
#include <utility>

#include "reactor/posix_socket.h"

namespace ringrpc::epoll {

Stream::Stream(Poller& poller, std::span<std::uint8_t> buffer, UniqueFd fd) noexcept
    : poller_(poller),
      buffer_(buffer),
      fd_(std::move(fd)),
      pieces_max_(pieces_of_a_send(fd_.get())),
      watch_error_(poller.watch(fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this)) {
  // No event will report this error, so the first receive or send reports it.
  if (watch_error_ != 0) unread_ = Unread::end;
}

SocketAddress Stream::peer() const { return peer_address(fd_.get()); }

void Stream::on_events(std::uint32_t events) {
  constexpr std::uint32_t broken = EPOLLHUP | EPOLLERR;
  if (events & (EPOLLIN | EPOLLRDHUP | broken)) {
    if (events & (EPOLLRDHUP | broken)) unread_ = Unread::end;
    if (unread_ == Unread::nothing) unread_ = Unread::data;
    if (receiving_ == Receiving::flowing) poller_.pend(receive_);
  }
  // This turn's submissions were tried already and found no room.
  if ((events & (EPOLLOUT | broken)) && sending_) write();
}

void Stream::start(Handler& handler) {
  assert(!handler_);
  handler_ = &handler;
  resume_receiving();
}

void Stream::pause_receiving() {
  if (receiving_ == Receiving::flowing) receiving_ = Receiving::paused;
  receive_.unlink();
}

void Stream::resume_receiving() {
  if (receiving_ == Receiving::ended) return;
  receiving_ = Receiving::flowing;
  if (unread_ != Unread::nothing) poller_.pend(receive_);
}

void Stream::receive() {
  if (watch_error_ != 0) return end_receive(watch_error_);
  const ssize_t got = ::recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) {
    unread_ = Unread::nothing;
    return;
  }
  if (got < 0 && errno == EINTR) return poller_.pend(receive_);
  if (got <= 0) return end_receive(got == 0 ? 0 : errno);
  const auto bytes = static_cast<std::size_t>(got);
  // A short read has emptied the socket (epoll(7)): later data causes another edge.
  if (unread_ == Unread::data && bytes < buffer_.size()) unread_ = Unread::nothing;
  if (unread_ != Unread::nothing) poller_.pend(receive_);
  handler_->on_received(Bytes(buffer_.data(), bytes));
}

void Stream::end_receive(int error) {
  receiving_ = Receiving::ended;
  handler_->on_receive_end(error);
}

void Stream::send(Chain chain) {
  assert(handler_ && !sending_ && !chain.empty());
  sending_.emplace(std::move(chain));
  poller_.submit(write_);
}

void Stream::shutdown_send() {
  assert(!sending_);
  ::shutdown(fd_.get(), SHUT_WR);
}

void Stream::write() {
  if (watch_error_ != 0) return end_send(watch_error_);
  std::array<iovec, pieces_of_a_send_max> pieces;
  while (!sending_->empty()) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = sending_->gather(std::span(pieces).first(pieces_max_));
    const ssize_t left = ::sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (left >= 0) {
      sending_->consume(static_cast<std::size_t>(left));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      return end_send(errno);
    }
  }
  end_send(0);
}

void Stream::end_send(int error) {
  sending_.reset();
  send_error_ = error;
  poller_.pend(sent_);
}

void Stream::tell_sent() { handler_->on_sent(send_error_); }

}  // namespace ringrpc::epoll
