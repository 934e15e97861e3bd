// The examples at the heads of the headers about tracing, as in examples.cc.
#include <coroutine>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "ringrpc/channel.h"
#include "ringrpc/log.h"
#include "ringrpc/server.h"
#include "ringrpc/span.h"
#include "ringrpc/suspended.h"
#include "ringrpc/testing/in_process.h"
#include "ringrpc/testing/span_memory.h"
#include "ringrpc/trace_context.h"
#include "ringrpc/tracer.h"

using namespace ringrpc;
using testing::InProcess;

// [span.h]
class Printer final : public SpanSink {
  void take(SpanRecord&& span) noexcept override { std::puts(span.name.c_str()); }
};
// [/span.h]

struct Awaiter {
  // [suspended.h]
  void await_suspend(std::coroutine_handle<> waiting) { waiting_ = waiting; }  // a member of type Suspended
  void wake() {
    waiting_.resume();
    // [/suspended.h]
  }
  Suspended waiting_;
};

void show_trace_context() {
  // [trace_context.h]
  if (const std::optional<TraceContext> trace = current_trace())
    log::info("{}: sold out", to_hex(trace->trace_id));
  // [/trace_context.h]
}

void show_tracer(const std::shared_ptr<SpanSink>& exporter, ServerOptions& server_options,
                 ChannelOptions& channel_options) {
  // [tracer.h]
  auto tracer = std::make_shared<const Tracer>(Tracer{.sink = exporter, .sampler = Sampler::ratio(0.01)});
  server_options.tracer = tracer;   // one span a call
  channel_options.tracer = tracer;  // one span a call and one an attempt
  // [/tracer.h]
}

void show_span_memory(Service& routes) {
  const auto CHECK = [](bool) {};
  // [span_memory.h]
  auto spans = std::make_shared<testing::SpanMemory>();
  InProcess world({&routes}, {.server = {.tracer = std::make_shared<const Tracer>(Tracer{.sink = spans})}});
  world.run([]() -> Task<> { co_return; });
  CHECK(spans->named("Recv.routes.v1.RouteGuide.GetFeature").size() == 1);
  // [/span_memory.h]
}
