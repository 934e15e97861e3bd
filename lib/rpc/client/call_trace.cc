#include "rpc/client/call_trace.h"

#include <algorithm>
#include <utility>

#include "rpc/call/call_context.h"
#include "rpc/wire/base64.h"

namespace ringrpc {

std::unique_ptr<CallTrace> CallTrace::begin(Shard& shard, const ShardTracer::Ref& of_channel,
                                            const CallContext* handler, std::string_view path) noexcept try {
  const bool of_handler = handler && handler->tracer;
  if (!of_channel && !of_handler) return nullptr;
  return std::unique_ptr<CallTrace>(new CallTrace(shard, of_channel ? of_channel : handler->tracer,
                                                  of_handler ? &handler->trace : nullptr, path));
} catch (...) {
  return nullptr;  // out of memory
}

CallTrace::CallTrace(Shard& shard, ShardTracer::Ref tracer, const TraceContext* parent, std::string_view path)
    : shard_(shard), tracer_(std::move(tracer)), path_(path) {
  context_.trace_id = parent ? parent->trace_id : tracer_->make_trace_id();
  context_.span_id = tracer_->make_span_id();
  if (parent) context_.state = parent->state;
  if (!tracer_->sampler().samples(context_.trace_id, parent)) return;
  context_.flags = TraceContext::sampled_flag;
  if (!tracer_->records()) return;
  span_.emplace(SpanKind::client, "Sent.", path_, context_, parent, /*remote=*/false, now());
}

void CallTrace::on_addresses() noexcept {
  if (!std::exchange(awaits_addresses_, false)) return;
  if (span_) span_->add("Delayed name resolution complete", now());
  queue();
}

void CallTrace::queue() noexcept {
  if (!context_.sampled()) return;
  give_away_ended();
  (void)make_attempt();
  queued_ = true;
}

void CallTrace::end_queued(const Status& status) noexcept {
  queued_ = false;
  if (Attempt* const queued = find(nullptr)) end(*queued, status);
}

void CallTrace::begin_attempt(const CallAttempt& attempt) noexcept {
  if (!context_.sampled()) return;
  give_away_ended();
  const bool waited = std::exchange(queued_, false);
  Attempt* const begun = waited ? find(nullptr) : make_attempt();
  if (!begun) return;
  if (waited) begun->span.add("Delayed LB pick complete", now());
  begun->of = &attempt;
  begun->phase = Phase::begun;
}

/// The latest attempt of that object; the one that is queued, for null.
CallTrace::Attempt* CallTrace::find(const CallAttempt* of) noexcept {
  for (Attempt& attempt : attempts_)
    if (attempt.of == of && (of || attempt.phase == Phase::queued)) return &attempt;
  return nullptr;
}

/// Null if it is not recorded.
CallTrace::Attempt* CallTrace::make_attempt() noexcept try {
  const std::int64_t previous = attempts_made_++;
  const bool transparent = std::exchange(transparent_, false);
  if (!tracer_->records()) return nullptr;
  TraceContext own = context_;
  own.span_id = tracer_->make_span_id();
  CallSpan span(SpanKind::internal, "Attempt.", path_, own, &context_, /*remote=*/false, now(),
                span_ ? &*span_ : nullptr);
  span.set("previous-rpc-attempts", previous);
  span.set("transparent-retry", transparent);
  return &attempts_.emplace_back(Attempt{.span = std::move(span)});
} catch (...) {
  return nullptr;  // out of memory
}

void CallTrace::end(Attempt& attempt, const Status& status) noexcept {
  if (attempt.phase == Phase::over) return;
  attempt.phase = Phase::over;
  attempt.status = status;
  attempt.ended = now();
}

void CallTrace::give_away_ended() noexcept {
  for (Attempt& attempt : attempts_)
    if (attempt.phase == Phase::over)
      tracer_->take(std::move(attempt.span).finish(attempt.status, attempt.ended));
  std::erase_if(attempts_, [](const Attempt& attempt) { return attempt.phase == Phase::over; });
}

void CallTrace::append_headers(const CallAttempt& attempt, http2::Headers& headers) {
  if (!tracer_->propagates()) return;
  const Attempt* const recorded = find(&attempt);
  const TraceContext& own = recorded ? recorded->span.context() : context_;
  std::erase_if(headers, [](const http2::Header& header) {
    return header.name == traceparent_name || header.name == tracestate_name || header.name == trace_bin_name;
  });
  traceparent_ = format_traceparent(own);
  headers.push_back({traceparent_name, std::string_view(traceparent_.data(), traceparent_.size())});
  if (!own.state.empty()) headers.push_back({tracestate_name, own.state});
  if (!tracer_->send_trace_bin()) return;
  const std::array<char, trace_bin_bytes> bytes = format_trace_bin(own);
  trace_bin_ = base64_encode(std::string_view(bytes.data(), bytes.size()));
  headers.push_back({trace_bin_name, trace_bin_});
}

void CallTrace::send_written(const CallAttempt& attempt) noexcept {
  Attempt* const sending = find(&attempt);
  if (!sending) return;
  sending->phase = Phase::sending;
  const Instant time = now();
  for (const MessageSize& size : written_) sending->span.send(size, time);
}

void CallTrace::send(std::size_t wire_bytes) noexcept {
  if (!context_.sampled()) return;
  const MessageSize size{.bytes = reserved_bytes_, .wire_bytes = wire_bytes};
  for (Attempt& attempt : attempts_)
    if (attempt.phase == Phase::sending) attempt.span.send(size, now());
  if (written_.size() < SpanRecord::events_max) try {
      written_.push_back(size);
    } catch (...) {  // out of memory
    }
}

void CallTrace::receive(const CallAttempt& attempt, MessageSize size) noexcept {
  if (Attempt* const receiving = find(&attempt))
    receiving->span.receive(size, receiving->phase == Phase::over ? receiving->ended : now());
}

void CallTrace::end_attempt(const CallAttempt& attempt, const Status& status) noexcept {
  if (Attempt* const ending = find(&attempt)) end(*ending, status);
}

void CallTrace::end_attempts(const Status& status) noexcept {
  for (Attempt& attempt : attempts_) end(attempt, status);
}

void CallTrace::end(const Status& status) noexcept {
  end_attempts(status);
  give_away_ended();
  if (!span_) return;
  tracer_->take(std::move(*span_).finish(status, now()));
  span_.reset();
}

}  // namespace ringrpc
