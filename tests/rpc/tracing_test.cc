/// The spans of calls, and the trace contexts and deadlines that handlers pass on.

#include <array>
#include <doctest/doctest.h>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ringrpc/shield.h"
#include "ringrpc/sleep.h"
#include "ringrpc/task_scope.h"
#include "ringrpc/testing/span_memory.h"
#include "ringrpc/tracer.h"
#include "ringrpc/turn_share.h"
#include "ringrpc/when.h"
#include "ringrpc/worker_pool.h"

#include "rpc/client/raw_host.h"
#include "rpc/world.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
using testing::SpanMemory;

const std::string trace_id = "0af7651916cd43dd8448eb211c80319c";
const std::string parent_id = "b7ad6b7169203331";
const std::string sampled_parent = "00-" + trace_id + "-" + parent_id + "-01";
const std::string unsampled_parent = "00-" + trace_id + "-" + parent_id + "-00";

std::shared_ptr<const Tracer> tracer_to(std::shared_ptr<SpanSink> sink,
                                        Sampler sampler = Sampler::always().parent_based()) {
  return std::make_shared<const Tracer>(Tracer{.sink = std::move(sink), .sampler = sampler});
}

/// Handlers that make a call of Middle/Leaf in many ways. Leaf returns the trace and the time that it got.
class Tracing final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Tracing"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{
        method<&Tracing::leaf>("Leaf"),      method<&Tracing::own>("Own"),
        method<&Tracing::make_calls>("Ask"), method<&Tracing::request_id>("RequestId"),
        method<&Tracing::stream>("Stream"),
    };
    return methods;
  }

  std::optional<Channel> channel;
  std::string id_seen;

 private:
  /// "<traceparent>;<milliseconds left, or none>"
  Task<Result<RawMessage>> leaf(Call& call, RawMessage) {
    const auto parent = call.metadata().find("traceparent");
    const auto state = call.metadata().find("tracestate");
    const std::string left =
        call.deadline() == never ? "none" : std::to_string((call.deadline() - call.now()) / 1ms);
    co_return RawMessage{std::string(parent.value_or("untraced")) + ";" + left +
                         (state ? ";" + std::string(*state) : "")};
  }

  Task<CallResult<RawMessage>> ask(CallOptions options = {}) {
    return channel->unary<RawMessage, RawMessage>("/test.v1.Tracing/Leaf", RawMessage{"x"},
                                                  std::move(options));
  }

  Task<Result<RawMessage>> own(Call&, RawMessage) {
    const auto trace = current_trace();
    co_return RawMessage{trace ? to_hex(trace->trace_id) + "-" + to_hex(trace->span_id) : "none"};
  }

  Task<Result<RawMessage>> request_id(Call& call, RawMessage) {
    id_seen = call.request_id();
    co_return RawMessage{id_seen};
  }

  Task<Status> stream(Call&, Reader<RawMessage>& in, Writer<RawMessage>& out) {
    while (auto message = co_await in.next()) {
      const auto made = co_await ask();
      if (!made) co_return made.error();
      co_await out.write(*made);
    }
    co_return Status();
  }

  /// The ways to make a call, by name.
  Task<Result<RawMessage>> make_calls(Call&, RawMessage request) {
    const std::string& how = request.bytes;
    if (how == "at once") co_return co_await ask();
    if (how == "after sleep") {
      co_await sleep_for(5ms);
      co_return co_await ask();
    }
    if (how == "after a call") {
      (void)co_await ask();
      co_return co_await ask();
    }
    if (how == "after a turn") {
      co_await turn_share();
      co_return co_await ask();
    }
    if (how == "in when_all") {
      auto [first, second] = co_await when_all(ask(), [this]() -> Task<CallResult<RawMessage>> {
        co_await sleep_for(5ms);
        co_return co_await ask();
      });
      if (!first) co_return std::unexpected(first.error());
      co_return second;
    }
    if (how == "in when_any") {
      auto made = co_await when_any(
          [this]() -> Task<CallResult<RawMessage>> {
            co_await sleep_for(1ms);
            co_return co_await ask();
          },
          sleep_for(1h));
      co_return std::get<0>(std::move(made));
    }
    if (how == "in a scope") {
      TaskScope scope;
      CallResult<RawMessage> made;
      scope.spawn([&]() -> Task<> {
        co_await sleep_for(5ms);
        made = co_await ask();
      });
      (void)co_await scope.join();
      co_return made;
    }
    if (how == "shielded") {
      co_return co_await shield([](Tracing& self) -> Task<CallResult<RawMessage>> {
        co_await sleep_for(5ms);
        co_return co_await self.ask();
      }(*this));
    }
    if (how == "after a job") {
      const auto pool = WorkerPool::start({.threads = 1});
      (void)co_await (*pool)->run([] { return 1; });
      co_return co_await ask();
    }
    CallOptions options;
    options.inherit = false;
    co_return co_await ask(std::move(options));
  }
};

struct TracingWorld {
  explicit TracingWorld(const ServerOptions& options) : world(1) {
    world.also_serve(service);
    world.serve(options);
    service.channel.emplace(world.address());
  }
  explicit TracingWorld(Sampler sampler = Sampler::always().parent_based())
      : TracingWorld(with_tracer(sampler)) {
    spans = std::move(made);
  }
  ~TracingWorld() { world.stop(); }

  static ServerOptions with_tracer(Sampler sampler) {
    made = std::make_shared<SpanMemory>();
    ServerOptions options;
    options.tracer = tracer_to(made, sampler);
    return options;
  }

  /// The response of a method that succeeds.
  std::string call(std::string method, std::string request, CallOptions options = {},
                   const ChannelOptions& channel_options = {}) {
    std::string response;
    const bool ended = world.run(
        [&](Channel& channel) -> Task<void> {
          const std::string path = "/test.v1.Tracing/" + method;
          const auto made =
              co_await channel.unary<RawMessage, RawMessage>(path, RawMessage{request}, options);
          REQUIRE_MESSAGE(made, made.error().to_string());
          response = made->bytes;
        },
        channel_options);
    CHECK(ended);
    return response;
  }

  static inline std::shared_ptr<SpanMemory> made;  // for the constructor
  std::shared_ptr<SpanMemory> spans;
  SimulatedWorld world;
  Tracing service;
};

CallOptions with_parent(std::string_view traceparent) {
  CallOptions options;
  CHECK(options.metadata.add("traceparent", traceparent).ok());
  return options;
}

SpanRecord only(const SpanMemory& spans, std::string_view name) {
  const std::vector<SpanRecord> found = spans.named(name);
  CAPTURE(name);
  REQUIRE(found.size() == 1);
  return found.front();
}

TEST_CASE("a server's call has a span that continues the client's trace") {
  TracingWorld at;
  CallOptions options = with_parent(sampled_parent);
  CHECK(options.metadata.add("tracestate", "vendor=1").ok());
  const std::string seen = at.call("Own", "12345", options);
  const SpanRecord span = only(*at.spans, "Recv.test.v1.Tracing.Own");
  CHECK(at.spans->spans().size() == 1);
  CHECK(seen == trace_id + "-" + to_hex(span.context.span_id));
  CHECK(to_hex(span.context.trace_id) == trace_id);
  CHECK(to_hex(span.parent_span_id) == parent_id);
  CHECK(span.parent_remote);
  CHECK(span.context.state == "vendor=1");
  CHECK(span.kind == SpanKind::server);
  CHECK(span.code == Code::OK);
  CHECK(span.message.empty());
  CHECK(span.attributes.empty());
  CHECK(span.start_ns > 1'500'000'000'000'000'000u);
  CHECK(span.end_ns >= span.start_ns);
  REQUIRE(span.events.size() == 2);
  CHECK(span.events[0].name == "Inbound message");
  CHECK(span.events[0].message->bytes == 5);
  CHECK(span.events[1].name == "Outbound message");
  CHECK(span.events[1].message->bytes == seen.size());
}

TEST_CASE("a call without a trace, or with a malformed one, begins a trace") {
  for (const std::string& traceparent :
       {std::string(), "00-" + std::string(32, '0') + "-" + parent_id + "-01"}) {
    TracingWorld at;
    at.call("Own", "x", traceparent.empty() ? CallOptions() : with_parent(traceparent));
    const SpanRecord span = only(*at.spans, "Recv.test.v1.Tracing.Own");
    CHECK(span.context.valid());
    CHECK(span.parent_span_id == SpanId());
    CHECK_FALSE(span.parent_remote);
  }
}

TEST_CASE("a traceparent that comes twice begins a trace") {
  TracingWorld at;
  CallOptions options = with_parent(sampled_parent);
  CHECK(options.metadata.add("traceparent", sampled_parent).ok());
  at.call("Own", "x", options);
  CHECK(to_hex(only(*at.spans, "Recv.test.v1.Tracing.Own").context.trace_id) != trace_id);
}

TEST_CASE("a server without a traceparent continues the trace of grpc-trace-bin") {
  TracingWorld at;
  const auto peer = RawPeer::before_server(at.world);
  peer->request(1, "/test.v1.Tracing/Own", message("x"),
                {{"grpc-trace-bin", "AAARERERERERERERERERERERASIiIiIiIiIiAgE"}});
  REQUIRE(at.world.run_until([&] { return peer->ended(1); }));
  const SpanRecord span = only(*at.spans, "Recv.test.v1.Tracing.Own");
  CHECK(to_hex(span.context.trace_id) == std::string(32, '1'));
  CHECK(to_hex(span.parent_span_id) == std::string(16, '2'));
}

TEST_CASE("a call that is not sampled has no span, and passes its trace on") {
  TracingWorld at;
  CallOptions options = with_parent(unsampled_parent);
  CHECK(options.metadata.add("tracestate", "vendor=1").ok());
  const std::string leaf = at.call("Ask", "at once", options);
  CHECK(at.spans->spans().empty());
  CHECK(leaf.starts_with("00-" + trace_id + "-"));
  CHECK(leaf.substr(36, 16) != parent_id);
  CHECK(leaf.substr(52) == "-00;none;vendor=1");
}

TEST_CASE("a call that begins a trace without being sampled passes one trace on to all calls") {
  TracingWorld at(Sampler::never());
  const std::string own = at.call("Own", "x");
  CHECK(own.size() == 49);
  CHECK(at.call("Ask", "after a call").substr(52) == "-00;none");
  CHECK(at.spans->spans().empty());
}

TEST_CASE("the trace and the deadline reach the calls of a handler, however it makes them") {
  for (const char* how : {"at once", "after sleep", "after a call", "after a turn", "in when_all",
                          "in when_any", "in a scope", "after a job"}) {
    CAPTURE(how);
    TracingWorld at;
    CallOptions options = with_parent(sampled_parent);
    options.timeout = 10min;
    const std::string leaf = at.call("Ask", how, options);
    const SpanRecord server = only(*at.spans, "Recv.test.v1.Tracing.Ask");
    const std::vector<SpanRecord> sent = at.spans->named("Sent.test.v1.Tracing.Leaf");
    const std::vector<SpanRecord> attempts = at.spans->named("Attempt.test.v1.Tracing.Leaf");
    REQUIRE_FALSE(sent.empty());
    REQUIRE(attempts.size() == sent.size());
    for (const SpanRecord& span : sent) {
      CHECK(to_hex(span.context.trace_id) == trace_id);
      CHECK(span.parent_span_id == server.context.span_id);
      CHECK_FALSE(span.parent_remote);
      CHECK(span.kind == SpanKind::client);
      CHECK(span.events.empty());
    }
    CHECK(attempts.back().parent_span_id == sent.back().context.span_id);
    CHECK(attempts.back().kind == SpanKind::internal);
    CHECK(leaf.starts_with("00-" + trace_id + "-" + to_hex(attempts.back().context.span_id) + "-01;"));
    const std::string left = leaf.substr(56);
    REQUIRE(left != "none");
    CHECK(std::stoi(left) <= 600'000);
    CHECK(std::stoi(left) > 500'000);
    const std::vector<SpanRecord> leaves = at.spans->named("Recv.test.v1.Tracing.Leaf");
    REQUIRE(leaves.size() == sent.size());
    CHECK(leaves.back().parent_span_id == attempts.back().context.span_id);
  }
}

TEST_CASE("a shielded task keeps the trace, and not the deadline") {
  TracingWorld at;
  CallOptions options = with_parent(sampled_parent);
  options.timeout = 10min;
  const std::string leaf = at.call("Ask", "shielded", options);
  CHECK(leaf.starts_with("00-" + trace_id));
  CHECK(leaf.ends_with(";none"));
}

TEST_CASE("a call that does not inherit has neither trace nor deadline of the handler") {
  TracingWorld at;
  CallOptions options = with_parent(sampled_parent);
  options.timeout = 10min;
  CHECK(at.call("Ask", "alone", options) == "untraced;none");
}

TEST_CASE("the deadline passes on without a tracer, and the trace does not") {
  TracingWorld at{ServerOptions()};
  CallOptions options = with_parent(sampled_parent);
  options.timeout = 10min;
  const std::string leaf = at.call("Ask", "after sleep", options);
  CHECK(leaf.starts_with("untraced;"));
  CHECK(leaf != "untraced;none");
  CHECK(at.call("Own", "x", options) == "none");
}

TEST_CASE("a handler that reads a stream passes its trace on after each wait") {
  TracingWorld at;
  CHECK(at.world.run([&](Channel& channel) -> Task<void> {
    auto call =
        channel.bidirectional<RawMessage, RawMessage>("/test.v1.Tracing/Stream", with_parent(sampled_parent));
    for (int count = 0; count < 3; ++count) {
      CHECK(co_await call.write(RawMessage{"x"}));
      const auto response = co_await call.next();
      REQUIRE(response);
      CHECK(response->bytes.starts_with("00-" + trace_id));
    }
    call.writes_done();
    CHECK_FALSE(co_await call.next());
    CHECK((co_await call.finish()).ok());
  }));
  CHECK(only(*at.spans, "Recv.test.v1.Tracing.Stream").events.size() == 6);
}

TEST_CASE("handlers that run at the same time have traces of their own") {
  TracingWorld at;
  CHECK(at.world.run([&](Channel& channel) -> Task<void> {
    std::vector<Task<CallResult<RawMessage>>> calls;
    std::vector<std::string> ids;
    for (int number = 0; number < 20; ++number) {
      ids.push_back(std::string(31, 'a') + "0123456789abcdef0123"[number]);
      calls.push_back(channel.unary<RawMessage, RawMessage>(
          "/test.v1.Tracing/Ask", RawMessage{number % 2 ? "after sleep" : "in when_all"},
          with_parent("00-" + ids.back() + "-" + parent_id + "-01")));
    }
    const auto results = co_await when_all(std::move(calls));
    for (std::size_t number = 0; number < results.size(); ++number) {
      REQUIRE(results[number]);
      CHECK(results[number]->bytes.substr(3, 32) == ids[number]);
    }
  }));
}

TEST_CASE("a channel's call has a span, and one below it for its attempt") {
  TracingWorld at{ServerOptions()};
  const auto spans = std::make_shared<SpanMemory>();
  ChannelOptions options;
  options.tracer = tracer_to(spans);
  const std::string leaf = at.call("Leaf", "12", {}, options);
  const SpanRecord call = only(*spans, "Sent.test.v1.Tracing.Leaf");
  const SpanRecord attempt = only(*spans, "Attempt.test.v1.Tracing.Leaf");
  CHECK(leaf.starts_with("00-" + to_hex(call.context.trace_id) + "-" + to_hex(attempt.context.span_id) +
                         "-01"));
  CHECK(call.parent_span_id == SpanId());
  CHECK(attempt.parent_span_id == call.context.span_id);
  CHECK(attempt.attributes ==
        std::vector<SpanAttribute>{{"previous-rpc-attempts", std::int64_t{0}}, {"transparent-retry", false}});
  REQUIRE(attempt.events.size() == 3);
  CHECK(attempt.events[0].name == "Delayed LB pick complete");
  CHECK(attempt.events[1].name == "Outbound message");
  CHECK(attempt.events[1].message->bytes == 2);
  CHECK(attempt.events[2].name == "Inbound message");
  CHECK(attempt.events[2].message->bytes == leaf.size());
  CHECK(call.start_ns <= attempt.start_ns);
  CHECK(attempt.end_ns <= call.end_ns);
}

TEST_CASE("compressed messages have both of their sizes") {
  TracingWorld at;
  const auto spans = std::make_shared<SpanMemory>();
  ChannelOptions channel;
  channel.tracer = tracer_to(spans);
  CallOptions options;
  options.compression = Compression::gzip;
  at.call("Own", std::string(10'000, 'x'), options, channel);
  for (const SpanRecord& span :
       {only(*spans, "Attempt.test.v1.Tracing.Own"), only(*at.spans, "Recv.test.v1.Tracing.Own")}) {
    const SpanEvent& request = span.events[span.kind == SpanKind::server ? 0 : 1];
    REQUIRE(request.message);
    CHECK(request.message->bytes == 10'000);
    CHECK(request.message->wire_bytes < 1000);
  }
}

TEST_CASE("spans have the status of calls that fail") {
  TracingWorld at;
  const auto spans = std::make_shared<SpanMemory>();
  ChannelOptions channel;
  channel.tracer = tracer_to(spans);
  CHECK(at.world.run([&](Channel& to) -> Task<void> { CHECK_FALSE(co_await unary(to, "Fail", "5")); },
                     channel));
  for (const SpanRecord& span :
       {only(*spans, "Sent.test.v1.Raw.Fail"), only(*spans, "Attempt.test.v1.Raw.Fail"),
        only(*at.spans, "Recv.test.v1.Raw.Fail")}) {
    CHECK(span.code == Code::NOT_FOUND);
    CHECK(span.message == "failed as asked, 100%");
  }
}

TEST_CASE("a call of an unknown method has a span without the method's name") {
  TracingWorld at;
  CHECK(at.world.run([&](Channel& to) -> Task<void> {
    CHECK_FALSE(co_await unary(to, "Nothing", "5", with_parent(sampled_parent)));
  }));
  const SpanRecord span = only(*at.spans, "Recv.unknown");
  CHECK(span.code == Code::UNIMPLEMENTED);
  CHECK(to_hex(span.parent_span_id) == parent_id);
}

TEST_CASE("a call that its caller drops ends its spans as cancelled") {
  TracingWorld at;
  const auto spans = std::make_shared<SpanMemory>();
  ChannelOptions channel;
  channel.tracer = tracer_to(spans);
  CHECK(at.world.run(
      [&](Channel& to) -> Task<void> {
        {
          const auto call = unary(to, "Sleep", "600000");
          call.start();
          while (at.world.service().running == 0) co_await sleep_for(1ms);
        }
        while (at.world.service().running > 0) co_await sleep_for(1ms);
      },
      channel));
  for (const SpanRecord& span :
       {only(*spans, "Sent.test.v1.Raw.Sleep"), only(*spans, "Attempt.test.v1.Raw.Sleep"),
        only(*at.spans, "Recv.test.v1.Raw.Sleep")})
    CHECK(span.code == Code::CANCELLED);
}

/// A sink that is full.
struct FullSink final : SpanSink {
  bool admits() noexcept override {
    ++refused;
    return false;
  }
  void take(SpanRecord&&) noexcept override { ++taken; }

  int refused = 0;
  int taken = 0;
};

TEST_CASE("a sink that admits no span gets none, and traces pass on as sampled") {
  const auto sink = std::make_shared<FullSink>();
  ServerOptions options;
  options.tracer = tracer_to(sink);
  TracingWorld at(options);
  const std::string leaf = at.call("Ask", "at once", with_parent(sampled_parent));
  CHECK(leaf.starts_with("00-" + trace_id + "-"));
  CHECK(leaf.substr(52) == "-01;none");
  CHECK(sink->taken == 0);
  CHECK(sink->refused == 4);  // of Ask, of its call and the attempt, of Leaf
}

TEST_CASE("a tracer that does not propagate neither reads traces nor sends them") {
  const auto spans = std::make_shared<SpanMemory>();
  ServerOptions options;
  options.tracer = std::make_shared<const Tracer>(Tracer{.sink = spans, .propagate = false});
  TracingWorld at(options);
  CHECK(at.call("Ask", "at once", with_parent(sampled_parent)) == "untraced;none");
  const SpanRecord ask = only(*spans, "Recv.test.v1.Tracing.Ask");
  CHECK(to_hex(ask.context.trace_id) != trace_id);
  CHECK(ask.parent_span_id == SpanId());
  CHECK(only(*spans, "Sent.test.v1.Tracing.Leaf").context.trace_id == ask.context.trace_id);
  CHECK(only(*spans, "Recv.test.v1.Tracing.Leaf").context.trace_id != ask.context.trace_id);
}

TEST_CASE("a tracer can send grpc-trace-bin too, and replaces fields that the application has set") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = well_answered();
  ChannelOptions options;
  options.tracer = std::make_shared<const Tracer>(Tracer{.send_trace_bin = true});
  CHECK(host.serve(
      [](Channel& channel) -> Task<void> { CHECK(co_await unary(channel, with_parent(sampled_parent))); },
      options));
  const std::string traceparent = host.peers[0]->field(1, "traceparent").value_or("");
  CHECK(traceparent.size() == 55);
  CHECK(traceparent.substr(3, 32) != trace_id);
  CHECK(host.peers[0]->field(1, "grpc-trace-bin").value_or("").size() == 39);
}

CallOptions with_request_id(std::string_view id) {
  CallOptions options;
  CHECK(options.metadata.add("x-request-id", id).ok());
  return options;
}

TEST_CASE("a request id is the client's, or made and returned") {
  ServerOptions options;
  options.return_request_id = true;
  TracingWorld returning(options);
  CHECK(returning.world.run([&](Channel& channel) -> Task<void> {
    auto call = channel.call("/test.v1.Tracing/RequestId", MethodKind::unary, {});
    write_message(*call, RawMessage{"x"});
    call->writes_done();
    const auto response = co_await Reader<RawMessage>(*call).next();
    REQUIRE(response);
    CHECK(response->bytes.size() == 16);
    CHECK(call->response_metadata().initial.find("x-request-id").value_or("") == response->bytes);
  }));
  CHECK(returning.call("RequestId", "x", with_request_id("mine")) == "mine");
  CHECK(returning.call("RequestId", "x", with_request_id(std::string(500, 'i'))) == std::string(128, 'i'));
}

TEST_CASE("a server with a tracer makes request ids") {
  TracingWorld at;
  CHECK(at.call("RequestId", "x").size() == 16);
}

TEST_CASE("a server that needs no request ids makes none") {
  TracingWorld at{ServerOptions()};
  CHECK(at.call("RequestId", "x").empty());
  CHECK(at.call("RequestId", "x", with_request_id("mine")) == "mine");
}

TEST_CASE("a sampled call is the exemplar of its duration") {
  ServerOptions options;
  options.metrics = true;
  const auto spans = std::make_shared<SpanMemory>();
  options.tracer = tracer_to(spans);
  TracingWorld at(options);
  at.call("Own", "x", with_parent(sampled_parent));
  bool found = false;
  for (const CallMetrics& calls : at.world.server().metrics()->calls())
    for (std::size_t bucket = 0; bucket < LatencyHistogram::bucket_count; ++bucket)
      if (const Exemplar* exemplar = calls.exemplar(Code::OK, bucket))
        found = exemplar->span_id == only(*spans, "Recv.test.v1.Tracing.Own").context.span_id;
  CHECK(found);
}

TEST_CASE("a memory of spans keeps the first ones") {
  SpanMemory memory(2);
  for (int count = 0; count < 5; ++count) memory.take({.name = "n"});
  CHECK(memory.named("n").size() == 2);
  CHECK(memory.dropped() == 3);
  memory.clear();
  CHECK(memory.spans().empty());
  CHECK(memory.dropped() == 0);
}

}  // namespace
}  // namespace ringrpc::test
