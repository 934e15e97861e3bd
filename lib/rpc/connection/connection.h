/// Moves bytes between a byte stream and an HTTP/2 session. The base of client and server connections.
///
/// 1. Received bytes go into the session, whose events go to the derived connection.
/// 2. At the end of a turn, the session's output leaves in one send. At most one send is in flight.
/// 3. When the session is finished, the connection sends the last bytes, shuts down its sending side and
///    gives the peer a second to read them and close. A server waits longer for a client that goes on reading.
/// 4. The connection is closed if the peer does not complete the handshake in time, or does not read output
///    for the stall timeout. Such output waits in the socket, or in the session for an HTTP/2 window. Reading
///    less than `progress_bytes_min` does not count, so that a peer cannot keep output waiting forever by
///    reading a byte at a time.
/// 5. A client that half-closes the connection still gets the responses to its complete requests. It
///    acknowledges no PING, but sending it one shows whether its socket still exists: if not, the client's
///    system resets the connection on the second packet. The connection is closed if nothing of any response
///    has been sent for the stall timeout.
///
///   idle ---> open -----------------------------> lingering ---> over
///              |  |                                  ^   ^
///              |  +--- half close ---> half_closed --+   |
///              |                          |              |
///              +---- a fault ----+--------+              |
///                                v                       |
///                             closing -------------------+
///
///   closing: the last output, which tells the peer of the fault, is being sent. lingering: all output has been
///   sent. Every phase can lead to `over`.
///
/// After the end, the system would hold output that the peer does not read for minutes, in memory that nothing
/// counts. So if the system holds more than 4 KiB for a server's connection at its end, it drops all of that
/// (ByteStream::reset_when_closed). There are two exceptions, after which the system goes on sending. While the
/// server drains, a connection ends a second after its last output, also if its client has broken the rules.
/// ServerShard::end_all closes connections without asking.
///
/// Belongs to its shard. `on_lost` is the last event; it destroys the connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/status.h"

#include "base/caught.h"
#include "base/testing_export.h"
#include "http2/session.h"
#include "reactor/peer_key.h"
#include "reactor/shard.h"
#include "rpc/channelz/registry.h"
#include "transport/address.h"
#include "transport/identify.h"

namespace ringrpc {

/// A peer that reads or sends less than this between two checks makes no progress.
inline constexpr std::uint64_t progress_bytes_min = 1024;

struct ConnectionTimeouts {
  std::chrono::milliseconds handshake{10'000};  ///< until the peer's SETTINGS
  std::chrono::milliseconds stall{60'000};      ///< without progress of waiting output
  /// For the peer to close after this side has, or to read why it is disconnected.
  std::chrono::milliseconds linger{1'000};
};

/// INVALID_ARGUMENT if a limit of header lists is out of its range.
Status check_header_limits(std::size_t bytes, std::size_t fields);

/// All calls from the shard or the stream to a connection or its timers run in `contain`: running out of
/// memory ends this connection and no other.
class Connection : public ExceptionBarrier<Connection>,
                   private channelz::Socket,
                   private ByteStream::Handler,
                   private TurnEnd,
                   private Ready,
                   private Timer {
 public:
  /// `part` owns the connection.
  Connection(channelz::Part& part, std::unique_ptr<ByteStream> stream, http2::Role role,
             const http2::Limits& limits, const ConnectionTimeouts& timeouts, http2::SessionEvents& events);

  /// Begins to receive, and sends the session's preface. Call once; events follow.
  void start();

  http2::Session& session() noexcept { return session_; }
  const http2::Session& session() const noexcept { return session_; }
  Shard& shard() noexcept { return shard_; }
  /// The time at which the connection was accepted or connected.
  Instant started() const noexcept { return started_; }
  const std::string& peer() const noexcept final { return peer_; }
  /// Identifies the peer where peers take turns. A system call each time.
  PeerKey fair_key() const { return peer_key(stream_->peer(), stream_->descriptor()); }
  /// The peer's identity, as the transport has verified it, once the handshake is
  /// over. A system call each time.
  PeerIdentity ask_peer_identity() const { return identify(*stream_); }
  int descriptor() const noexcept final { return stream_->descriptor(); }
  channelz::SocketCounts& counts() noexcept { return counts_; }
  const channelz::SocketCounts& counts() const noexcept { return counts_; }
  channelz::SocketSnapshot snapshot() const final;
  channelz::Id id() const noexcept { return entry_.id(); }
  /// The reason why the transport has failed, or what it still waits for: ByteStream::failure.
  Status stream_failure() const { return stream_->failure(); }

  /// Requests a flush at the end of this turn. Call after every change to the session.
  void flush_soon() noexcept { shard_.at_turn_end(*this); }

  /// Ends the connection at once. Output that the system does not have yet is dropped. A server's connection also
  /// drops the output that the system holds, if that is more than 4 KiB; less, such as a TLS alert, is still sent. The
  /// system sends all that it holds for a client's connection.
  void abort(Status why) noexcept;
  /// Ends the connection at once. All output is dropped, also what the system holds (ByteStream::reset_when_closed).
  void reset(Status why) noexcept;
  /// Resets the connection because the peer acknowledges no PING; `why` names the peer.
  virtual void abandon(Status why) { reset(std::move(why)); }

  /// Counts the memory that the system holds for the socket. Asks the system if that may be more than a few packets.
  void weigh_socket();

  /// The time within which a peer must make progress.
  std::chrono::milliseconds stall_timeout() const noexcept { return timeouts_.stall; }

  /// True if the connection is over and `on_lost` follows.
  bool lost() const noexcept { return over(); }
  /// True if all output has been sent, and the connection waits for the peer to read it and close.
  bool lingers() const noexcept { return phase_ == Phase::lingering; }

  /// The peer's SETTINGS have arrived, which completes the handshake. No effect when called again.
  void established() noexcept { handshake_ = Handshake::complete; }
  bool is_established() const noexcept { return handshake_ == Handshake::complete; }

 protected:
  ~Connection() override = default;

  struct Output {
    std::uint64_t written_bytes = 0;  ///< of messages, ever written to the session
    std::uint64_t waiting_bytes = 0;  ///< of these, still in the session
    bool watched = false;             ///< true while `on_watch` has something to check
  };

 private:
  /// The session has processed a batch of input, whose memory is still valid. Returns false if the event has
  /// destroyed the connection.
  [[nodiscard]] virtual bool on_batch() noexcept = 0;
  /// The connection is over; `why` is OK after an orderly end. Called once, from the ready list;
  /// may destroy the connection.
  virtual void on_lost(const Status& why) noexcept = 0;

  /// Finds peers that do not read output. A connection that does not limit how
  /// slowly its peer reads returns none.
  virtual Output output() { return {}; }
  /// The size of the memory that holds output which has left the streams and not yet the process: the chain
  /// in flight, and frames that the session has queued.
  virtual void on_output_held(std::size_t /*bytes*/) {}
  /// The memory that the system holds for the socket has changed. A page is part of the fixed cost.
  virtual void on_socket_held(std::size_t /*before*/, std::size_t /*now*/) {}
  /// The memory that the session keeps of the peer's header fields has changed.
  virtual void on_fields_remembered(std::size_t /*before*/, std::size_t /*now*/) {}
  /// Called each second while `Output::watched`.
  virtual void on_watch() {}
  /// The client has half-closed the connection: incomplete requests will never be complete.
  virtual void on_half_close() {}
  /// All output has been sent. Input is not processed any longer.
  virtual void on_linger() {}
  /// True if a connection that lingers waits until the peer has read the output. Otherwise it ends after the linger
  /// timeout, and the system goes on sending.
  virtual bool awaits_reader() const noexcept { return false; }

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

  enum class Phase : std::uint8_t { idle, open, half_closed, closing, lingering, over };
  /// The peer has sent: nothing; some bytes; its SETTINGS.
  enum class Handshake : std::uint8_t { awaited, begun, complete };
  enum class Send : std::uint8_t { none, in_flight };

  bool over() const noexcept { return phase_ == Phase::over; }
  bool sending() const noexcept { return send_ == Send::in_flight; }
  bool is_client() const noexcept { return role_ == http2::Role::client; }
  /// Asserts that the diagram has the transition.
  void enter(Phase next) noexcept;
  void trace_output(const Chain& out) const;
  void note_output();
  void note_sent();
  void note_socket(std::size_t bytes);
  void weigh();
  void begin_linger();
  void linger();
  void end_receiving(int error);
  void end_if_read();
  void end(Status why) noexcept;
  bool may_go_on() const;
  void begin_half_close();
  void probe();
  Status stalled() const;
  Status broken(std::string_view operation, int error) const;
  Status handshake_overdue() const;
  void watch();
  void begin_closing(Status why);
  void note_progress();

  /// Sent bytes count as held by the socket in these steps.
  static constexpr std::uint32_t socket_step_bytes = 4 * 1024;
  /// After this many, the system is asked at the end of the turn.
  static constexpr std::uint32_t unweighed_bytes_max = 16 * 1024;
  /// After this many, it is asked in the next check of progress or search for room.
  static constexpr std::uint32_t unweighed_bytes_min = 1024;
  /// Each send counts as this much beside its bytes, so that the system is also asked about small ones. It holds more
  /// for each, 768 bytes over unix sockets and 832 over TCP, but a usual client has read most of them by then.
  static constexpr std::uint32_t packet_bytes = 256;

  Shard& shard_;
  const channelz::Sockets::Entry entry_;
  ConnectionTimeouts timeouts_;
  std::unique_ptr<ByteStream> stream_;
  std::string peer_;  // read at the start, because a broken socket no longer has it
  http2::Session session_;
  const http2::Role role_;
  Phase phase_ = Phase::idle;
  Handshake handshake_ = Handshake::awaited;
  Send send_ = Send::none;
  bool broke_rules_ = false;              // the peer has, so the connection ends
  std::uint32_t sends_ = 0;               // that have completed
  std::uint32_t sends_seen_ = 0;          // of these, when progress was last checked
  std::uint32_t noted_fields_bytes_ = 0;  // last given to on_fields_remembered
  std::uint32_t weighed_bytes_ = 0;       // the socket's memory, when the system was last asked for it
  std::uint32_t sent_bytes_ = 0;          // a server's sends that have completed since then
  std::uint32_t in_flight_bytes_ = 0;     // the length of the chain in flight
  std::uint32_t next_note_bytes_ = socket_step_bytes;  // of sent_bytes_
  std::uint32_t noted_socket_bytes_ = 0;               // last given to on_socket_held
  std::uint32_t lingering_bytes_ = UINT32_MAX;  // the socket's memory at `progress_`, once it was checked
  std::size_t sending_bytes_ = 0;               // memory of the chain in flight
  std::size_t noted_output_bytes_ = 0;          // last given to on_output_held
  Instant started_;
  Instant progress_;                   // when output last moved, or there was none
  std::uint64_t delivered_bytes_ = 0;  // of messages, at that time
  Status why_;
  channelz::SocketCounts counts_;
};

}  // namespace ringrpc
