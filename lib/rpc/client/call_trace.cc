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
  span_.emplace(SpanKind::client, "Sent.", path_, context_, parent, /*remote=*/false, now());
}

void CallTrace::queue() noexcept {
  take_attempt();
  make_attempt();
  attempt_ = Attempt::queued;
}

void CallTrace::begin_attempt() noexcept {
  take_attempt();
  if (attempt_ != Attempt::queued) {
    make_attempt();
  } else if (attempt_span_) {
    attempt_span_->add("Delayed LB pick complete", now());
  }
  attempt_ = Attempt::begun;
}

void CallTrace::make_attempt() noexcept {
  if (!span_) return;
  TraceContext own = context_;
  own.span_id = tracer_->make_span_id();
  try {
    attempt_span_.emplace(SpanKind::internal, "Attempt.", path_, own, &context_, /*remote=*/false, now(),
                          &*span_);
    attempt_span_->set("previous-rpc-attempts", attempts_++);
    attempt_span_->set("transparent-retry", std::exchange(transparent_, false));
  } catch (...) {
    attempt_span_.reset();  // out of memory
  }
}

/// Gives the span away if its attempt is over.
void CallTrace::take_attempt() noexcept {
  if (attempt_ != Attempt::over) return;
  if (attempt_span_) tracer_->take(std::move(*attempt_span_).finish(*attempt_status_, attempt_ended_));
  attempt_span_.reset();
  attempt_ = Attempt::none;
}

void CallTrace::append_headers(http2::Headers& headers) {
  const TraceContext& own = attempt_span_ ? attempt_span_->context() : context_;
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

void CallTrace::send_written() noexcept {
  attempt_ = Attempt::sending;
  if (!attempt_span_) return;
  const Instant time = now();
  for (const MessageSize& size : written_) attempt_span_->send(size, time);
}

void CallTrace::send(std::size_t wire_bytes) noexcept {
  if (!span_) return;
  const MessageSize size{.bytes = reserved_bytes_, .wire_bytes = wire_bytes};
  if (attempt_ == Attempt::sending && attempt_span_) attempt_span_->send(size, now());
  if (written_.size() < SpanRecord::events_max) try {
      written_.push_back(size);
    } catch (...) {  // out of memory
    }
}

void CallTrace::receive(MessageSize size) noexcept {
  if (!attempt_span_) return;
  attempt_span_->receive(size, attempt_ == Attempt::over ? attempt_ended_ : now());
}

void CallTrace::end_attempt(const Status& status) noexcept {
  if (attempt_ == Attempt::none || attempt_ == Attempt::over) return;
  attempt_ = Attempt::over;
  attempt_status_ = status;
  attempt_ended_ = now();
}

void CallTrace::end(const Status& status) noexcept {
  end_attempt(status);
  take_attempt();
  if (!span_) return;
  tracer_->take(std::move(*span_).finish(status, now()));
  span_.reset();
}

}  // namespace ringrpc
