/// Calls of every kind, end to end, over every kind of network.

#include <array>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a unary call returns its message") {
  for_each_world([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      for (const std::size_t bytes : {0uz, 1uz, 16uz, 5'000uz, 20'000uz}) {
        const std::string payload(bytes, 'p');
        const Result<RawMessage> response = co_await unary(channel, "Echo", payload);
        REQUIRE_MESSAGE(response, response.error().to_string());
        CHECK(response->bytes == payload);
      }
    }));
  });
}

TEST_CASE("a message larger than every window arrives whole") {
  SimulatedWorld world(7, benign_faults());
  CHECK(world.run([](Channel& channel) -> Task<void> {
    const std::string payload(3'000'000, 'p');
    const Result<RawMessage> response = co_await unary(channel, "Echo", payload);
    REQUIRE_MESSAGE(response, response.error().to_string());
    CHECK(response->bytes == payload);
  }));
}

/// Ends each call without a message, but with metadata of both kinds.
class Wordless final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Wordless"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&Wordless::fail_at_once>("Fail"),
                                        method<&Wordless::stream_nothing>("Stream")};
    return methods;
  }

 private:
  static void add_metadata(Call& call) {
    CHECK(call.initial_metadata().add("x-begin", "1").ok());
    CHECK(call.trailing_metadata().add("x-end", "2").ok());
  }
  Task<Result<RawMessage>> fail_at_once(Call& call, RawMessage) {
    add_metadata(call);
    co_return fail(Code::ABORTED, "at once");
  }
  Task<Status> stream_nothing(Call& call, RawMessage, Writer<RawMessage>&) {
    add_metadata(call);
    co_return Status();
  }
};

TEST_CASE("initial metadata stays apart from trailing without a message in between") {
  for_each_world([](World& world) {
    Wordless service;
    world.also_serve(service);
    CHECK(world.run([](Channel& channel) -> Task<void> {
      const auto expect_both = [](const Metadata& initial, const Metadata& trailing) {
        CHECK(initial.find("x-begin") == "1");
        CHECK_FALSE(initial.find("x-end"));
        CHECK(trailing.find("x-end") == "2");
        CHECK_FALSE(trailing.find("x-begin"));
      };
      const auto answer =
          co_await channel.unary<RawMessage, RawMessage>("/test.v1.Wordless/Fail", RawMessage{"x"});
      REQUIRE_FALSE(answer);
      CHECK(answer.error().code() == Code::ABORTED);
      expect_both(answer.metadata.initial, answer.metadata.trailing);

      auto stream =
          channel.server_streaming<RawMessage, RawMessage>("/test.v1.Wordless/Stream", RawMessage{"x"});
      CHECK_FALSE(co_await stream.next());
      const Status status = co_await stream.finish();
      CHECK(status.ok());
      expect_both(co_await stream.initial_metadata(), stream.trailing_metadata());
    }));
    world.stop();  // before the service is destroyed
  });
}

TEST_CASE("a failure arrives with its code, message and trailing metadata") {
  for_each_world([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      for (int code = 1; code <= 16; ++code) {
        const auto answer = co_await unary(channel, "Fail", std::to_string(code));
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code() == static_cast<Code>(code));
        CHECK(answer.error().message() == "failed as asked, 100%");
        CHECK(answer.metadata.trailing.find("x-reason") == "asked for");
      }
    }));
  });
}

TEST_CASE("a handler that throws fails its own call only") {
  for_each_world([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      const Result<RawMessage> thrown = co_await unary(channel, "Throw", "secret");
      REQUIRE_FALSE(thrown);
      CHECK(thrown.error().code() == Code::INTERNAL);
      CHECK(thrown.error().message().starts_with("the handler "));
      CHECK_FALSE(thrown.error().message().contains("secret"));
      const Result<RawMessage> next = co_await unary(channel, "Echo", "still here");
      REQUIRE(next);
      CHECK(next->bytes == "still here");
    }));
  });
}

TEST_CASE("a handler that runs out of memory fails its own call with RESOURCE_EXHAUSTED") {
  for_each_world([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      const Result<RawMessage> short_of_memory = co_await unary(channel, "Exhaust", "anything");
      REQUIRE_FALSE(short_of_memory);
      CHECK(short_of_memory.error().code() == Code::RESOURCE_EXHAUSTED);
      CHECK(short_of_memory.error().message() == "the server is out of memory");
      const Result<RawMessage> next = co_await unary(channel, "Echo", "still here");
      CHECK(next);
    }));
  });
}

TEST_CASE("lasting metadata is sent in place of the call's own") {
  for_some_worlds([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      Metadata lasting;
      REQUIRE(lasting.add("x-text", "lasts").ok());
      REQUIRE(lasting.add("x-bytes-bin", std::string_view("\0\xff", 2)).ok());
      CallOptions options;
      options.lasting_metadata = &lasting;
      REQUIRE(options.metadata.add("x-text", "not sent").ok());
      for (int call = 0; call < 2; ++call) {
        const CallResult<RawMessage> answer = co_await unary(channel, "Metadata", "", options);
        REQUIRE(answer);
        CHECK(answer.metadata.initial.find("x-text") == "lasts");
        CHECK(answer.metadata.trailing.find("x-bytes-bin") == std::string_view("\0\xff", 2));
      }
    }));
  });
}

TEST_CASE("metadata goes both ways, binary included") {
  for_each_world([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      CallOptions options;
      REQUIRE(options.metadata.add("x-text", "plain ~ text").ok());
      REQUIRE(options.metadata.add("x-bytes-bin", std::string_view("\0\xff\r\n", 4)).ok());
      const auto answer = co_await unary(channel, "Metadata", "", options);
      REQUIRE(answer);
      CHECK(answer.metadata.initial.find("x-text") == "plain ~ text");
      CHECK(answer.metadata.trailing.find("x-bytes-bin") == std::string_view("\0\xff\r\n", 4));
    }));
  });
}

TEST_CASE("unknown services, methods and paths are named") {
  for_each_world([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      const auto error_of = [&](std::string path) -> Task<std::string> {
        const auto answer = co_await channel.unary<RawMessage, RawMessage>(path, RawMessage{}, {});
        co_return answer ? "OK" : answer.error().to_string();
      };
      CHECK(co_await error_of("/test.v1.Raw/Nothing") ==
            "UNIMPLEMENTED: unknown method Nothing of service test.v1.Raw");
      CHECK(co_await error_of("/no.Such/Echo") == "UNIMPLEMENTED: unknown service no.Such");
      CHECK(co_await error_of("//Echo") ==
            "UNIMPLEMENTED: malformed path \"//Echo\", want /package.Service/Method");
      CHECK(co_await error_of("/test.v1.Raw/") ==
            "UNIMPLEMENTED: malformed path \"/test.v1.Raw/\", want /package.Service/Method");
      CHECK(co_await error_of("/test.v1.Raw%2fEcho") ==
            "UNIMPLEMENTED: malformed path \"/test.v1.Raw%2fEcho\", want /package.Service/Method");
    }));
  });
}

TEST_CASE("a deadline that passes ends the call at both ends") {
  for_each_world([](World& world) {
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      CallOptions options;
      options.timeout = 20ms;
      const auto late = co_await unary(channel, "Sleep", "600000", options);
      REQUIRE_FALSE(late);
      CHECK(late.error().code() == Code::DEADLINE_EXCEEDED);
      options.timeout = 1h;
      CHECK(co_await unary(channel, "Sleep", "1", options));
    }));
    CHECK(world.run_until([&] { return world.service().running == 0; }));
  });
}

TEST_CASE("a call that is dropped destroys its handler") {
  for_each_world([](World& world) {
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      {
        const auto call = channel.call("/test.v1.Raw/Sleep", MethodKind::unary, {});
        write_message(*call, RawMessage{"600000"});
        call->writes_done();
        while (world.service().running == 0) co_await sleep_for(1ms);
      }
      while (world.service().running == 1) co_await sleep_for(1ms);
    }));
    CHECK(world.server().counters().calls_failed == 1);
  });
}

TEST_CASE("a server stream gives all its messages in order") {
  for_each_world([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      auto stream =
          channel.server_streaming<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{"500"}, {});
      int expected = 0;
      while (auto message = co_await stream.next()) CHECK(message->bytes == std::to_string(expected++));
      CHECK(expected == 500);
      const Status status = co_await stream.finish();
      CHECK(status.ok());
    }));
  });
}

TEST_CASE("a client stream is read to its end") {
  for_each_world([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      auto writer = channel.client_streaming<RawMessage, RawMessage>(join_path);
      std::string expected;
      for (int at = 0; at < 300; ++at) {
        expected += std::to_string(at);
        CHECK(co_await writer.write(RawMessage{std::to_string(at)}));
      }
      const Result<RawMessage> joined = co_await writer.finish();
      REQUIRE_MESSAGE(joined, joined.error().to_string());
      CHECK(joined->bytes == expected);
    }));
  });
}

TEST_CASE("both directions of a stream take turns") {
  for_each_world([](World& world) {
    CHECK(world.run([](Channel& channel) -> Task<void> {
      auto chat = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Raw/Chat");
      for (int at = 0; at < 50; ++at) {
        CHECK(co_await chat.write(RawMessage{std::to_string(at)}));
        const auto answer = co_await chat.next();
        REQUIRE(answer);
        CHECK(answer->bytes == std::to_string(at));
      }
      chat.writes_done();
      CHECK_FALSE(co_await chat.next());
      const Status status = co_await chat.finish();
      CHECK(status.ok());
    }));
  });
}

TEST_CASE("a unary call that gets several messages, or none, is UNIMPLEMENTED") {
  SimulatedWorld world(5);
  CHECK(world.run([](Channel& channel) -> Task<void> {
    const auto several =
        co_await channel.unary<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{"2"}, {});
    REQUIRE_FALSE(several);
    CHECK(several.error().code() == Code::UNIMPLEMENTED);
    const auto none =
        co_await channel.unary<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{"0"}, {});
    REQUIRE_FALSE(none);
    CHECK(none.error().to_string() == "UNIMPLEMENTED: the server returned OK without a message");
  }));
}

TEST_CASE("an address without a listener is named with the cause") {
  RealWorld world;
  world.serve({});
  const std::string address = world.address();
  world.stop();
  world.run_until([turns = 0]() mutable { return ++turns > 10; });
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    const auto answer = co_await unary(channel, "Echo", "");
    REQUIRE_FALSE(answer);
    CHECK(answer.error().to_string() == "UNAVAILABLE: connect " + address + ": connection refused");
  }));
}

}  // namespace
}  // namespace ringrpc
