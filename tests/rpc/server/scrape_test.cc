/// Tests the time for which a scrape holds a shard, and its metrics beside those of calls.
///
/// The shards of the first two cases have a clock that advances by a whole slice with each look at it. So a
/// reader may do only one step between two looks, and the number of its turns shows that it does so.
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/server.h"

#include "reactor/slices.h"
#include "rpc/server/raw_service.h"
#include "rpc/server/server_metrics.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

constexpr std::size_t methods = 1'000;
constexpr unsigned shards = 8;

/// A backend without I/O.
class LeapingClock final : public Io {
 public:
  std::string_view name() const noexcept override { return "leaping"; }
  Instant now() const noexcept override { return now_ += slice_length; }
  Result<std::unique_ptr<Acceptor>> listen(const SocketAddress&, int, Acceptor::Handler&) override {
    return fail(Code::UNIMPLEMENTED, "");
  }
  Result<std::unique_ptr<Acceptor>> listen(UniqueFd, Acceptor::Handler&) override {
    return fail(Code::UNIMPLEMENTED, "");
  }
  std::unique_ptr<Connector> connect(const SocketAddress&, Connector::Handler&) override { return nullptr; }
  SocketAddress peer(const UniqueFd&) const override { return {}; }
  std::unique_ptr<ByteStream> adopt(UniqueFd) override { return nullptr; }
  bool wait(Instant) override { return false; }
  bool dispatch(Instant) override { return true; }
  void wake() noexcept override {}

 private:
  mutable Instant now_{};
};

std::string method_label(std::size_t number) {
  return method_labels("unary", "test.v1.Many", "Method" + std::to_string(number));
}

/// The value of the only line that begins with `name`, up to a space.
std::string scraped(const std::string& text, const std::string& name) {
  const std::size_t at = text.find("\n" + name + " ");
  if (at == text.npos) return "absent";
  const std::size_t value = at + name.size() + 2;
  return text.substr(value, text.find('\n', value) - value);
}

std::string text_of(World& world) {
  ServerTotals totals;
  totals.methods.resize(world.server().metrics()->calls().size());
  Slices slice(world.server_shard());
  while (!totals.add_some(*world.server().metrics(), 0, slice)) {
  }
  totals.add(world.server_shard(), world.server().metrics()->turns);
  MetricsText text(MetricsFormat::prometheus);
  const Task<> written = write_server(text, totals, slice);
  written.start();
  REQUIRE(world.run_until([&] { return written.done(); }));
  return std::move(text).finish();
}

}  // namespace

TEST_CASE("a visit adds one method between two looks at the clock") {
  ServerTotals totals;
  totals.methods.resize(methods + 1);
  for (unsigned index = 0; index < shards; ++index) {
    Shard shard(index, std::make_unique<LeapingClock>());
    ServerMetrics metrics(methods);
    std::size_t visits = 1;
    for (;; ++visits) {
      Slices slice(shard);
      if (totals.add_some(metrics, 0, slice)) break;
    }
    CHECK(visits == methods + 1);
    totals.add(shard, metrics.turns);
  }
  CHECK(totals.shards.size() == shards);
}

TEST_CASE("the text of one method in one family is written between two looks at the clock") {
  std::vector<std::string> labels;
  for (std::size_t number = 0; number < methods; ++number) labels.push_back(method_label(number));
  ServerTotals totals;
  for (const std::string& each : labels) {
    CallMetrics calls;
    calls.start();
    calls.end(Code::OK, std::chrono::milliseconds(1), {});
    totals.methods.push_back({.labels = each, .calls = std::move(calls)});
  }
  for (unsigned index = 0; index < shards; ++index)
    totals.shards.push_back({.index = index, .turns = 0, .io = {}, .ready_list = 0, .turn_metrics = {}});
  Shard shard(0, std::make_unique<LeapingClock>());
  MetricsText text(MetricsFormat::prometheus);
  Slices slices(shard);
  const Task<> written = write_server(text, totals, slices);
  written.start();
  while (!written.done()) shard.turn(false);
  const std::string page = std::move(text).finish();
  std::size_t families = 0;
  for (std::size_t at = 0; (at = page.find("# TYPE grpc_server_", at)) != page.npos; ++at) ++families;
  CHECK(families == 5);
  CHECK(shard.turns() > methods * families);
  CHECK(scraped(page, "grpc_server_started_total{" + labels.back() + "}") == "1");
}

TEST_CASE("calls are counted by the limit that they exceed") {
  SimulatedWorld world(1);
  world.serve({.max_message_bytes = 1'000,
               .max_response_bytes = 2'000,
               .max_buffered_bytes = 2'000,
               .metrics = true});
  const auto& refused = world.server().metrics()->connections.calls_refused;
  const auto of = [&](CallLimit limit) { return refused[static_cast<std::size_t>(limit)]; };
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    CHECK(co_await unary(channel, "Echo", std::string(1'000, 'x')));
    CHECK(!co_await unary(channel, "Echo", std::string(1'001, 'x')));
    CHECK(of(CallLimit::message_bytes) == 1);
    CHECK(!co_await unary(channel, "Inflate", "2001"));
    CHECK(of(CallLimit::response_bytes) == 1);
    std::vector<std::unique_ptr<ClientCall>> open;
    for (int count = 0; count < 60; ++count) {
      open.push_back(channel.call("/test.v1.Raw/SlowJoin", MethodKind::client_streaming, {}));
      write_message(*open.back(), RawMessage{std::string(900, 'x')});
    }
    while (of(CallLimit::buffered_bytes) == 0) co_await sleep_for(std::chrono::milliseconds(1));
  }));
  CHECK(of(CallLimit::header_list_bytes) == 0);
  CHECK(of(CallLimit::inflation_per_second) == 0);
  const std::string text = text_of(world);
  CHECK(scraped(text, R"(ringrpc_server_calls_refused_total{limit="message_bytes"})") == "1");
  CHECK(scraped(text, R"(ringrpc_server_calls_refused_total{limit="total_buffered_bytes"})") == "0");
}

TEST_CASE("a compressed message beyond the allowance of its connection is counted") {
  SimulatedWorld world(1);
  world.serve({.max_inflation_per_second = 1'000, .metrics = true});
  const auto& refused = world.server().metrics()->connections.calls_refused;
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    CallOptions options;
    options.compression = Compression::gzip;
    for (int count = 0; count < 3; ++count)
      (void)co_await unary(channel, "Join", std::string(1'000'000, 'x'), options);
    CHECK(refused[static_cast<std::size_t>(CallLimit::inflation_per_second)] > 0);
  }));
}

TEST_CASE("turns are timed while metrics are on") {
  RawService service;
  ServerOptions options{.listen = {"127.0.0.1:0"}, .shards = 2, .metrics = true};
  const auto server = Server::start({&service}, options).value();
  // The first reading may be in the turn from which on they are timed, so it is counted by the second one.
  CHECK(block_on(server->metrics_text(MetricsFormat::prometheus)));
  const std::string text = block_on(server->metrics_text(MetricsFormat::prometheus)).value();
  for (const std::string shard : {"0", "1"}) {
    const std::string turns = scraped(text, "ringrpc_shard_turns_total{shard=\"" + shard + "\"}");
    const std::string timed = scraped(text, "ringrpc_shard_turn_seconds_count{shard=\"" + shard + "\"}");
    CHECK(std::stoull(timed) > 0);
    CHECK(std::stoull(timed) <= std::stoull(turns));
    CHECK(scraped(text, "ringrpc_shard_ready_list_length{shard=\"" + shard + "\"}") != "absent");
    CHECK(scraped(text, "ringrpc_shard_ready_list_runs_total{shard=\"" + shard + "\"}") != "absent");
  }
}

TEST_CASE("the page of a server has the metrics of its program, or says what is wrong with them") {
  struct Source final : MetricsSource {
    void write_metrics(MetricsWriter& writer) override {
      writer.counter(name, "Things of the program.");
      writer.sample({{"kind", "a"}}, 7);
    }
    std::string name = "things";
  } source;
  RawService service;
  const auto server =
      Server::start({&service}, {.listen = {"127.0.0.1:0"}, .metrics = true, .metrics_sources = {&source}})
          .value();
  CHECK(scraped(block_on(server->metrics_text(MetricsFormat::prometheus)).value(),
                R"(things_total{kind="a"})") == "7");
  source.name = "no such name";
  const Result<std::string> failed = block_on(server->metrics_text(MetricsFormat::prometheus));
  REQUIRE(!failed);
  CHECK(failed.error().message().starts_with("metric \"no such name\": the name "));
  CHECK(Server::start({&service}, {.listen = {"127.0.0.1:0"}, .metrics_sources = {nullptr}}).error().code() ==
        Code::INVALID_ARGUMENT);
}

}  // namespace ringrpc
