/// The spans of one call of a client, as gRFC A72 describes them, and the headers that pass its trace on.
///
///   call created:         trace = CallTrace::begin(shard, channel_tracer, CallContext::of(shard), path);
///   call waits for names: trace->await_addresses();     // and when they are found: trace->on_addresses();
///   call queued:          trace->queue();
///   attempt begins:       trace->begin_attempt(attempt);     its headers: trace->append_headers(attempt, headers);
///   stream is open:       trace->send_written(attempt);
///   message written:      trace->reserve(18); trace->send();
///   message taken:        trace->receive(attempt, {.bytes = 18, .wire_bytes = 18});
///   attempt ends:         trace->end_attempt(attempt, status);
///   call ends:            trace->end(status);
///
/// Attempts of a hedged call are under way at the same time. The span of an attempt that is over is given
/// away when the next attempt begins, or with the call: responses that arrived before its end may be taken
/// later. A call that is not sampled has no spans, but its headers. Running out of memory loses spans or
/// events, and no more. Belongs to its call.
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

class CallAttempt;
class CallContext;

class CallTrace : public Pooled {
 public:
  /// Null if neither the channel nor the handler that makes the call has a tracer, or if there is no memory.
  /// `of_channel` and `handler` may be null; the former has precedence. `path` must outlive the trace.
  static std::unique_ptr<CallTrace> begin(Shard& shard, const ShardTracer::Ref& of_channel,
                                          const CallContext* handler, std::string_view path) noexcept;
  CallTrace(const CallTrace&) = delete;
  CallTrace& operator=(const CallTrace&) = delete;

  /// The call waits for its target's addresses. This wait belongs to no attempt.
  void await_addresses() noexcept { awaits_addresses_ = true; }
  /// The addresses are found. A call that waited for them is queued.
  void on_addresses() noexcept;
  /// The call waits for a connection. This wait belongs to its next attempt.
  void queue() noexcept;
  /// The wait ends without an attempt.
  void end_queued(const Status& status) noexcept;

  // An attempt is known by its address until it has ended.
  void begin_attempt(const CallAttempt& attempt) noexcept;
  /// Replaces the fields of the trace, if the application has set them. They are valid
  /// until the next attempt begins.
  void append_headers(const CallAttempt& attempt, http2::Headers& headers);
  /// The attempt has sent all messages that were written so far.
  void send_written(const CallAttempt& attempt) noexcept;
  /// No effect if it has ended.
  void end_attempt(const CallAttempt& attempt, const Status& status) noexcept;
  /// Ends those under way, and the wait for another one.
  void end_attempts(const Status& status) noexcept;
  /// The next attempt is transparent (gRFC A6).
  void retry_transparently() noexcept { transparent_ = true; }

  /// A message of that size is being written.
  void reserve(std::size_t bytes) noexcept { reserved_bytes_ = bytes; }
  /// It has been written as it is, or compressed.
  void send() noexcept { send(reserved_bytes_); }
  void send(std::size_t wire_bytes) noexcept;
  /// `attempt` may have ended, unless the next one has begun since.
  void receive(const CallAttempt& attempt, MessageSize size) noexcept;

  /// The call has ended; no effect the second time.
  void end(const Status& status) noexcept;

  /// The place of the call's span; null if the call is not sampled.
  const TraceContext* sampled() const noexcept { return context_.sampled() ? &context_ : nullptr; }

 private:
  enum class Phase : std::uint8_t { queued, begun, sending, over };

  struct Attempt {
    CallSpan span;
    const CallAttempt* of = nullptr;  // null while it is queued
    Phase phase = Phase::queued;
    Status status{};  // once it is over
    Instant ended{};
  };

  CallTrace(Shard& shard, ShardTracer::Ref tracer, const TraceContext* parent, std::string_view path);

  Instant now() const noexcept { return shard_.io().now(); }
  Attempt* find(const CallAttempt* of) noexcept;
  Attempt* make_attempt() noexcept;
  void end(Attempt& attempt, const Status& status) noexcept;
  void give_away_ended() noexcept;

  Shard& shard_;
  const ShardTracer::Ref tracer_;
  const std::string_view path_;
  TraceContext context_;           // of the call
  std::optional<CallSpan> span_;   // of the call; none if it is not recorded, or has ended
  std::vector<Attempt> attempts_;  // that are recorded, and whose spans were not given away
  std::int64_t attempts_made_ = 0;
  bool awaits_addresses_ = false;
  bool queued_ = false;  // an attempt is, recorded or not
  bool transparent_ = false;
  std::size_t reserved_bytes_ = 0;
  std::vector<MessageSize> written_;  // each attempt sends them
  std::array<char, traceparent_bytes> traceparent_;
  std::string trace_bin_;
};

}  // namespace ringrpc
