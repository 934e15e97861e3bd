/// The call's place in a trace, its span, and its request id.
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "rpc/server/handler_context.h"
#include "rpc/server/server_call.h"
#include "rpc/server/server_connection.h"
#include "rpc/wire/trace_headers.h"

namespace ringrpc {

/// A call that begins a trace and is not sampled has no context yet: `make` makes it if the handler needs
/// one. If there is no memory, the call is not traced.
void ServerCall::begin_trace(bool traced) noexcept try {
  if (call_.connection->returns_request_id())
    (void)call_.initial_metadata.add(std::string(request_id_name), std::string(request_id()));
  ShardTracer* const tracer = call_.connection->tracer();
  if (!tracer) return;
  if (traced && tracer->propagates()) return begin_span(read_trace(call_.stream->headers()));
  call_.trace_id = tracer->make_trace_id();
  call_.traced = true;
  if (tracer->sampler().samples(call_.trace_id, nullptr)) begin_span(std::nullopt);
} catch (...) {
  call_.traced = false;
  call_.span.reset();
}

void ServerCall::begin_span(std::optional<TraceContext> parent) {
  ShardTracer& tracer = *call_.connection->tracer();
  if (!call_.traced) call_.trace_id = parent ? parent->trace_id : tracer.make_trace_id();
  call_.traced = true;
  const TraceContext* const from = parent ? &*parent : nullptr;
  TraceContext own{.trace_id = call_.trace_id, .span_id = tracer.make_span_id()};
  if (tracer.sampler().samples(call_.trace_id, from)) own.flags = TraceContext::sampled_flag;
  if (parent) own.state = parent->state;
  if (own.sampled() && tracer.records())
    call_.span = std::make_unique<CallSpan>(SpanKind::server, "Recv.", lasting_path(), own, from,
                                            /*remote=*/true, now());
  made_ = new HandlerContext(call_.connection->part(), lasting_path(), call_.deadline,
                             ShardTracer::Ref(&tracer), std::move(own));
}

detail::Context* ServerCall::make() noexcept try {
  ServerShard& part = call_.connection->part();
  if (!call_.traced) return new HandlerContext(part, lasting_path(), call_.deadline, {}, {});
  ShardTracer& tracer = *part.tracer();
  return new HandlerContext(part, lasting_path(), call_.deadline, ShardTracer::Ref(&tracer),
                            {.trace_id = call_.trace_id, .span_id = tracer.make_span_id()});
} catch (...) {
  return nullptr;  // out of memory
}

void ServerCall::note_received(std::size_t bytes) noexcept {
  call_.span->receive({.bytes = bytes, .wire_bytes = call_.taken_wire_bytes}, now());
}

void ServerCall::note_sent(std::size_t wire_bytes) noexcept {
  call_.span->send({.bytes = call_.written_bytes, .wire_bytes = wire_bytes}, now());
}

void ServerCall::end_span(const Status& status) noexcept {
  call_.connection->tracer()->take(std::move(*call_.span).finish(status, now()));
  call_.span.reset();
}

std::string_view ServerCall::request_id() {
  if (const auto given = metadata().find(request_id_name); given && !given->empty())
    return given->substr(0, request_id_bytes_max);
  if (!call_.made_id_used && call_.connection->makes_request_ids()) {
    call_.made_id = call_.connection->make_request_id();
    call_.made_id_used = true;
  }
  return made_request_id();
}

}  // namespace ringrpc
