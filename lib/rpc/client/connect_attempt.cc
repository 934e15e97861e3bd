#include "rpc/client/connect_attempt.h"

#include <chrono>
#include <string>
#include <utility>

#include "ringrpc/log.h"

#include "rpc/client/shard_channel.h"
#include "rpc/client/subchannel.h"
#include "transport/hybrid_vsock.h"

namespace ringrpc {

void ConnectAttempt::on_exception(const Status& why) noexcept { subchannel_.on_attempt_failed(why); }

void ConnectAttempt::start() noexcept {
  assert(!connector_ && !connection_);
  contain([this] { connect(); });
}

void ConnectAttempt::connect() {
  Shard& shard = subchannel_.shard();
  const Endpoint& endpoint = subchannel_.endpoint();
  if (log::enabled(log::Level::trace)) [[unlikely]]
    log::trace("{}: connecting to {}", log::Field("target", subchannel_.channel().target()),
               log::Field("peer", endpoint.name));
  connector_ = shard.io().connect(endpoint.address, *this);
  shard.timers().arm(*this, after(shard.now(), timeout_));
}

void ConnectAttempt::on_connected(UniqueFd descriptor, int error) {
  contain([&] { shake_hands(std::move(descriptor), error); });
}

void ConnectAttempt::shake_hands(UniqueFd descriptor, int error) {
  connector_.reset();
  if (error != 0) {
    const Status failure = from_errno("", error);
    return fail(failure.message().substr(2), failure.cause());
  }
  Shard& shard = subchannel_.shard();
  std::unique_ptr<ByteStream> stream = shard.io().adopt(std::move(descriptor));
  if (const auto port = subchannel_.endpoint().hybrid_vsock_port)
    stream = std::make_unique<HybridVsockStream>(std::move(stream), shard.slabs(), *port);
  connection_ =
      std::make_unique<ClientConnection>(subchannel_, subchannel_.secure(std::move(stream)), chance_);
  connection_->start();
}

void ConnectAttempt::connection_failed(const Status& why) noexcept {
  assert(connection_);
  connection_.reset();
  contain([&] { fail(why.message(), of_handshake(why.cause())); });
}

void ConnectAttempt::on_time() {
  if (connection_ && connection_->ready()) return;  // in this very turn: the subchannel is about to take it
  contain([this] { give_up(); });
}

void ConnectAttempt::give_up() {
  std::string missing = "no response";
  Cause cause = Cause::unresponsive;
  if (connection_) {
    const Status failure = connection_->stream_failure();
    missing = failure.ok() ? "no HTTP/2 preface" : failure.message();
    cause = of_handshake(failure.cause());
  }
  connection_.reset();
  connector_.reset();
  fail(missing + " within " + std::to_string(std::chrono::ceil<std::chrono::milliseconds>(timeout_).count()) +
           " ms",
       cause);
}

/// The cause of a failed handshake: Cause::no_http2 in plaintext if nothing more exact is known.
Cause ConnectAttempt::of_handshake(Cause cause) const {
  const bool plaintext = subchannel_.channel().scheme() == "http";
  return cause == Cause::other && plaintext ? Cause::no_http2 : cause;
}

void ConnectAttempt::fail(std::string_view words, Cause cause) {
  std::string text(words);
  if (cause == Cause::tls) text += "; write tls+ before the address";
  if (cause == Cause::no_http2)
    text += "; does a gRPC server listen there? If it uses TLS, write tls+ before the address";
  subchannel_.on_attempt_failed(
      Status(Code::UNAVAILABLE, std::move(text), Initiator::library).with_cause(cause));
}

}  // namespace ringrpc
