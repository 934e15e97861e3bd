#include "rpc/client_connection.h"

#include <string>

#include "ringrpc/log.h"

#include "rpc/channel_core.h"

namespace ringrpc {
namespace {

ClientCallImpl* call_of(const http2::Stream& stream) { return static_cast<ClientCallImpl*>(stream.user); }

/// An interim response (1xx): the real one is still to come.
bool interim(const http2::Stream& stream) {
  const auto headers = stream.headers();
  return !headers.empty() && headers.front().name == ":status" && headers.front().value.starts_with('1');
}

}  // namespace

ClientConnection::ClientConnection(ChannelCore& channel, std::unique_ptr<ByteStream> stream)
    : Connection(channel.shard(), std::move(stream), http2::Role::client, channel.limits(),
                 channel.timeouts(), *this),
      channel_(channel) {}

ClientConnection::~ClientConnection() {
  if (destroyed_) *destroyed_ = true;
}

void ClientConnection::detach_calls(const Status& status) {
  while (ClientCallImpl* call = calls_.pop_front()) call->detach(status);
  while (ClientCallImpl* call = batch_.pop_front()) call->detach(status);  // closed, and not woken yet
}

void ClientConnection::on_settings() {
  ready_ = true;
  established();
}

void ClientConnection::on_headers(http2::Stream& stream) {
  ClientCallImpl* call = call_of(stream);
  if (call && !interim(stream)) call->on_headers();
}

void ClientConnection::on_data(http2::Stream& stream, Bytes bytes) {
  if (ClientCallImpl* call = call_of(stream)) call->on_data(bytes);
}

void ClientConnection::on_trailers(http2::Stream& stream) {
  if (ClientCallImpl* call = call_of(stream)) call->on_trailers();
}

void ClientConnection::on_end(http2::Stream& stream) {
  if (ClientCallImpl* call = call_of(stream)) call->on_end();
}

void ClientConnection::on_writable(http2::Stream& stream) {
  if (ClientCallImpl* call = call_of(stream)) call->on_writable();
}

void ClientConnection::on_closed(http2::Stream& stream, http2::ErrorCode code, bool by_peer) {
  if (ClientCallImpl* call = call_of(stream)) call->on_closed(code, by_peer);
}

void ClientConnection::on_goaway(std::uint32_t, http2::ErrorCode code, std::string_view debug) {
  leaving_ = true;
  if (code != http2::ErrorCode::no_error)
    log::info("{}: the server says goodbye: {} {}", channel_.target(), http2::name(code), debug);
}

/// Whoever is woken may destroy the channel.
bool ClientConnection::on_batch() {
  bool destroyed = false;
  destroyed_ = &destroyed;
  while (ClientCallImpl* call = batch_.pop_front()) {
    call->on_batch();
    if (destroyed) return false;
  }
  destroyed_ = nullptr;
  channel_.pump();
  return true;
}

void ClientConnection::on_lost(const Status& why) {
  const Status status(
      Code::UNAVAILABLE,
      channel_.target() + ": " + std::string(why.ok() ? "the connection ended" : why.message()),
      why.initiator());
  detach_calls(status);
  channel_.on_connection_lost(*this, status);
}

}  // namespace ringrpc
