/// The deadline and cancellation that a handler's calls inherit, its shielded sections, and the details of a
/// status.

#include <array>
#include <doctest/doctest.h>
#include <optional>
#include <string>

#include "ringrpc/shield.h"

#include "rpc/client/raw_host.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;

const std::string details_bytes("\x08\x05\x12\x02no\0\xff", 8);

/// Handlers that call their own server, and one that must not stop halfway.
class Middle final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Middle"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{
        method<&Middle::deadline>("Deadline"),  method<&Middle::ask_deadline>("AskDeadline"),
        method<&Middle::ask_sleep>("AskSleep"), method<&Middle::book>("Book"),
        method<&Middle::details>("Details"),
    };
    return methods;
  }

  std::optional<Channel> channel;
  int handlers = 0;
  int entries = 0;

 private:
  struct Presence {
    explicit Presence(int& counted) noexcept : count(counted) { ++count; }
    Presence(const Presence&) = delete;
    ~Presence() { --count; }
    int& count;
  };

  /// The milliseconds that the caller still waits, or "none" without a deadline.
  Task<Result<RawMessage>> deadline(Call& call, RawMessage) {
    if (call.deadline() == never) co_return RawMessage{"none"};
    co_return RawMessage{std::to_string((call.deadline() - call.now()) / 1ms)};
  }

  Task<Result<RawMessage>> ask_deadline(Call& call, RawMessage request) {
    co_await sleep_for(1s);
    const CallOptions options = CallOptions::from(call);
    co_return co_await channel->unary<RawMessage, RawMessage>("/test.v1.Middle/Deadline", std::move(request),
                                                              options);
  }

  Task<Result<RawMessage>> ask_sleep(Call& call, RawMessage request) {
    const Presence present(handlers);
    const CallOptions options = CallOptions::from(call);
    co_return co_await channel->unary<RawMessage, RawMessage>("/test.v1.Raw/Sleep", std::move(request),
                                                              options);
  }

  Task<Result<RawMessage>> book(Call&, RawMessage request) {
    const Presence present(handlers);
    co_return co_await shield(book_both(std::move(request)));
  }

  Task<CallResult<RawMessage>> book_both(RawMessage request) {
    ++entries;
    co_await sleep_for(1s);
    ++entries;
    co_return request;
  }

  Task<Result<RawMessage>> details(Call&, RawMessage) {
    Status status(Code::NOT_FOUND, "no such thing");
    co_return std::unexpected(std::move(status).with_details(details_bytes));
  }
};

struct MiddleWorld {
  MiddleWorld() : world(1) {
    world.also_serve(middle);
    world.serve({});
    middle.channel.emplace(world.address());
  }
  ~MiddleWorld() { world.stop(); }

  Task<CallResult<RawMessage>> call(Channel& channel, std::string_view method, std::string request,
                                    Nanoseconds timeout) {
    CallOptions options;
    options.timeout = timeout;
    return channel.unary<RawMessage, RawMessage>(method, RawMessage{std::move(request)}, options);
  }

  SimulatedWorld world;
  Middle middle;
};

TEST_CASE("a call made for another inherits its remaining time") {
  MiddleWorld at;
  CHECK(at.world.run([&](Channel& channel) -> Task<void> {
    const auto left = co_await at.call(channel, "/test.v1.Middle/AskDeadline", "", 10s);
    REQUIRE(left);
    CHECK(std::stoi(left->bytes) <= 9000);
    CHECK(std::stoi(left->bytes) >= 8990);
    const auto none = co_await at.call(channel, "/test.v1.Middle/AskDeadline", "", Nanoseconds::max());
    REQUIRE(none);
    CHECK(none->bytes == "none");
  }));
}

TEST_CASE("the sooner of a call's own timeout and what it inherits counts") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    CallOptions options;
    for (const Nanoseconds inherited : {Nanoseconds(1h), Nanoseconds(1s)}) {
      options.timeout = inherited == 1s ? Nanoseconds(1h) : Nanoseconds(1s);
      const Instant before = world.simulation().now();
      options.deadline = after(before, inherited);
      const auto late = co_await unary(channel, options);
      REQUIRE_FALSE(late);
      CHECK(late.error().code() == Code::DEADLINE_EXCEEDED);
      CHECK(world.simulation().now() - before <= 1100ms);
    }
  }));
}

TEST_CASE("cancelling a call cancels those that its handler made") {
  MiddleWorld at;
  CHECK(at.world.run([&](Channel& channel) -> Task<void> {
    {
      const auto asking = at.call(channel, "/test.v1.Middle/AskSleep", "600000", Nanoseconds::max());
      asking.start();
      while (at.world.service().running == 0) co_await sleep_for(1ms);
      CHECK(at.middle.handlers == 1);
    }
    while (at.world.service().running > 0) co_await sleep_for(1ms);
    CHECK(at.middle.handlers == 0);
  }));
}

TEST_CASE("a shielded section gives its result to the handler that waits") {
  MiddleWorld at;
  CHECK(at.world.run([&](Channel& channel) -> Task<void> {
    const auto booked = co_await at.call(channel, "/test.v1.Middle/Book", "one", 1h);
    REQUIRE(booked);
    CHECK(booked->bytes == "one");
    CHECK(at.middle.entries == 2);
  }));
}

TEST_CASE("a shielded section completes even if its call is cancelled halfway") {
  MiddleWorld at;
  CHECK(at.world.run([&](Channel& channel) -> Task<void> {
    const auto late = co_await at.call(channel, "/test.v1.Middle/Book", "one", 500ms);
    REQUIRE_FALSE(late);
    while (at.middle.handlers > 0) co_await sleep_for(1ms);
    CHECK(at.middle.entries == 1);
    co_await sleep_for(1s);
    CHECK(at.middle.entries == 2);
  }));
}

TEST_CASE("a status's details arrive byte for byte") {
  MiddleWorld at;
  CHECK(at.world.run([&](Channel& channel) -> Task<void> {
    const auto failed = co_await at.call(channel, "/test.v1.Middle/Details", "", 1h);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().to_string() == "NOT_FOUND: no such thing");
    CHECK(failed.error().details() == details_bytes);
  }));
}

TEST_CASE("a status's details are base64 on the wire, sent without padding") {
  MiddleWorld at;
  const auto peer = RawPeer::before_server(at.world);
  peer->request(1, "/test.v1.Middle/Details", message(""));
  REQUIRE(at.world.run_until([&] { return peer->ended(1); }));
  CHECK(peer->field(1, "grpc-status-details-bin") == "CAUSAm5vAP8");
}

TEST_CASE("a status's details are taken with and without padding") {
  for (const char* sent : {"CAUSAm5vAP8", "CAUSAm5vAP8="}) {
    SimulatedWorld world(1);
    RawHost host(world);
    host.answer = headers_only(
        http2::test::with(good_headers, {{"grpc-status", "5"}, {"grpc-status-details-bin", sent}}));
    CHECK(host.serve([](Channel& channel) -> Task<void> {
      const auto failed = co_await unary(channel);
      REQUIRE_FALSE(failed);
      CHECK(failed.error().details() == details_bytes);
    }));
  }
}

}  // namespace
}  // namespace ringrpc::test
