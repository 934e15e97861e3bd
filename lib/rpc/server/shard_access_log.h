/// Writes the calls of a shard to the server's access log.
///
///   ShardAccessLog log(options.access_log);
///   log.add(connection, stream, {.method = path, .code = Code::OK, .duration = duration});
#pragma once

#include <memory>
#include <utility>

#include "ringrpc/access_log.h"
#include "ringrpc/trace_context.h"

#include "observe/access_record.h"

namespace ringrpc {

namespace http2 {
class Stream;
}
class ServerConnection;

class ShardAccessLog {
 public:
  explicit ShardAccessLog(std::shared_ptr<AccessLog> log) noexcept : sampler_(std::move(log)) {}

  /// A call has ended. Takes the caller's part of the record from the connection and from the request's
  /// headers: the request id, which it makes if there is none, and the trace id if `trace` is null.
  /// `stream` is null if it is closed already.
  void add(ServerConnection& connection, const http2::Stream* stream, AccessRecord record,
           const TraceId* trace = nullptr) noexcept;

 private:
  AccessSampler sampler_;
};

}  // namespace ringrpc
