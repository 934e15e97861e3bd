#include "admin/admin_connection.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <sys/socket.h>
#include <utility>

#include "ringrpc/log.h"

#include "admin/admin_shard.h"
#include "admin/http1_pages.h"
#include "admin/http2_pages.h"
#include "transport/address.h"

namespace ringrpc::admin {
namespace {

constexpr std::size_t flush_bytes_max = 64 * 1024;
constexpr std::chrono::seconds linger_timeout{1};

}  // namespace

AdminConnection::AdminConnection(AdminShard& owner, std::unique_ptr<ByteStream> stream)
    : owner_(owner),
      stream_(std::move(stream)),
      peer_(peer_key(stream_->peer(), stream_->descriptor())),
      begun_(owner.shard().now()) {}

void AdminConnection::enter(Phase next) noexcept {
  assert(phase_ < next);
  assert(next != Phase::failed || phase_ == Phase::open);
  phase_ = next;
}

void AdminConnection::enter(Input next) noexcept {
  assert(input_ != Input::ended && input_ != next);
  input_ = next;
}

void AdminConnection::start() {
  contain([this] {
    stream_->start(*this);
    watch();
  });
}

http1::WaitsFor AdminConnection::waits_for() noexcept {
  if (phase_ == Phase::open) return session_->waits_for();
  if (phase_ != Phase::undecided) return http1::WaitsFor::peer;
  return first_bytes_ == 0 ? http1::WaitsFor::request : http1::WaitsFor::head;
}

void AdminConnection::on_exception(const Status& /*why*/) noexcept { finish(); }

void AdminConnection::on_received(Bytes bytes) {
  if (phase_ > Phase::open) return;
  contain([&] {
    if (phase_ == Phase::undecided)
      decide(bytes);
    else
      receive(bytes);
    flush_soon();
  });
}

void AdminConnection::decide(Bytes bytes) {
  if (first_bytes_ == 0) begun_ = owner_.shard().now();
  const std::size_t kept = std::min(bytes.size(), first_.size() - first_bytes_);
  std::ranges::copy(bytes.first(kept), first_.begin() + static_cast<std::ptrdiff_t>(first_bytes_));
  first_bytes_ += kept;
  const http1::Protocol protocol = http1::protocol_of(Bytes(first_).first(first_bytes_));
  if (protocol == http1::Protocol::undecided) return;
  begin(protocol);
  if (kept < bytes.size() && phase_ == Phase::open) receive(bytes.subspan(kept));
}

/// The session gets the bytes that have waited for it.
void AdminConnection::begin(http1::Protocol protocol) {
  assert(phase_ == Phase::undecided);
  Carrier& carrier = *this;
  if (protocol == http1::Protocol::http2)
    session_ = std::make_unique<Http2Pages>(owner_, carrier);
  else
    session_ = std::make_unique<Http1Pages>(owner_, carrier);
  enter(Phase::open);
  if (first_bytes_ > 0) receive(Bytes(first_).first(first_bytes_));
}

void AdminConnection::receive(Bytes bytes) {
  const Status status = session_->receive(bytes);
  if (status.ok()) return;
  if (phase_ == Phase::open) enter(Phase::failed);
  if (log::enabled(log::Level::debug))
    log::debug("admin {}: {}", to_string(stream_->peer()), status.to_string());
}

void AdminConnection::on_receive_end(int error) {
  if (phase_ == Phase::over) return;
  enter(Input::ended);
  if (phase_ == Phase::lingering || error != 0) return finish();
  contain([this] {
    if (phase_ == Phase::undecided) begin(http1::Protocol::http1);
    session_->end_input();
    flush_soon();
  });
}

void AdminConnection::on_sent(int error) {
  send_deadline_ = never;
  if (phase_ == Phase::over) return;
  if (error != 0) return finish();
  flush_soon();
}

void AdminConnection::flush_soon() noexcept { owner_.shard().at_turn_end(*this); }

void AdminConnection::on_turn_end() {
  contain([this] { flush(); });
}

void AdminConnection::flush() {
  if (phase_ >= Phase::lingering) return;
  if (phase_ == Phase::undecided) return watch();
  if (!sending()) {
    Chain out(owner_.shard().slabs());
    session_->produce(out, flush_bytes_max);
    if (out.empty() && session_->finished()) return begin_linger();
    if (!out.empty()) {
      send_deadline_ = after(owner_.shard().now(), owner_.options().write_timeout);
      stream_->send(std::move(out));
    }
  }
  steer_input();
  watch();
}

/// Browsers reach pages by TCP only. The programs that use other sockets name any host.
bool AdminConnection::admits_host(std::string_view host) noexcept {
  const SocketAddress peer = stream_->peer();
  const bool by_tcp = peer.family() == AF_INET || peer.family() == AF_INET6;
  if (!by_tcp || owner_.host_names().serve(host)) return true;
  owner_.report_host(host, peer);
  return false;
}

void AdminConnection::steer_input() {
  if (input_ == Input::ended) return;
  const Input wanted = session_->wants_input() ? Input::reading : Input::paused;
  if (wanted == input_) return;
  enter(wanted);
  if (wanted == Input::reading)
    stream_->resume_receiving();
  else
    stream_->pause_receiving();
}

void AdminConnection::watch() { owner_.shard().timers().arm(*this, next_deadline()); }

Instant AdminConnection::next_deadline() noexcept {
  if (session_) return std::min(send_deadline_, session_->next_deadline(sending()));
  const AdminOptions& options = owner_.options();
  return after(begun_, first_bytes_ == 0 ? options.idle_timeout : options.header_timeout);
}

void AdminConnection::on_time() {
  contain([this] { end_wait(); });
}

void AdminConnection::end_wait() {
  if (phase_ == Phase::lingering || owner_.shard().now() >= send_deadline_) return finish();
  if (phase_ == Phase::undecided) begin(http1::Protocol::http1);
  if (!session_->on_deadline()) return finish();
  flush_soon();
}

void AdminConnection::begin_linger() {
  enter(Phase::lingering);
  stream_->shutdown_send();
  if (input_ == Input::ended) return finish();
  if (input_ == Input::paused) stream_->resume_receiving();
  owner_.shard().timers().arm(*this, after(owner_.shard().now(), linger_timeout));
}

/// The owner destroys the connection, from the ready list.
void AdminConnection::finish() noexcept {
  if (phase_ == Phase::over) return;
  enter(Phase::over);
  cancel();
  owner_.shard().ready().push(*this);
}

void AdminConnection::run() { owner_.remove(*this); }

}  // namespace ringrpc::admin
