/// The context that a handler passes on to the calls that it makes: the place in the trace, and the deadline.
///
///   ContextSource* source = shard.context_source();
///   if (const CallContext* context = CallContext::of(shard)) deadline = std::min(deadline, context->deadline);
///
/// Immutable. Every context of a shard (reactor/context.h) is one of these.
#pragma once

#include <utility>

#include "ringrpc/clock.h"
#include "ringrpc/trace_context.h"

#include "observe/shard_tracer.h"
#include "reactor/context.h"

namespace ringrpc {

class CallContext : public detail::Context {
 public:
  /// `tracer_of_call` is null if the call is not traced; `trace_of_call` is invalid then.
  CallContext(Instant deadline_of_call, ShardTracer::Ref tracer_of_call, TraceContext trace_of_call)
      : deadline(deadline_of_call), tracer(std::move(tracer_of_call)), trace(std::move(trace_of_call)) {}

  /// Of the code that runs now on this shard; null if it has none.
  static const CallContext* of(Shard& shard) noexcept {
    ContextSource* const source = shard.context_source();
    return source ? static_cast<const CallContext*>(source->get()) : nullptr;
  }

  /// Without the deadline.
  Context* detached() const override { return tracer ? new CallContext(never, tracer, trace) : nullptr; }

  const Instant deadline;
  const ShardTracer::Ref tracer;
  const TraceContext trace;
};

}  // namespace ringrpc
