/// The counts, metrics and log lines of a call.
#include <array>
#include <new>
#include <string_view>

#include "ringrpc/bearer_auth.h"
#include "ringrpc/log.h"

#include "rpc/server/server_call.h"
#include "rpc/server/server_connection.h"

namespace ringrpc {

void ServerCall::trace(Handler next) const noexcept {
  constexpr std::array<std::string_view, 6> names = {"waiting",   "parsing", "running",
                                                     "suspended", "doomed",  "ended"};
  log::trace("{}: stream {}: {}: the handler is {}", log::Field("peer", call_.connection->peer()),
             log::Field("stream", call_.stream ? call_.stream->id() : 0),
             log::Field("method", call_.method->logged_path), names[static_cast<std::size_t>(next)]);
}

/// The next message is taken.
void ServerCall::count_received() {
  ++call_.connection->counts().messages_received;
  if (!call_.metrics) return;
  call_.traffic.received_bytes += buffer_.next_bytes();
  ++call_.received_messages;
  call_.metrics->receive_message();
}

/// A message of the response has been given to the session.
void ServerCall::count_sent() {
  ++call_.connection->counts().messages_sent;
  if (!call_.metrics) return;
  ++call_.sent_messages;
  call_.metrics->send_message();
}

void ServerCall::count_reset(http2::ErrorCode code, bool by_peer) {
  if (ServerMetrics* const metrics = call_.connection->metrics()) metrics->connections.reset(code, by_peer);
}

/// The client does not see the outcome.
void ServerCall::count_lost(const Status& status) noexcept {
  ++call_.connection->counts().streams_failed;
  count_end(status);
}

void ServerCall::record_end(Code code) noexcept {
  const Nanoseconds duration = now() - call_.begun;
  if (call_.span) [[unlikely]] {
    call_.metrics->end(code, duration, call_.traffic, call_.span->context());
  } else {
    call_.metrics->end(code, duration, call_.traffic);
  }
  ShardAccessLog* const log = call_.connection->access_log();
  if (!log) [[likely]]
    return;
  log->add(*call_.connection, call_.stream,
           {.method = call_.method->logged_path,
            .identity = call_.attributes.find(BearerAuth::principal).value_or(""),
            .code = code,
            .duration = duration,
            .received_messages = call_.received_messages,
            .sent_messages = call_.sent_messages,
            .traffic = call_.traffic,
            .request_id = made_request_id()},
           call_.traced ? &call_.trace_id : nullptr);
}

void ServerCall::log_end(const Status& status) const try {
  log::debug("{}: {}: {}", log::Field("peer", call_.connection->peer()),
             log::Field("method", call_.method->logged_path), status.to_string(),
             log::Field("status", name(status.code())));
} catch (const std::bad_alloc&) {
  // There is no memory for the log line.
}

}  // namespace ringrpc
