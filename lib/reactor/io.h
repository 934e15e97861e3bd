/// The I/O seam: the functions that a shard needs from the kernel, independent of the backend.
///
/// A backend (io_uring, epoll, simulated) moves bytes between descriptors and handlers:
///
///   std::unique_ptr<ByteStream> stream = io.adopt(std::move(fd));
///   stream->start(handler);               // handler.on_received(bytes) from now on
///   stream->send(std::move(chain));       // handler.on_sent(0) when all of it has left
///   stream.reset();                       // no handler is called any more
///
/// The rules that keep it safe:
/// 1. Memory that the kernel can write to or read from (receive buffers, chains being sent) belongs to the
///    backend from the call until the operation's final completion, even if the stream is destroyed
///    meanwhile.
/// 2. Completions are reaped into a list, and `dispatch` delivers them: never from inside a reap, a call to
///    the seam or another handler. So a handler may destroy its stream, and may start, send and pause at any
///    time.
/// 3. Destroying an object of the seam cancels its operations; its handler is not called after that.
/// Everything here except `wake` belongs to the shard's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "ringrpc/bytes.h"
#include "ringrpc/clock.h"
#include "ringrpc/peer_identity.h"
#include "ringrpc/status.h"

#include "base/slab.h"
#include "base/unique_fd.h"

namespace ringrpc {

/// A socket address in the kernel's format. `length` 0 means none.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  int family() const noexcept { return length == 0 ? AF_UNSPEC : storage.ss_family; }
};

/// The security of a stream with TLS.
struct StreamSecurity {
  std::string cipher;             ///< by its name in RFC 8446: "TLS_AES_128_GCM_SHA256"
  std::string local_certificate;  ///< these two in DER; empty if there is none
  std::string remote_certificate;
};

/// A connected, bidirectional stream of bytes.
class ByteStream {
 public:
  class Handler {
   public:
    /// Bytes arrived, at least one. They are valid until this returns.
    virtual void on_received(Bytes bytes) = 0;
    /// Nothing more will arrive. 0 is the peer's orderly end, anything else an errno value. Called once.
    virtual void on_receive_end(int error) = 0;
    /// The whole chain given to `send` has left (0), or it was dropped with this errno value and the stream
    /// can send no more.
    virtual void on_sent(int error) = 0;

   protected:
    ~Handler() = default;
  };

  /// Closes the connection and drops bytes that the kernel does not have yet. Call `shutdown_send` first for
  /// an orderly end.
  virtual ~ByteStream() = default;

  /// Begins to receive. Call once; `handler` must outlive the stream.
  virtual void start(Handler& handler) = 0;

  /// Stop and continue receiving, so that a peer that does not read cannot make us read. A few buffers
  /// already on their way may still be delivered after a pause. Repeated pauses count as one.
  virtual void pause_receiving() = 0;
  virtual void resume_receiving() = 0;

  /// Sends all of `chain`, which must not be empty, then calls `on_sent`. One send at a time.
  virtual void send(Chain chain) = 0;

  /// Ends sending: the peer reads an orderly end after the data. Not while a send is in progress.
  virtual void shutdown_send() = 0;

  /// The peer's address; none if the peer has none (an unnamed unix socket).
  virtual SocketAddress peer() const = 0;

  /// The descriptor, for socket options. The stream owns it.
  virtual int descriptor() const noexcept = 0;

  /// The memory that the system holds for data that was sent and that the peer has not acknowledged, or over unix
  /// sockets not read. 0 if the system does not tell. A system call each time.
  virtual std::size_t unacknowledged_bytes() const noexcept;
  /// From now on, closing a TCP connection resets it. The system drops the data that the peer has not acknowledged,
  /// which it would otherwise hold for minutes (tcp(7), tcp_orphan_retries). No effect on other sockets: a unix socket
  /// keeps its data until the peer reads it or closes: at most SO_SNDBUF, by default net.core.wmem_default, bytes.
  virtual void reset_when_closed() noexcept;

  /// The failure of a protocol between the descriptor and the handler (TLS), or the event that it still waits
  /// for, if an errno value cannot express it. OK if there is none.
  virtual Status failure() const { return {}; }
  /// Adds the facts about the peer that such a protocol has verified.
  virtual void identify(PeerIdentity& /*identity*/) const {}
  /// None for a stream that is not secured, or not yet.
  virtual std::optional<StreamSecurity> security() const { return {}; }
};

/// The time that an acceptor waits after accepting failed for lack of resources.
inline constexpr std::chrono::milliseconds accept_pause{100};

/// A listening socket.
class Acceptor {
 public:
  class Handler {
   public:
    /// A new connection. It may be passed to another shard with the same kind of backend and adopted there.
    virtual void on_accepted(UniqueFd connection) = 0;
    /// Accepting failed with this errno value (EMFILE, ENFILE, ENOMEM …). The acceptor continues by itself,
    /// after `accept_pause` if resources were short.
    virtual void on_accept_error(int error) = 0;

   protected:
    ~Handler() = default;
  };

  virtual ~Acceptor() = default;
  /// The bound address, with the port that the kernel chose.
  virtual SocketAddress address() const = 0;
};

/// A connection attempt. Destroying it cancels the attempt.
class Connector {
 public:
  class Handler {
   public:
    /// `error` is 0 with the connection, or an errno value without one. Called once.
    virtual void on_connected(UniqueFd connection, int error) = 0;

   protected:
    ~Handler() = default;
  };

  virtual ~Connector() = default;
};

/// A wait until a descriptor is ready for what other code does with it. Destroying it ends the wait. Destroy
/// it before the descriptor is closed.
class Readiness {
 public:
  class Handler {
   public:
    /// `events` as in poll(2), POLLERR and POLLHUP included. Called once.
    virtual void on_ready(short events) = 0;

   protected:
    ~Handler() = default;
  };

  virtual ~Readiness() = default;
};

/// The pause between two attempts to connect to a unix socket whose backlog is full.
inline constexpr std::chrono::milliseconds full_backlog_pause{10};

/// The counters of io_uring on one shard; 0 on other backends.
struct IoCounters {
  std::uint64_t ring_overflows = 0;  ///< waits that began while completions exceeded the completion queue
  std::uint64_t receive_buffers_used = 0;      ///< of those that the streams share, now
  std::uint64_t receive_buffer_shortages = 0;  ///< receives that stopped because none was free
};

/// A backend of one shard.
class Io {
 public:
  virtual ~Io() = default;

  /// "io_uring", "epoll", "simulated".
  virtual std::string_view name() const noexcept = 0;

  /// The current time; in the simulated backend, the test's clock.
  virtual Instant now() const noexcept = 0;

  /// Binds, listens and accepts. `backlog` as for listen(2). The status names the system call and the cause,
  /// but not the address.
  virtual Result<std::unique_ptr<Acceptor>> listen(const SocketAddress& address, int backlog,
                                                   Acceptor::Handler& handler) = 0;

  /// Accepts on a socket that listens already. INVALID_ARGUMENT if a backend cannot serve it.
  virtual Result<std::unique_ptr<Acceptor>> listen(UniqueFd socket, Acceptor::Handler& handler) = 0;

  /// Connects. The outcome comes through the handler, and never from inside this call. The attempt waits
  /// while the listener's backlog is full: in the kernel for TCP, and by trying again every
  /// `full_backlog_pause` for a unix socket. The caller must limit the time.
  virtual std::unique_ptr<Connector> connect(const SocketAddress& address, Connector::Handler& handler) = 0;

  /// Waits for one of `events`, as in poll(2), on a descriptor that other code reads and writes. Null in
  /// backends without the kernel's descriptors.
  virtual std::unique_ptr<Readiness> await_readiness(int /*descriptor*/, short /*events*/,
                                                     Readiness::Handler& /*handler*/) {
    return nullptr;
  }

  /// The peer's address of an accepted connection; none if it has none or has closed.
  virtual SocketAddress peer(const UniqueFd& connection) const = 0;

  /// Takes over a connected descriptor.
  virtual std::unique_ptr<ByteStream> adopt(UniqueFd connection) = 0;

  /// Submits queued work to the kernel and reaps completions. Sleeps until there is one, `wake` is called, or
  /// `until` has come; it does not sleep if `until` is in the past. Returns true if `dispatch` has work.
  virtual bool wait(Instant until) = 0;

  /// Calls the handlers of the completions that `wait` reaped, in their order: all of them, or at least one
  /// and no more once `until` has come. Returns false if some are left for the next dispatch; no `wait`
  /// sleeps before it.
  virtual bool dispatch(Instant until) = 0;

  virtual IoCounters counters() const noexcept { return {}; }

  /// Ends the current or the next `wait`. From any thread.
  virtual void wake() noexcept = 0;
};

}  // namespace ringrpc
