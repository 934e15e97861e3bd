/// Reads the place in a trace from the headers of a request.
///
///   std::optional<TraceContext> parent = read_trace(stream.headers());
#pragma once

#include <optional>
#include <span>

#include "ringrpc/trace_context.h"

#include "http2/header.h"

namespace ringrpc {

/// That of `traceparent` with `tracestate`; without a valid one, that of `grpc-trace-bin`. A field that is
/// there twice is malformed. Nothing if there is none. May throw std::bad_alloc.
std::optional<TraceContext> read_trace(std::span<const http2::Header> headers);

}  // namespace ringrpc
