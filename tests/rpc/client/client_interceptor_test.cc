/// Client interceptors around calls: order, refusal, metadata, waiting, streaming; and the one that the
/// library provides.

#include <algorithm>
#include <doctest/doctest.h>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/bearer_auth.h"
#include "ringrpc/bearer_token.h"

#include "rpc/client/client_interceptors.h"
#include "text_data.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

TEST_CASE("client interceptors wrap the call, the first outermost, for every kind of call") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Custom outer = witness("outer", seen);
    Custom inner = witness("inner", seen);
    const auto script = [&](Channel& channel) -> Task<void> {
      const auto check = [&](const std::string& method, const std::string& code) {
        const std::string path = "/test.v1.Raw/" + method;
        CHECK(std::exchange(seen, {}) ==
              std::vector<std::string>{"outer before " + path, "inner before " + path, "inner after " + code,
                                       "outer after " + code});
      };
      const auto echo = co_await unary(channel, "Echo", "x");
      CHECK(echo.value().bytes == "x");
      check("Echo", "OK");
      const auto failed = co_await unary(channel, "Fail", "5");
      CHECK(failed.error().code() == Code::NOT_FOUND);
      check("Fail", "NOT_FOUND");

      auto counting = channel.server_streaming<RawMessage, RawMessage>("/test.v1.Raw/Count",
                                                                       RawMessage{"300"}, CallOptions());
      int counted = 0;
      while (const auto message = co_await counting.next())
        CHECK(message->bytes == std::to_string(counted++));
      CHECK(counted == 300);
      CHECK((co_await counting.finish()).ok());
      check("Count", "OK");

      auto joining = channel.client_streaming<RawMessage, RawMessage>(join_path);
      for (const char* part : {"a", "", "b"}) CHECK(co_await joining.write(RawMessage{part}));
      const auto joined = co_await joining.finish();
      CHECK(joined.value().bytes == "ab");
      check("Join", "OK");

      auto chatting = chat(channel);
      for (const char* word : {"one", "", "two"}) {
        CHECK(co_await chatting.write(RawMessage{word}));
        const auto answer = co_await chatting.next();
        REQUIRE(answer);
        CHECK(answer->bytes == word);
      }
      chatting.writes_done();
      CHECK_FALSE(co_await chatting.next());
      CHECK((co_await chatting.finish()).ok());
      check("Chat", "OK");
    };
    CHECK(world.run(script, with({&outer, &inner})));
  });
}

TEST_CASE("a client interceptor may respond without a server") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Custom closed([](ClientRequest&, ClientNext) -> Task<Status> {
      co_return Status(Code::PERMISSION_DENIED, "closed today");
    });
    Custom inner = witness("inner", seen);
    const auto script = [&](Channel& channel) -> Task<void> {
      const auto refused = co_await unary(channel, "Echo", "x");
      REQUIRE_FALSE(refused);
      CHECK(refused.error().to_string() == "PERMISSION_DENIED: closed today");
      auto chatting = chat(channel);
      CHECK_FALSE(co_await chatting.next());
      CHECK_FALSE(co_await chatting.write(RawMessage{"x"}));
      CHECK((co_await chatting.finish()).code() == Code::PERMISSION_DENIED);
    };
    CHECK(world.run(script, with({&closed, &inner})));
    CHECK(seen.empty());
    CHECK(world.service().started == 0);
  });
}

TEST_CASE("an OK response without a server lacks the message of a unary call, and ends a stream normally") {
  SimulatedWorld world(1);
  Custom content([](ClientRequest&, ClientNext) -> Task<Status> { co_return Status(); });
  const auto script = [&](Channel& channel) -> Task<void> {
    const auto nothing = co_await unary(channel, "Echo", "x");
    REQUIRE_FALSE(nothing);
    CHECK(nothing.error().code() == Code::UNIMPLEMENTED);
    auto chatting = chat(channel);
    CHECK_FALSE(co_await chatting.next());
    CHECK((co_await chatting.finish()).ok());
  };
  CHECK(world.run(script, with({&content})));
}

TEST_CASE("a client interceptor knows the call, adds metadata, sees the server's and changes the status") {
  for_each_world([](World& world) {
    std::string answered;
    Custom changing([&](ClientRequest& request, ClientNext next) -> Task<Status> {
      CHECK(request.target == world.address());
      CHECK(request.kind == MethodKind::unary);
      CHECK(request.deadline != never);
      CHECK(request.metadata.find("x-mine") == "1");
      CHECK(request.metadata.add("x-added", "2").ok());
      CHECK(request.metadata.add("x-added-bin", std::string(3, '\0')).ok());
      Status status = co_await next();
      answered = request.response.initial.find("x-added").value_or("");
      CHECK(request.response.trailing.find("x-reason").has_value() == !status.ok());
      if (status.code() == Code::NOT_FOUND) co_return Status(Code::DATA_LOSS, "worse");
      if (status.code() == Code::ABORTED) co_return Status();
      co_return status;
    });
    const auto script = [&](Channel& channel) -> Task<void> {
      CallOptions options;
      options.timeout = 1h;
      CHECK(options.metadata.add("x-mine", "1").ok());
      const auto shown = co_await unary(channel, "Metadata", "x", options);
      CHECK(shown);
      CHECK(std::exchange(answered, {}) == "2");
      CHECK(shown.metadata.initial.find("x-added") == "2");
      CHECK(shown.metadata.trailing.find("x-added-bin").has_value());
      const CallOptions lasting{.timeout = 1h, .lasting_metadata = &options.metadata};
      const auto again = co_await unary(channel, "Metadata", "x", lasting);
      CHECK(again);
      CHECK(again.metadata.initial.find("x-mine") == "1");
      CHECK(again.metadata.initial.find("x-added") == "2");
      CHECK(options.metadata.size() == 1);
      const auto failed = co_await unary(channel, "Fail", "5", options);
      REQUIRE_FALSE(failed);
      CHECK(failed.error().to_string() == "DATA_LOSS: worse");
      CHECK(failed.metadata.trailing.find("x-reason") == "asked for");
      const auto hushed = co_await unary(channel, "Fail", "10", options);
      REQUIRE_FALSE(hushed);
      CHECK(hushed.error().code() == Code::UNIMPLEMENTED);  // OK, and no message
      CHECK(hushed.metadata.trailing.find("x-reason") == "asked for");
    };
    CHECK(world.run(script, with({&changing})));
  });
}

TEST_CASE("messages written before the call begins are held back, up to a limit, and sent in order") {
  const auto test = [](World& world) {
    bool go_on = false;
    Custom holding([&](ClientRequest&, ClientNext next) -> Task<Status> {
      while (!go_on) co_await sleep_for(1ms);
      co_return co_await next();
    });
    const auto script = [&](Channel& channel) -> Task<void> {
      auto joining = channel.client_streaming<RawMessage, RawMessage>(join_path);
      std::string expected;
      int written = 0;
      const auto write_all = [&]() -> Task<void> {
        for (; written < 20; ++written) {
          const std::string part(10'000, static_cast<char>('a' + written));
          expected += part;
          CHECK(co_await joining.write(RawMessage{part}));
        }
      };
      const Task<void> writing = write_all();
      writing.start();
      co_await sleep_for(20ms);
      CHECK(written == 7);
      CHECK(world.service().started == 0);
      go_on = true;
      while (!writing.done()) co_await sleep_for(1ms);
      const auto joined = co_await joining.finish();
      REQUIRE_MESSAGE(joined, joined.error().to_string());
      CHECK(joined->bytes == expected);
    };
    CHECK(world.run(script, with({&holding})));
  };
  RealWorld real;
  test(real);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    SimulatedWorld simulated(seed, benign_faults());
    test(simulated);
  }
}

TEST_CASE("a message that is too large to be sent fails its call when that would begin") {
  SimulatedWorld world(1);
  Custom holding = slow(20ms);
  std::vector<std::string> seen;
  Custom inner = witness("inner", seen);
  const auto script = [&](Channel& channel) -> Task<void> {
    auto chatting = chat(channel);
    CHECK(co_await chatting.write(RawMessage{"x"}));
    CHECK_FALSE(co_await chatting.write(RawMessage{std::string(1001, 'x')}));
    CHECK_FALSE(co_await chatting.write(RawMessage{"x"}));
    CHECK(test::missing((co_await chatting.finish()).to_string(),
                        {"RESOURCE_EXHAUSTED: ", "1001", "1000", "max_request_bytes"}) == "");
    CHECK(seen.back() == "inner after RESOURCE_EXHAUSTED");
    CHECK(world.service().started == 0);
  };
  ChannelOptions options = with({&holding, &inner});
  options.max_request_bytes = 1000;
  CHECK(world.run(script, options));
}

TEST_CASE("empty messages count among what is held back") {
  SimulatedWorld world(1);
  Custom holding = slow(1s);
  const auto script = [&](Channel& channel) -> Task<void> {
    auto chatting = chat(channel);
    int written = 0;
    const auto write_all = [&]() -> Task<void> {
      for (; written < 20'000; ++written) CHECK(co_await chatting.write(RawMessage{}));
    };
    const Task<void> writing = write_all();
    writing.start();
    co_await sleep_for(500ms);
    CHECK(written < 20'000);
    CHECK(written > 1000);
    int read = 0;
    for (; read < 20'000; ++read) CHECK(co_await chatting.next());
    while (!writing.done()) co_await sleep_for(1ms);
    chatting.writes_done();
    CHECK((co_await chatting.finish()).ok());
  };
  CHECK(world.run(script, with({&holding})));
}

TEST_CASE("a coroutine that waits before the call begins resumes when it does") {
  for_each_world([](World& world) {
    Custom holding = slow(10ms);
    const auto script = [&](Channel& channel) -> Task<void> {
      auto chatting = chat(channel);
      std::string heard;
      const auto listen = [&]() -> Task<void> {
        while (const auto message = co_await chatting.next()) heard += message->bytes;
      };
      const Task<void> listening = listen();
      listening.start();
      CHECK(co_await chatting.write(RawMessage{"early "}));
      co_await chatting.initial_metadata();
      CHECK(co_await chatting.write(RawMessage{"late"}));
      chatting.writes_done();
      CHECK((co_await chatting.finish()).ok());
      while (!listening.done()) co_await sleep_for(1ms);
      CHECK(heard == "early late");
    };
    CHECK(world.run(script, with({&holding})));
  });
}

TEST_CASE("bearer tokens are sent, fetched for each call, and never replace the caller's own") {
  for_each_world([](World& world) {
    BearerAuth authentication(BearerAuth::known_tokens({{"t1", "alice"}, {"t2", "bob"}}));
    ServerOptions options;
    options.interceptors = {&authentication};
    world.serve(options);
    Result<std::string> token = "t1";
    BearerToken fixed("t1");
    BearerToken fetched([&]() -> Task<Result<std::string>> {
      co_await sleep_for(1ms);
      co_return token;
    });
    for (ClientInterceptor* interceptor : {&fixed, &fetched}) {
      const auto script = [](Channel& channel) -> Task<void> {
        CHECK(co_await unary(channel, "Echo", "x"));
        CallOptions own;
        CHECK(own.metadata.add("authorization", "Bearer t3").ok());
        const auto refused = co_await unary(channel, "Echo", "x", own);
        REQUIRE_FALSE(refused);
        CHECK(test::missing(refused.error().to_string(), {"UNAUTHENTICATED: ", "bearer token"}) == "");
      };
      Custom single([](ClientRequest& request, ClientNext next) -> Task<Status> {
        CHECK(std::ranges::count(request.metadata, "authorization", &Metadata::Entry::name) == 1);
        return next();
      });
      CHECK(world.run(script, with({interceptor, &single})));
    }
    const auto script = [&](Channel& channel) -> Task<void> {
      token = "t2";
      CHECK(co_await unary(channel, "Echo", "x"));
      token = fail(Code::UNAVAILABLE, "the token server is down");
      const auto failed = co_await unary(channel, "Echo", "x");
      REQUIRE_FALSE(failed);
      CHECK(failed.error().to_string() == "UNAVAILABLE: the token server is down");
      token = "t2\n";
      const auto malformed = co_await unary(channel, "Echo", "x");
      REQUIRE_FALSE(malformed);
      CHECK(malformed.error().code() == Code::INVALID_ARGUMENT);
      CHECK(malformed.error().message().find("t2") == std::string_view::npos);
    };
    CHECK(world.run(script, with({&fetched})));
  });
}

}  // namespace
}  // namespace ringrpc
