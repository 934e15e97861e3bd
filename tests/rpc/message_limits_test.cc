/// Messages that are larger than either end takes, or its own program lets it send.

#include <array>
#include <doctest/doctest.h>
#include <limits>
#include <string>

#include "apps/captured_stderr.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

TEST_CASE("messages beyond the limit are refused either way") {
  SimulatedWorld world(3);
  ServerOptions options;
  options.max_message_bytes = 1000;
  world.serve(options);
  CHECK(world.run([](Channel& channel) -> Task<void> {
    const auto at_limit = co_await unary(channel, "Echo", std::string(1000, 'x'));
    CHECK(at_limit);
    const auto request = co_await unary(channel, "Echo", std::string(1001, 'x'));
    REQUIRE_FALSE(request);
    CHECK(request.error().to_string() ==
          "RESOURCE_EXHAUSTED: the server received a message of 1001 bytes, the limit is 1000");
    CHECK(request.error().cause() == Cause::other);
    const auto response = co_await unary(channel, "Inflate", "1001");
    REQUIRE_FALSE(response);
    CHECK(response.error().to_string() ==
          "RESOURCE_EXHAUSTED: the response has 1001 bytes, the limit is 1000");
  }));
  CHECK(world.run(
      [](Channel& channel) -> Task<void> {
        const auto received = co_await unary(channel, "Inflate", "501");
        REQUIRE_FALSE(received);
        CHECK(received.error().to_string() ==
              "RESOURCE_EXHAUSTED: received a message of 501 bytes, the limit is 500");
        CHECK(received.error().cause() == Cause::message_too_large);
      },
      {.max_message_bytes = 500}));
}

TEST_CASE("the limit of responses may be another than that of requests") {
  SimulatedWorld world(3);
  ServerOptions options;
  options.max_message_bytes = 1000;
  options.max_response_bytes = 2000;
  world.serve(options);
  const apps::CapturedStderr captured;
  CHECK(world.run([](Channel& channel) -> Task<void> {
    const auto request = co_await unary(channel, "Echo", std::string(1001, 'x'));
    CHECK_FALSE(request);
    const auto at_limit = co_await unary(channel, "Inflate", "2000");
    CHECK_MESSAGE(at_limit, at_limit.error().to_string());
    const auto response = co_await unary(channel, "Inflate", "2001");
    REQUIRE_FALSE(response);
    CHECK(response.error().to_string() ==
          "RESOURCE_EXHAUSTED: the response has 2001 bytes, the limit is 2000");
  }));
  CHECK(captured.text().find("without a message") == std::string::npos);  // the handler has returned one
}

/// A message whose size exceeds what a prefix can express.
struct Endless {};

}  // namespace

template <>
struct Codec<Endless> {
  static std::size_t size(const Endless&) { return std::size_t{1} << 32; }
  static void serialize(const Endless&, std::uint8_t*) { FAIL("there is no room for it"); }
};

namespace {

/// Responds with a message that is too long for its prefix.
class Boundless final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Boundless"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&Boundless::answer>("Answer")};
    return methods;
  }

 private:
  Task<Result<Endless>> answer(Call&, RawMessage) { co_return Endless(); }
};

TEST_CASE("a message of a request beyond the channel's limit does not leave") {
  for_each_world([](World& world) {
    const auto script = [&](Channel& channel) -> Task<void> {
      const std::string refusal =
          "RESOURCE_EXHAUSTED: the request has a message of 1001 bytes, the limit is 1000 "
          "(max_request_bytes)";
      for (const Compression compression : {Compression::identity, Compression::gzip}) {
        CallOptions options;
        options.compression = compression;
        CHECK(co_await unary(channel, "Echo", std::string(1000, 'x'), options));
        const int started = world.service().started;
        const auto refused = co_await unary(channel, "Echo", std::string(1001, 'x'), options);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().to_string() == refusal);
        CHECK(world.service().started == started);
      }

      auto chatting = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Raw/Chat");
      CHECK(co_await chatting.write(RawMessage{"x"}));
      CHECK(co_await chatting.next());
      CHECK_FALSE(co_await chatting.write(RawMessage{std::string(1001, 'x')}));
      CHECK_FALSE(co_await chatting.next());
      CHECK((co_await chatting.finish()).to_string() == refusal);
      while (world.service().running > 0) co_await sleep_for(1ms);
    };
    CHECK(world.run(script, {.max_request_bytes = 1000}));
  });
}

TEST_CASE("no message is longer than its prefix can say, whatever the limits") {
  SimulatedWorld world(1);
  Boundless service;
  world.also_serve(service);
  constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();
  ServerOptions options;
  options.max_response_bytes = no_limit;
  world.serve(options);
  const auto script = [](Channel& channel) -> Task<void> {
    const auto request = co_await channel.unary<Endless, RawMessage>(echo_path, {}, {});
    REQUIRE_FALSE(request);
    CHECK(request.error().to_string() ==
          "RESOURCE_EXHAUSTED: the request has a message of 4294967296 bytes, the limit is 4294967295 "
          "(max_request_bytes)");
    const auto response =
        co_await channel.unary<RawMessage, RawMessage>("/test.v1.Boundless/Answer", RawMessage{}, {});
    REQUIRE_FALSE(response);
    CHECK(response.error().to_string() ==
          "RESOURCE_EXHAUSTED: the response has 4294967296 bytes, the limit is 4294967295");
  };
  CHECK(world.run(script, {.max_request_bytes = no_limit}));
}

}  // namespace
}  // namespace ringrpc
