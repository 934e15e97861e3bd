#include "rpc/server/shard_access_log.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/log_loss.h"
#include "http2/session.h"
#include "observe/trace_wire.h"
#include "rpc/server/server_connection.h"

namespace ringrpc {

void ShardAccessLog::add(ServerConnection& connection, const http2::Stream* stream, AccessRecord record,
                         const TraceId* trace) noexcept try {
  const std::optional<AccessSampler::Place> place = sampler_.take(record.code, connection.shard().now());
  if (!place) return;
  std::string of_connection;
  if (record.identity.empty()) {
    of_connection = to_string(connection.peer_identity());
    record.identity = of_connection;
  }
  record.peer = connection.peer();
  std::array<char, 2 * sizeof(TraceId)> trace_id;
  if (trace) {
    write_hex(*trace, trace_id.data());
    record.trace_id = std::string_view(trace_id.data(), trace_id.size());
  }
  if (stream) {
    for (const http2::Header& header : stream->headers()) {
      if (header.name == request_id_name && !header.value.empty()) record.request_id = header.value;
      if (header.name == traceparent_name && !trace) record.trace_id = trace_id_of(header.value);
    }
  }
  std::array<char, request_id_digits> made_id;
  if (record.request_id.empty()) {
    made_id = connection.make_request_id();
    record.request_id = std::string_view(made_id.data(), made_id.size());
  }
  place->write(record);
} catch (...) {
  count_lost_log_line();  // out of memory
}

}  // namespace ringrpc
