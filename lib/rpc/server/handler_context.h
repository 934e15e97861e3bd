/// The context of a handler that waits: what CallContext has, and the handler's name, by which a step that holds
/// the shard is told.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "rpc/call/call_context.h"
#include "rpc/server/server_shard.h"

namespace ringrpc {

/// It lives no longer than the frames of its handler, so the server's part of the shard outlives it.
class HandlerContext final : public CallContext {
 public:
  /// `path` is the method's.
  HandlerContext(ServerShard& part, const std::string& path, Instant deadline_of_call,
                 ShardTracer::Ref tracer_of_call, TraceContext trace_of_call)
      : CallContext(deadline_of_call, std::move(tracer_of_call), std::move(trace_of_call)),
        part_(part),
        path_(path) {}

  void on_held(std::uint64_t begun) noexcept override { part_.check_hold(path_, begun); }

 private:
  ServerShard& part_;
  const std::string& path_;
};

}  // namespace ringrpc
