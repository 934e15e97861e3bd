#include "rpc/client/connect_attempt.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "ringrpc/log.h"

#include "rpc/client/shard_channel.h"
#include "transport/hybrid_vsock.h"

namespace ringrpc {

void ConnectAttempt::on_exception(Status why) noexcept { channel_.on_attempt_failed(std::move(why)); }

void ConnectAttempt::start(const Address& address) noexcept {
  address_ = &address;
  contain([this] { look_up(); });
}

void ConnectAttempt::look_up() {
  const Address& address = *address_;
  if (resolves_at_once(address)) return on_resolved(resolve(address));
  Lookup::Handler& handler = *this;
  log::trace("{}: looking up the addresses of {}", log::Field("target", channel_.target()), address.name());
  lookup_ = std::make_unique<Lookup>(channel_.shard(), address, handler);
  channel_.shard().timers().arm(*this, after(channel_.shard().now(), timeout_));
}

void ConnectAttempt::on_resolved(Result<std::vector<SocketAddress>> addresses) {
  lookup_.reset();
  if (!addresses) return channel_.on_attempt_failed(std::move(addresses).error());
  addresses_ = std::move(*addresses);
  contain([this] { try_next_address(); });
}

void ConnectAttempt::try_next_address() {
  if (log::enabled(log::Level::trace)) [[unlikely]]
    log::trace("{}: connecting to {}, address {} of {}", log::Field("target", channel_.target()),
               log::Field("peer", to_string(addresses_[tried_])), tried_ + 1, addresses_.size());
  connector_ = channel_.shard().io().connect(addresses_[tried_++], *this);
  channel_.shard().timers().arm(*this, after(channel_.shard().now(), timeout_));
}

void ConnectAttempt::on_connected(UniqueFd descriptor, int error) {
  contain([&] { shake_hands(std::move(descriptor), error); });
}

void ConnectAttempt::shake_hands(UniqueFd descriptor, int error) {
  connector_.reset();
  if (error != 0) {
    const Status failure = from_errno("", error);
    return address_failed(failure.message().substr(2), failure.cause());
  }
  std::unique_ptr<ByteStream> stream = channel_.shard().io().adopt(std::move(descriptor));
  if (address_->kind() == Address::Kind::hybrid_vsock)
    stream =
        std::make_unique<HybridVsockStream>(std::move(stream), channel_.shard().slabs(), address_->port());
  connection_ = std::make_unique<ClientConnection>(channel_, channel_.secure(std::move(stream)));
  connection_->start();
}

void ConnectAttempt::connection_failed(const Status& why) noexcept {
  connection_.reset();
  contain([&] { address_failed(why.message(), of_handshake(why.cause())); });
}

void ConnectAttempt::on_time() {
  if (connection_ && connection_->ready()) return;  // in this very turn: the channel is about to take it
  contain([this] { give_up_address(); });
}

void ConnectAttempt::give_up_address() {
  const std::string within =
      " within " + std::to_string(std::chrono::ceil<std::chrono::milliseconds>(timeout_).count()) + " ms";
  if (lookup_)
    return channel_.on_attempt_failed(Status(Code::UNAVAILABLE,
                                             "resolve " + address_->name() + ": no response" + within,
                                             Initiator::library)
                                          .with_cause(Cause::lookup_failed));
  std::string missing = "no response";
  Cause cause = Cause::unresponsive;
  if (connection_) {
    const Status failure = connection_->stream_failure();
    missing = failure.ok() ? "no HTTP/2 preface" : failure.message();
    cause = of_handshake(failure.cause());
  }
  connection_.reset();
  connector_.reset();
  address_failed(missing + within, cause);
}

/// The cause of a failed handshake: Cause::no_http2 in plaintext if nothing more exact is known.
Cause ConnectAttempt::of_handshake(Cause cause) const {
  const bool plaintext = channel_.scheme() == "http";
  return cause == Cause::other && plaintext ? Cause::no_http2 : cause;
}

/// Notes the cause for an address. Names the address unless the target is the address itself.
void ConnectAttempt::address_failed(std::string_view words, Cause cause) {
  const std::string address = to_string(addresses_[tried_ - 1]);
  causes_ += causes_.empty() ? "connect " + channel_.target() : ";";
  if (!channel_.target().ends_with(address)) causes_ += " at " + address;
  causes_.append(": ").append(words);
  furthest_ = std::max(furthest_, cause);
  if (tried_ < addresses_.size()) return try_next_address();
  channel_.on_attempt_failed(
      Status(Code::UNAVAILABLE, std::move(causes_), Initiator::library).with_cause(furthest_));
}

}  // namespace ringrpc
