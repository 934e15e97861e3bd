// Stubs are replaced by mocks, which return calls that the test scripts.
#include "ringrpc/testing/fake_client_call.h"

#include <doctest/doctest.h>
#include <stdexcept>
#include <string>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"
#include "ringrpc/codec.h"

#include "echo/v1/echo.ringrpc.h"
#include "text_data.h"

namespace ringrpc {
namespace {

using echo::v1::EchoRequest;
using echo::v1::EchoResponse;
using echo::v1::EchoService;
using testing::FakeClientCall;

EchoResponse response_of(std::string payload) {
  EchoResponse response;
  response.set_payload(std::move(payload));
  return response;
}

Metadata metadata_of(std::string_view name, std::string_view value) {
  Metadata metadata;
  CHECK(metadata.add(name, value).ok());
  return metadata;
}

class MockEcho final : public EchoService::StubInterface {
 public:
  Task<CallResult<EchoResponse>> Echo(EchoRequest request, CallOptions) const override {
    if (request.payload().empty()) co_return fail(Code::INVALID_ARGUMENT, "an empty payload");
    CallResult<EchoResponse> result(response_of(request.payload()));
    result.metadata.trailing = metadata_of("cost", "12");
    co_return result;
  }
};

Task<CallResult<EchoResponse>> ask(const EchoService::StubInterface& stub, std::string payload) {
  EchoRequest request;
  request.set_payload(std::move(payload));
  co_return co_await stub.Echo(request);
}

TEST_CASE("a mock stands in for a stub, default arguments included") {
  const MockEcho mock;
  const CallResult<EchoResponse> response = block_on(ask(mock, "x"));
  REQUIRE(response);
  CHECK(response->payload() == "x");
  CHECK(response.metadata.trailing.find("cost") == "12");
  CHECK(block_on(ask(mock, "")).error().code() == Code::INVALID_ARGUMENT);
}

TEST_CASE("a unary method that a mock does not override fails with UNIMPLEMENTED") {
  const EchoService::StubInterface nothing;
  const CallResult<EchoResponse> response = block_on(ask(nothing, "x"));
  REQUIRE_FALSE(response);
  CHECK(test::missing(response.error().to_string(), {"UNIMPLEMENTED: ", "/echo.v1.EchoService/Echo"}) == "");
}

/// The parts of a call that a client has seen.
struct Seen {
  std::vector<std::string> messages;
  std::string begin;
  std::string end;
  Status status;
};

Task<> read_all(ClientReader<EchoResponse>& reader, Seen& seen) {
  const Metadata& initial = co_await reader.initial_metadata();
  seen.begin = initial.find("x-begin").value_or("none");
  while (const auto message = co_await reader.next()) seen.messages.push_back(message->payload());
  seen.status = co_await reader.finish();
  seen.end = reader.trailing_metadata().find("x-end").value_or("none");
}

TEST_CASE("a reader gets what the test sends, whether before it asks or while it waits") {
  for (const bool ahead : {true, false}) {
    CAPTURE(ahead);
    FakeClientCall call;
    ClientReader<EchoResponse> reader(call.call());
    Seen seen;
    const Task<> reading = read_all(reader, seen);
    if (!ahead) reading.start();
    call.send_initial_metadata(metadata_of("x-begin", "1"));
    call.respond(response_of("a"));
    call.respond(response_of("b"));
    CHECK(seen.messages.size() == (ahead ? 0 : 2));
    call.finish(fail(Code::DATA_LOSS, "enough"), metadata_of("x-end", "2"));
    call.respond(response_of("too late"));
    if (ahead) reading.start();
    REQUIRE(reading.done());
    CHECK(seen.messages == std::vector<std::string>{"a", "b"});
    CHECK(seen.begin == "1");
    CHECK(seen.end == "2");
    CHECK(seen.status.to_string() == "DATA_LOSS: enough");
    CHECK_FALSE(call.cancelled());
  }
}

TEST_CASE("messages that are unread when the status is taken are dropped, as by a channel") {
  FakeClientCall call;
  ClientReader<EchoResponse> reader(call.call());
  call.respond(response_of("unread"));
  call.finish();
  const Task<> reading = [](auto& from) -> Task<> {
    CHECK((co_await from.finish()).ok());
    CHECK_FALSE(co_await from.next());
  }(reader);
  reading.start();
  CHECK(reading.done());
}

TEST_CASE("a writer's requests are recorded, and it waits for room") {
  FakeClientCall call;
  call.set_room(1);
  ClientWriter<EchoRequest, EchoResponse> writer(call.call());
  CallResult<EchoResponse> result;
  const auto write_two = [&]() -> Task<> {
    for (const char* const payload : {"1", "2"}) {
      EchoRequest request;
      request.set_payload(payload);
      CHECK(co_await writer.write(request));
    }
    result = co_await writer.finish();
  };
  const Task<> writing = write_two();
  writing.start();
  CHECK(call.requests<EchoRequest>().size() == 1);
  CHECK_FALSE(call.writes_ended());
  call.set_room(1);
  REQUIRE(call.requests<EchoRequest>().size() == 2);
  CHECK(call.requests<EchoRequest>()[1].payload() == "2");
  CHECK(call.writes_ended());
  CHECK_FALSE(writing.done());
  call.respond(response_of("both"));
  call.finish({}, metadata_of("x-end", "2"));
  REQUIRE(writing.done());
  REQUIRE(result);
  CHECK(result->payload() == "both");
  CHECK(result.metadata.trailing.find("x-end") == "2");
}

TEST_CASE("a write that waits fails when the call ends") {
  FakeClientCall call;
  call.set_room(0);
  ClientStream<EchoRequest, EchoResponse> stream(call.call());
  bool written = true;
  const auto write = [&]() -> Task<> { written = co_await stream.write(EchoRequest()); };
  const Task<> writing = write();
  writing.start();
  call.finish(fail(Code::UNAVAILABLE, "lost"));
  CHECK(writing.done());
  CHECK_FALSE(written);
  CHECK(call.requests<EchoRequest>().empty());
}

TEST_CASE("a client that cancels or drops its call is seen to") {
  FakeClientCall cancelled;
  ClientReader<EchoResponse> reader(cancelled.call());
  reader.cancel();
  CHECK(cancelled.cancelled());
  Status status;
  const auto finish = [&]() -> Task<> { status = co_await reader.finish(); };
  const Task<> finishing = finish();
  finishing.start();
  CHECK(status.code() == Code::CANCELLED);

  FakeClientCall dropped;
  (void)ClientReader<EchoResponse>(dropped.call());
  CHECK(dropped.cancelled());

  FakeClientCall ended;
  ended.finish();
  (void)ClientReader<EchoResponse>(ended.call());
  CHECK_FALSE(ended.cancelled());
}

TEST_CASE("a response that is not a message of its type fails the call") {
  FakeClientCall call;
  ClientReader<EchoResponse> reader(call.call());
  call.respond_bytes("\xff");
  call.finish();
  Seen seen;
  const Task<> reading = read_all(reader, seen);
  reading.start();
  CHECK(seen.status.code() == Code::INTERNAL);
  CHECK(seen.messages.empty());
}

TEST_CASE("one fake call is one call") {
  FakeClientCall call;
  const std::unique_ptr<ClientCall> only = call.call();
  CHECK_THROWS_WITH_AS((void)call.call(),
                       "a FakeClientCall is one call; give each call of the mock one of its own",
                       std::logic_error);
}

}  // namespace
}  // namespace ringrpc
