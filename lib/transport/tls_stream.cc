#include "transport/tls_stream.h"

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>
#include <sys/uio.h>
#include <utility>

#include "transport/tls_failure.h"
#include "transport/tls_identity.h"

namespace ringrpc {
namespace {

/// Notes that OpenSSL has received a whole message and will process it. OpenSSL's states do not show this:
/// they change with the first bytes of a message. A hello may come in SSL 2's framing, which has no types.
void on_message(int sent, int version, int type, const void*, std::size_t, SSL*, void* wire) {
  if (sent == 0 && (type == SSL3_RT_HANDSHAKE || version == SSL2_VERSION))
    static_cast<TlsWire*>(wire)->message_received = true;
}

}  // namespace

TlsStream::TlsStream(Shard& shard, std::unique_ptr<ByteStream> carrier, openssl::Owned<SSL> session,
                     TlsCounters* counters)
    : shard_(shard),
      counters_(counters),
      carrier_(std::move(carrier)),
      wire_(shard.slabs()),
      session_(std::move(session)),
      plain_(shard.slabs()) {
  BIO* bio = wire_.make_bio();
  SSL_set_bio(session_.get(), bio, bio);
  SSL_set_app_data(session_.get(), &wire_);
  SSL_set_msg_callback(session_.get(), on_message);
  SSL_set_msg_callback_arg(session_.get(), &wire_);
}

TlsStream::~TlsStream() {
  if (counters_ && handshake_ != Handshake::finished) ++counters_->failed;
}

void TlsStream::enter(Phase next) noexcept {
  assert(phase_ < next || (phase_ == Phase::over && next == Phase::over));
  phase_ = next;
}

void TlsStream::enter(Handshake next) noexcept {
  assert(handshake_ < next);
  handshake_ = next;
}

void TlsStream::enter(Receiving next) noexcept {
  assert(receiving_ != Receiving::ended && receiving_ != next);
  receiving_ = next;
}

void TlsStream::enter(Sending& half, Sending next) noexcept {
  assert(next == Sending::idle ? half == Sending::sending : half == Sending::idle);
  half = next;
}

void TlsStream::start(ByteStream::Handler& handler) {
  assert(!handler_);
  handler_ = &handler;
  carrier_->start(*this);
  if (!connecting()) return;
  advance_handshake();
  pump();
}

void TlsStream::send(Chain chain) {
  assert(handler_ && !chain.empty());
  enter(sending_, Sending::sending);
  if (phase_ == Phase::broken) return;  // the send fails when the stream ends
  if (phase_ == Phase::over) return shard_.ready().push(*this);
  plain_ = std::move(chain);
  pump();
}

void TlsStream::shutdown_send() {
  enter(sending_, Sending::shut_down);
  pump();
}

Status TlsStream::failure() const {
  if (phase_ == Phase::handshake)
    return Status(Code::UNAVAILABLE, "TLS: the peer has not finished the handshake", Initiator::peer)
        .with_cause(handshake_ == Handshake::silent ? Cause::no_tls : Cause::unresponsive);
  return failure_;
}

void TlsStream::identify(PeerIdentity& identity) const {
  carrier_->identify(identity);
  if (handshake_ == Handshake::finished && !certificate_) {
    const X509* shown = SSL_get0_peer_certificate(session_.get());
    if (shown && SSL_get_verify_result(session_.get()) == X509_V_OK) certificate_ = read_identity(*shown);
  }
  identity.certificate = certificate_;
}

std::optional<StreamSecurity> TlsStream::security() const {
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(session_.get());
  if (handshake_ != Handshake::finished || !cipher) return {};
  const char* const name = SSL_CIPHER_standard_name(cipher);
  return StreamSecurity{.cipher = name ? name : SSL_CIPHER_get_name(cipher),
                        .local_certificate = der_of(SSL_get_certificate(session_.get())),
                        .remote_certificate = der_of(SSL_get0_peer_certificate(session_.get()))};
}

void TlsStream::pause_receiving() {
  if (receiving_ == Receiving::flowing) enter(Receiving::paused);
  carrier_->pause_receiving();
}

void TlsStream::resume_receiving() {
  if (receiving_ == Receiving::paused) enter(Receiving::flowing);
  if (!awaiting_turn()) carrier_->resume_receiving();
}

void TlsStream::receive(Bytes bytes) {
  if (phase_ >= Phase::broken || receiving_ == Receiving::ended) return;
  if (handshake_ == Handshake::silent) enter(Handshake::heard);
  if (phase_ == Phase::open || may_advance()) {
    take(bytes);
  } else {
    kept_.append(as_text(bytes));
  }
}

TurnGate& TlsStream::gate() {
  static constexpr char name = 0;
  return TurnGate::of(shard_, &name, handshake_steps_a_turn);
}

/// True if a step of the handshake may be made in this turn. Otherwise waits for a turn.
bool TlsStream::may_advance() {
  if (awaiting_turn()) return false;
  TurnGate& gate = this->gate();
  if (gate.take()) return true;
  if (receiving_ == Receiving::flowing) carrier_->pause_receiving();
  gate.wait(turn_, peer_key(carrier_->peer(), carrier_->descriptor()));
  return false;
}

void TlsStream::on_turn() {
  const std::string bytes = std::exchange(kept_, {});
  if (phase_ != Phase::handshake) return gate().put_back();
  const std::optional<int> end = std::exchange(kept_end_, std::nullopt);
  if (receiving_ == Receiving::flowing) carrier_->resume_receiving();
  if (take(as_bytes(bytes)) && end) end_receiving(*end);
}

/// False when the handler destroyed this stream.
bool TlsStream::take(Bytes bytes) {
  wire_.input = bytes;
  if (phase_ == Phase::handshake) {
    wire_.message_received = false;
    advance_handshake();
    if (phase_ == Phase::handshake && !wire_.message_received) gate().put_back();
  }
  if (phase_ == Phase::open && !decrypt()) return false;
  wire_.input = {};
  pump();
  if (carrier_sending_ == Sending::sending && wire_.output.size() > control_bytes_max)
    fail(Status(Code::UNAVAILABLE, "TLS: the peer causes TLS messages that it does not read",
                Initiator::peer));
  return true;
}

void TlsStream::advance_handshake() {
  ERR_clear_error();
  const int done = SSL_do_handshake(session_.get());
  if (done == 1) {
    enter(Handshake::finished);
    if (counters_) ++(SSL_session_reused(session_.get()) == 1 ? counters_->resumed : counters_->full);
    enter(Phase::open);
    SSL_set_msg_callback(session_.get(), nullptr);
    if (Status status = check_protocol(); !status.ok()) fail(std::move(status));
  } else if (SSL_get_error(session_.get(), done) != SSL_ERROR_WANT_READ) {
    fail(tls_failure(*session_, wire_));
  }
}

/// A server has chosen HTTP/2 itself. A client checks that its server chose it.
Status TlsStream::check_protocol() const {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(session_.get(), &name, &length);
  if (as_text({name, length}) == "h2") return {};
  return Status(Code::UNAVAILABLE, "TLS: the server does not choose HTTP/2 (ALPN h2); it may not speak gRPC",
                Initiator::peer);
}

/// Takes all of the input. False when the handler destroyed this stream.
bool TlsStream::decrypt() {
  Chain memory(shard_.slabs());
  std::uint8_t* const room = memory.reserve(Slab::capacity);
  int error = SSL_ERROR_NONE;
  while (error == SSL_ERROR_NONE && phase_ == Phase::open) {
    ERR_clear_error();
    std::size_t filled = 0;
    while (filled < Slab::capacity && error == SSL_ERROR_NONE) {
      std::size_t got = 0;
      const int result = SSL_read_ex(session_.get(), room + filled, Slab::capacity - filled, &got);
      filled += got;
      if (result != 1) error = SSL_get_error(session_.get(), result);
    }
    const bool sound =
        error == SSL_ERROR_NONE || error == SSL_ERROR_WANT_READ || error == SSL_ERROR_ZERO_RETURN;
    Status failed = sound ? Status() : tls_failure(*session_, wire_);
    if (filled > 0 && !deliver({room, filled})) return false;
    if (!failed.ok() && phase_ == Phase::open) fail(std::move(failed));
  }
  return error != SSL_ERROR_ZERO_RETURN || tell_receive_end(0);
}

bool TlsStream::deliver(Bytes plain) {
  const Lifetime::Watch watch(lifetime_);
  handler_->on_received(plain);
  return !watch.ended();
}

void TlsStream::end_receiving(int error) {
  if (phase_ == Phase::over || receiving_ == Receiving::ended) return;
  if (awaiting_turn() && error == 0) {  // the kept bytes come first
    kept_end_ = error;
    return;
  }
  if (phase_ == Phase::broken) return finish(EPROTO);
  const bool heard = handshake_ != Handshake::silent;
  // By the carrier: there was no peer to close anything.
  const bool refused = error == ECONNREFUSED && !heard;
  if (phase_ == Phase::handshake && !refused && (heard || SSL_is_server(session_.get()) == 0)) {
    failure_ =
        Status(Code::UNAVAILABLE, "TLS: the peer closed the connection during the handshake", Initiator::peer)
            .with_cause(heard ? Cause::other : Cause::no_tls);
    if (error == 0) error = EPROTO;
  }
  if (phase_ == Phase::handshake) return finish(error);
  if (tell_receive_end(error)) pump();  // fails data that waited for a message of TLS
}

/// False when the handler destroyed this stream.
bool TlsStream::tell_receive_end(int error) {
  if (receiving_ == Receiving::ended) return true;
  enter(Receiving::ended);
  const Lifetime::Watch watch(lifetime_);
  handler_->on_receive_end(error);
  return !watch.ended();
}

/// True if the session can send nothing until the rest of a message of TLS arrives.
bool TlsStream::stalled() const {
  return SSL_is_init_finished(session_.get()) == 0 && receiving_ != Receiving::ended;
}

/// The content of the next record, from `plain_`: as many whole pieces as fit, joined in `room`. A single
/// piece is not copied.
Bytes TlsStream::next_record(std::span<std::uint8_t, record_bytes_max> room) const {
  std::array<iovec, 8> pieces;  // more pieces never fit: a chain links slabs of 4 KiB or more and copies less
  const std::size_t count = plain_.gather(pieces);
  std::size_t bytes = pieces[0].iov_len;
  std::size_t taken = 1;
  while (taken < count && bytes + pieces[taken].iov_len <= room.size()) bytes += pieces[taken++].iov_len;
  if (taken == 1) return {static_cast<const std::uint8_t*>(pieces[0].iov_base), bytes};
  plain_.for_each_piece(0, bytes, [to = room.data()](Bytes piece) mutable {
    std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
  });
  return room.first(bytes);
}

/// Encrypts as much as the session takes. A part of `plain_` stays while the session is stalled. False if the
/// session has failed, after calling `fail`.
bool TlsStream::encrypt() {
  ERR_clear_error();
  // OpenSSL keeps no reference: it writes all of a record or nothing.
  std::array<std::uint8_t, record_bytes_max> room;
  while (!plain_.empty()) {
    const Bytes record = next_record(room);
    std::size_t written = 0;
    if (SSL_write_ex(session_.get(), record.data(), record.size(), &written) != 1) {
      const bool interrupted = SSL_get_error(session_.get(), 0) == SSL_ERROR_WANT_READ;
      if (interrupted && stalled()) return true;
      fail(interrupted ? Status(Code::UNAVAILABLE, "TLS: the peer closed the connection within a message",
                                Initiator::peer)
                       : tls_failure(*session_, wire_));
      return false;
    }
    plain_.consume(written);
  }
  return true;
}

/// Sends pending output, unless the carrier is sending.
void TlsStream::pump() {
  if (carrier_sending_ == Sending::sending || phase_ == Phase::over) return;
  if (phase_ == Phase::open && !plain_.empty() && !encrypt()) return;
  // Call SSL_shutdown once: a second call would look for the peer's close_notify and take received data for
  // an error.
  const bool notified = (SSL_get_shutdown(session_.get()) & SSL_SENT_SHUTDOWN) != 0;
  const bool ending = phase_ == Phase::open && sending_ == Sending::shut_down && plain_.empty() && !stalled();
  if (ending && !notified) {
    SSL_shutdown(session_.get());
    ERR_clear_error();
  }
  if (!wire_.output.empty()) return send_output();
  if ((phase_ == Phase::broken || ending) && carrier_sending_ != Sending::shut_down) {
    enter(carrier_sending_, Sending::shut_down);
    carrier_->shutdown_send();
    if (phase_ == Phase::broken && connecting()) finish(EPROTO);
  }
}

/// True for a client during its handshake. It may have other addresses to try.
bool TlsStream::connecting() const {
  return SSL_is_server(session_.get()) == 0 && handshake_ != Handshake::finished;
}

/// After close_notify only messages of TLS itself can remain, and they can no longer be sent.
void TlsStream::send_output() {
  if (carrier_sending_ == Sending::shut_down) return finish(phase_ == Phase::broken ? EPROTO : EPIPE);
  enter(carrier_sending_, Sending::sending);
  carrier_->send(wire_.take_output());
}

void TlsStream::sent(int error) {
  enter(carrier_sending_, Sending::idle);
  if (phase_ == Phase::over) return;
  if (error != 0) return finish(phase_ == Phase::broken ? EPROTO : error);
  const bool left = sending_ == Sending::sending && plain_.empty() && phase_ == Phase::open;
  if (left) enter(sending_, Sending::idle);
  pump();
  if (left) handler_->on_sent(0);
}

void TlsStream::fail(Status why) {
  if (why.cause() == Cause::out_of_memory) return lose(std::move(why));
  failure_ = std::move(why);
  enter(Phase::broken);
  plain_.clear();
  // Send no alert to a peer that has sent one itself or does not read.
  const bool alert_received = (SSL_get_shutdown(session_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  const bool unread = carrier_sending_ == Sending::sending && wire_.output.size() > control_bytes_max;
  if (alert_received || unread) return finish(EPROTO);
  shard_.timers().arm(*this, after(shard_.now(), linger));
  pump();
}

/// Ends the stream without an alert, because the session's state is lost.
void TlsStream::lose(Status why) noexcept {
  failure_ = std::move(why);
  wire_.input = {};
  finish(ENOMEM);
}

/// Ends the stream. Calls the handler from the ready list, because the handler may be the caller.
void TlsStream::finish(int error) noexcept {
  Timer::cancel();
  enter(Phase::over);
  plain_.clear();
  wire_.output.clear();
  if (!outcome_) outcome_ = error;
  shard_.ready().push(*this);
}

void TlsStream::run() {
  const int error = *outcome_;
  const Lifetime::Watch watch(lifetime_);
  if (sending_ == Sending::sending) {
    enter(sending_, Sending::idle);
    handler_->on_sent(error != 0 ? error : EPIPE);
  }
  if (!watch.ended()) tell_receive_end(error);
}

}  // namespace ringrpc
