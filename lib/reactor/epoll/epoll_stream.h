/// A connected stream on epoll: reads when the socket is readable and the handler wants data; writes what the
/// turn submitted.
///
///   receiving   paused <---> flowing ---> ended     begins paused
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <sys/socket.h>

#include "base/slab.h"
#include "base/unique_fd.h"
#include "reactor/epoll/epoll_poller.h"
#include "reactor/io.h"

namespace ringrpc::epoll {

class Stream final : public ByteStream, Watcher {
 public:
  /// `buffer` is shared by all streams of the poller.
  Stream(Poller& poller, std::span<std::uint8_t> buffer, UniqueFd fd) noexcept;
  ~Stream() override { poller_.unwatch(fd_.get()); }

  void start(Handler& handler) override;
  void pause_receiving() override;
  void resume_receiving() override;
  void send(Chain chain) override;
  void shutdown_send() override;
  SocketAddress peer() const override;
  int descriptor() const noexcept override { return fd_.get(); }

 private:
  enum class Receiving : std::uint8_t { paused, flowing, ended };
  enum class Unread : std::uint8_t {
    nothing,
    data,
    end,  ///< and perhaps data before it
  };

  void on_events(std::uint32_t events) override;
  void receive();
  void end_receive(int error);
  void write();
  void end_send(int error);
  void tell_sent();

  Poller& poller_;
  std::span<std::uint8_t> buffer_;
  UniqueFd fd_;
  std::size_t pieces_max_;  ///< slabs in one send
  Handler* handler_ = nullptr;
  int watch_error_;  ///< the reason why the descriptor is not watched; 0 if it is
  Receiving receiving_ = Receiving::paused;
  Unread unread_ = Unread::nothing;  ///< of what edges have announced
  int send_error_ = 0;               ///< the error of the send that ended
  std::optional<Chain> sending_;
  PendingOf<Stream, &Stream::receive> receive_{*this};
  PendingOf<Stream, &Stream::write> write_{*this};
  PendingOf<Stream, &Stream::tell_sent> sent_{*this};
};

}  // namespace ringrpc::epoll
