/// The place of a call in a distributed trace (https://www.w3.org/TR/trace-context/).
///
///   if (const std::optional<TraceContext> trace = current_trace()) log::info("{}: sold out", to_hex(trace->trace_id));
#pragma once

#include "ringrpc/compiler.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "ringrpc/export.h"

namespace ringrpc {

/// Zeros are no id.
using TraceId = std::array<std::uint8_t, 16>;
/// Of a span; all zeros is invalid.
using SpanId = std::array<std::uint8_t, 8>;

/// Copies are independent.
struct TraceContext {
  static constexpr std::uint8_t sampled_flag = 1;  ///< of `flags`

  TraceId trace_id{};      ///< of the whole trace
  SpanId span_id{};        ///< of the span within it
  std::uint8_t flags = 0;  ///< `sampled_flag`, and those of later versions
  /// The value of `tracestate`, which the library passes on as it is; at most 512
  /// bytes. Empty if there is none.
  std::string state{};

  /// True if the spans of the trace are recorded.
  bool sampled() const noexcept { return (flags & sampled_flag) != 0; }
  /// True if neither id is all zeros.
  bool valid() const noexcept { return trace_id != TraceId{} && span_id != SpanId{}; }
};

/// Lower-case hexadecimal digits, two for each byte: the form of ids in logs and in `traceparent`.
RINGRPC_EXPORT std::string to_hex(std::span<const std::uint8_t> id);

/// The trace of the call whose handler runs on this thread, also in the tasks that the handler
/// awaits or spawns. Its span is the server's. Nothing in other code, and if the server has no
/// tracer (ringrpc/tracer.h).
RINGRPC_EXPORT std::optional<TraceContext> current_trace();

}  // namespace ringrpc
