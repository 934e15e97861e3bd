/// Callers limit the size of header blocks. A larger block does not cost them the call's outcome.

#include <array>
#include <doctest/doctest.h>
#include <string>
#include <string_view>

#include "rpc/server/raw_peer.h"
#include "rpc/wire/percent_encoding.h"

namespace ringrpc {
namespace {

/// Responds with as much of something as the request says.
class Verbose final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Verbose"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{
        method<&Verbose::details>("Details"),   method<&Verbose::fail_with_percents>("Message"),
        method<&Verbose::initial>("Initial"),   method<&Verbose::initial_then_fail>("InitialThenFail"),
        method<&Verbose::trailing>("Trailing"),
    };
    return methods;
  }

 private:
  static std::string filler(const RawMessage& count) { return std::string(std::stoul(count.bytes), 'x'); }

  Task<Result<RawMessage>> details(Call&, RawMessage request) {
    co_return std::unexpected(Status(Code::NOT_FOUND, "no such key").with_details(filler(request)));
  }
  Task<Result<RawMessage>> fail_with_percents(Call&, RawMessage request) {
    co_return fail(Code::NOT_FOUND, std::string(std::stoul(request.bytes), '%'));
  }
  Task<Result<RawMessage>> initial(Call& call, RawMessage request) {
    (void)call.initial_metadata().add("x-much", filler(request));
    co_return RawMessage{"y"};
  }
  Task<Result<RawMessage>> initial_then_fail(Call& call, RawMessage request) {
    (void)call.initial_metadata().add("x-much", filler(request));
    co_return fail(Code::NOT_FOUND, "no such key");
  }
  Task<Status> trailing(Call& call, RawMessage request, Writer<RawMessage>& out) {
    (void)call.trailing_metadata().add("x-much", filler(request));
    co_await out.write(RawMessage{"y"});
    co_return Status();
  }
};

/// A caller that announces the limit of its header lists.
struct Limited {
  explicit Limited(const std::string& settings) : world(1) {
    world.also_serve(service);
    world.serve({});
    peer = RawPeer::before_server(world, settings);
  }

  /// The status, such as "5: no such key", of a request for `count` bytes.
  std::string ask(std::string_view method, std::size_t count) {
    next_id += 2;
    peer->request(next_id, "/test.v1.Verbose/" + std::string(method), message(std::to_string(count)));
    REQUIRE(world.run_until([&] { return peer->ended(next_id) || !peer->resets(next_id).empty(); }));
    CHECK(peer->resets(next_id).empty());
    return peer->field(next_id, "grpc-status").value_or("none") + ": " +
           percent_decode(peer->field(next_id, "grpc-message").value_or(""));
  }

  SimulatedWorld world;
  Verbose service;
  std::unique_ptr<RawPeer> peer;
  std::uint32_t next_id = static_cast<std::uint32_t>(-1);
};

/// SETTINGS_MAX_HEADER_LIST_SIZE.
std::string list_size(std::uint32_t bytes) { return http2::test::settings({{6, bytes}}); }

TEST_CASE("a status that is larger than the client accepts becomes RESOURCE_EXHAUSTED, which says so") {
  Limited limited(list_size(1000));
  CHECK(limited.ask("Details", 300) == "5: no such key");
  CHECK(limited.peer->field(1, "grpc-status-details-bin"));
  CHECK(limited.ask("Details", 3000) ==
        "8: the trailers of a call that ended with NOT_FOUND have 4256 bytes, the client's limit is 1000");
  CHECK_FALSE(limited.peer->field(3, "grpc-status-details-bin"));
  CHECK(limited.world.server().counters().calls_failed == 2);
}

TEST_CASE("trailing metadata that is larger than the client accepts fails the call") {
  Limited limited(list_size(1000));
  CHECK(limited.ask("Trailing", 800) == "0: ");
  CHECK(limited.ask("Trailing", 1000) ==
        "8: the trailers of a call that ended with OK have 1082 bytes, the client's limit is 1000");
  CHECK(limited.peer->body(3) == message("y"));
  CHECK_FALSE(limited.peer->field(3, "x-much"));
  CHECK(limited.world.server().counters().calls_succeeded == 1);
  CHECK(limited.world.server().counters().calls_failed == 1);
}

TEST_CASE("initial metadata that is larger than the client accepts fails the call before its first message") {
  Limited limited(list_size(1000));
  CHECK(limited.ask("Initial", 800) == "0: ");
  for (const char* method : {"Initial", "InitialThenFail"}) {
    CAPTURE(method);
    CHECK(limited.ask(method, 1000) ==
          "8: the response's headers have 1140 bytes, the client's limit is 1000");
    CHECK(limited.peer->body(limited.next_id).empty());
    CHECK_FALSE(limited.peer->field(limited.next_id, "x-much"));
  }
}

TEST_CASE("callers that set no limit get up to 64 KiB") {
  Limited limited(http2::test::settings());
  CHECK(limited.ask("Trailing", 15'000) == "0: ");
  CHECK(limited.ask("Trailing", 66'000) ==
        "8: the trailers of a call that ended with OK have 66082 bytes, the client's limit is 65536");
  CHECK(limited.ask("Initial", 66'000) ==
        "8: the response's headers have 66140 bytes, the client's limit is 65536");
  CHECK(limited.ask("Details", 66'000) ==
        "8: the trailers of a call that ended with NOT_FOUND have 88256 bytes, the client's limit is 65536");
}

TEST_CASE("a message is cut to what the client accepts") {
  Limited limited(list_size(1000));
  CHECK(limited.ask("Message", 150) == "5: " + std::string(150, '%'));
  CHECK(limited.ask("Message", 1000) == "5: " + std::string(163, '%') + "...");
}

TEST_CASE("a caller that takes next to nothing gets a status all the same") {
  Limited limited(list_size(0));
  CHECK(limited.ask("Message", 1000) ==
        "8: the trailers of a call that ended with NOT_FOUND have 376 byt...");
  CHECK(limited.ask("Trailing", 0).starts_with("8: the trailers of a call"));
}

}  // namespace
}  // namespace ringrpc
