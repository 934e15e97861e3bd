/// What stands behind a simulated descriptor: one end of a connection, or a listener.
///
///   auto [near, far] = SimulatedSocket::make_pair(64 * 1024);
///   near->write(bytes);                  // as much as far has room for
///   far->read(100);
///
/// A socket holds what its peer has sent and it has not read; the peer writes straight into it. Whoever waits
/// for a change is told through the watcher, from inside the call that made the change.
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

  /// May be null; must stay valid until it is unset.
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
  /// Closes as TCP does: the peer reads an end after what was sent to it, or a reset if anything sent to us
  /// was left unread.
  ~SimulatedSocket() override;

  /// False once the peer was closed or the connection broke.
  bool connected() const noexcept { return peer_ != nullptr; }

  /// Whether `read` or `read_end` has something to say.
  bool readable() const noexcept { return !received_.empty() || ended_ || error_ != 0; }
  std::size_t readable_bytes() const noexcept { return received_.size(); }
  /// Takes that many bytes, which must be readable.
  std::string read(std::size_t bytes);
  /// Why nothing more will come, once all bytes are read: 0 for the peer's orderly end, else an errno value.
  int read_end() const noexcept { return error_; }

  /// Whether `write` would take bytes or fail.
  bool writable() const noexcept { return write_error() != 0 || peer_->room() > 0; }
  /// How many bytes the peer has room for; 0 when writing would fail.
  std::size_t writable_bytes() const noexcept { return write_error() != 0 ? 0 : peer_->room(); }
  int write_error() const noexcept;
  /// At most `writable_bytes`.
  void write(Bytes bytes);
  /// The peer reads an end after what was written.
  void end_writing();

  /// Breaks the connection both ways; unread bytes are lost.
  void reset();

  SocketAddress peer_address;

 private:
  std::size_t room() const noexcept { return capacity_ - received_.size(); }
  void break_off();

  SimulatedSocket* peer_ = nullptr;
  std::string received_;
  std::size_t capacity_;
  bool ended_ = false;
  int error_ = 0;
};

/// A socket that listens; connections wait in it to be accepted.
class SimulatedListener final : public SimulatedFile {
 public:
  SimulatedListener(const SocketAddress& address, int backlog) noexcept
      : address_(address), backlog_(static_cast<std::size_t>(backlog)) {}
  /// Connections that were not accepted are reset.
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
