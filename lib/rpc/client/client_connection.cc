#include "rpc/client/client_connection.h"

#include <string>

#include "ringrpc/log.h"

#include "rpc/client/channel_core.h"

namespace ringrpc {

ClientConnection::ClientConnection(ChannelCore& channel, std::unique_ptr<ByteStream> stream)
    : Connection(channel.shard(), std::move(stream), http2::Role::client, channel.limits(),
                 channel.timeouts(), *this),
      channel_(channel),
      keepalive_(*this, channel.keepalive_rule()) {}

void ClientConnection::detach_calls(const Status& status) noexcept {
  while (ClientCallImpl* call = calls_.pop_front()) call->detach(status);
  while (ClientCallImpl* call = batch_.pop_front()) call->detach(status);  // closed, and not woken yet
}

std::size_t ClientConnection::calls() noexcept {
  std::size_t count = 0;
  calls_.for_each([&](ClientCallImpl& call) { count += call.finished() ? 0 : 1; });
  return count;
}

void ClientConnection::retire() {
  leaving_ = retired_ = true;
  session().goaway(http2::ErrorCode::no_error);
  flush_soon();
}

void ClientConnection::give_up(Status why) {
  given_up_ = true;
  abort(std::move(why));
}

void ClientConnection::on_settings() {
  ready_since_ = shard().now();
  established();
  keepalive_.on_activity();
  channel_.run_soon();
}

void ClientConnection::on_capacity() { channel_.run_soon(); }

void ClientConnection::on_goaway(std::uint32_t, http2::ErrorCode code, std::string_view debug) {
  leaving_ = true;
  channel_.run_soon();
  if (code == http2::ErrorCode::no_error) return;
  const bool first = goodbye_.empty();  // the server may repeat it as often as it likes
  goodbye_ = "the server said goodbye: " + std::string(http2::name(code));
  if (!debug.empty()) goodbye_.append(" ").append(debug);
  if (first) log::info("{}: {}", channel_.target(), goodbye_);
  if (code == http2::ErrorCode::enhance_your_calm && debug == "too_many_pings") channel_.slow_keepalive();
}

/// Whoever is woken may destroy the channel.
bool ClientConnection::on_batch() noexcept {
  if (ready()) keepalive_.on_activity();
  const Lifetime::Watch watch(lifetime_);
  while (ClientCallImpl* call = batch_.pop_front()) {
    call->on_batch();
    if (watch.ended()) return false;
  }
  channel_.on_input();
  return true;
}

void ClientConnection::on_lost(const Status& why) noexcept {
  try {
    const Status lost = this->lost(why);
    const bool complete = given_up_ || lost.cause() == Cause::out_of_memory;
    detach_calls(complete ? lost
                          : Status(Code::UNAVAILABLE, channel_.target() + ": " + std::string(lost.message()),
                                   why.initiator()));
    channel_.on_connection_lost(*this, lost);
  } catch (...) {
    const Status lost = caught();
    detach_calls(lost);
    channel_.on_connection_lost(*this, lost);
  }
}

/// What the channel and the calls are told.
Status ClientConnection::lost(const Status& why) const {
  if (why.cause() == Cause::out_of_memory) return why;
  std::string what(why.ok() ? "the connection ended" : why.message());
  if (!goodbye_.empty()) what = goodbye_;
  return Status(Code::UNAVAILABLE, what, why.initiator()).with_cause(why.cause());
}

}  // namespace ringrpc
