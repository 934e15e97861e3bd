/// The metrics of a server: what they count, and their text.

#include "rpc/server/server_metrics.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <google/protobuf/wrappers.pb.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/sleep.h"

#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

const CallMetrics& calls_of(World& world, std::string_view method) {
  const RegisteredMethod* registered = world.server().methods().find("/test.v1.Raw/" + std::string(method));
  REQUIRE(registered);
  return world.server().metrics()->of(*registered);
}

/// The value of the only line that begins with `name`, up to a space.
std::string value_of(const std::string& text, const std::string& name) {
  const std::size_t at = text.find("\n" + name + " ");
  if (at == text.npos) return "absent";
  const std::size_t value = at + name.size() + 2;
  return text.substr(value, text.find('\n', value) - value);
}

std::string of_raw(std::string_view metric, std::string_view type, std::string_view method,
                   std::string_view more = {}) {
  return std::string(metric) + "{grpc_type=\"" + std::string(type) +
         "\",grpc_service=\"test.v1.Raw\",grpc_method=\"" + std::string(method) + "\"" + std::string(more) +
         "}";
}

std::unique_ptr<Server> start(RawService& service, ServerOptions options = {}) {
  options.listen = {"127.0.0.1:0"};
  options.shards = 3;
  Result<std::unique_ptr<Server>> server = Server::start({&service}, options);
  REQUIRE(server);
  return *std::move(server);
}

std::string text_of(const Server& server, MetricsFormat format = MetricsFormat::prometheus) {
  Result<std::string> text = block_on(server.metrics_text(format));
  REQUIRE(text);
  return *std::move(text);
}

/// Handlers of messages that a peer may get wrong.
class Strict final : public Service {
 public:
  using Message = google::protobuf::StringValue;
  static constexpr std::string_view name = "test.v1.Strict";

  std::string_view service_name() const noexcept override { return name; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr Method methods[] = {method<&Strict::one>("One"), method<&Strict::many>("Many")};
    return methods;
  }

 private:
  Task<Result<RawMessage>> one(Call&, Message) { co_return RawMessage{}; }
  Task<Result<RawMessage>> many(Call&, Reader<Message>& in) {
    while (co_await in.next()) {
    }
    co_return RawMessage{};
  }
};

}  // namespace

TEST_CASE("requests that are not of the method's type are counted") {
  for_some_worlds([](World& world) {
    Strict service;
    world.also_serve(service);
    world.serve({.metrics = true});
    const std::string field_of_wrong_size = "\x0a\x7f";
    const std::string large = "\x0a\xff\xff\x7f" + std::string(1'000'000, 'x');  // the field has 2 MiB
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      for (const std::string& bad : {field_of_wrong_size, large}) {
        const auto response =
            co_await channel.unary<RawMessage, RawMessage>("/test.v1.Strict/One", RawMessage{bad});
        REQUIRE_FALSE(response);
        CHECK(response.error().code() == Code::INTERNAL);
      }
      ClientStream<RawMessage, RawMessage> many(
          channel.call("/test.v1.Strict/Many", MethodKind::client_streaming, {}));
      CHECK(co_await many.write(RawMessage{field_of_wrong_size}));
      CHECK((co_await many.finish()).code() == Code::INTERNAL);
      CHECK(co_await channel.unary<RawMessage, RawMessage>("/test.v1.Strict/One", RawMessage{}));
    }));
    const auto rejected = [&](std::string_view path) {
      return world.server().metrics()->of(*world.server().methods().find(path)).rejected();
    };
    CHECK(rejected("/test.v1.Strict/One") == 2);
    CHECK(rejected("/test.v1.Strict/Many") == 1);
  });
}

TEST_CASE("calls are counted by outcome, with their messages and bytes") {
  for_each_world([](World& world) {
    world.serve({.metrics = true});
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      CHECK(co_await unary(channel, "Echo", "hello"));
      CHECK(co_await unary(channel, "Echo", "hello again"));
      CHECK(!co_await unary(channel, "Fail", "5"));
      CHECK(!co_await unary(channel, "Throw", "5"));
      CHECK((co_await unary(channel, "Missing", "")).error().code() == Code::UNIMPLEMENTED);
      CHECK(
          (co_await channel.unary<RawMessage, RawMessage>("/no.Such/Service", RawMessage{})).error().code() ==
          Code::UNIMPLEMENTED);
    }));
    const CallMetrics& echo = calls_of(world, "Echo");
    CHECK(echo.started() == 2);
    CHECK(echo.handled(Code::OK) == 2);
    CHECK(echo.received() == 2);
    CHECK(echo.sent() == 2);
    REQUIRE(echo.histograms(Code::OK));
    CHECK(echo.histograms(Code::OK)->received_bytes.sum() == 16);
    CHECK(echo.histograms(Code::OK)->sent_bytes.sum() == 16);
    const CallMetrics& fail = calls_of(world, "Fail");
    CHECK(fail.handled(Code::NOT_FOUND) == 1);
    CHECK(fail.received() == 1);
    CHECK(fail.sent() == 0);
    CHECK(calls_of(world, "Throw").handled(Code::INTERNAL) == 1);
    const CallMetrics& unknown = world.server().metrics()->of_unknown();
    CHECK(unknown.started() == 2);
    CHECK(unknown.handled(Code::UNIMPLEMENTED) == 2);
  });
}

TEST_CASE("the messages of streams are counted while the call is in flight") {
  for_each_world([](World& world) {
    world.serve({.metrics = true});
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      ClientStream<RawMessage, RawMessage> chat(
          channel.call("/test.v1.Raw/Chat", MethodKind::bidirectional, {}));
      for (int count = 1; count <= 3; ++count) {
        CHECK(co_await chat.write(RawMessage{"12345"}));
        CHECK(co_await chat.next());
        const CallMetrics& calls = calls_of(world, "Chat");
        CHECK(calls.received() == static_cast<std::uint64_t>(count));
        CHECK(calls.sent() == static_cast<std::uint64_t>(count));
        CHECK(calls.started() - calls.handled() == 1);
      }
      chat.writes_done();
      CHECK(!co_await chat.next());
      CHECK((co_await chat.finish()).ok());
    }));
    const CallMetrics& calls = calls_of(world, "Chat");
    CHECK(calls.handled(Code::OK) == 1);
    CHECK(calls.histograms(Code::OK)->sent_bytes.sum() == 15);
    CHECK(calls.histograms(Code::OK)->received_bytes.sum() == 15);
  });
}

TEST_CASE("cancelled calls, passed deadlines and lost connections end calls too") {
  for_each_world([](World& world) {
    world.serve({.metrics = true});
    const CallMetrics& calls = calls_of(world, "Sleep");
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      CallOptions options;
      options.timeout = 20ms;
      CHECK((co_await unary(channel, "Sleep", "600000", options)).error().code() == Code::DEADLINE_EXCEEDED);
      {
        const auto call = channel.call("/test.v1.Raw/Sleep", MethodKind::unary, {});
        write_message(*call, RawMessage{"600000"});
        call->writes_done();
        while (calls.started() < 2) co_await sleep_for(1ms);
      }
      CHECK(co_await unary(channel, "Echo", "behind the cancelled one"));
    }));
    CHECK(world.run_until([&] { return calls.started() == calls.handled(); }));
    CHECK(calls.handled(Code::CANCELLED) + calls.handled(Code::DEADLINE_EXCEEDED) == 2);
    const std::size_t cancel = ConnectionMetrics::index_of(http2::ErrorCode::cancel);
    CHECK(world.server().metrics()->connections.resets_received[cancel] >= 1);
  });
}

TEST_CASE("a call lasts from its headers to its status") {
  SimulatedWorld world(1);
  world.serve({.metrics = true});
  CHECK(world.run([&](Channel& channel) -> Task<void> { CHECK(co_await unary(channel, "Sleep", "70")); }));
  const CallMetrics& calls = calls_of(world, "Sleep");
  REQUIRE(calls.histograms(Code::OK));
  const std::uint64_t duration_ns = calls.histograms(Code::OK)->duration.sum();
  CHECK(duration_ns >= 70'000'000);
  CHECK(duration_ns < 75'000'000);
}

TEST_CASE("compressed messages count with the size that they have on the wire") {
  for_each_world([](World& world) {
    world.serve({.metrics = true});
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      CallOptions options;
      options.compression = Compression::gzip;
      CHECK(co_await unary(channel, "Echo", std::string(5'000, 'x'), options));
    }));
    const CallMetrics& echo = calls_of(world, "Echo");
    CHECK(echo.received() == 1);
    REQUIRE(echo.histograms(Code::OK));
    CHECK(echo.histograms(Code::OK)->received_bytes.sum() < 500);
    CHECK(echo.histograms(Code::OK)->sent_bytes.sum() == 5'000);
  });
}

TEST_CASE("connections are counted by transport, and requests that are refused as calls") {
  for_each_world([](World& world) {
    world.serve({.metrics = true});
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      CHECK(co_await unary(channel, "Echo", "x"));
      const ConnectionMetrics& connections = world.server().metrics()->connections;
      const std::size_t tcp =
          ConnectionMetrics::index_of({.transport = ConnectionKind::Transport::tcp, .tls = false});
      CHECK(connections.accepted[tcp] == 1);
      CHECK(connections.ended[tcp] == 0);
    }));
  });
}

TEST_CASE("GOAWAYs are counted when they are sent, by their codes") {
  for_each_world([](World& world) {
    world.serve({.metrics = true});
    const auto& sent = world.server().metrics()->connections.goaways_sent;
    const std::size_t no_error = ConnectionMetrics::index_of(http2::ErrorCode::no_error);
    bool ended = false;
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      CHECK(co_await unary(channel, "Echo", "x"));
      CHECK(sent[no_error] == 0);
      const auto call = channel.call("/test.v1.Raw/Sleep", MethodKind::unary, {});
      write_message(*call, RawMessage{"600000"});
      call->writes_done();
      while (world.service().running == 0) co_await sleep_for(1ms);
      world.server_shard().post([&] { world.server().drain([&] { ended = true; }); });
      while (sent[no_error] < 2) co_await sleep_for(1ms);
      CHECK(sent[no_error] == 2);
    }));
    CHECK(world.run_until([&] { return ended; }));
    CHECK(std::ranges::count(sent, 0u) == ConnectionMetrics::error_codes - 1);
  });
}

TEST_CASE("responses that wait for a window are counted") {
  for_some_worlds([](World& world) {
    world.serve({.metrics = true});
    const ConnectionMetrics& connections = world.server().metrics()->connections;
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      CHECK(co_await unary(channel, "Echo", "x"));
      CHECK(connections.stream_stalls + connections.connection_stalls == 0);
      const auto flood = channel.call("/test.v1.Raw/Flood", MethodKind::server_streaming, {});
      write_message(*flood, RawMessage{std::string(1'000, 'x')});
      flood->writes_done();
      while (connections.stream_stalls == 0) co_await sleep_for(1ms);
    }));
  });
}

TEST_CASE("a server without metrics counts none") {
  RawService service;
  const std::unique_ptr<Server> server = start(service);
  const Result<std::string> text = block_on(server->metrics_text(MetricsFormat::prometheus));
  REQUIRE(!text);
  CHECK(text.error().code() == Code::FAILED_PRECONDITION);
}

TEST_CASE("the text has the sum of all shards, exactly, once the calls have ended") {
  constexpr int threads = 6;
  constexpr int calls = 50;
  RawService service;
  const std::unique_ptr<Server> server = start(service, {.metrics = true});
  {
    std::vector<std::jthread> callers;
    for (int at = 0; at < threads; ++at)
      callers.emplace_back([&] {
        Channel channel(server->addresses().front());
        for (int count = 0; count < calls; ++count) {
          CHECK(block_on(unary(channel, "Echo", "hello")));
          CHECK(!block_on(unary(channel, "Fail", "9")));
        }
      });
    // Reads while calls run.
    const std::string meanwhile = text_of(*server, MetricsFormat::openmetrics);
    CHECK(meanwhile.ends_with("# EOF\n"));
  }
  server->drain(60s);
  const std::string text = text_of(*server);
  CHECK(value_of(text, of_raw("grpc_server_started_total", "unary", "Echo")) == "300");
  CHECK(value_of(text, of_raw("grpc_server_handled_total", "unary", "Echo", R"(,grpc_code="OK")")) == "300");
  CHECK(value_of(text, of_raw("grpc_server_handled_total", "unary", "Fail",
                              R"(,grpc_code="FailedPrecondition")")) == "300");
  CHECK(value_of(text, of_raw("grpc_server_msg_received_total", "unary", "Echo")) == "300");
  CHECK(value_of(text, of_raw("grpc_server_msg_sent_total", "unary", "Echo")) == "300");
  CHECK(value_of(text, of_raw("grpc_server_handling_seconds_count", "unary", "Echo")) == "300");
  CHECK(value_of(text, of_raw("grpc_server_handling_seconds_bucket", "unary", "Echo", R"(,le="+Inf")")) ==
        "300");
  CHECK(value_of(text, of_raw("ringrpc_server_call_received_bytes_sum", "unary", "Echo")) == "1500");
  CHECK(value_of(text, of_raw("grpc_server_started_total", "bidi_stream", "Chat")) == "0");
  CHECK(value_of(text, R"(ringrpc_server_connections{transport="tcp",tls="no"})") == "0");
  CHECK(value_of(text, R"(ringrpc_server_connections_accepted_total{transport="tcp",tls="no"})") ==
        std::to_string(server->counters().connections_accepted));
  CHECK(value_of(text, R"(ringrpc_server_connections_refused_total{limit="connections"})") == "0");
  CHECK(value_of(text, "ringrpc_server_buffered_bytes") == "0");
  CHECK(value_of(text, "ringrpc_server_accept_errors_total") == "0");
  CHECK(value_of(text, R"(ringrpc_server_goaways_sent_total{code="NO_ERROR"})") != "absent");
  CHECK(value_of(text, R"(ringrpc_server_flow_control_stalls_total{window="stream"})") == "0");
  for (const std::string shard : {"0", "1", "2"}) {
    CHECK(std::stoull(value_of(text, "ringrpc_shard_turns_total{shard=\"" + shard + "\"}")) > 0);
    CHECK(value_of(text, "ringrpc_shard_ring_overflows_total{shard=\"" + shard + "\"}") == "0");
    CHECK(value_of(text, "ringrpc_shard_receive_buffer_shortages_total{shard=\"" + shard + "\"}") !=
          "absent");
    CHECK(value_of(text, "ringrpc_shard_receive_buffers_used{shard=\"" + shard + "\"}") != "absent");
  }
  CHECK(text.find("ringrpc_server_tls_certificate_not_after_timestamp_seconds") == text.npos);
  CHECK(text.find("\nringrpc_build_info{version=\"") != text.npos);
  CHECK(value_of(text, "process_open_fds") != "absent");
}

}  // namespace ringrpc
