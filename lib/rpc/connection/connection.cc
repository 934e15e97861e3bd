#include "rpc/connection/connection.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "ringrpc/log.h"

#include "base/probe.h"
#include "rpc/channelz/socket_details.h"
#include "rpc/connection/frame_trace.h"

namespace ringrpc {
namespace {

constexpr std::size_t flush_bytes_max = 1024 * 1024;
constexpr std::chrono::milliseconds watch_interval{1'000};

/// Sent to a half-closed client. The GOAWAY before it is the first packet that a closed socket would refuse;
/// sending another one shows whether it has been refused.
constexpr std::uint64_t probe_ping = 0x70726f6265;  // "probe"
constexpr std::chrono::milliseconds first_probe_after{100};

/// The content type of a TLS alert (RFC 8446, 5.1), with which a TLS server responds to plaintext.
constexpr std::uint8_t tls_alert = 21;

/// Fails if these cannot be the first bytes of an HTTP/2 server. A server begins with SETTINGS: three
/// bytes of length, the first of which is 0 because frames have at most 16 KiB yet, and a byte of frame
/// type (RFC 9113, 3.4 and 4.1).
Status check_first_of_server(Bytes bytes) {
  constexpr std::string_view http1 = "HTTP/1.";
  constexpr std::uint8_t settings = 4;
  if (bytes.front() == 0 && (bytes.size() < 4 || bytes[3] == settings)) return {};
  if (bytes.front() == tls_alert)
    return Status(Code::UNAVAILABLE, "the peer speaks TLS", Initiator::peer).with_cause(Cause::tls);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const bool old = text.starts_with(http1) || http1.starts_with(text);
  return Status(Code::UNAVAILABLE,
                old ? "the peer does not speak HTTP/2, but HTTP/1" : "the peer does not speak HTTP/2",
                Initiator::peer);
}

}  // namespace

Status check_header_limits(std::size_t bytes, std::size_t fields) {
  const auto check = [](const char* name, std::size_t value, std::size_t least, std::size_t most) {
    if (value >= least && value <= most) return Status();
    return Status(Code::INVALID_ARGUMENT,
                  std::string(name) + " is " + std::to_string(value) + "; choose " + std::to_string(least) +
                      " to " + std::to_string(most),
                  Initiator::application);
  };
  if (Status status = check("max_header_list_bytes", bytes, http2::header_list_bytes_least,
                            http2::header_list_bytes_most);
      !status.ok())
    return status;
  return check("max_header_fields", fields, http2::header_fields_least, http2::header_fields_most);
}

Connection::Connection(channelz::Part& part, std::unique_ptr<ByteStream> stream, http2::Role role,
                       const http2::Limits& limits, const ConnectionTimeouts& timeouts,
                       http2::SessionEvents& events)
    : shard_(part.home()),
      entry_(part.sockets(), *this),
      timeouts_(timeouts),
      stream_(std::move(stream)),
      peer_(to_string(stream_->peer())),
      session_(role, limits, shard_.now(), shard_.slabs(), events),
      role_(role),
      started_(shard_.now()),
      progress_(shard_.now()) {}

void Connection::enter(Phase next) noexcept {
  assert(next != Phase::idle && phase_ != Phase::over);
  assert(next != Phase::open || phase_ == Phase::idle);
  assert(next != Phase::half_closed || phase_ == Phase::open);
  assert(next != Phase::closing || (phase_ >= Phase::open && phase_ <= Phase::closing));
  assert(next != Phase::lingering || (phase_ >= Phase::open && phase_ <= Phase::closing));
  phase_ = next;
}

void Connection::start() {
  enter(Phase::open);
  contain([this] {
    stream_->start(*this);
    flush_soon();
    watch();
  });
}

channelz::SocketSnapshot Connection::snapshot() const {
  channelz::SocketSnapshot socket;
  socket.ref = {id(), peer_};
  socket.local = channelz::local_address(stream_->descriptor());
  if (socket.local.length > 0) socket.local_name = to_string(socket.local);
  socket.remote = stream_->peer();
  socket.security = stream_->security();
  socket.connected = true;
  socket.from_client = !is_client();
  socket.counts = counts_;
  socket.counts.note_times(shard_.now());
  socket.last_stream = channelz::wall_time(shard_, socket.counts.last_stream);
  socket.last_sent = channelz::wall_time(shard_, socket.counts.last_sent);
  socket.last_received = channelz::wall_time(shard_, socket.counts.last_received);
  socket.send_window_bytes = session_.connection_send_window();
  socket.peer_max_concurrent_streams = session_.peer_max_concurrent_streams();
  socket.receive_window_bytes = session_.connection_receive_window();
  return socket;
}

void Connection::abort(Status why) noexcept {
  if (!over() && !is_client() && stream_->unacknowledged_bytes() > socket_step_bytes)
    stream_->reset_when_closed();
  end(std::move(why));
}

void Connection::reset(Status why) noexcept {
  stream_->reset_when_closed();
  end(std::move(why));
}

void Connection::on_received(Bytes bytes) {
  contain([&] { take(bytes); });
}

void Connection::take(Bytes bytes) {
  if (phase_ != Phase::open) return;
  RINGRPC_PROBE(receive, this, bytes.size());
  if (handshake_ == Handshake::awaited) {
    handshake_ = Handshake::begun;
    if (is_client())
      if (Status status = check_first_of_server(bytes); !status.ok()) return abort(std::move(status));
  }
  if (log::enabled(log::Level::trace)) [[unlikely]]
    FrameTrace(peer_, FrameTrace::Direction::received, session_.input_scanner()).log(bytes);
  if (Status status = receive(bytes); !status.ok()) begin_closing(std::move(status));
  if (on_batch()) flush_soon();  // always called, because it releases the memory of the input
}

Status Connection::receive(Bytes bytes) noexcept {
  try {
    return session_.receive(bytes);
  } catch (...) {
    return caught();
  }
}

void Connection::on_receive_end(int error) {
  if (over()) return;
  contain([&] { end_receiving(error); });
}

void Connection::end_receiving(int error) {
  if (error == 0 && !is_client() && broke_rules_) return end_if_read();
  if (phase_ == Phase::open)
    why_ = error != 0 ? broken("receive", error)
                      : Status(Code::UNAVAILABLE, "the peer closed the connection", Initiator::peer);
  if (phase_ == Phase::open && error == 0 && may_go_on()) return begin_half_close();
  if (error == 0 && !is_client() && is_established()) return linger();
  abort(std::move(why_));
}

/// Ends the connection to a client that broke the rules and half-closed it, if it has read all output. Otherwise the
/// timer does, so that the client can read why.
void Connection::end_if_read() {
  if (phase_ != Phase::lingering) return;
  weigh();
  if (noted_socket_bytes_ == 0) end(std::move(why_));
}

/// True if a client that half-closes the connection still waits for something.
bool Connection::may_go_on() const {
  const bool busy = sending() || session_.wants_to_produce() || session_.open_streams() > 0;
  return !is_client() && is_established() && busy;
}

void Connection::begin_half_close() {
  enter(Phase::half_closed);
  progress_ = shard_.now();
  on_half_close();
  session_.end_input();
  shard_.timers().arm(*this, after(shard_.now(), first_probe_after));
  flush_soon();
}

/// Makes the system of a client that has closed its socket reset the connection.
void Connection::probe() {
  if (sending() || session_.wants_to_produce()) return;
  session_.ping(probe_ping);
  flush_soon();
}

void Connection::on_sent(int error) {
  assert(sending());
  send_ = Send::none;
  sending_bytes_ = 0;
  const std::uint32_t sent_bytes = std::exchange(in_flight_bytes_, 0);
  if (!is_client()) sent_bytes_ += sent_bytes + packet_bytes;
  ++sends_;
  if (over()) return;
  if (error == 0) return flush_soon();
  contain([&] { abort(why_.ok() ? broken("send", error) : std::move(why_)); });
}

/// The failure of the transport if it names one, else `error`.
Status Connection::broken(std::string_view operation, int error) const {
  Status failure = stream_->failure();
  return failure.ok() ? from_errno(operation, error, Initiator::peer) : failure;
}

Status Connection::handshake_overdue() const {
  const std::string within = " within " + std::to_string(timeouts_.handshake.count()) + " ms";
  const Status waits = stream_->failure();
  const std::string what = waits.ok() ? "the peer sent no HTTP/2 preface" : std::string(waits.message());
  return Status(Code::DEADLINE_EXCEEDED, what + within, Initiator::peer);
}

Status Connection::stalled() const {
  const std::string_view what =
      phase_ == Phase::half_closed
          ? "the client has half-closed the connection, and no response was sent for "
          : "the peer did not read output for ";
  return Status(Code::UNAVAILABLE, std::string(what) + std::to_string(timeouts_.stall.count()) + " ms",
                Initiator::peer);
}

void Connection::on_turn_end() {
  contain([this] { flush(); });
}

void Connection::flush() {
  if (phase_ == Phase::lingering || over()) return;
  counts_.note_times(shard_.now());
  if (const auto bytes = static_cast<std::uint32_t>(session_.remembered_bytes());
      bytes != noted_fields_bytes_) [[unlikely]] {
    on_fields_remembered(std::exchange(noted_fields_bytes_, bytes), bytes);
    if (over()) return;
  }
  if (sent_bytes_ >= next_note_bytes_) [[unlikely]]
    note_sent();
  if (sending()) return note_output();
  Chain out(shard_.slabs());
  session_.produce(out, flush_bytes_max);
  sending_bytes_ = out.held_bytes();
  if (sending_bytes_ > Slab::total_bytes || noted_output_bytes_ > 0) [[unlikely]]
    note_output();
  if (phase_ <= Phase::half_closed && session_.finished()) {
    // Some faults are found while the output is produced.
    if (Status fault = session_.receive({}); !fault.ok()) begin_closing(std::move(fault));
    if (over()) return;
  }
  if (log::enabled(log::Level::trace)) [[unlikely]]
    trace_output(out);
  if (!out.empty()) {
    send_ = Send::in_flight;
    in_flight_bytes_ = static_cast<std::uint32_t>(out.size());
  }
  if (!armed()) {
    progress_ = shard_.now();
    watch();
  }
  if (sending()) {
    RINGRPC_PROBE(send, this, out.size());
    return stream_->send(std::move(out));
  }
  if (session_.finished() || phase_ == Phase::closing) begin_linger();
}

void Connection::trace_output(const Chain& out) const {
  const bool after_preface = is_client() && sends_ == 0 && !is_established();
  FrameTrace trace(peer_, FrameTrace::Direction::sent, http2::FrameScanner(after_preface));
  out.for_each_piece(0, out.size(), [&](Bytes piece) { trace.log(piece); });
}

/// A single slab does not count: it is part of the fixed cost of a connection.
void Connection::note_output() {
  const std::size_t sent = sending_bytes_ > Slab::total_bytes ? sending_bytes_ : 0;
  noted_output_bytes_ = sent + session_.queued_output_bytes();
  on_output_held(noted_output_bytes_);
}

/// The socket holds output until the peer acknowledges it. Asking the system takes a system call, so up to 16 KiB count
/// without asking.
void Connection::note_sent() {
  if (sent_bytes_ >= unweighed_bytes_max) return weigh_socket();
  next_note_bytes_ = sent_bytes_ + socket_step_bytes;
  note_socket(weighed_bytes_ + sent_bytes_);
}

void Connection::weigh_socket() {
  if (weighed_bytes_ + sent_bytes_ + in_flight_bytes_ >= unweighed_bytes_min) weigh();
}

void Connection::weigh() {
  weighed_bytes_ = static_cast<std::uint32_t>(stream_->unacknowledged_bytes());
  sent_bytes_ = 0;
  next_note_bytes_ = socket_step_bytes;
  note_socket(weighed_bytes_);
}

void Connection::note_socket(std::size_t bytes) {
  const std::uint32_t held = bytes > socket_step_bytes ? static_cast<std::uint32_t>(bytes) : 0;
  if (held != noted_socket_bytes_) on_socket_held(std::exchange(noted_socket_bytes_, held), held);
}

/// A client that is still connecting may have other addresses to try, so it does not wait for a GOAWAY to be
/// sent. A session that ran out of memory cannot produce one.
void Connection::begin_closing(Status why) {
  const bool in_vain = (is_client() && !is_established()) || why.cause() == Cause::out_of_memory;
  if (in_vain) return abort(std::move(why));
  broke_rules_ = true;
  why_ = std::move(why);
  enter(Phase::closing);
  progress_ = shard_.now();
}

void Connection::begin_linger() {
  enter(Phase::lingering);
  on_linger();
  progress_ = shard_.now();
  stream_->shutdown_send();
  shard_.timers().arm(*this, after(shard_.now(), timeouts_.linger));
}

/// After the peer's end, or the linger timeout.
void Connection::linger() {
  if (!awaits_reader()) return end(std::move(why_));
  weigh();
  if (noted_socket_bytes_ == 0) return end(std::move(why_));
  if (phase_ != Phase::lingering) return begin_linger();
  if (broke_rules_) return abort(std::move(why_));
  if (noted_socket_bytes_ + progress_bytes_min <= lingering_bytes_) {
    lingering_bytes_ = noted_socket_bytes_;
    progress_ = shard_.now();
  }
  if (shard_.now() - progress_ >= timeouts_.stall) return abort(stalled());
  shard_.timers().arm(*this, after(shard_.now(), timeouts_.linger));
}

/// The system goes on sending the output that it has.
void Connection::end(Status why) noexcept {
  if (over()) return;
  enter(Phase::over);
  why_ = std::move(why);
  cancel();
  shard_.ready().push(*this);
}

void Connection::watch() {
  const Output held = output();
  const bool pending = !is_established() || phase_ == Phase::half_closed || sending() ||
                       session_.wants_to_produce() || session_.next_deadline() != never ||
                       held.waiting_bytes > 0 || held.watched || noted_socket_bytes_ > 0;
  if (pending) shard_.timers().arm(*this, after(shard_.now(), watch_interval));
}

void Connection::note_progress() {
  const Output held = output();
  const std::uint64_t delivered_bytes = held.written_bytes - held.waiting_bytes;
  const bool idle = !sending() && !session_.wants_to_produce() && held.waiting_bytes == 0;
  const bool sent = std::exchange(sends_seen_, sends_) != sends_;
  const std::uint64_t moved_bytes = delivered_bytes - delivered_bytes_;
  if (phase_ == Phase::half_closed) {
    if (!sent || moved_bytes == 0) return;  // PINGs are sent too; the client can no longer open a window
  } else {
    const bool moved = sent && (held.waiting_bytes == 0 || moved_bytes >= progress_bytes_min);
    if (!idle && !moved) return;
  }
  progress_ = shard_.now();
  delivered_bytes_ = delivered_bytes;
}

void Connection::on_time() {
  contain([this] { look_after(); });
}

void Connection::look_after() {
  if (phase_ == Phase::lingering) return linger();
  if (!is_client()) weigh_socket();
  const Instant now = shard_.now();
  if (!is_established() && now - started_ >= timeouts_.handshake) return abort(handshake_overdue());
  note_progress();
  if (phase_ == Phase::closing && now - progress_ >= timeouts_.linger) return reset(std::move(why_));
  if (now - progress_ >= timeouts_.stall) return reset(stalled());
  if (phase_ == Phase::half_closed) probe();
  on_watch();
  if (Status status = session_.tick(); !status.ok()) {
    begin_closing(std::move(status));
    flush_soon();
  }
  watch();
}

}  // namespace ringrpc
