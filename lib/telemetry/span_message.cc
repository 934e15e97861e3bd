#include "telemetry/span_message.h"

#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/utf8.h"
#include "telemetry/resource.h"
#include "telemetry/wire.h"

namespace ringrpc::telemetry {
namespace {

// The numbers of the fields are those of otlp.proto.

// Bits of Span.flags beside those of traceparent.
constexpr std::uint32_t parent_remote_known = 0x100;
constexpr std::uint32_t parent_remote = 0x200;

// Field numbers of ScopeSpans, and values of SpanStatus.
constexpr std::uint32_t spans_field = 2;
constexpr std::uint64_t status_ok = 1;
constexpr std::uint64_t status_error = 2;

/// Receivers refuse a whole request for one text that is not UTF-8.
void keep_utf8(std::string& text) {
  char seen = 0;  // the bits of all bytes: without a branch for each
  for (const char c : text) seen = static_cast<char>(seen | c);
  if ((seen & 0x80) != 0) text = only_utf8(text);
}

void keep_utf8(std::vector<SpanAttribute>& attributes) {
  for (SpanAttribute& attribute : attributes)
    if (auto* const text = std::get_if<std::string>(&attribute.value)) keep_utf8(*text);
}

/// At least as many bytes as the attributes take.
std::size_t room_for(const std::vector<SpanAttribute>& attributes) noexcept {
  constexpr std::size_t numbers_and_lengths = 32;
  std::size_t bytes = 0;
  for (const SpanAttribute& attribute : attributes) {
    bytes += numbers_and_lengths + attribute.name.size();
    if (const auto* const text = std::get_if<std::string>(&attribute.value)) bytes += text->size();
  }
  return bytes;
}

std::size_t room_for(const std::vector<SpanEvent>& events) noexcept {
  constexpr std::size_t time_and_numbers = 160;
  std::size_t bytes = 0;
  for (const SpanEvent& event : events) bytes += time_and_numbers + event.name.size();
  return bytes;
}

std::size_t room_for(const SpanRecord& span) noexcept {
  constexpr std::size_t ids_times_and_lengths = 160;
  return ids_times_and_lengths + span.context.state.size() + span.name.size() + span.message.size() +
         room_for(span.attributes) + room_for(span.events);
}

void write_value(WireWriter& out, bool flag) { out.varint(2, flag ? 1 : 0); }
void write_value(WireWriter& out, std::int64_t number) { out.varint(3, static_cast<std::uint64_t>(number)); }
void write_value(WireWriter& out, const std::string& text) { out.text(1, text); }

void write_attributes(WireWriter& out, std::uint32_t field, const std::vector<SpanAttribute>& attributes) {
  for (const SpanAttribute& attribute : attributes)
    out.message(field, [&] {
      out.text(1, attribute.name);
      out.message(2,
                  [&] { std::visit([&](const auto& value) { write_value(out, value); }, attribute.value); });
    });
}

/// An attribute that is a number. Inlined, because the size of `name` is known then.
inline void write_number(WireWriter& out, std::uint32_t field, std::string_view name, std::uint64_t number) {
  const std::size_t value = 1 + varint_bytes(number);
  out.head(field, field_bytes(name.size()) + field_bytes(value));
  out.text(1, name);
  out.head(2, value);
  out.varint(3, number);
}

void write_event(WireWriter& out, const SpanEvent& event) {
  out.fixed64(1, event.time_ns);
  out.text(2, event.name);
  if (!event.message) return;
  write_number(out, 3, "sequence-number", static_cast<std::uint64_t>(event.message->number));
  write_number(out, 3, "message-size", event.message->bytes);
  if (event.message->wire_bytes != event.message->bytes)
    write_number(out, 3, "message-size-compressed", event.message->wire_bytes);
}

/// As grpc-go's plugin does, a call that has succeeded has the status OK.
void write_status(WireWriter& out, const SpanRecord& span) {
  if (span.code != Code::OK) out.text(2, span.message);
  out.varint(3, span.code == Code::OK ? status_ok : status_error);
}

void write_span(WireWriter& out, const SpanRecord& span) {
  const TraceContext& context = span.context;
  out.bytes(1, context.trace_id);
  out.bytes(2, context.span_id);
  if (!context.state.empty()) out.text(3, context.state);
  if (span.parent_span_id != SpanId{}) out.bytes(4, span.parent_span_id);
  out.text(5, span.name);
  out.varint(6, static_cast<std::uint64_t>(span.kind));
  out.fixed64(7, span.start_ns);
  out.fixed64(8, span.end_ns);
  write_attributes(out, 9, span.attributes);
  for (const SpanEvent& event : span.events) out.message(11, [&] { write_event(out, event); });
  if (span.dropped_events > 0) out.varint(12, span.dropped_events);
  out.message(15, [&] { write_status(out, span); });
  out.fixed32(16, context.flags | parent_remote_known | (span.parent_remote ? parent_remote : 0));
}

}  // namespace

void SpanBatch::add(SpanRecord&& span) {
  keep_utf8(span.name);
  keep_utf8(span.message);
  keep_utf8(span.context.state);
  keep_utf8(span.attributes);
  const std::size_t before = bytes.size();
  bytes.resize_and_overwrite(before + room_for(span), [&](char* all, std::size_t) {
    WireWriter out(all + before);
    out.message(spans_field, [&] { write_span(out, span); });
    return static_cast<std::size_t>(out.end() - all);
  });
  ++spans;
}

EncodedRequest trace_request(const otlp::v1::Resource& resource, std::vector<SpanBatch>&& batches) {
  const std::string process = resource.SerializeAsString();
  const std::string library = scope().SerializeAsString();
  std::size_t scope_spans = field_bytes(library.size());
  for (const SpanBatch& batch : batches) scope_spans += batch.bytes.size();
  const std::size_t resource_spans = field_bytes(process.size()) + field_bytes(scope_spans);
  EncodedRequest request;
  request.parts.reserve(1 + batches.size());
  std::string& head = request.parts.emplace_back();
  constexpr std::size_t lengths_bytes_max = 64;
  head.resize_and_overwrite(process.size() + library.size() + lengths_bytes_max,
                            [&](char* room, std::size_t) {
                              WireWriter out(room);
                              out.head(1, resource_spans);
                              out.text(1, process);
                              out.head(2, scope_spans);
                              out.text(1, library);
                              return static_cast<std::size_t>(out.end() - room);
                            });
  for (SpanBatch& batch : batches) request.parts.push_back(std::move(batch.bytes));
  batches.clear();
  return request;
}

}  // namespace ringrpc::telemetry
