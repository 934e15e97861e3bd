/// Traces calls: decides which calls are sampled, and where their spans go.
///
///   auto tracer = std::make_shared<const Tracer>(Tracer{.sink = exporter, .sampler = Sampler::ratio(0.01)});
///   server_options.tracer = tracer;   // one span a call
///   channel_options.tracer = tracer;  // one span a call and one an attempt
///
/// A server with a tracer continues the trace of the request's `traceparent`, or of its `grpc-trace-bin`, or
/// begins one. The calls that its handlers make continue it, also on channels without a tracer of their own,
/// which use the server's. A call that is not sampled has no spans; it passes the trace's ids on.
#pragma once

#include "ringrpc/compiler.h"

#include <cstdint>
#include <memory>

#include "ringrpc/export.h"
#include "ringrpc/span.h"
#include "ringrpc/trace_context.h"

namespace ringrpc {

/// Decides whether a call is sampled.
class RINGRPC_EXPORT Sampler {
 public:
  /// Samples every trace.
  static Sampler always() noexcept { return Sampler(threshold_max); }
  /// Samples no trace.
  static Sampler never() noexcept { return Sampler(0); }
  /// Samples this share of all traces, 0 to 1, by their ids: every process with the same ratio chooses the
  /// same traces (OpenTelemetry's TraceIdRatioBased). A share out of that range counts as its nearer end.
  static Sampler ratio(double share) noexcept;

  /// A sampler that follows the parent's decision, and this one's for calls without a parent.
  Sampler parent_based() const noexcept {
    Sampler sampler = *this;
    sampler.parent_based_ = true;
    return sampler;
  }

  /// The decision for a call in the trace `id`. `parent` is null if the call begins the trace.
  bool samples(const TraceId& id, const TraceContext* parent) const noexcept;

 private:
  static constexpr std::uint64_t threshold_max = std::uint64_t{1} << 63;

  explicit Sampler(std::uint64_t threshold) noexcept : threshold_(threshold) {}

  std::uint64_t threshold_;  // traces are sampled whose id's last 63 bits are below
  bool parent_based_ = false;
};

/// A server or a channel shares it; any number of them may have the same one.
struct Tracer {
  std::shared_ptr<SpanSink> sink{};  ///< null makes no spans, and trace contexts still pass on
  Sampler sampler = Sampler::always().parent_based();  ///< chooses the calls that are recorded
  /// Sends `grpc-trace-bin` in addition to `traceparent`, for servers that know only the former.
  bool send_trace_bin = false;
  /// False neither reads the trace of requests nor sends that of calls: each call of a server begins a trace.
  /// Calls that its handlers make continue it in this process.
  bool propagate = true;
};

}  // namespace ringrpc
