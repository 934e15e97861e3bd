#include "rpc/call/call_context.h"

namespace ringrpc {

std::optional<TraceContext> current_trace() {
  Shard* const shard = Shard::current();
  const CallContext* const context = shard ? CallContext::of(*shard) : nullptr;
  if (!context || !context->tracer) return std::nullopt;
  return context->trace;
}

}  // namespace ringrpc
