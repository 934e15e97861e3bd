/// Pumps bytes between a stream and an HTTP/2 session; what client and server connections have in common.
///
/// 1. Bytes that arrive go into the session, whose events go to the connection's owner.
/// 2. At the end of the turn all that the session has to say leaves in one send; one send is in flight at a
///    time.
/// 3. When the session is finished, the last bytes leave, our end is shut down, and the peer has a second to
///    read them and close.
/// 4. A peer that does not finish its handshake, or leaves our output unread, is given up after a time.
///    Output waits in the socket, or in the session while the peer gives it no window; taking less than
///    `progress_bytes_min` of it counts as nothing, so that a peer cannot hold it for ever by drips.
/// 5. A client that ends its sending (a half close) still gets the responses to what it has asked whole; then
///    its connection ends. It can acknowledge no PING, so it is probed instead: a system whose client has
///    closed its socket altogether refuses the second frame that it gets. A response that moves keeps the
///    connection; when nothing of any has left for the stall timeout, the connection ends.
///
/// Belongs to its shard. `on_lost` is the last call that the owner gets, from the ready list; it destroys the
/// connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/status.h"

#include "base/caught.h"
#include "http2/session.h"
#include "reactor/peer_key.h"
#include "reactor/shard.h"
#include "transport/address.h"
#include "transport/identify.h"

namespace ringrpc {

/// A peer that takes, or sends, less than this of a message while it is watched makes no progress.
inline constexpr std::uint64_t progress_bytes_min = 1024;

struct ConnectionTimeouts {
  std::chrono::milliseconds handshake{10'000};  ///< until the peer's SETTINGS
  std::chrono::milliseconds stall{60'000};      ///< without progress of output that waits
  /// For the peer to close after us, or to take our reasons after a fault of its own.
  std::chrono::milliseconds linger{1'000};
};

/// INVALID_ARGUMENT where an option's limit of header lists is none that a connection can keep.
Status check_header_list_bytes(std::size_t bytes);

/// Everything that the shard or the stream calls of a connection or of its timers runs in `contain`: out of memory
/// ends this connection and no other.
class Connection : public ExceptionBarrier<Connection>,
                   private ByteStream::Handler,
                   private TurnEnd,
                   private Ready,
                   private Timer {
 public:
  Connection(Shard& shard, std::unique_ptr<ByteStream> stream, http2::Role role, const http2::Limits& limits,
             const ConnectionTimeouts& timeouts, http2::SessionEvents& events);

  /// Begins to receive, and sends the session's preface. Call once, when the owner is ready for events.
  void start();

  http2::Session& session() noexcept { return session_; }
  const http2::Session& session() const noexcept { return session_; }
  Shard& shard() noexcept { return shard_; }
  /// The peer's address, "127.0.0.1:40712".
  const std::string& peer() const noexcept { return peer_; }
  /// Whose turn it is where peers take turns. Asks the kernel each time.
  PeerKey fair_key() const { return peer_key(stream_->peer(), stream_->descriptor()); }
  /// What the transport vouches for of the peer, once it has greeted us. Asks the kernel each time.
  PeerIdentity ask_peer_identity() const { return identify(*stream_); }
  /// What the transport has failed of or still waits for, beyond errno values: ByteStream::failure.
  Status stream_failure() const { return stream_->failure(); }

  /// Asks for a flush at the end of this turn: call after any change to the session.
  void flush_soon() noexcept { shard_.at_turn_end(*this); }

  /// Ends the connection at once, with no more to be sent.
  void abort(Status why) noexcept;
  /// The same for a peer that does not answer PINGs; `why` names it.
  virtual void give_up(Status why) { abort(std::move(why)); }

  /// How long a peer may make no progress.
  std::chrono::milliseconds stall_timeout() const noexcept { return timeouts_.stall; }

  /// Whether the connection is over, and `on_lost` is to come.
  bool lost() const noexcept { return over(); }

  /// The peer's SETTINGS have arrived: the handshake is over.
  void established() noexcept { established_ = true; }
  bool is_established() const noexcept { return established_; }

 protected:
  ~Connection() override = default;

  /// Bytes of messages: all that were ever written to the session, and those of them that are still there.
  struct Output {
    std::uint64_t written_bytes = 0;
    std::uint64_t waiting_bytes = 0;
    bool watched = false;  ///< `on_watch` has something to look at
  };

 private:
  /// What arrived together has been given to the session: for work that waits for the end of a batch. `bytes`
  /// are still valid. False when it has destroyed the connection.
  [[nodiscard]] virtual bool on_batch() noexcept = 0;
  /// The connection is over for this reason, OK after an orderly end. Called once, from the ready list; may
  /// destroy the connection.
  virtual void on_lost(const Status& why) noexcept = 0;

  /// For the watch over peers that leave output unread. None where it is not for us to judge how slowly a
  /// peer reads.
  virtual Output output() { return {}; }
  /// So many bytes of memory hold what has left the streams and not yet the process: the chain that is being
  /// sent, and frames that wait to be produced.
  virtual void on_output_held(std::size_t /*bytes*/) {}
  /// Called each second while something is watched.
  virtual void on_watch() {}
  /// The client has ended its sending and may still read: requests that are not whole will never be.
  virtual void on_half_close() {}

  friend ExceptionBarrier<Connection>;
  void on_exception(Status why) noexcept { abort(std::move(why)); }

  void on_received(Bytes bytes) override;
  void on_receive_end(int error) override;
  void on_sent(int error) override;
  void on_turn_end() override;
  void run() override { on_lost(std::exchange(why_, Status())); }
  void on_time() override;

  void take(Bytes bytes);
  Status receive(Bytes bytes) noexcept;
  void flush();
  void look_after();

  bool over() const noexcept { return phase_ == Phase::over; }
  void note_output();
  void begin_linger();
  void end_receiving(int error);
  void finish(Status why) noexcept;
  bool may_go_on() const;
  void begin_half_close();
  void probe();
  Status stalled() const;
  Status broken(std::string_view operation, int error) const;
  Status handshake_overdue() const;
  void watch();
  void begin_closing(Status why);
  void note_progress();

  /// `idle`: `start` has not been called; `half_closed`: the client sends no more and is still served; `closing`: the
  /// peer is told why it ends; `lingering`: all has left.
  enum class Phase : std::uint8_t { idle, open, half_closed, closing, lingering, over };

  Shard& shard_;
  ConnectionTimeouts timeouts_;
  std::unique_ptr<ByteStream> stream_;
  std::string peer_;  // asked for at once: a broken socket does not tell any more
  http2::Session session_;
  bool to_server_;
  bool heard_ = false;  // something has come from the peer
  Phase phase_ = Phase::idle;
  bool sending_ = false;
  bool sent_ = false;  // something has left whole since the last look at progress
  bool established_ = false;
  bool output_noted_ = false;      // on_output_held was told of some
  std::size_t sending_bytes_ = 0;  // in memory, of the chain that is being sent
  Instant started_;
  Instant progress_;                   // when output last moved, or there was none
  std::uint64_t delivered_bytes_ = 0;  // of messages, at that time
  Status why_;
};

}  // namespace ringrpc
