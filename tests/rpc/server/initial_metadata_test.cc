/// A handler may send its initial metadata before it has a message.

#include <array>
#include <chrono>
#include <doctest/doctest.h>
#include <string>

#include "ringrpc/sleep.h"

#include "rpc/server/raw_peer.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
namespace frame_type = http2::test::frame_type;

/// Sends its name at once; its messages wait for the caller's.
class Prompt final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Prompt"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{
        method<&Prompt::chat>("Chat"),
        method<&Prompt::much>("Much"),
        method<&Prompt::fail_later>("Fail"),
    };
    return methods;
  }

 private:
  Task<Status> chat(Call& call, Reader<RawMessage>& in, Writer<RawMessage>& out) {
    CHECK(call.initial_metadata().add("x-begin", "1").ok());
    call.send_initial_metadata();
    CHECK(call.initial_metadata().add("x-late", "2").ok());
    call.send_initial_metadata();  // has been
    while (auto message = co_await in.next()) co_await out.write(*message);
    co_return Status();
  }
  Task<Status> much(Call& call, Reader<RawMessage>& in, Writer<RawMessage>& out) {
    CHECK(call.initial_metadata().add("x-much", std::string(70'000, 'x')).ok());
    call.send_initial_metadata();
    while (auto message = co_await in.next()) co_await out.write(*message);
    co_return Status();
  }
  Task<Result<RawMessage>> fail_later(Call& call, RawMessage) {
    call.send_initial_metadata();
    co_await sleep_for(1s);
    co_return fail(Code::ABORTED, "later");
  }
};

struct PromptWorld {
  PromptWorld() : world(1) {
    world.also_serve(service);
    world.serve({});
    peer = RawPeer::before_server(world);
  }
  std::size_t headers(std::uint32_t id) const {
    std::size_t count = 0;
    for (const auto& frame : peer->frames)
      count += frame.stream_id == id && frame.type == frame_type::headers ? 1 : 0;
    return count;
  }
  SimulatedWorld world;
  Prompt service;
  std::unique_ptr<RawPeer> peer;
};

TEST_CASE("initial metadata leaves when the handler sends it, once") {
  PromptWorld at;
  at.peer->begin(1, "/test.v1.Prompt/Chat");
  at.world.simulation().run_for(1s);
  CHECK(at.headers(1) == 1);
  CHECK(at.peer->field(1, "x-begin") == "1");
  CHECK(at.peer->body(1).empty());
  at.peer->send_body(1, message("hello"), http2::test::end_stream);
  REQUIRE(at.world.run_until([&] { return at.peer->ended(1); }));
  CHECK(at.headers(1) == 2);
  CHECK(at.peer->body(1) == message("hello"));
  CHECK_FALSE(at.peer->field(1, "x-late"));
  CHECK(at.peer->field(1, "grpc-status") == "0");
}

TEST_CASE("a call that fails after its initial metadata ends with trailers") {
  PromptWorld at;
  at.peer->request(1, "/test.v1.Prompt/Fail", message("x"));
  at.world.simulation().run_for(500ms);
  CHECK(at.headers(1) == 1);
  CHECK_FALSE(at.peer->field(1, "grpc-status"));
  REQUIRE(at.world.run_until([&] { return at.peer->ended(1); }));
  CHECK(at.headers(1) == 2);
  CHECK(at.peer->field(1, "grpc-status") == "10");
}

TEST_CASE("initial metadata that is too large fails the call when it is sent") {
  PromptWorld at;
  at.peer->begin(1, "/test.v1.Prompt/Much");
  REQUIRE(at.world.run_until([&] { return at.peer->ended(1); }));
  CHECK(at.headers(1) == 1);
  CHECK(at.peer->field(1, "grpc-status") == "8");
}

TEST_CASE("a client has the initial metadata while it waits for the first message") {
  SimulatedWorld world(1);
  Prompt service;
  world.also_serve(service);
  CHECK(world.run([](Channel& channel) -> Task<void> {
    auto chat = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Prompt/Chat");
    const Metadata& initial = co_await chat.initial_metadata();
    CHECK(initial.find("x-begin") == "1");
    const RawMessage hello("hello");
    CHECK(co_await chat.write(hello));
    chat.writes_done();
    const auto answer = co_await chat.next();
    REQUIRE(answer);
    CHECK(answer->bytes == "hello");
    const Status status = co_await chat.finish();
    CHECK(status.ok());
    const Metadata& still = co_await chat.initial_metadata();
    CHECK(still.find("x-begin") == "1");
  }));
}

TEST_CASE("waiting for initial metadata ends with the call if none arrives") {
  SimulatedWorld world(1);
  Prompt service;
  world.also_serve(service);
  CHECK(world.run([](Channel& channel) -> Task<void> {
    auto nowhere = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Prompt/Nowhere");
    const Metadata& initial = co_await nowhere.initial_metadata();
    const Status status = co_await nowhere.finish();
    CHECK(status.code() == Code::UNIMPLEMENTED);
    CHECK(initial.empty());
  }));
}

}  // namespace
}  // namespace ringrpc
