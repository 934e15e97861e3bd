/// Trace contexts as they are in headers: W3C's `traceparent` and `tracestate`, and
/// OpenCensus's `grpc-trace-bin`.
///
///   std::optional<TraceContext> parent = parse_traceparent(value);
///   std::array<char, traceparent_bytes> text = format_traceparent(context);
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ringrpc/trace_context.h"

namespace ringrpc {

inline constexpr std::string_view traceparent_name = "traceparent";
inline constexpr std::string_view tracestate_name = "tracestate";
inline constexpr std::string_view trace_bin_name = "grpc-trace-bin";

/// 00-<32 digits>-<16 digits>-<2 digits>
inline constexpr std::size_t traceparent_bytes = 55;
inline constexpr std::size_t trace_bin_bytes = 29;
inline constexpr std::size_t tracestate_bytes_max = 512;
inline constexpr std::size_t tracestate_members_max = 32;

/// Nothing if it is malformed. Of the flags, only `sampled` has a meaning and is kept
/// (https://www.w3.org/TR/trace-context/#traceparent-header).
std::optional<TraceContext> parse_traceparent(std::string_view text) noexcept;
std::array<char, traceparent_bytes> format_traceparent(const TraceContext& context) noexcept;

/// The trace id of a `traceparent`; empty if it is malformed.
std::string_view trace_id_of(std::string_view traceparent) noexcept;

/// The value of `grpc-trace-bin`, decoded from base64. Nothing if it is malformed.
std::optional<TraceContext> parse_trace_bin(std::string_view bytes) noexcept;
std::array<char, trace_bin_bytes> format_trace_bin(const TraceContext& context) noexcept;

/// The members of `lists`, the values of all `tracestate` fields in their order, as one list. Empty if any
/// member is malformed, two have the same key, or there are more than 32. Of more than 512 bytes, members of
/// more than 128 bytes are left out first and then the last ones
/// (https://www.w3.org/TR/trace-context/#tracestate-limits).
std::string join_tracestate(std::span<const std::string_view> lists);

/// Writes two lower-case digits for each byte.
void write_hex(std::span<const std::uint8_t> bytes, char* to) noexcept;

}  // namespace ringrpc
