#include "observe/call_span.h"

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
  for (std::size_t at = name.find('/', prefix.size()); at != name.npos; at = name.find('/', at + 1))
    name[at] = '.';
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

void CallSpan::add_event(const SpanEvent& event) noexcept {
  if (record_.events.size() < SpanRecord::events_max) try {
      record_.events.push_back(event);
      return;
    } catch (...) {  // out of memory
    }
  ++record_.dropped_events;
}

SpanRecord&& CallSpan::finish(const Status& status, Instant now) && noexcept {
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
