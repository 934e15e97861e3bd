/// The object behind a simulated descriptor: one end of a connection, or a listener.
///
///   auto [near, far] = SimulatedSocket::make_pair(64 * 1024);
///   near->write(bytes);                  // as much as far has room for
///   far->read(100);
///
/// A socket holds the bytes that its peer has sent and it has not read; the peer writes into it directly. The
/// watcher is notified of a change from inside the call that makes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/bytes.h"

#include "reactor/io.h"

namespace ringrpc {

class SimulatedFile {
 public:
  class Watcher {
   public:
    /// The file may have become readable, writable or acceptable.
    virtual void on_change() = 0;

   protected:
    ~Watcher() = default;
  };

  virtual ~SimulatedFile() = default;

  /// May be null. Must stay valid until it is replaced.
  void watch(Watcher* watcher) noexcept { watcher_ = watcher; }

 protected:
  void changed() {
    if (watcher_) watcher_->on_change();
  }

 private:
  Watcher* watcher_ = nullptr;
};

/// One end of a connection.
class SimulatedSocket final : public SimulatedFile {
 public:
  using Pair = std::pair<std::unique_ptr<SimulatedSocket>, std::unique_ptr<SimulatedSocket>>;

  /// Both ends, each with room for `capacity_bytes` unread.
  static Pair make_pair(std::size_t capacity_bytes);

  explicit SimulatedSocket(std::size_t capacity_bytes) noexcept : capacity_(capacity_bytes) {}
  /// Closes like TCP: the peer reads an end after the data sent to it, or a reset if data sent to us was left
  /// unread.
  ~SimulatedSocket() override;

  /// False once the peer has closed or the connection has broken.
  bool connected() const noexcept { return peer_ != nullptr; }

  /// True if `read` or `read_end` has something to report.
  bool readable() const noexcept { return !received_.empty() || ended_ || error_ != 0; }
  std::size_t readable_bytes() const noexcept { return received_.size(); }
  /// Takes `bytes` bytes, which must be readable.
  std::string read(std::size_t bytes);
  /// The reason why nothing more will come, once all bytes are read: 0 for the peer's orderly end, else an
  /// errno value.
  int read_end() const noexcept { return error_; }

  /// True if `write` would take bytes or fail.
  bool writable() const noexcept { return write_error() != 0 || peer_->room() > 0; }
  /// The room at the peer, in bytes; 0 if writing would fail.
  std::size_t writable_bytes() const noexcept { return write_error() != 0 ? 0 : peer_->room(); }
  int write_error() const noexcept;
  /// The memory of what the peer has not read.
  std::size_t unread_bytes() const noexcept { return peer_ ? peer_->held_bytes() : 0; }
  /// Writes at most `writable_bytes`, as one packet.
  void write(Bytes bytes);
  /// Ends writing: the peer reads an end after the data.
  void end_writing();

  /// Breaks the connection in both directions; unread bytes are lost.
  void reset();
  /// From now on, closing does that.
  void reset_when_closed() noexcept { resets_ = true; }

  SocketAddress peer_address;

 private:
  /// A system keeps each send in a packet of its own, with a header, until it is read: Linux takes 768 bytes more than
  /// the data for a unix socket, and 832 for TCP.
  static constexpr std::size_t packet_bytes = 768;

  std::size_t room() const noexcept { return capacity_ - received_.size(); }
  std::size_t held_bytes() const noexcept {
    return received_.empty() ? 0 : received_.size() + packets_ * packet_bytes;
  }
  void break_off();

  SimulatedSocket* peer_ = nullptr;
  std::string received_;
  std::size_t packets_ = 0;  // since it was last empty
  std::size_t capacity_;
  bool ended_ = false;
  bool resets_ = false;
  int error_ = 0;
};

/// A listening socket. Connections wait in it to be accepted.
class SimulatedListener final : public SimulatedFile {
 public:
  SimulatedListener(const SocketAddress& address, int backlog) noexcept
      : address_(address), backlog_(static_cast<std::size_t>(backlog)) {}
  /// Resets the connections that were not accepted.
  ~SimulatedListener() override;

  const SocketAddress& address() const noexcept { return address_; }
  bool full() const noexcept { return waiting_.size() >= backlog_; }
  bool empty() const noexcept { return waiting_.empty(); }
  void push(std::unique_ptr<SimulatedSocket> connection);
  std::unique_ptr<SimulatedSocket> pop();

 private:
  SocketAddress address_;
  std::size_t backlog_;
  std::deque<std::unique_ptr<SimulatedSocket>> waiting_;
};

}  // namespace ringrpc
