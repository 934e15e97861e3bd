/// The I/O seam: what a shard needs from the kernel, and nothing of how it is done.
///
/// A backend (io_uring, epoll, simulated) moves bytes between descriptors and handlers:
///
///   std::unique_ptr<ByteStream> stream = io.adopt(std::move(fd));
///   stream->start(handler);               // handler.on_received(bytes) from now on
///   stream->send(std::move(chain));       // handler.on_sent(0) when all of it has left
///   stream.reset();                       // no handler is called any more
///
/// How it stays safe:
/// 1. Memory that the kernel can write to or read from (receive buffers, chains being sent) belongs to the
///    backend from the call until the operation's final completion, even when the stream has been destroyed
///    meanwhile.
/// 2. Completions are reaped into a list and handed out by `dispatch`, never from inside a reap, a call to
///    the seam or another handler. So a handler may destroy its stream, and start, send and pause at will.
/// 3. Destroying an object of the seam cancels what it waits for; its handler is not called after that.
///
/// Everything here belongs to the shard's thread but `wake`.
#pragma once

#include <chrono>
#include <memory>
#include <string_view>
#include <sys/socket.h>

#include "ringrpc/bytes.h"
#include "ringrpc/clock.h"
#include "ringrpc/peer_identity.h"
#include "ringrpc/status.h"

#include "base/slab.h"
#include "base/unique_fd.h"

namespace ringrpc {

/// A socket address as the kernel takes it. `length` 0 means none.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  int family() const noexcept { return length == 0 ? AF_UNSPEC : storage.ss_family; }
};

/// A connected stream of bytes, both ways.
class ByteStream {
 public:
  class Handler {
   public:
    /// Bytes arrived, at least one. They are valid until this returns.
    virtual void on_received(Bytes bytes) = 0;
    /// Nothing more will arrive: 0 is the peer's orderly end, anything else an errno value. Called once.
    virtual void on_receive_end(int error) = 0;
    /// The chain given to `send` has left whole (0), or was dropped with this errno value and the stream can
    /// send no more.
    virtual void on_sent(int error) = 0;

   protected:
    ~Handler() = default;
  };

  /// Closes: what has not been handed to the kernel is dropped. Use `shutdown_send` first for an orderly end.
  virtual ~ByteStream() = default;

  /// Begins to receive. Call once; `handler` must outlive the stream.
  virtual void start(Handler& handler) = 0;

  /// Stops and goes on receiving, so that a peer who does not read cannot make us read. A few buffers that
  /// were already on their way may still be delivered after a pause. Pausing twice is pausing once.
  virtual void pause_receiving() = 0;
  virtual void resume_receiving() = 0;

  /// Sends all of `chain`, which must not be empty, then calls `on_sent`. One send at a time.
  virtual void send(Chain chain) = 0;

  /// No more will be sent: the peer reads an orderly end after what was sent. Not while a send is under way.
  virtual void shutdown_send() = 0;

  /// The peer's address; no address for a peer that has none (an unnamed unix socket).
  virtual SocketAddress peer() const = 0;

  /// The descriptor, for socket options; owned by the stream.
  virtual int descriptor() const noexcept = 0;

  /// What a protocol between the descriptor and the handler (TLS) has failed of or still waits for, where an
  /// errno value does not tell; OK where there is nothing of the kind.
  virtual Status failure() const { return {}; }
  /// Adds what such a protocol vouches for of the peer.
  virtual void identify(PeerIdentity& /*identity*/) const {}
};

/// Before accepting is tried again after resources ran out.
inline constexpr std::chrono::milliseconds accept_pause{100};

/// A socket that listens.
class Acceptor {
 public:
  class Handler {
   public:
    /// A connection; `connection` may be handed to another shard of the same kind of backend and adopted
    /// there.
    virtual void on_accepted(UniqueFd connection) = 0;
    /// Accepting failed with this errno value (EMFILE, ENFILE, ENOMEM …). The acceptor goes on by itself,
    /// after `accept_pause` where the cause is a lack of resources.
    virtual void on_accept_error(int error) = 0;

   protected:
    ~Handler() = default;
  };

  virtual ~Acceptor() = default;
  /// The address that was bound, with the port that the kernel chose.
  virtual SocketAddress address() const = 0;
};

/// A connection being made; destroying it gives the attempt up.
class Connector {
 public:
  class Handler {
   public:
    /// `error` 0 and the connection, or an errno value and none. Called once.
    virtual void on_connected(UniqueFd connection, int error) = 0;

   protected:
    ~Handler() = default;
  };

  virtual ~Connector() = default;
};

/// Between two attempts to connect to a unix socket whose backlog is full.
inline constexpr std::chrono::milliseconds full_backlog_pause{10};

/// A backend of one shard.
class Io {
 public:
  virtual ~Io() = default;

  /// "io_uring", "epoll", "simulated".
  virtual std::string_view name() const noexcept = 0;

  /// The time now; the clock of tests for the simulated backend.
  virtual Instant now() const noexcept = 0;

  /// Binds, listens and accepts. `backlog` as for listen(2). The status names the system call and the cause,
  /// not the address.
  virtual Result<std::unique_ptr<Acceptor>> listen(const SocketAddress& address, int backlog,
                                                   Acceptor::Handler& handler) = 0;

  /// Accepts on a socket that listens already. INVALID_ARGUMENT when it is none that a backend could serve.
  virtual Result<std::unique_ptr<Acceptor>> listen(UniqueFd socket, Acceptor::Handler& handler) = 0;

  /// Connects; the outcome always comes through the handler, never from inside this call. While the
  /// listener's backlog is full this waits: the kernel does that for TCP; a unix socket is tried again every
  /// `full_backlog_pause`. How long is for the caller to limit.
  virtual std::unique_ptr<Connector> connect(const SocketAddress& address, Connector::Handler& handler) = 0;

  /// The address at the other end of an accepted connection; none where it has none, or has gone.
  virtual SocketAddress peer(const UniqueFd& connection) const = 0;

  /// Takes over a connected descriptor.
  virtual std::unique_ptr<ByteStream> adopt(UniqueFd connection) = 0;

  /// Hands queued work to the kernel and reaps what has completed; sleeps until there is something, `wake` is
  /// called or `until` has come. `until` in the past means do not sleep. Gives whether `dispatch` has
  /// anything to do.
  virtual bool wait(Instant until) = 0;

  /// Calls the handlers for what `wait` reaped, in the order in which it came: all, or as many as take until
  /// `until`, at least one. False where some are left, for the next dispatch; no `wait` sleeps before it.
  virtual bool dispatch(Instant until) = 0;

  /// Ends the current or the next `wait`. From any thread.
  virtual void wake() noexcept = 0;
};

}  // namespace ringrpc
