#include "rpc/server/call_log.h"

#include <optional>
#include <string>

#include "base/log_loss.h"
#include "http2/session.h"
#include "rpc/server/server_connection.h"

namespace ringrpc {

void CallLog::add(ServerConnection& connection, const http2::Stream* stream, AccessRecord record) noexcept
    try {
  const std::optional<AccessSampler::Place> place = sampler_.take(record.code, connection.shard().now());
  if (!place) return;
  const std::string identity = to_string(connection.peer_identity());
  record.identity = identity;
  record.peer = connection.peer();
  if (stream) {
    for (const http2::Header& header : stream->headers()) {
      if (header.name == "x-request-id") record.request_id = header.value;
      if (header.name == "traceparent") record.trace_id = trace_id_of(header.value);
    }
  }
  place->write(record);
} catch (...) {
  count_lost_log_line();  // out of memory
}

}  // namespace ringrpc
