/// Lets each allocation of a scenario fail in a run of its own (over TLS every seventh), alone or with those
/// after it. The process survives, the call succeeds or fails without affecting others, calls on other
/// connections continue, and later calls succeed. Sanitizers check for leaks and dangling pointers.

#include <algorithm>
#include <doctest/doctest.h>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/client_interceptor.h"
#include "ringrpc/sleep.h"
#include "ringrpc/tls.h"

#include "rpc/shortage.h"
#include "rpc/world.h"
#include "transport/test_authority.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using test::Shortage;

/// Checks the outcome of a call during which either side ran out of memory.
void check_outcome(const Status& status) {
  const bool expected =
      status.ok() || status.code() == Code::RESOURCE_EXHAUSTED || status.code() == Code::UNAVAILABLE;
  CHECK_MESSAGE(expected, status.to_string());
}

/// A client's script. It returns its outcome.
using Play = std::function<Task<Status>(Channel&)>;

struct Scenario {
  std::string_view name;
  Play play;
  bool tls = false;
  bool intercepted = false;
};

/// Scenarios return this instead of using CHECK, which would allocate.
Status check_content(bool right) {
  return right ? Status() : Status(Code::DATA_LOSS, "the content is not what was sent");
}

template <class T>
Status status_of(const Result<T>& result) {
  return result ? Status() : result.error();
}
Status status_of(const Result<RawMessage>& answer, std::size_t bytes) {
  return answer ? check_content(answer->bytes.size() == bytes) : answer.error();
}

Task<Status> echo(Channel& channel, std::size_t bytes, Compression compression) {
  CallOptions options;
  options.compression = compression;
  options.timeout = 1min;
  const auto answer = co_await unary(channel, "Echo", std::string(bytes, 'x'), options);
  co_return status_of(answer, bytes);
}

Task<Status> carry_metadata(Channel& channel) {
  CallOptions options;
  options.timeout = 1min;
  for (int at = 0; at < 30; ++at) {
    const std::string number = std::to_string(at);
    if (!options.metadata.add("x-" + number, std::string(60, 'v')).ok()) break;
  }
  if (Status status = options.metadata.add("x-bytes-bin", std::string(40, '\0')); !status.ok())
    co_return status;
  const auto answer = co_await unary(channel, "Metadata", "and a message", options);
  co_return status_of(answer);
}

/// The requested failure, with its trailers, counts as a success.
Task<Status> fail_as_asked(Channel& channel) {
  const auto answer = co_await unary(channel, "Fail", "9");
  if (!answer && answer.error().code() == Code::FAILED_PRECONDITION) co_return Status();
  co_return status_of(answer);
}

Task<Status> count(Channel& channel) {
  auto stream = channel.server_streaming<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{"300"}, {});
  int received = 0;
  while (auto message = co_await stream.next()) ++received;
  Status status = co_await stream.finish();
  co_return status.ok() ? check_content(received == 300) : status;
}

Task<Status> join(Channel& channel) {
  auto join = channel.client_streaming<RawMessage, RawMessage>(join_path);
  const RawMessage piece{std::string(7000, 'j')};
  for (int at = 0; at < 10; ++at) {
    const bool taken = co_await join.write(piece);
    if (!taken) break;
  }
  const auto answer = co_await join.finish();
  co_return status_of(answer, 70'000);
}

Task<Status> chat(Channel& channel) {
  auto chat = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Raw/Chat");
  bool right = true;
  for (const std::size_t bytes : {1, 600, 5000, 40'000}) {
    const RawMessage said{std::string(bytes, 'c')};
    const bool taken = co_await chat.write(said);
    if (!taken) break;
    const auto answer = co_await chat.next();
    if (!answer) break;
    right &= answer->bytes == said.bytes;
  }
  chat.writes_done();
  Status status = co_await chat.finish();
  co_return status.ok() ? check_content(right) : status;
}

Task<Status> sleep_and_miss_the_deadline(Channel& channel) {
  CallOptions options;
  options.timeout = 5ms;
  const auto answer = co_await unary(channel, "Sleep", "100", options);
  if (!answer && answer.error().code() == Code::DEADLINE_EXCEEDED) co_return Status();
  co_return status_of(answer);
}

Task<Status> cancel(Channel& channel) {
  auto chat = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Raw/Flood");
  const RawMessage said{std::string(3000, 'f')};
  (void)co_await chat.write(said);
  const auto answer = co_await chat.next();
  chat.cancel();
  Status status = co_await chat.finish();
  co_return status.code() == Code::CANCELLED ? Status() : status;
}

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {"a small message", [](Channel& channel) { return echo(channel, 20, Compression::identity); }},
      {"a large message", [](Channel& channel) { return echo(channel, 100'000, Compression::identity); }},
      {"a message by gzip", [](Channel& channel) { return echo(channel, 30'000, Compression::gzip); }},
      {"a message by zstd", [](Channel& channel) { return echo(channel, 30'000, Compression::zstd); }},
      {"much metadata", carry_metadata},
      {"a failure", fail_as_asked},
      {"a stream of responses", count},
      {"a stream of requests", join},
      {"a stream both ways", chat},
      {"a deadline", sleep_and_miss_the_deadline},
      {"a cancel", cancel},
      {"an interceptor", [](Channel& channel) { return echo(channel, 20'000, Compression::identity); }, false,
       true},
      {"TLS", [](Channel& channel) { return echo(channel, 40'000, Compression::identity); }, true},
  };
  return all;
}

class Passing final : public ClientInterceptor {
  Task<Status> intercept(ClientRequest&, ClientNext next) override {
    co_await sleep_for(1ms);
    co_return co_await next();
  }
};

ServerOptions server_of(const Scenario& scenario) {
  static const std::shared_ptr<ServerTls> tls = ServerTls::load(test::server_options()).value();
  ServerOptions options;
  if (scenario.tls) options.tls = tls;
  return options;
}

ChannelOptions client_of(const Scenario& scenario) {
  static const std::shared_ptr<const ClientTls> tls = ClientTls::load(test::client_options()).value();
  static Passing interceptor;
  ChannelOptions options;
  if (scenario.tls) options.tls = tls;
  if (scenario.intercepted) options.interceptors = {&interceptor};
  options.backoff.initial = 1ms;  // over real sockets, waits take real time
  return options;
}

enum class Victim : std::uint8_t { server, client };

/// One run: `first` allocations of the victim succeed, then `count` fail. Returns true if any failed.
class Run {
 public:
  Run(World& world, const Scenario& scenario, Victim victim)
      : world_(world), scenario_(scenario), victim_(victim) {
    world_.serve(server_of(scenario), scenario.tls ? "tls+127.0.0.1:0" : "127.0.0.1:0");
  }

  bool operator()(std::uint64_t first, std::uint64_t count) {
    bool begun = false;
    const bool ended = world_.run(
        [&](Channel& beside) -> Task<void> {
          Status before = co_await call(beside);
          CHECK_MESSAGE(before.ok(), before.to_string());
          begun = co_await in_shortage(first, count);
          // A client without memory may have ended any of its connections. The server must not end this one.
          Status after = co_await call(beside);
          CHECK_MESSAGE(after.ok(), after.to_string());
        },
        plain_options());
    CHECK_MESSAGE(ended, "a call hangs");
    world_.stop();
    CHECK(world_.service().running == 0);
    return begun;
  }

 private:
  /// The options of the other calls, which have no interceptors.
  ChannelOptions plain_options() const {
    ChannelOptions options = client_of(scenario_);
    options.interceptors.clear();
    return options;
  }

  static Task<Status> call(Channel& channel) {
    CallOptions options;
    options.wait_for_ready = true;
    options.timeout = 10min;
    const auto answer = co_await unary(channel, "Echo", "beside", options);
    co_return status_of(answer);
  }

  Task<bool> in_shortage(std::uint64_t first, std::uint64_t count) {
    Shard* const concerned = victim_ == Victim::server ? &world_.server_shard() : &world_.client_shard();
    Channel channel(world_.address(), client_of(scenario_));
    Shortage shortage(first, count, [=] { return Shard::current() == concerned; });
    Status status;
    try {
      status = co_await scenario_.play(channel);
    } catch (const std::bad_alloc&) {  // thrown by this test's own code, or because no call could be made
      status = out_of_memory();
    }
    shortage.end();
    if (status.cause() == Cause::out_of_memory) CHECK(shortage.begun());
    check_outcome(status);
    co_await sleep_for(1ms);  // by then a broken connection has been removed
    Status again = co_await call(channel);
    CHECK_MESSAGE(again.ok(), again.to_string());
    co_return shortage.begun();
  }

  World& world_;
  const Scenario& scenario_;
  Victim victim_;
};

/// Runs once for each allocation until none is left to fail. Returns the number of allocations.
template <class RunOnce>
std::uint64_t fail_each(std::uint64_t step, RunOnce run_once) {
  std::uint64_t first = 0;
  for (bool begun = true; begun; first += step) {
    CAPTURE(first);
    begun = run_once(first);
  }
  return first;
}

/// A scenario with at most this number has not been affected by the shortage. A server's connection takes
/// most of its memory from pools and from its own block.
std::uint64_t fewest_allocations(Victim victim) { return victim == Victim::server ? 5 : 10; }

void fail_every_allocation(Victim victim) {
  test::let_openssl_run_out();
  for (const Scenario& scenario : scenarios()) {
    CAPTURE(scenario.name);
    // TLS makes thousands of allocations, most of them similar ones in OpenSSL.
    const std::uint64_t step = scenario.tls ? 7 : 1;
    for (const std::uint64_t count : {1, 2, 50}) {
      CAPTURE(count);
      const std::uint64_t allocations = fail_each(step, [&](std::uint64_t first) {
        SimulatedWorld world(1);
        const bool begun = Run(world, scenario, victim)(first, count);
        world.simulation().run_for(1min);
        CHECK(world.simulation().clean());
        return begun;
      });
      CHECK(allocations > fewest_allocations(victim));
    }
  }
}

TEST_CASE("a server that runs out of memory ends a call or a connection, and continues to serve") {
  fail_every_allocation(Victim::server);
}

TEST_CASE("a client that runs out of memory ends a call, and continues to call") {
  fail_every_allocation(Victim::client);
}

TEST_CASE("servers and clients survive that over real sockets, on every backend") {
  for (const IoBackend backend : test::kernel_backends()) {
    for (const Victim victim : {Victim::server, Victim::client}) {
      CAPTURE(victim == Victim::server);
      const std::uint64_t allocations = fail_each(1, [&](std::uint64_t first) {
        RealWorld world(backend);
        CAPTURE(world.server_shard().io().name());
        const bool begun = Run(world, scenarios().front(), victim)(first, 1);
        CHECK(world.server_shard().slabs().in_use() + world.client_shard().slabs().in_use() == 0);
        return begun;
      });
      CHECK(allocations > fewest_allocations(victim));
    }
  }
}

}  // namespace
}  // namespace ringrpc
