/// Each end limits the headers that it takes.

#include <doctest/doctest.h>
#include <string>

#include "rpc/client/raw_host.h"
#include "rpc/world.h"
#include "text_data.h"

namespace ringrpc {
namespace {

/// A call with a token of that many bytes, which the handler returns as initial metadata.
Task<CallResult<RawMessage>> with_token(Channel& channel, std::size_t bytes) {
  CallOptions options;
  (void)options.metadata.add("x-token", std::string(bytes, 't'));
  co_return co_await unary(channel, "Metadata", "x", options);
}

TEST_CASE("a token longer than 8 KiB goes to a server that takes it") {
  for_each_world([](World& world) {
    world.serve({.max_header_list_bytes = 16 * 1024});
    CHECK(world.run(
        [](Channel& channel) -> Task<void> {
          const auto answer = co_await with_token(channel, 9'000);
          REQUIRE_MESSAGE(answer, answer.error().to_string());
          CHECK(answer.metadata.initial.find("x-token") == std::string(9'000, 't'));
          const auto refused = co_await with_token(channel, 17'000);
          REQUIRE_FALSE(refused);
          CHECK(refused.error().code() == Code::RESOURCE_EXHAUSTED);
          CHECK(refused.error().message().find("at most 16384 can go to") != std::string_view::npos);
        },
        {.max_header_list_bytes = 16 * 1024}));
  });
}

TEST_CASE("the client limits the headers of a response") {
  SimulatedWorld world(1);
  world.serve({.max_header_list_bytes = 64 * 1024});
  const auto ask = [&](std::size_t bytes, std::size_t taken) {
    Status status;
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> {
          const auto answer = co_await with_token(channel, bytes);
          if (!answer) status = answer.error();
        },
        {.max_header_list_bytes = taken}));
    return status.to_string();
  };
  CHECK(ask(63'000, 64 * 1024) == "OK");
  CHECK(test::missing(ask(9'000, 8 * 1024), {"RESOURCE_EXHAUSTED: the response", "9141", "8192"}) == "");
  CHECK(test::missing(ask(900, 1024), {"RESOURCE_EXHAUSTED: the response", "1041", "1024"}) == "");
}

TEST_CASE("larger headers than the client takes, from a server that ignores the limit, are reported") {
  SimulatedWorld world(1);
  test::RawHost host(world);
  host.answer = [](RawPeer& peer, std::uint32_t stream) {
    return peer.encoder.headers(
        stream,
        {{":status", "200"}, {"content-type", "application/grpc"}, {"x-token", std::string(9'000, 't')}});
  };
  CHECK(host.serve([](Channel& channel) -> Task<void> {
    const auto answer = co_await unary(channel, "Echo", "x");
    REQUIRE_FALSE(answer);
    CHECK(test::missing(answer.error().to_string(),
                        {"RESOURCE_EXHAUSTED: the response", "8192", "max_header_list_bytes"}) == "");
    CHECK(answer.error().cause() == Cause::metadata_too_large);
  }));
}

TEST_CASE("each end takes as many fields of metadata as its option allows") {
  const auto ask = [](std::uint32_t server_takes, std::uint32_t client_takes) {
    SimulatedWorld world(1);
    world.serve({.max_header_list_bytes = 64 * 1024, .max_header_fields = server_takes});
    std::string outcome;
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> {
          CallOptions options;
          for (int at = 0; at < 500; ++at) CHECK(options.metadata.add("x-" + std::to_string(at), "y").ok());
          const auto response = co_await unary(channel, "Metadata", "x", options);
          outcome = response ? "OK" : response.error().to_string();
        },
        {.max_header_list_bytes = 64 * 1024, .max_header_fields = client_takes}));
    return outcome;
  };
  CHECK(ask(600, 600) == "OK");
  CHECK(test::missing(ask(499, 600), {"RESOURCE_EXHAUSTED: the request", "499 fields"}) == "");
  CHECK(test::missing(ask(600, 499),
                      {"RESOURCE_EXHAUSTED: the response", "499 fields", "max_header_fields"}) == "");
}

TEST_CASE("an impossible limit of header lists is refused") {
  RawService service;
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{1023}, std::size_t{65'537}, std::size_t{1} << 32}) {
    const std::string refusal =
        "INVALID_ARGUMENT: max_header_list_bytes is " + std::to_string(bytes) + "; choose 1024 to 65536";
    const auto server =
        Server::start({&service}, {.listen = {"127.0.0.1:0"}, .shards = 1, .max_header_list_bytes = bytes});
    REQUIRE_FALSE(server);
    CHECK(server.error().to_string() == refusal);
    SimulatedWorld world(1);
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> {
          const auto answer = co_await unary(channel, "Echo", "x");
          REQUIRE_FALSE(answer);
          CHECK(answer.error().to_string() == refusal);
        },
        {.max_header_list_bytes = bytes}));
  }
  for (const std::uint32_t fields : {15U, 2049U}) {
    const auto server =
        Server::start({&service}, {.listen = {"127.0.0.1:0"}, .shards = 1, .max_header_fields = fields});
    REQUIRE_FALSE(server);
    CHECK(server.error().to_string() ==
          "INVALID_ARGUMENT: max_header_fields is " + std::to_string(fields) + "; choose 16 to 2048");
  }
}

}  // namespace
}  // namespace ringrpc
