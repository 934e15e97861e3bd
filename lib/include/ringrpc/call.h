/// A call as its handler sees it: who calls, with what metadata, until when.
///
///   Task<Result<Reply>> Get(Call& call, Request request) override {
///     log::info("{} asked", call.peer());
///     Status added = call.trailing_metadata().add("served-by", host_name());
///     if (!added.ok()) co_return std::unexpected(added);
///     ...
///   }
///
/// A call belongs to its shard and lives as long as the handler's frame. When the caller resets it, its
/// deadline passes or the connection is lost, the frame is destroyed where it is suspended: destructors run,
/// nothing after the `co_await` does.
#pragma once

#include <string>
#include <string_view>

#include "ringrpc/clock.h"
#include "ringrpc/compression.h"
#include "ringrpc/metadata.h"
#include "ringrpc/peer_identity.h"
#include "ringrpc/status.h"

namespace ringrpc {

/// A call, as its handler and the server's interceptors see it.
class Call {
 public:
  /// "/echo.v1.EchoService/Echo".
  virtual std::string_view method() const noexcept = 0;

  /// The request's custom metadata, "-bin" values decoded.
  virtual const Metadata& metadata() = 0;

  /// Metadata sent before the first message; changes after that have no effect.
  virtual Metadata& initial_metadata() = 0;
  /// Sends it now, where the caller should not have to wait for the first message to have it. Without effect
  /// when it has been sent.
  virtual void send_initial_metadata() = 0;
  /// Metadata sent with the status. Of this, as of the initial metadata and a status's details, callers take
  /// up to a size (most 8 to 16 KiB); a call that has more for them ends with RESOURCE_EXHAUSTED.
  virtual Metadata& trailing_metadata() = 0;

  /// What interceptors tell those inside: who calls, say. Nothing in it comes from the peer, and nothing of
  /// it goes there.
  virtual Metadata& attributes() = 0;

  /// Compresses the messages of the answer, all but those written without, where the caller said that it
  /// understands `compression`. Without effect once the initial metadata has been sent.
  virtual void set_compression(Compression compression) = 0;
  /// Whether the message last received came compressed.
  virtual bool message_compressed() const noexcept = 0;
  /// With what it was; `identity` where it was not. An answer like the request:
  /// `call.set_compression(call.message_compression())`.
  virtual Compression message_compression() const noexcept = 0;

  /// When the caller stops waiting; `never` when it gave no timeout.
  virtual Instant deadline() const noexcept = 0;

  /// When the request had arrived: its last byte for unary calls, its headers for streaming ones.
  virtual Instant received_at() const noexcept = 0;

  /// The peer's address in the words of the address syntax: "127.0.0.1:40712", "unix:".
  virtual std::string peer() const = 0;
  /// What the transport vouches for of the peer.
  virtual PeerIdentity peer_identity() const = 0;

  /// Why the call has failed while its handler still runs, as when a write gives false; OK while it goes on.
  virtual Status failure() const = 0;

  /// The time now, on the clock of `deadline` and `received_at`.
  virtual Instant now() const noexcept = 0;

 protected:
  ~Call() = default;
};

}  // namespace ringrpc
