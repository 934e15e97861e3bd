/// TLS over any byte stream, as a byte stream: the layer above cannot tell the difference.
///
///   stream = std::make_unique<TlsStream>(shard, shard.io().adopt(std::move(fd)), context->accept());
///   stream->start(handler);                    // the handshake begins
///   stream->send(std::move(chain));            // leaves after the handshake
///
/// 1. Received bytes are decrypted at once and completely, into one slab at a time. Nothing waits in the
///    session, so pausing the carrier pauses this stream.
/// 2. A chain that is sent becomes records of whole slabs, as many in each as `record_bytes_max` allows: one
///    record for a flush of up to 16 KiB. All records leave in one send of the carrier. Messages of TLS
///    itself (tickets, alerts) leave with them, or alone when nothing else is sent. A peer that causes more
///    than `control_bytes_max` of these without reading them fails. While a message of TLS has arrived only
///    in part, OpenSSL sends nothing, and outgoing data waits for the rest of that message.
/// 3. `shutdown_send` sends close_notify, then shuts the carrier down. The peer's close_notify is an orderly
///    end. An end without one is accepted too, because HTTP/2 detects truncation itself: its frames show
///    where messages end.
/// 4. A failure is sent to the peer as an alert. The peer has `linger` to read it, but a client that fails
///    during its handshake does not wait. Then the handler gets EPROTO, and `failure` describes the cause.
///    Before the handshake is finished, `failure` reports that it is not.
/// 5. A step of the handshake may take a millisecond of signing and verifying, so a shard makes one step in
///    each turn. Bytes for another step are kept, and receiving pauses, until the stream's turn. Peers take
///    turns (reactor/peer_key.h), so a peer with many handshakes delays another peer by one step. Bytes that
///    complete no message take no turn.
///
/// The handler must limit the duration of the handshake; it is not called meanwhile.
///
/// The stream is in one phase. The handshake and each half that sends or receives have a state beside it:
///
///   phase        handshake ---> open ---> broken ---> over       broken: a failure is being sent to the peer
///                    |            |         ^           ^        over: nothing is received or sent any more
///                    +------------+---------+-----------+
///
///   handshake    silent ---> heard ---> finished                 stays when the phase changes
///
///   receiving    flowing <---> paused ---> ended                 ended: the handler was told so
///                    +---------------------->
///
///   sending      idle <---> sending                              the handler's chain, until on_sent
///                  +------> shut_down
///
///   carrier      idle <---> sending                              records, until the carrier's on_sent
///                  +------> shut_down
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/caught.h"
#include "base/lifetime.h"
#include "reactor/io.h"
#include "reactor/shard.h"
#include "reactor/turn_gate.h"
#include "transport/tls_counters.h"
#include "transport/tls_wire.h"

namespace ringrpc {

class TlsStream final : public ByteStream,
                        private ExceptionBarrier<TlsStream>,
                        private ByteStream::Handler,
                        private Ready,
                        private Timer {
 public:
  static constexpr std::size_t control_bytes_max = 64 * 1024;
  static constexpr std::size_t record_bytes_max = SSL3_RT_MAX_PLAIN_LENGTH;
  static constexpr std::chrono::milliseconds linger{1'000};
  static constexpr unsigned handshake_steps_a_turn = 1;

  /// `session` must come from TlsContext. `counters`, if any, must outlive the stream.
  TlsStream(Shard& shard, std::unique_ptr<ByteStream> carrier, openssl::Owned<SSL> session,
            TlsCounters* counters = nullptr);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  ~TlsStream() override;

  void start(ByteStream::Handler& handler) override;
  void pause_receiving() override;
  void resume_receiving() override;
  void send(Chain chain) override;
  void shutdown_send() override;
  SocketAddress peer() const override { return carrier_->peer(); }
  int descriptor() const noexcept override { return carrier_->descriptor(); }
  Status failure() const override;
  void identify(PeerIdentity& identity) const override;
  std::optional<StreamSecurity> security() const override;

 private:
  enum class Phase : std::uint8_t { handshake, open, broken, over };
  /// `silent`: the peer has sent nothing yet.
  enum class Handshake : std::uint8_t { silent, heard, finished };
  enum class Receiving : std::uint8_t { flowing, paused, ended };
  enum class Sending : std::uint8_t { idle, sending, shut_down };

  /// Waits for the turn in which the kept bytes may take their step of the handshake.
  struct Turn final : TurnGate::Waiter {
    explicit Turn(TlsStream& waiting) noexcept : stream(waiting) {}
    void run() override {
      stream.contain([this] { stream.on_turn(); });
    }
    TlsStream& stream;
  };

  friend ExceptionBarrier<TlsStream>;
  void on_exception(Status why) noexcept { lose(std::move(why)); }

  void on_received(Bytes bytes) override {
    contain([&] { receive(bytes); });
  }
  void on_receive_end(int error) override {
    contain([&] { end_receiving(error); });
  }
  void on_sent(int error) override {
    contain([&] { sent(error); });
  }
  void run() override;
  void on_time() override { finish(EPROTO); }

  // Transitions. Each asserts that it is in the diagram, or repeats `over` after a further failure.
  void enter(Phase next) noexcept;
  void enter(Handshake next) noexcept;
  void enter(Receiving next) noexcept;
  static void enter(Sending& half, Sending next) noexcept;

  void receive(Bytes bytes);
  void end_receiving(int error);
  void sent(int error);

  TurnGate& gate();
  bool may_advance();
  void on_turn();
  bool take(Bytes bytes);
  void advance_handshake();
  Status check_protocol() const;
  bool decrypt();
  bool deliver(Bytes plain);
  bool tell_receive_end(int error);
  bool stalled() const;
  bool awaiting_turn() const noexcept { return turn_.linked(); }
  Bytes next_record(std::span<std::uint8_t, record_bytes_max> room) const;
  bool encrypt();
  void pump();
  bool connecting() const;
  void send_output();
  void fail(Status why);
  void lose(Status why) noexcept;
  void finish(int error) noexcept;

  Shard& shard_;
  TlsCounters* const counters_;
  std::unique_ptr<ByteStream> carrier_;
  TlsWire wire_;
  openssl::Owned<SSL> session_;
  ByteStream::Handler* handler_ = nullptr;
  Chain plain_;  // the part of the handler's send that is not encrypted yet
  Phase phase_ = Phase::handshake;
  Handshake handshake_ = Handshake::silent;
  Receiving receiving_ = Receiving::flowing;
  Sending sending_ = Sending::idle;
  Sending carrier_sending_ = Sending::idle;
  std::optional<int> outcome_;  // errno value for the handler; the ready list delivers it
  Status failure_;
  std::string kept_;             // received while the stream awaits its turn
  std::optional<int> kept_end_;  // the end of receiving that followed them
  Turn turn_{*this};
  Lifetime lifetime_;
  mutable std::shared_ptr<const CertificateIdentity> certificate_;  // null until `identify` reads it
};

}  // namespace ringrpc
