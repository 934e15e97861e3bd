/// The span of a call or of an attempt while it lasts.
///
///   CallSpan span(SpanKind::server, "Recv.", "/echo.v1.EchoService/Echo", context, parent, io.now());
///   span.receive({.bytes = 18, .wire_bytes = 18}, io.now());
///   tracer->take(std::move(span).finish(status, io.now()));
///
/// Running out of memory loses events, and no more. Belongs to its call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ringrpc/clock.h"
#include "ringrpc/span.h"

#include "base/frame_allocator.h"

namespace ringrpc {

/// The size of a message, and as it was on the wire, perhaps compressed; both without the prefix.
struct MessageSize {
  std::size_t bytes = 0;
  std::size_t wire_bytes = 0;
};

class CallSpan : public Pooled {
 public:
  /// The wall clock is read now; all times of the span are as long after that as `now` tells. `method` is
  /// "package.Service/Method" with or without a leading slash. `parent` is null if the span begins a trace.
  /// With `beside`, the wall clock is that span's instead. May throw std::bad_alloc.
  CallSpan(SpanKind kind, std::string_view prefix, std::string_view method, const TraceContext& context,
           const TraceContext* parent, bool remote, Instant now, const CallSpan* beside = nullptr);

  const TraceContext& context() const noexcept { return record_.context; }

  // Messages are numbered from 0, each direction by itself (gRFC A72).
  void send(MessageSize size, Instant now) noexcept { add_message("Outbound message", sent_++, size, now); }
  void receive(MessageSize size, Instant now) noexcept {
    add_message("Inbound message", received_++, size, now);
  }
  /// An event without attributes. `name` must be a literal.
  void add(std::string_view name, Instant now) noexcept {
    add_event({.name = name, .time_ns = unix_ns(now)});
  }
  /// `name` must be a literal.
  void set(std::string_view name, bool value) { record_.attributes.push_back({name, value}); }
  void set(std::string_view name, std::int64_t value) { record_.attributes.push_back({name, value}); }

  /// The span, which ends `now`; a member of this object. Call once.
  SpanRecord&& finish(const Status& status, Instant now) && noexcept;

 private:
  void add_message(std::string_view name, std::int64_t number, MessageSize size, Instant now) noexcept {
    add_event({.name = name,
               .time_ns = unix_ns(now),
               .message = SpanMessage{.number = number, .bytes = size.bytes, .wire_bytes = size.wire_bytes}});
  }
  void add_event(const SpanEvent& event) noexcept;
  std::uint64_t unix_ns(Instant now) const noexcept {
    return record_.start_ns + static_cast<std::uint64_t>((now - begun_).count());
  }

  SpanRecord record_;
  Instant begun_;
  std::int64_t sent_ = 0;
  std::int64_t received_ = 0;
};

}  // namespace ringrpc
