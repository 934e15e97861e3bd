#include "rpc/client/client_connection.h"

#include <string>

#include "ringrpc/log.h"

#include "rpc/client/channel_log.h"
#include "rpc/client/shard_channel.h"
#include "rpc/client/subchannel.h"

namespace ringrpc {
ClientConnection::ClientConnection(Subchannel& subchannel, std::unique_ptr<ByteStream> stream, Chance chance)
    : Connection(subchannel, std::move(stream), http2::Role::client, subchannel.channel().limits(),
                 subchannel.channel().timeouts(), *this),
      subchannel_(subchannel),
      channel_(subchannel.channel()),
      chance_(chance),
      keepalive_(*this, subchannel.keepalive_rule()) {}

const PeerName& ClientConnection::peer_name() const noexcept { return subchannel_.peer_name(); }

void ClientConnection::detach_attempts(const Status& status) noexcept {
  while (CallAttempt* attempt = attempts_.pop_front()) attempt->detach(status);
  while (CallAttempt* attempt = batch_.pop_front()) attempt->detach(status);  // ended, its call not woken yet
}

std::size_t ClientConnection::attempts() noexcept {
  std::size_t count = 0;
  attempts_.for_each([&](CallAttempt& attempt) { count += attempt.ended() ? 0 : 1; });
  return count;
}

void ClientConnection::retire() {
  goaway_ = Goaway::sent;
  session().goaway(http2::ErrorCode::no_error);
  flush_soon();
}

void ClientConnection::abandon(Status why) {
  abandoned_ = true;
  reset(std::move(why));
}

void ClientConnection::on_settings() {
  ready_since_ = shard().now();
  established();
  keepalive_.on_activity();
  subchannel_.run_soon();
}

void ClientConnection::on_capacity() { subchannel_.run_soon(); }

void ClientConnection::on_goaway(std::uint32_t, http2::ErrorCode code, std::string_view debug) {
  if (goaway_ == Goaway::none) goaway_ = Goaway::received;
  counts().receive_goaway(static_cast<std::uint32_t>(code));
  subchannel_.run_soon();
  if (code == http2::ErrorCode::no_error) return;
  const bool first = goaway_reason_.empty();  // the server may repeat it as often as it likes
  goaway_reason_ = "the server sent GOAWAY: " + std::string(http2::name(code));
  if (!debug.empty()) goaway_reason_.append(" ").append(debug);
  if (first) log::info("{}: {}", log::Field("target", channel_.target()), goaway_reason_);
  if (code == http2::ErrorCode::enhance_your_calm && debug == "too_many_pings") subchannel_.slow_keepalive();
}

/// A call that is woken may destroy the channel.
bool ClientConnection::on_batch() noexcept {
  if (ready()) keepalive_.on_activity();
  const Lifetime::Watch watch(lifetime_);
  while (CallAttempt* attempt = batch_.pop_front()) {
    attempt->on_batch();
    if (watch.ended()) return false;
  }
  channel_.on_input();
  return true;
}

void ClientConnection::on_lost(const Status& why) noexcept {
  try {
    const Status lost = this->lost(why);
    if (ready()) log_end(lost);  // else the channel logs that it could not connect
    const bool complete = abandoned_ || lost.cause() == Cause::out_of_memory;
    const std::string where = channel_.core().place(peer_name().text()) + ": ";
    detach_attempts(
        complete ? lost : Status(Code::UNAVAILABLE, where + std::string(lost.message()), why.initiator()));
    subchannel_.on_connection_lost(*this, lost);
  } catch (...) {
    const Status lost = caught();
    detach_attempts(lost);
    subchannel_.on_connection_lost(*this, lost);
  }
}

void ClientConnection::log_end(const Status& why) noexcept {
  const std::size_t calls = attempts();
  const bool said = !goaway_reason_.empty();  // when the GOAWAY came
  if (said || (leaving() && calls == 0)) return channel_log::ended(channel_.target(), peer(), why);
  channel_log::lost(channel_.target(), peer(), why, calls, channel_.outage_level());
}

/// The status for the channel and the calls.
Status ClientConnection::lost(const Status& why) const {
  if (why.cause() == Cause::out_of_memory) return why;
  std::string what(why.ok() ? "the connection ended" : why.message());
  if (!goaway_reason_.empty()) what = goaway_reason_;
  return Status(Code::UNAVAILABLE, what, why.initiator()).with_cause(why.cause());
}

}  // namespace ringrpc
