/// The options of one call: a time limit, metadata, compression.
///
///   CallOptions options{.timeout = 200ms, .wait_for_ready = true};
///   if (Status status = options.metadata.add("request-id", id); !status.ok()) co_return status;
///   auto response = co_await echo.Echo(request, options);
#pragma once

#include "ringrpc/compiler.h"

#include <optional>
#include <stop_token>

#include "ringrpc/call.h"
#include "ringrpc/clock.h"
#include "ringrpc/compression.h"
#include "ringrpc/metadata.h"

namespace ringrpc {

/// The options of one call. A plain value: several threads may read one object, and one may change it.
struct CallOptions {
  /// The time that the call may take, counted from its beginning. The call ends with DEADLINE_EXCEEDED
  /// after that. `Nanoseconds::max()` means no limit. The server learns the time that is left
  /// (PROTOCOL-HTTP2.md, "grpc-timeout").
  Nanoseconds timeout = Nanoseconds::max();
  /// Sent with the request. The call fails with RESOURCE_EXHAUSTED when the headers of the request are larger
  /// than the server's SETTINGS allow (RFC 9113, SETTINGS_MAX_HEADER_LIST_SIZE).
  Metadata metadata{};
  /// Sent in place of `metadata`, which must be empty then; null for none. It is not copied, so it must
  /// outlive the call and not change. For clients that send the same metadata with each call. An interceptor
  /// changes a copy.
  const Metadata* lasting_metadata = nullptr;
  /// Compresses the messages of the request, except those written with `WriteOptions::compress` false. A
  /// server that does not support it responds with UNIMPLEMENTED.
  Compression compression = Compression::identity;
  /// Waits for a connection until the deadline. Otherwise the call fails with UNAVAILABLE when the server
  /// cannot be reached (https://grpc.io/docs/guides/wait-for-ready/). Without a value, the service config
  /// decides; without that, the call does not wait.
  std::optional<bool> wait_for_ready{};
  /// The deadline on the clock of the shard (`Call::now`). If `timeout` is set too, the earlier one applies.
  Instant deadline = never;
  /// A call that a handler makes continues the trace of the handler's call, and ends at the deadline of that
  /// call at the latest. That also holds for calls in tasks that the handler has started, but not for the
  /// deadline in tasks that `shield` protects. False makes the call as if no handler made it.
  bool inherit = true;
  /// Cancels the call when a stop is requested, from any thread: `std::stop_source source;` is kept by who may cancel,
  /// and the call gets `.stop = source.get_token()`. It ends with CANCELLED: at once if the stop was requested before,
  /// else in a turn of its shard. One source may stop any number of calls.
  std::stop_token stop{};

  /// Options for a call that a handler makes to serve `handled`. They have the same deadline. (When `handled`
  /// is cancelled, the frame of its handler is destroyed, and so are the calls that the handler has made.)
  static CallOptions from(const Call& handled) {
    CallOptions options;
    options.deadline = handled.deadline();
    return options;
  }
};

}  // namespace ringrpc
