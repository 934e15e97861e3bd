/// The spans of one call of a client, as gRFC A72 describes them, and the headers that pass its trace on.
///
///   call created:         trace = CallTrace::begin(shard, channel_tracer, CallContext::of(shard), path);
///   call queued:          trace->queue();
///   attempt begins:       trace->begin_attempt();     its headers: trace->append_headers(headers);
///   stream is open:       trace->send_written();
///   message written:      trace->reserve(18); trace->send();
///   message taken:        trace->receive({.bytes = 18, .wire_bytes = 18});
///   attempt ends:         trace->end_attempt(status);
///   call ends:            trace->end(status);
///
/// The span of an attempt is given away when the next attempt begins, or with the call: responses that arrived before its
/// end may be taken later. A call that is not sampled has no spans, but its headers. Running out of memory loses spans
/// or events, and no more. Belongs to its call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/clock.h"
#include "ringrpc/span.h"
#include "ringrpc/status.h"

#include "base/frame_allocator.h"
#include "http2/header.h"
#include "observe/call_span.h"
#include "observe/shard_tracer.h"
#include "observe/trace_wire.h"
#include "reactor/shard.h"

namespace ringrpc {

class CallContext;

class CallTrace : public Pooled {
 public:
  /// Null if neither the channel nor the handler that makes the call has a tracer, or if there is no memory. `of_channel`
  /// and `handler` may be null; the former has precedence. `path` must outlive the trace.
  static std::unique_ptr<CallTrace> begin(Shard& shard, const ShardTracer::Ref& of_channel,
                                          const CallContext* handler, std::string_view path) noexcept;
  CallTrace(const CallTrace&) = delete;
  CallTrace& operator=(const CallTrace&) = delete;

  /// The call waits for a connection, which is a part of its next attempt.
  void queue() noexcept;
  void begin_attempt() noexcept;
  /// Replaces the fields of the trace, if the application has set them. They are valid until the next attempt begins.
  void append_headers(http2::Headers& headers);
  /// The attempt has sent all messages that were written so far.
  void send_written() noexcept;
  /// The attempt has ended; no effect if none is under way.
  void end_attempt(const Status& status) noexcept;
  /// The next attempt is transparent (gRFC A6).
  void retry_transparently() noexcept { transparent_ = true; }

  /// A message of that size is being written.
  void reserve(std::size_t bytes) noexcept { reserved_bytes_ = bytes; }
  /// It has been written as it is, or compressed.
  void send() noexcept { send(reserved_bytes_); }
  void send(std::size_t wire_bytes) noexcept;
  void receive(MessageSize size) noexcept;

  /// The call has ended; no effect the second time.
  void end(const Status& status) noexcept;

  /// The place of the call's span; null if the call is not sampled.
  const TraceContext* sampled() const noexcept { return context_.sampled() ? &context_ : nullptr; }

 private:
  enum class Attempt : std::uint8_t { none, queued, begun, sending, over };

  CallTrace(Shard& shard, ShardTracer::Ref tracer, const TraceContext* parent, std::string_view path);

  Instant now() const noexcept { return shard_.io().now(); }
  void make_attempt() noexcept;
  void take_attempt() noexcept;

  Shard& shard_;
  const ShardTracer::Ref tracer_;
  const std::string_view path_;
  TraceContext context_;          // of the call
  std::optional<CallSpan> span_;  // of the call; none if it is not sampled, or has ended
  std::optional<CallSpan> attempt_span_;
  Attempt attempt_ = Attempt::none;
  std::optional<Status> attempt_status_;  // once it is over
  Instant attempt_ended_;
  std::int64_t attempts_ = 0;  // that were begun
  bool transparent_ = false;
  std::size_t reserved_bytes_ = 0;
  std::vector<MessageSize> written_;  // each attempt sends them
  std::array<char, traceparent_bytes> traceparent_;
  std::string trace_bin_;
};

}  // namespace ringrpc
