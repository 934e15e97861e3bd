/// The metrics of channels: what they count, and their text.

#include <doctest/doctest.h>
#include <google/protobuf/wrappers.pb.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/metrics.h"
#include "ringrpc/sleep.h"

#include "rpc/client/client_interceptors.h"
#include "rpc/client/raw_host.h"
#include "rpc/metrics/channel_totals.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;

ChannelOptions counted(ChannelOptions options = {}) {
  options.metrics = true;
  return options;
}

ChannelMetrics& metrics_of(World& world) {
  return *TargetMetrics::of(world.address()).on(world.client_shard());
}

/// The numbers of a method since it was made: other tests have counted for the same target.
class Since {
 public:
  Since(World& world, std::string_view method, MethodKind kind = MethodKind::unary)
      : calls_(metrics_of(world).of("/test.v1.Raw/" + std::string(method), kind).calls) {
    before_.add(calls_);
  }
  std::uint64_t started() const { return calls_.started() - before_.started(); }
  std::uint64_t sent() const { return calls_.sent() - before_.sent(); }
  std::uint64_t received() const { return calls_.received() - before_.received(); }
  std::uint64_t rejected() const { return calls_.rejected() - before_.rejected(); }
  std::uint64_t handled() const { return calls_.handled() - before_.handled(); }
  std::uint64_t handled(Code code) const { return calls_.handled(code) - before_.handled(code); }
  std::uint64_t in_flight() const { return calls_.started() - calls_.handled(); }
  std::uint64_t sent_bytes() const { return sum(calls_, sent_) - sum(before_, sent_); }
  std::uint64_t received_bytes() const { return sum(calls_, received_) - sum(before_, received_); }
  std::uint64_t duration_ns() const { return sum(calls_, duration_) - sum(before_, duration_); }

 private:
  static constexpr auto sent_ = &CallHistograms::sent_bytes;
  static constexpr auto received_ = &CallHistograms::received_bytes;
  static constexpr auto duration_ = &CallHistograms::duration;
  static std::uint64_t sum(const CallMetrics& calls, auto histogram) {
    return (calls.all_histograms().*histogram).sum();
  }

  CallMetrics& calls_;
  CallMetrics before_;
};

/// The value of the only line that begins with `name`, up to a space.
std::string sample(const std::string& text, const std::string& name) {
  const std::size_t at = text.find("\n" + name + " ");
  if (at == text.npos) return "absent";
  const std::size_t value = at + name.size() + 2;
  return text.substr(value, text.find('\n', value) - value);
}

std::string of_echo(std::string_view metric, const std::string& target, std::string_view more = {}) {
  return std::string(metric) + R"({grpc_type="unary",grpc_service="test.v1.Raw",grpc_method="Echo",)" +
         label("target", target) + std::string(more) + "}";
}

std::unique_ptr<Server> listen(RawService& service, ServerOptions options = {}) {
  options.listen = {"127.0.0.1:0"};
  options.shards = 2;
  Result<std::unique_ptr<Server>> server = Server::start({&service}, options);
  REQUIRE(server);
  return *std::move(server);
}

std::string channel_text(MetricsFormat format = MetricsFormat::prometheus) {
  Result<std::string> text = block_on(channel_metrics_text(format));
  REQUIRE(text);
  return *std::move(text);
}

}  // namespace

TEST_CASE("a channel counts its calls by outcome, with their messages and bytes") {
  for_each_world([](World& world) {
    world.serve({});
    const Since echoes(world, "Echo");
    const Since fail(world, "Fail");
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> {
          CHECK(co_await unary(channel, "Echo", "hello"));
          CHECK(co_await unary(channel, "Echo", "hello again"));
          CHECK(!co_await unary(channel, "Fail", "5"));
        },
        counted()));
    CHECK(echoes.started() == 2);
    CHECK(echoes.handled(Code::OK) == 2);
    CHECK(echoes.sent() == 2);
    CHECK(echoes.received() == 2);
    CHECK(echoes.sent_bytes() == 16);
    CHECK(echoes.received_bytes() == 16);
    CHECK(fail.handled(Code::NOT_FOUND) == 1);
    CHECK(fail.sent() == 1);
    CHECK(fail.received() == 0);
  });
}

TEST_CASE("a channel counts the responses that are not of the method's type") {
  for_each_world([](World& world) {
    world.serve({});
    const Since echoes(world, "Echo");
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> {
          const auto response = co_await channel.unary<RawMessage, google::protobuf::StringValue>(
              echo_path, RawMessage{"\x0a\x7f"});
          REQUIRE_FALSE(response);
          CHECK(response.error().code() == Code::INTERNAL);
          CHECK(response.error().cause() == Cause::unparsable_message);
        },
        counted()));
    CHECK(echoes.rejected() == 1);
    CHECK(echoes.handled(Code::INTERNAL) == 1);
  });
}

TEST_CASE("a channel without metrics counts nothing") {
  SimulatedWorld world(1);
  world.serve({});
  const Since echoes(world, "Echo");
  CHECK(world.run([&](Channel& channel) -> Task<void> { CHECK(co_await unary(channel, "Echo", "x")); }));
  CHECK(echoes.started() == 0);
}

TEST_CASE("a channel counts the messages of streams while the call is in flight") {
  for_each_world([](World& world) {
    world.serve({});
    const Since calls(world, "Chat", MethodKind::bidirectional);
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> {
          ClientStream<RawMessage, RawMessage> stream = chat(channel);
          for (std::uint64_t count = 1; count <= 3; ++count) {
            CHECK(co_await stream.write(RawMessage{"12345"}));
            CHECK(co_await stream.next());
            CHECK(calls.sent() == count);
            CHECK(calls.received() == count);
            CHECK(calls.in_flight() == 1);
          }
          stream.writes_done();
          CHECK(!co_await stream.next());
          CHECK(calls.in_flight() == 0);
          CHECK((co_await stream.finish()).ok());
        },
        counted()));
    CHECK(calls.handled(Code::OK) == 1);
    CHECK(calls.sent_bytes() == 15);
    CHECK(calls.received_bytes() == 15);
  });
}

TEST_CASE("deadlines, cancelled, dropped and closed calls have their outcomes") {
  for_each_world([](World& world) {
    world.serve({});
    const Since calls(world, "Sleep");
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> {
          CallOptions options;
          options.timeout = 20ms;
          CHECK((co_await unary(channel, "Sleep", "600000", options)).error().code() ==
                Code::DEADLINE_EXCEEDED);
          CHECK(calls.handled(Code::DEADLINE_EXCEEDED) == 1);
          const auto begin = [&] {
            auto call = channel.call("/test.v1.Raw/Sleep", MethodKind::unary, {});
            write_message(*call, RawMessage{"600000"});
            call->writes_done();
            return call;
          };
          const auto cancelled = begin();
          const auto cut = begin();
          begin();  // dropped
          CHECK(calls.in_flight() == 2);
          CHECK(calls.handled(Code::CANCELLED) == 1);
          cancelled->cancel();
          CHECK(calls.handled(Code::CANCELLED) == 2);
          CHECK(co_await channel.close(0s) == 1);
          CHECK(calls.handled(Code::CANCELLED) == 3);
          const auto late = begin();
          CHECK(late->finished());
        },
        counted()));
    CHECK(calls.started() == 5);
    CHECK(calls.handled(Code::CANCELLED) == 4);
    CHECK(calls.in_flight() == 0);
  });
}

TEST_CASE("a response that cannot be parsed is counted with the caller's status") {
  for_each_world([](World& world) {
    world.serve({});
    const Since echoes(world, "Echo");
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> {
          const auto call = channel.call("/test.v1.Raw/Echo", MethodKind::unary, {});
          write_message(*call, RawMessage{"x"});
          call->writes_done();
          while (!call->finished()) co_await sleep_for(1ms);
          CHECK(echoes.in_flight() == 1);
          CHECK(call->take_message());
          call->reject_message();
          CHECK(call->take_status().code() == Code::INTERNAL);
        },
        counted()));
    CHECK(echoes.handled(Code::INTERNAL) == 1);
    CHECK(echoes.handled() == 1);
  });
}

TEST_CASE("calls that interceptors respond to, refuse or hold back are counted too") {
  for_each_world([](World& world) {
    world.serve({});
    const Since echoes(world, "Echo");
    int count = 0;
    Custom choosy([&](ClientRequest&, ClientNext next) -> Task<Status> {
      if (++count == 1) co_return Status(Code::ABORTED, "no");
      Status status = co_await next();
      if (count == 2) co_return Status(Code::DATA_LOSS, "changed");
      co_return status;
    });
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> {
          CallOptions options;
          options.compression = Compression::gzip;
          CHECK((co_await unary(channel, "Echo", "x")).error().code() == Code::ABORTED);
          CHECK((co_await unary(channel, "Echo", "x")).error().code() == Code::DATA_LOSS);
          CHECK(echoes.sent_bytes() == 1);
          CHECK(co_await unary(channel, "Echo", std::string(5'000, 'x'), options));
        },
        counted(with({&choosy}))));
    CHECK(echoes.started() == 3);
    CHECK(echoes.handled(Code::ABORTED) == 1);
    CHECK(echoes.handled(Code::DATA_LOSS) == 1);
    CHECK(echoes.handled(Code::OK) == 1);
    CHECK(echoes.sent() == 3);
    CHECK(echoes.sent_bytes() < 500);
    CHECK(echoes.received_bytes() >= 5'000);
  });
}

TEST_CASE("the compressed requests of a channel count with the size that they have on the wire") {
  for_each_world([](World& world) {
    world.serve({});
    const Since echoes(world, "Echo");
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> {
          CallOptions options;
          options.compression = Compression::gzip;
          CHECK(co_await unary(channel, "Echo", std::string(5'000, 'x'), options));
        },
        counted()));
    CHECK(echoes.sent_bytes() < 500);
    CHECK(echoes.received_bytes() == 5'000);
  });
}

TEST_CASE("a channel's call lasts from its beginning to its status") {
  SimulatedWorld world(1);
  world.serve({});
  const Since calls(world, "Sleep");
  CHECK(world.run([&](Channel& channel) -> Task<void> { CHECK(co_await unary(channel, "Sleep", "70")); },
                  counted()));
  CHECK(calls.duration_ns() >= 70'000'000);
  CHECK(calls.duration_ns() < 80'000'000);
}

TEST_CASE("connections of channels are counted with their ends, and queued calls") {
  SimulatedWorld world(1);
  world.serve({.max_concurrent_streams = 1});
  const ChannelCounts& counts = metrics_of(world).counts;
  const ChannelCounts before = counts;
  ChannelOptions options = counted();
  options.max_connections = 1;
  options.max_queued_calls = 3;
  CHECK(world.run(
      [&](Channel& channel) -> Task<void> {
        std::vector<std::unique_ptr<ClientCall>> calls;
        for (int count = 0; count < 3; ++count) {
          calls.push_back(channel.call("/test.v1.Raw/Sleep", MethodKind::unary, {}));
          write_message(*calls.back(), RawMessage{"60000"});
          calls.back()->writes_done();
        }
        CHECK(counts.queued == 3);
        CHECK(counts.waits[static_cast<std::size_t>(QueueWait::connection)] == before.waits[0] + 3);
        while (calls.front()->queued()) co_await sleep_for(1ms);
        CHECK(counts.queued == 2);
        calls.push_back(channel.call("/test.v1.Raw/Sleep", MethodKind::unary, {}));
        write_message(*calls.back(), RawMessage{"60000"});
        CHECK(counts.waits[static_cast<std::size_t>(QueueWait::stream)] == before.waits[1] + 1);
        CHECK(!co_await unary(channel, "Echo", "one too many"));
        CHECK(counts.refused == before.refused + 1);
        const auto waited = [&] {
          ChannelCounts sum;
          sum.add(counts, world.client_shard().now());
          return sum.waited_ns;
        };
        const std::uint64_t waited_before = waited();
        co_await sleep_for(100ms);
        CHECK(waited() - waited_before == 3 * 100'000'000);
        CHECK(counts.open() - before.open() == 1);
        CHECK(counts.connects - before.connects == 1);
        co_await channel.close(0s);
        CHECK(counts.queued == 0);
        CHECK(counts.open() == before.open());
        const auto by_channel = static_cast<std::size_t>(ConnectionEnd::by_channel);
        CHECK(counts.ends[by_channel] - before.ends[by_channel] == 1);
      },
      options));
}

TEST_CASE("connections of channels end by the server's GOAWAY, or are lost") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = well_answered();
  ChannelOptions options = counted();
  const ChannelCounts* counts = nullptr;
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        counts = &TargetMetrics::of(channel.target()).on(world.client_shard())->counts;
        const ChannelCounts before = *counts;
        CHECK(co_await unary(channel));
        host.peers.clear();
        co_await sleep_for(1ms);
        const auto by_loss = static_cast<std::size_t>(ConnectionEnd::by_loss);
        CHECK(counts->ends[by_loss] - before.ends[by_loss] == 1);
        CHECK(co_await unary(channel));
        CHECK(counts->connects - before.connects == 2);
        host.peers.back()->send(http2::test::goaway(1, http2::ErrorCode::no_error));
        co_await sleep_for(1ms);
        host.peers.clear();
        co_await sleep_for(1ms);
        const auto by_goaway = static_cast<std::size_t>(ConnectionEnd::by_goaway);
        CHECK(counts->ends[by_goaway] - before.ends[by_goaway] == 1);
        CHECK(counts->open() == before.open());
      },
      options));
}

TEST_CASE("each attempt of a call is counted, with its outcome and all that the call has sent") {
  SimulatedWorld world(1);
  RawHost host(world);
  int refusals = 1;
  host.answer = [&](RawPeer& peer, std::uint32_t id) {
    return refusals-- > 0 ? http2::test::rst_stream(id, http2::ErrorCode::refused_stream)
                          : well_answered()(peer, id);
  };
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        const ChannelMetrics::Method& method =
            TargetMetrics::of(channel.target()).on(world.client_shard())->of(echo_path, MethodKind::unary);
        CallMetrics calls;
        CallMetrics attempts;
        calls.add(method.calls);
        attempts.add(method.attempts);
        const auto response = co_await unary(channel);
        CHECK(response);
        CHECK(method.calls.started() - calls.started() == 1);
        CHECK(method.calls.handled(Code::OK) - calls.handled(Code::OK) == 1);
        CHECK(method.attempts.started() - attempts.started() == 2);
        CHECK(method.attempts.handled(Code::OK) - attempts.handled(Code::OK) == 1);
        CHECK(method.attempts.handled(Code::UNAVAILABLE) - attempts.handled(Code::UNAVAILABLE) == 1);
        const auto sent = [](const CallMetrics& metrics) {
          return metrics.all_histograms().sent_bytes.sum();
        };
        const auto received = [](const CallMetrics& metrics) {
          return metrics.all_histograms().received_bytes.sum();
        };
        CHECK(sent(method.attempts) - sent(attempts) == 2 * (sent(method.calls) - sent(calls)));
        CHECK(received(method.attempts) - received(attempts) == received(method.calls) - received(calls));
      },
      counted()));
}

TEST_CASE("calls that were not submitted have no attempt, and others that fail have one") {
  SimulatedWorld world(1);
  world.serve({});
  Custom refuses([](ClientRequest&, ClientNext) -> Task<Status> { co_return Status(Code::ABORTED, "no"); });
  const Since echoes(world, "Echo");
  const CallMetrics& attempts = metrics_of(world).of("/test.v1.Raw/Echo", MethodKind::unary).attempts;
  const std::uint64_t before = attempts.started();
  CHECK(world.run([&](Channel& channel) -> Task<void> { CHECK(!co_await unary(channel, "Echo", "x")); },
                  counted(with({&refuses}))));
  CHECK(echoes.started() == 1);
  CHECK(attempts.started() == before);
  CHECK(world.run(
      [&](Channel& channel) -> Task<void> {
        std::optional<ClientReader<RawMessage>> dropped;
        dropped.emplace(channel.server_streaming<RawMessage, RawMessage>(echo_path, RawMessage("x")));
        dropped.reset();
        co_return;
      },
      counted()));
  const CallMetrics& streamed = metrics_of(world).of(echo_path, MethodKind::server_streaming).attempts;
  CHECK(streamed.started() - streamed.handled() == 0);
  CHECK(streamed.handled(Code::CANCELLED) >= 1);
}

TEST_CASE("failed connects are counted, and calls that fail with them") {
  SimulatedWorld world(1);
  world.serve({});
  const std::string nowhere = "127.0.0.1:1";
  CHECK(world.run_against(
      nowhere,
      [&](Channel& channel) -> Task<void> {
        ChannelMetrics& metrics = *TargetMetrics::of(nowhere).on(world.client_shard());
        const std::uint64_t failed = metrics.counts.connects_failed;
        const CallMetrics& echoes = metrics.of(echo_path, MethodKind::unary).calls;
        const std::uint64_t unavailable = echoes.handled(Code::UNAVAILABLE);
        CHECK(!co_await unary(channel, "Echo", "x"));
        CHECK(metrics.counts.connects_failed == failed + 1);
        CHECK(echoes.handled(Code::UNAVAILABLE) == unavailable + 1);
      },
      counted()));
}

TEST_CASE("the methods of a target are limited; odd paths and those beyond count as other") {
  ChannelMetrics metrics(TargetMetrics::of("odd \"target\n\xff"));
  CHECK(metrics.target().label() == R"(target="odd \"target??")");
  const ChannelMetrics::Method& other = metrics.methods().front();
  for (const std::string_view path : {"", "/", "Echo", "//x", "/a.B/", "/a b/C", "/a/\xff", "/a/\n", "/x"})
    CHECK(&metrics.of(path, MethodKind::unary) == &other);
  CHECK(&metrics.of("/" + std::string(300, 'x') + "/y", MethodKind::unary) == &other);
  ChannelMetrics::Method& unary = metrics.of("/a.B/C", MethodKind::unary);
  CHECK(&unary != &other);
  CHECK(&metrics.of("/a.B/C", MethodKind::bidirectional) != &unary);
  for (std::size_t count = 0; count < 2 * ChannelMetrics::methods_max; ++count)
    (void)metrics.of("/a.B/" + std::to_string(count), MethodKind::unary);
  CHECK(metrics.methods().size() == ChannelMetrics::methods_max + 1);
  CHECK(&metrics.of("/a.B/C", MethodKind::unary) == &unary);
  CHECK(&metrics.of("/a.B/unseen", MethodKind::unary) == &other);
}

TEST_CASE("a shard continues the counts of one that has ended") {
  TargetMetrics target("reused");
  const ChannelMetrics* first = nullptr;
  {
    SimulatedWorld world(1);
    const auto metrics = target.on(world.client_shard());
    first = metrics.get();
    CHECK(target.on(world.client_shard()) == metrics);
    CHECK(target.on(world.server_shard()) != metrics);
    CHECK(TargetMetrics::owner_of(*first) == &world.client_shard());
  }
  CHECK(TargetMetrics::owner_of(*first) == nullptr);
  SimulatedWorld world(2);
  CHECK(target.on(world.client_shard()).get() == first);
}

TEST_CASE("the text has the sum of all threads' calls, also of those that have ended") {
  constexpr int threads = 6;
  constexpr int calls = 50;
  RawService service;
  const std::unique_ptr<Server> server = listen(service, {.metrics = true});
  const std::string target = server->addresses().front();
  {
    std::vector<std::jthread> callers;
    for (int at = 0; at < threads; ++at)
      callers.emplace_back([&] {
        const Channel channel(target, counted());
        for (int count = 0; count < calls; ++count) CHECK(block_on(unary(channel, "Echo", "hello")));
      });
    for (int count = 0; count < 20; ++count)
      CHECK(channel_text(MetricsFormat::openmetrics).ends_with("# EOF\n"));
  }
  const Result<std::string> page = block_on(server->metrics_text(MetricsFormat::prometheus));
  REQUIRE(page);
  for (const std::string& text : {channel_text(), *page}) {
    CHECK(sample(text, of_echo("grpc_client_started_total", target)) == "300");
    CHECK(sample(text, of_echo("grpc_client_handled_total", target, R"(,grpc_code="OK")")) == "300");
    CHECK(sample(text, of_echo("grpc_client_msg_sent_total", target)) == "300");
    CHECK(sample(text, of_echo("grpc_client_msg_received_total", target)) == "300");
    CHECK(sample(text, of_echo("grpc_client_handling_seconds_count", target)) == "300");
    CHECK(sample(text, "ringrpc_client_connections{" + label("target", target) + "}") == "0");
    CHECK(sample(text, "ringrpc_client_calls_queued{" + label("target", target) + "}") == "0");
    CHECK(text.find("\nringrpc_build_info{version=\"") != text.npos);
  }
}

}  // namespace ringrpc::test
