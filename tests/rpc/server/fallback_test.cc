/// A Fallback serves the calls to methods that no service of the server has.

#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/interceptor.h"
#include "ringrpc/server.h"
#include "ringrpc/testing/span_memory.h"

#include "rpc/kept_log.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

/// Responds to each message with the path and the message.
class PathMirror final : public Fallback {
 public:
  Task<Status> serve(Call& call, MessageStream& stream) override {
    Reader<RawMessage> in(stream);
    Writer<RawMessage> out(stream);
    while (auto message = co_await in.next()) {
      if (message->bytes == "fail") co_return fail(Code::DATA_LOSS, "as asked");
      co_await out.write(RawMessage{std::string(call.method()) + " " + message->bytes});
    }
    co_return Status();
  }
};

class PathWitness final : public Interceptor {
 public:
  Task<Status> intercept(Call& call, Next next) override {
    seen.emplace_back(call.method());
    co_return co_await next();
  }

  std::vector<std::string> seen;
};

Task<std::string> outcome_of(Channel& channel, std::string path, std::string request) {
  const auto answer = co_await channel.unary<RawMessage, RawMessage>(path, RawMessage{std::move(request)});
  co_return answer ? answer->bytes : answer.error().to_string();
}

TEST_CASE("a fallback serves every method that no service has, with the path and the bytes") {
  for_each_world([](World& world) {
    PathMirror mirror;
    PathWitness paths;
    world.serve({.fallback = &mirror, .interceptors = {&paths}});
    CHECK(world.run([](Channel& channel) -> Task<void> {
      CHECK(co_await outcome_of(channel, "/a.v1.B/Get", "\x01 no protobuf") ==
            "/a.v1.B/Get \x01 no protobuf");
      CHECK(co_await outcome_of(channel, "/test.v1.Raw/None", "x") == "/test.v1.Raw/None x");
      CHECK(co_await outcome_of(channel, "/test.v1.Raw/Echo", "x") == "x");
      CHECK(co_await outcome_of(channel, "/a.v1.B/Get", "fail") == "DATA_LOSS: as asked");
      auto chat = channel.bidirectional<RawMessage, RawMessage>("/a.v1.B/Chat");
      CHECK(co_await chat.write(RawMessage{"one"}));
      CHECK((co_await chat.next())->bytes == "/a.v1.B/Chat one");
      CHECK(co_await chat.write(RawMessage{"two"}));
      CHECK((co_await chat.next())->bytes == "/a.v1.B/Chat two");
      CHECK((co_await chat.finish()).ok());
    }));
    CHECK(paths.seen == std::vector<std::string>{"/a.v1.B/Get", "/test.v1.Raw/None", "/test.v1.Raw/Echo",
                                                 "/a.v1.B/Get", "/a.v1.B/Chat"});
  });
}

TEST_CASE("a path without a service or a method is refused in spite of a fallback") {
  SimulatedWorld world(1);
  PathMirror mirror;
  world.serve({.fallback = &mirror});
  CHECK(world.run([](Channel& channel) -> Task<void> {
    for (const char* path : {"/", "/x", "/x/", "//x"}) {
      CAPTURE(path);
      CHECK((co_await outcome_of(channel, path, "x")).starts_with("UNIMPLEMENTED: malformed path"));
    }
  }));
}

TEST_CASE("calls of a fallback count as unknown methods, whatever their paths") {
  SimulatedWorld world(1);
  PathMirror mirror;
  world.serve({.fallback = &mirror, .metrics = true});
  CHECK(world.run([&world](Channel& channel) -> Task<void> {
    for (const char* path : {"/a.v1.B/One", "/a.v1.B/Two"}) (void)co_await outcome_of(channel, path, "fail");
    const ServerMetrics& metrics = *world.server().metrics();
    std::vector<std::string> methods;
    metrics.failures.for_each([&](const RecentFailure& failure) { methods.emplace_back(failure.method); });
    CHECK(methods == std::vector<std::string>{"unknown", "unknown"});
    CHECK(metrics.calls().back().started() == 2);
  }));
}

TEST_CASE("logs and spans show no more of a path that no service has than its beginning") {
  SimulatedWorld world(1);
  PathMirror mirror;
  const test::KeptLog log(log::Level::debug);
  const auto spans = std::make_shared<testing::SpanMemory>();
  world.serve({.fallback = &mirror, .tracer = std::make_shared<const Tracer>(Tracer{.sink = spans})});
  const std::string path = "/a.v1.B/" + std::string(4'000, 'x');
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    CHECK((co_await outcome_of(channel, path, "x")) == path + " x");
    CHECK((co_await outcome_of(channel, path, "fail")) == "DATA_LOSS: as asked");
  }));
  CHECK(spans->named("Recv.unknown").size() == 2);
  CHECK(log.text().find(": " + path.substr(0, 100) + "...: DATA_LOSS: as asked") != std::string::npos);
  for (const std::string& line : log.lines()) CHECK(line.size() < 300);
}

}  // namespace
}  // namespace ringrpc
