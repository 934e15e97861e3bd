#include "rpc/connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ringrpc {
namespace {

constexpr std::size_t flush_bytes_max = 1024 * 1024;
constexpr std::chrono::milliseconds watch_interval{1'000};

}  // namespace

Connection::Connection(Shard& shard, std::unique_ptr<ByteStream> stream, http2::Role role,
                       const http2::Limits& limits, const ConnectionTimeouts& timeouts, http2::Events& events)
    : shard_(shard),
      timeouts_(timeouts),
      stream_(std::move(stream)),
      peer_(stream_->peer()),
      session_(role, limits, shard.now(), events),
      started_(shard.now()),
      progress_(shard.now()) {}

void Connection::start() {
  stream_->start(*this);
  flush_soon();
  watch();
}

void Connection::abort(Status why) { finish(std::move(why)); }

void Connection::on_received(Bytes bytes) {
  if (phase_ != Phase::open) return;
  if (Status status = session_.receive(bytes); !status.ok()) {
    why_ = std::move(status);
    phase_ = Phase::closing;
  }
  on_batch();
  flush_soon();
}

void Connection::on_receive_end(int error) {
  receive_ended_ = true;
  if (error != 0) return finish(from_errno("receive", error, Initiator::peer));
  if (phase_ == Phase::lingering) return finish(std::move(why_));
  if (phase_ == Phase::open)
    why_ = Status(Code::UNAVAILABLE, "the peer closed the connection", Initiator::peer);
  finish(std::move(why_));
}

void Connection::on_sent(int error) {
  sending_ = false;
  if (error != 0) return finish(from_errno("send", error, Initiator::peer));
  progress_ = shard_.now();
  flush_soon();
}

void Connection::on_turn_end() {
  if (sending_ || phase_ == Phase::lingering || over()) return;
  Chain out(shard_.slabs());
  session_.produce(out, flush_bytes_max);
  if (!out.empty()) {
    sending_ = true;
    progress_ = shard_.now();
    if (!armed()) watch();
    return stream_->send(std::move(out));
  }
  if (session_.finished() || phase_ == Phase::closing) begin_linger();
}

void Connection::begin_linger() {
  if (receive_ended_) return finish(std::move(why_));
  phase_ = Phase::lingering;
  stream_->shutdown_send();
  shard_.timers().arm(*this, after(shard_.now(), timeouts_.linger));
}

void Connection::finish(Status why) {
  if (over()) return;
  phase_ = Phase::over;
  why_ = std::move(why);
  cancel();
  shard_.ready().push(*this);
}

void Connection::run() { on_lost(std::exchange(why_, Status())); }

void Connection::watch() {
  const bool pending =
      !established_ || sending_ || session_.wants_to_produce() || session_.next_deadline() != never;
  if (pending) shard_.timers().arm(*this, after(shard_.now(), watch_interval));
}

void Connection::on_time() {
  if (phase_ == Phase::lingering) return finish(std::move(why_));
  const Instant now = shard_.now();
  if (!established_ && now - started_ >= timeouts_.handshake)
    return finish(Status(
        Code::DEADLINE_EXCEEDED,
        "the peer sent no HTTP/2 preface within " + std::to_string(timeouts_.handshake.count()) + " ms",
        Initiator::peer));
  if (!sending_ && !session_.wants_to_produce()) progress_ = now;
  if (now - progress_ >= timeouts_.stall)
    return finish(Status(Code::UNAVAILABLE,
                         "the peer left output unread for " + std::to_string(timeouts_.stall.count()) + " ms",
                         Initiator::peer));
  if (Status status = session_.tick(); !status.ok()) {
    why_ = std::move(status);
    phase_ = Phase::closing;
    flush_soon();
  }
  watch();
}

}  // namespace ringrpc
