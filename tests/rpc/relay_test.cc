/// The relay among the documentation's examples: any method passes through it, unparsed.

#include "../../docs/examples/relay/relay.h"

#include <chrono>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "ringrpc/sleep.h"

#include "rpc/direct_call.h"
#include "rpc/server/raw_service.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

/// The status of `method`, called through a relay to `channel` with these messages.
Task<Status> call_through(Channel& channel, std::string_view method, const std::vector<std::string>& requests,
                          std::string& answered) {
  const RawService mirrored;
  Relay relay(mirrored, channel);
  CHECK(relay.service_methods().size() == mirrored.service_methods().size());
  testing::FakeStream stream;
  testing::FakeCall call("/test.v1.Raw/" + std::string(method));
  const Task<Status> task = method_named(relay, method).serve(relay, call, stream);
  task.start();
  for (const std::string& request : requests) {
    co_await sleep_for(std::chrono::milliseconds(1));
    stream.receive_bytes(request);
  }
  stream.receive_end();
  while (!task.done()) co_await sleep_for(std::chrono::milliseconds(1));
  for (const RawMessage& message : stream.sent<RawMessage>()) answered += message.bytes + ";";
  if (call.trailing_metadata().find("x-reason")) answered += "(with a reason)";
  co_return task.result();
}

TEST_CASE("a fallback relays the methods of any service") {
  SimulatedWorld world(1);
  CHECK(world.run([](Channel& channel) -> Task<void> {
    RelayAll relay(channel);
    const auto relayed = [&](std::string path) -> Task<std::string> {
      testing::FakeStream stream;
      testing::FakeCall call(path);
      const Task<Status> task = relay.serve(call, stream);
      task.start();
      stream.receive_bytes("x");
      stream.receive_end();
      while (!task.done()) co_await sleep_for(std::chrono::milliseconds(1));
      const auto sent = stream.sent<RawMessage>();
      co_return sent.empty() ? task.result().to_string() : sent.front().bytes;
    };
    CHECK(co_await relayed("/test.v1.Raw/Echo") == "x");
    CHECK(co_await relayed("/test.v1.Other/Echo") == "UNIMPLEMENTED: unknown service test.v1.Other");
  }));
}

TEST_CASE("a relay forwards calls of every kind, and their failures") {
  SimulatedWorld world(1);
  CHECK(world.run([](Channel& channel) -> Task<void> {
    struct Case {
      std::string method;
      std::vector<std::string> requests;
      std::string answered;
      Code code = Code::OK;
    };
    const std::vector<Case> cases{{"Echo", {"\x01 no protobuf"}, "\x01 no protobuf;"},
                                  {"Count", {"3"}, "0;1;2;"},
                                  {"Join", {"a", "b", "c"}, "abc;"},
                                  {"Chat", {"x", "y"}, "x;y;"},
                                  {"Fail", {"5"}, "(with a reason)", Code::NOT_FOUND}};
    for (const Case& each : cases) {
      CAPTURE(each.method);
      std::string answered;
      const Status status = co_await call_through(channel, each.method, each.requests, answered);
      CHECK(status.code() == each.code);
      CHECK(answered == each.answered);
    }
  }));
}

}  // namespace
}  // namespace ringrpc
