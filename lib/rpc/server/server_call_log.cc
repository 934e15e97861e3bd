/// The metrics and log lines of a call.
#include <array>
#include <new>
#include <string_view>

#include "ringrpc/log.h"

#include "observe/trace_wire.h"
#include "rpc/server/server_call.h"
#include "rpc/server/server_connection.h"

namespace ringrpc {

void ServerCall::trace(Handler next) const noexcept {
  constexpr std::array<std::string_view, 6> names = {"waiting",   "parsing", "running",
                                                     "suspended", "doomed",  "ended"};
  log::trace("{}: stream {}: {}: the handler is {}", log::Field("peer", call_.connection->peer()),
             log::Field("stream", call_.stream ? call_.stream->id() : 0),
             log::Field("method", call_.method->path), names[static_cast<std::size_t>(next)]);
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
  std::array<char, 2 * sizeof(TraceId)> trace_id;
  if (call_.traced) write_hex(call_.trace_id, trace_id.data());
  log->add(*call_.connection, call_.stream,
           {.method = call_.method->path,
            .code = code,
            .duration = duration,
            .received_messages = call_.received_messages,
            .sent_messages = call_.sent_messages,
            .traffic = call_.traffic,
            .request_id = made_request_id(),
            .trace_id = std::string_view(trace_id.data(), call_.traced ? trace_id.size() : 0)});
}

void ServerCall::log_end(const Status& status) const try {
  log::debug("{}: {}: {}", log::Field("peer", call_.connection->peer()),
             log::Field("method", call_.method->path), status.to_string(),
             log::Field("status", name(status.code())));
} catch (const std::bad_alloc&) {
  // There is no memory for the log line.
}

}  // namespace ringrpc
