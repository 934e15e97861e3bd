/// TLS over any byte stream, as a byte stream: what is above cannot tell the difference.
///
///   stream = std::make_unique<TlsStream>(shard, shard.io().adopt(std::move(fd)), context->accept());
///   stream->start(handler);                    // the handshake begins
///   stream->send(std::move(chain));            // leaves when it is over
///
/// 1. What the carrier has received is decrypted at once and whole, into one slab at a time, so nothing waits
///    in the session and a pause of the carrier is a pause of this.
/// 2. A chain that is sent becomes records of whole slabs, as many in each as `record_bytes_max` takes: one
///    for a flush of up to 16 KiB. All of them leave in one send of the carrier. What TLS itself has to say
///    (tickets, alerts) goes with them, and alone where nothing is sent; a peer that makes it say more than
///    `control_bytes_max` without reading it fails. While such a message of the peer's has arrived in part,
///    OpenSSL says nothing, and what is sent waits for the rest.
/// 3. `shutdown_send` says close_notify, then shuts the carrier down. The peer's close_notify is its orderly
///    end; so is an end without one: HTTP/2 says where its messages end, and tells by itself that they were
///    cut off.
/// 4. What fails is told to the peer by an alert, to which it has `linger` to listen, then to the handler as
///    EPROTO; `failure` says it in words. Until the handshake is over, `failure` says that it is not.
///
/// 5. A handshake's step may take a millisecond of signing and verifying, so a shard makes one in a turn.
///    What arrives for another is kept, and nothing more received, until its turn has come. Peers take turns
///    (reactor/peer_key.h), so that one with many handshakes delays another's by one step.
///    Bytes that do not complete a message are cheap to take, and take no turn from anybody.
///
/// How long the handshake may take is for the handler to judge: nothing is received meanwhile.
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

  /// `session` is one of TlsContext.
  TlsStream(Shard& shard, std::unique_ptr<ByteStream> carrier, openssl::Owned<SSL> session);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  void start(ByteStream::Handler& handler) override;
  void pause_receiving() override;
  void resume_receiving() override;
  void send(Chain chain) override;
  void shutdown_send() override;
  SocketAddress peer() const override { return carrier_->peer(); }
  int descriptor() const noexcept override { return carrier_->descriptor(); }
  Status failure() const override;
  void identify(PeerIdentity& identity) const override;

 private:
  /// `broken`: the handshake or the session has failed, and the peer is being told; `over`: the handler has
  /// been.
  enum class Phase : std::uint8_t { handshake, open, broken, over };

  /// Has the step that what is kept waits for.
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
  Bytes next_record(std::span<std::uint8_t, record_bytes_max> room) const;
  bool encrypt();
  void pump();
  void fail(Status why);
  void lose(Status why) noexcept;
  void finish(int error) noexcept;

  Shard& shard_;
  std::unique_ptr<ByteStream> carrier_;
  TlsWire wire_;
  openssl::Owned<SSL> session_;
  ByteStream::Handler* handler_ = nullptr;
  Chain plain_;           // of the handler's send, what is not encrypted yet
  bool sending_ = false;  // the handler waits for its on_sent
  bool carrier_sending_ = false;
  bool shut_down_ = false;          // nothing more will be sent
  bool carrier_shut_down_ = false;  // and all has left
  bool established_ = false;        // the handshake was finished, whatever has come since
  bool heard_ = false;              // the peer has said something
  bool receive_ended_ = false;      // the handler knows that nothing more will arrive
  Phase phase_ = Phase::handshake;
  std::optional<int> outcome_;  // what the handler is still to be told, from the ready list
  Status failure_;
  bool paused_ = false;         // as the handler wants it
  bool awaiting_turn_ = false;  // with what is kept
  std::string kept_;
  std::optional<int> kept_end_;  // and what came behind it
  Turn turn_{*this};
  Lifetime lifetime_;
  mutable std::shared_ptr<const CertificateIdentity> certificate_;  // once it was asked for
};

}  // namespace ringrpc
