#include "observe/call_span.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

namespace ringrpc {
namespace {

constexpr std::size_t message_bytes_max = 1024;

std::string name_of_span(std::string_view prefix, std::string_view method) {
  if (method.starts_with('/')) method.remove_prefix(1);
  method = method.substr(0, SpanRecord::name_bytes_max - prefix.size());
  std::string name;
  name.reserve(prefix.size() + method.size());
  name.append(prefix).append(method);
  std::replace(name.begin() + static_cast<std::ptrdiff_t>(prefix.size()), name.end(), '/', '.');
  return name;
}

std::uint64_t unix_now_ns() noexcept {
  return static_cast<std::uint64_t>(Nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace

CallSpan::CallSpan(SpanKind kind, std::string_view prefix, std::string_view method,
                   const TraceContext& context, const TraceContext* parent, bool remote, Instant now,
                   const CallSpan* beside)
    : begun_(now) {
  record_.context = context;
  if (parent) {
    record_.parent_span_id = parent->span_id;
    record_.parent_remote = remote;
  }
  record_.kind = kind;
  record_.name = name_of_span(prefix, method);
  record_.events.reserve(2);  // of a unary call
  record_.start_ns = beside ? beside->unix_ns(now) : unix_now_ns();
}

SpanEvent* CallSpan::add_event(std::string_view name, Instant now) noexcept {
  if (record_.events.size() < SpanRecord::events_max) try {
      return &record_.events.emplace_back(SpanEvent{.name = name, .time_ns = unix_ns(now)});
    } catch (...) {  // out of memory
    }
  ++record_.dropped_events;
  return nullptr;
}

void CallSpan::add(std::string_view name, Instant now) noexcept { (void)add_event(name, now); }

void CallSpan::add_message(std::string_view name, std::int64_t number, MessageSize size,
                           Instant now) noexcept {
  SpanEvent* const event = add_event(name, now);
  if (!event) return;
  const bool compressed = size.bytes != size.wire_bytes;
  try {
    event->attributes.reserve(compressed ? 3 : 2);
  } catch (...) {
    return;  // the event has no attributes
  }
  event->attributes.push_back({"sequence-number", number});
  event->attributes.push_back({"message-size", static_cast<std::int64_t>(size.bytes)});
  if (compressed)
    event->attributes.push_back({"message-size-compressed", static_cast<std::int64_t>(size.wire_bytes)});
}

SpanRecord CallSpan::finish(const Status& status, Instant now) && noexcept {
  assert(record_.end_ns == 0);
  record_.end_ns = unix_ns(now);
  record_.code = status.code();
  if (!status.ok()) try {
      record_.message = status.message().substr(0, message_bytes_max);
    } catch (...) {  // the message is lost
    }
  return std::move(record_);
}

}  // namespace ringrpc
