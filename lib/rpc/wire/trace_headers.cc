#include "rpc/wire/trace_headers.h"

#include <array>
#include <string_view>

#include "observe/trace_wire.h"
#include "rpc/wire/base64.h"

namespace ringrpc {
namespace {

/// The value of the one field of that name; empty if there is none, or several.
std::string_view only_value(std::span<const http2::Header> headers, std::string_view name) noexcept {
  std::string_view value;
  unsigned found = 0;
  for (const http2::Header& header : headers) {
    if (header.name != name) continue;
    value = header.value;
    ++found;
  }
  return found == 1 ? value : std::string_view();
}

std::string read_tracestate(std::span<const http2::Header> headers) {
  std::array<std::string_view, tracestate_members_max + 1> lists;
  std::size_t count = 0;
  for (const http2::Header& header : headers)
    if (header.name == tracestate_name && count < lists.size()) lists[count++] = header.value;
  return count == 0 ? std::string() : join_tracestate(std::span(lists).first(count));
}

std::optional<TraceContext> read_trace_bin(std::span<const http2::Header> headers) {
  const std::string_view encoded = only_value(headers, trace_bin_name);
  if (encoded.empty()) return std::nullopt;
  const std::optional<std::string> bytes = base64_decode(encoded);
  return bytes ? parse_trace_bin(*bytes) : std::nullopt;
}

}  // namespace

std::optional<TraceContext> read_trace(std::span<const http2::Header> headers) {
  std::optional<TraceContext> trace = parse_traceparent(only_value(headers, traceparent_name));
  if (!trace) return read_trace_bin(headers);
  trace->state = read_tracestate(headers);
  return trace;
}

}  // namespace ringrpc
