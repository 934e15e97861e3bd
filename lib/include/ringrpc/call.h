/// A call as its handler sees it: the caller, the metadata and the deadline.
///
///   Task<Result<Reply>> Get(Call& call, Request request) override {
///     log::info("{} asked", call.peer());
///     Status added = call.trailing_metadata().add("served-by", host_name());
///     if (!added.ok()) co_return std::unexpected(added);
///     ...
///   }
///
/// A call belongs to its shard and is valid as long as the handler's frame; use it on that thread only. When
/// the client resets the call, the deadline passes or the connection is lost, the library destroys the frame
/// at the `co_await` where it is suspended: its destructors run, and nothing after that `co_await` does.
#pragma once

#include "ringrpc/compiler.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "ringrpc/clock.h"
#include "ringrpc/compression.h"
#include "ringrpc/export.h"
#include "ringrpc/metadata.h"
#include "ringrpc/peer_identity.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// A call, as its handler and the server's interceptors see it. References and views that it returns are
/// valid as long as the call.
class RINGRPC_EXPORT Call {
 public:
  /// The path of the method: "/echo.v1.EchoService/Echo".
  virtual std::string_view method() const noexcept = 0;

  /// The request's custom metadata, with the values of "-bin" fields decoded
  /// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Custom-Metadata").
  virtual const Metadata& metadata() = 0;
  /// One name of it, which must be in lower case. For who needs no other: `metadata` copies all of it at its
  /// first use. Valid only until the caller awaits.
  virtual FoundMetadata find_metadata(std::string_view name) {
    const Metadata& all = metadata();
    return {all.find(name), std::ranges::count(all, name, &Metadata::Entry::name) > 1};
  }

  /// Metadata that is sent before the first message. Changes after that have no effect.
  virtual Metadata& initial_metadata() = 0;
  /// Sends the initial metadata now, so that the client need not wait for the first message to see it. No
  /// effect once it has been sent.
  virtual void send_initial_metadata() = 0;
  /// Metadata that is sent with the status. Clients limit the size of the initial metadata, and of the
  /// trailing metadata together with the status and its details; most limits are 8 to 16 KiB. If either
  /// exceeds the client's limit, the call ends with RESOURCE_EXHAUSTED.
  virtual Metadata& trailing_metadata() = 0;

  /// Values that an interceptor passes to the interceptors and the handler inside it, such as the caller's
  /// name. They stay on the server.
  virtual Metadata& attributes() = 0;

  /// Compresses the responses, except those written with compression turned off, if the client accepts
  /// `compression` (grpc-accept-encoding). No effect otherwise, or once the initial metadata has been sent.
  virtual void set_compression(Compression compression) = 0;
  /// The compression of the message received last; `identity` if it was not compressed. To compress responses
  /// like the request: `call.set_compression(call.message_compression())`.
  virtual Compression message_compression() const noexcept = 0;

  /// The number of attempts of this call that the client has made before, as it says (gRFC A6,
  /// `grpc-previous-rpc-attempts`); 0 for the first. The client may be hedging: the others may still run.
  virtual unsigned previous_attempts() = 0;

  /// The time at which the client stops waiting; `never` if the request has no timeout.
  virtual Instant deadline() const noexcept = 0;

  /// The arrival time of the request: of its last byte if it is a single message, of its
  /// headers if it is a stream.
  virtual Instant received_at() const noexcept = 0;

  /// The request's header `x-request-id`, if it has one of 1 to 128 bytes. Otherwise 16 hexadecimal
  /// digits that the server makes if it has an access log, a tracer or
  /// ServerOptions::return_request_id; empty if not.
  virtual std::string_view request_id() = 0;

  /// The peer's address in the syntax of ServerOptions::listen: "127.0.0.1:40712", "unix:".
  virtual std::string peer() const = 0;
  /// The peer's identity, as the transport has verified it.
  virtual PeerIdentity peer_identity() const = 0;

  /// The status with which the call has failed while its handler still runs, for example after a write that
  /// returned false. OK while the call has not failed.
  virtual Status failure() const = 0;

  /// True once the connection drains: the server shuts down (Server::drain), or the connection has reached
  /// its maximum age (ServerOptions::max_connection_age). The client has been asked to open no more calls
  /// here, and the drain waits for this one. A call that would otherwise run on, such as a watch, should then
  /// end, best with UNAVAILABLE, which clients retry elsewhere.
  virtual bool stopping() const noexcept = 0;
  /// Waits until `stopping` is true; ends at once if it is already. Any number of tasks of the call may wait
  /// at the same time. To wait for something else as well, use when_any (ringrpc/when.h):
  /// `co_await when_any(board.next_change(), call.until_stopping())`. Destroying the task ends the wait.
  virtual Task<> until_stopping() = 0;

  /// The current time, on the clock of `deadline` and `received_at`.
  virtual Instant now() const noexcept = 0;

 protected:
  ~Call() = default;
};

}  // namespace ringrpc
