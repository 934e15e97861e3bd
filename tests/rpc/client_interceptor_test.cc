/// What is done around the calls of a channel: order, refusal, waiting, streaming, ends; and the interceptor that is
/// shipped.

#include "ringrpc/client_interceptor.h"

#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/bearer_auth.h"
#include "ringrpc/bearer_token.h"
#include "ringrpc/sleep.h"

#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

Task<Result<RawMessage>> unary(const Channel& channel, std::string method, std::string request,
                               CallOptions options = {}) {
  co_return co_await detail::call_unary<RawMessage, RawMessage>(
      channel, "/test.v1.Raw/" + method, RawMessage{std::move(request)}, std::move(options));
}

ClientStream<RawMessage, RawMessage> chat(const Channel& channel, const CallOptions& options = {}) {
  return ClientStream<RawMessage, RawMessage>(
      channel.call("/test.v1.Raw/Chat", MethodKind::bidirectional, options));
}

/// Does what the test says, and counts the frames that exist.
class Custom final : public ClientInterceptor {
 public:
  using Around = std::function<Task<Status>(ClientRequest&, ClientNext)>;
  explicit Custom(Around around) : around_(std::move(around)) {}

  Task<Status> intercept(ClientRequest& request, ClientNext next) override {
    const Presence presence(frames);
    Status status = co_await around_(request, next);
    co_return status;
  }

  int frames = 0;

 private:
  struct Presence {
    explicit Presence(int& of) noexcept : count(of) { ++count; }
    Presence(const Presence&) = delete;
    ~Presence() { --count; }
    int& count;
  };

  Around around_;
};

/// Writes down what it sees.
Custom witness(const std::string& name, std::vector<std::string>& seen) {
  return Custom([name, &seen](ClientRequest& request, ClientNext next) -> Task<Status> {
    seen.push_back(name + " before " + std::string(request.method));
    Status status = co_await next();
    seen.push_back(name + " after " + std::string(ringrpc::name(status.code())));
    co_return status;
  });
}

/// Lets each call wait before it begins.
Custom slow(Nanoseconds wait) {
  return Custom([wait](ClientRequest&, ClientNext next) -> Task<Status> {
    co_await sleep_for(wait);
    co_return co_await next();
  });
}

ChannelOptions with(std::vector<ClientInterceptor*> interceptors) {
  ChannelOptions options;
  options.interceptors = std::move(interceptors);
  return options;
}

TEST_CASE("client interceptors stand around the call, the first outermost, for every kind of call") {
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

      auto counting = detail::call_server_streaming<RawMessage, RawMessage>(channel, "/test.v1.Raw/Count",
                                                                            RawMessage{"300"}, CallOptions());
      int counted = 0;
      while (const auto message = co_await counting.next())
        CHECK(message->bytes == std::to_string(counted++));
      CHECK(counted == 300);
      CHECK((co_await counting.finish()).ok());
      check("Count", "OK");

      ClientWriter<RawMessage, RawMessage> joining(
          channel.call("/test.v1.Raw/Join", MethodKind::client_streaming, {}));
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

TEST_CASE("a client interceptor may answer without a server") {
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

TEST_CASE("an OK answer without a server lacks the message of a unary call, and ends a stream well") {
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
      for (const bool asks : {true, false}) {
        ResponseMetadata response;
        CallOptions options;
        options.timeout = 1h;
        CHECK(options.metadata.add("x-mine", "1").ok());
        if (asks) options.response = &response;
        const auto shown = co_await unary(channel, "Metadata", "x", options);
        CHECK(shown);
        CHECK(std::exchange(answered, {}) == "2");
        CHECK(response.initial.find("x-added").has_value() == asks);
        CHECK(response.trailing.find("x-added-bin").has_value() == asks);
        const auto failed = co_await unary(channel, "Fail", "5", options);
        REQUIRE_FALSE(failed);
        CHECK(failed.error().to_string() == "DATA_LOSS: worse");
        const auto hushed = co_await unary(channel, "Fail", "10", options);
        REQUIRE_FALSE(hushed);
        CHECK(hushed.error().code() == Code::UNIMPLEMENTED);  // OK, and no message
      }
    };
    CHECK(world.run(script, with({&changing})));
  });
}

TEST_CASE("what is written before the call begins is held back, up to a bound, and sent in order") {
  const auto test = [](World& world) {
    bool go_on = false;
    Custom holding([&](ClientRequest&, ClientNext next) -> Task<Status> {
      while (!go_on) co_await sleep_for(1ms);
      co_return co_await next();
    });
    const auto script = [&](Channel& channel) -> Task<void> {
      ClientWriter<RawMessage, RawMessage> joining(
          channel.call("/test.v1.Raw/Join", MethodKind::client_streaming, {}));
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

TEST_CASE("who waits before the call begins goes on when it does") {
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
      co_await sleep_for(20ms);
      CHECK(co_await chatting.write(RawMessage{"late"}));
      chatting.writes_done();
      CHECK((co_await chatting.finish()).ok());
      while (!listening.done()) co_await sleep_for(1ms);
      CHECK(heard == "early late");
    };
    CHECK(world.run(script, with({&holding})));
  });
}

TEST_CASE("the deadline counts while an interceptor waits, before the call and after it") {
  for_each_world([](World& world) {
    bool before = true;
    Custom waiting([&](ClientRequest&, ClientNext next) -> Task<Status> {
      if (before) co_await sleep_for(1h);
      Status status = co_await next();
      co_await sleep_for(1h);
      co_return status;
    });
    const auto script = [&](Channel& channel) -> Task<void> {
      CallOptions options;
      options.timeout = 20ms;
      const auto held = co_await unary(channel, "Echo", "x", options);
      REQUIRE_FALSE(held);
      CHECK(held.error().to_string() ==
            "DEADLINE_EXCEEDED: an interceptor held the call back until the deadline");
      CHECK(waiting.frames == 0);
      CHECK(world.service().started == 0);
      before = false;
      options.timeout = 2s;  // enough for a network that carries one byte at a time
      const auto kept = co_await unary(channel, "Echo", "x", options);
      REQUIRE_FALSE(kept);
      CHECK(kept.error().to_string() == "DEADLINE_EXCEEDED: an interceptor did not end before the deadline");
      CHECK(waiting.frames == 0);
    };
    CHECK(world.run(script, with({&waiting})));
  });
}

TEST_CASE(
    "the deadline of the call within is told to the interceptors, which may make it earlier, not later") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Instant wanted = never;
    Custom outer = witness("outer", seen);
    Custom setting([&](ClientRequest& request, ClientNext next) -> Task<Status> {
      request.deadline = wanted == never ? never : std::min(request.deadline, wanted);
      co_return co_await next();
    });
    const auto script = [&](Channel& channel) -> Task<void> {
      CallOptions options;
      options.timeout = 20ms;
      for (const bool earlier : {false, true}) {
        if (earlier) {
          wanted = after(world.client_shard().now(), 20ms);
          options.timeout = 1h;
        }
        const auto late = co_await unary(channel, "Sleep", "600000", options);
        REQUIRE_FALSE(late);
        CHECK(late.error().code() == Code::DEADLINE_EXCEEDED);
        REQUIRE(seen.size() == 2);
        CHECK(seen[1] == "outer after DEADLINE_EXCEEDED");
        seen.clear();
      }
    };
    CHECK(world.run(script, with({&outer, &setting})));
  });
}

TEST_CASE("cancelling ends the call within, which the interceptors see, or the interceptor that waits") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Nanoseconds before = 0ns;
    Custom outer = witness("outer", seen);
    Custom waiting([&](ClientRequest&, ClientNext next) -> Task<Status> {
      if (before > 0ns) co_await sleep_for(before);
      co_return co_await next();
    });
    const auto script = [&](Channel& channel) -> Task<void> {
      for (const Nanoseconds wait : {Nanoseconds(0), Nanoseconds(1h)}) {
        before = wait;
        auto chatting = chat(channel);
        CHECK(co_await chatting.write(RawMessage{"x"}));
        if (wait == 0ns) CHECK(co_await chatting.next());
        chatting.cancel();
        CHECK_FALSE(co_await chatting.next());
        CHECK((co_await chatting.finish()).code() == Code::CANCELLED);
        CHECK_FALSE(co_await chatting.write(RawMessage{"y"}));
        co_await sleep_for(1ms);  // frames go in the next turn
        CHECK(waiting.frames == 0);
        CHECK(seen.back() == (wait == 0ns ? "outer after CANCELLED" : "outer before /test.v1.Raw/Chat"));
      }
    };
    CHECK(world.run(script, with({&outer, &waiting})));
    CHECK(world.run_until([&] { return world.service().running == 0; }));
  });
}

TEST_CASE("dropping a call destroys its interceptors' frames and cancels it, wherever it stands") {
  for_each_world([](World& world) {
    Nanoseconds before = 0ns;
    Nanoseconds behind = 0ns;
    Custom waiting([&](ClientRequest&, ClientNext next) -> Task<Status> {
      if (before > 0ns) co_await sleep_for(before);
      Status status = co_await next();
      if (behind > 0ns) co_await sleep_for(behind);
      co_return status;
    });
    const auto script = [&](Channel& channel) -> Task<void> {
      {
        auto running = unary(channel, "Sleep", "600000");
        running.start();
        while (world.service().running == 0) co_await sleep_for(1ms);
        CHECK(waiting.frames == 1);
      }
      CHECK(waiting.frames == 0);
      while (world.service().running > 0) co_await sleep_for(1ms);
      before = 1h;
      {
        auto held = unary(channel, "Echo", "x");
        held.start();
        co_await sleep_for(1ms);
        CHECK(waiting.frames == 1);
      }
      CHECK(waiting.frames == 0);
      before = 0ns;
      behind = 1h;
      {
        auto chatting = chat(channel);
        CHECK(co_await chatting.write(RawMessage{"x"}));
        chatting.writes_done();
        CHECK(co_await chatting.next());
        CHECK_FALSE(co_await chatting.next());
        CHECK(waiting.frames == 1);
      }
      CHECK(waiting.frames == 0);
    };
    CHECK(world.run(script, with({&waiting})));
    CHECK(world.service().started == 2);
  });
}

TEST_CASE("an interceptor that throws fails its own call only") {
  for_each_world([](World& world) {
    int calls = 0;
    Custom throwing([&](ClientRequest&, ClientNext next) -> Task<Status> {
      switch (calls++) {
        case 0:
          throw std::runtime_error("secret");
        case 1: {
          const Status status = co_await next();
          throw std::runtime_error(status.to_string());
        }
        case 2:
          throw 7;
        default:
          co_return co_await next();
      }
    });
    const auto script = [&](Channel& channel) -> Task<void> {
      for (int at = 0; at < 3; ++at) {
        const auto failed = co_await unary(channel, "Echo", "x");
        REQUIRE_FALSE(failed);
        CHECK(failed.error().to_string() == "INTERNAL: an interceptor failed with an exception");
      }
      CHECK(co_await unary(channel, "Echo", "x"));
    };
    CHECK(world.run(script, with({&throwing})));
  });
}

/// No coroutine: it throws where it is called.
class Thrower final : public ClientInterceptor {
  Task<Status> intercept(ClientRequest&, ClientNext) override { throw std::runtime_error("at once"); }
};

TEST_CASE("an interceptor that is no coroutine and throws is contained as well") {
  SimulatedWorld world(1);
  Thrower throwing;
  const auto script = [&](Channel& channel) -> Task<void> {
    const auto failed = co_await unary(channel, "Echo", "x");
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code() == Code::INTERNAL);
  };
  CHECK(world.run(script, with({&throwing})));
}

TEST_CASE("an interceptor that lets go of its call cancels it") {
  for_each_world([](World& world) {
    Custom leaving([](ClientRequest&, ClientNext next) -> Task<Status> {
      {
        const Task<Status> within = next();
        within.start();
        co_await sleep_for(5ms);
      }
      co_await sleep_for(5ms);
      co_return Status();
    });
    const auto script = [&](Channel& channel) -> Task<void> {
      auto chatting = chat(channel);
      CHECK(co_await chatting.write(RawMessage{"x"}));
      while (co_await chatting.next()) {
      }
      CHECK((co_await chatting.finish()).ok());
    };
    CHECK(world.run(script, with({&leaving})));
    CHECK(world.run_until([&] { return world.service().running == 0; }));
  });
}

TEST_CASE("an interceptor makes its call once") {
  SimulatedWorld world(1);
  Custom twice([](ClientRequest&, ClientNext next) -> Task<Status> {
    const Status first = co_await next();
    CHECK(first.ok());
    co_return co_await next();
  });
  const auto script = [&](Channel& channel) -> Task<void> {
    const auto failed = co_await unary(channel, "Echo", "x");
    REQUIRE_FALSE(failed);
    CHECK(failed.error().to_string() == "INTERNAL: an interceptor has run its `next` twice");
  };
  CHECK(world.run(script, with({&twice})));
  CHECK(world.service().started == 1);
}

/// A message that nothing is.
struct Unreadable {};

}  // namespace

template <>
struct Codec<Unreadable> {
  static bool parse(Unreadable&, Bytes) { return false; }
};

namespace {

TEST_CASE("a message that is not the method's fails the call, though its interceptors saw it end well") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Custom audit = witness("audit", seen);
    const auto script = [&](Channel& channel) -> Task<void> {
      const auto failed = co_await detail::call_unary<RawMessage, Unreadable>(channel, "/test.v1.Raw/Echo",
                                                                              RawMessage{"x"}, CallOptions());
      REQUIRE_FALSE(failed);
      CHECK(failed.error().code() == Code::INTERNAL);
      CHECK(seen.size() == 2);
    };
    CHECK(world.run(script, with({&audit})));
  });
}

TEST_CASE("a call that begins after its channel has ended is CANCELLED") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Custom holding = slow(20ms);
    Custom inner = witness("inner", seen);
    const auto script = [&](Channel&) -> Task<void> {
      auto channel = std::make_unique<Channel>(world.address(), with({&holding, &inner}));
      const bool closes = seen.empty();
      auto call = unary(*channel, "Echo", "x");
      call.start();
      if (closes) co_await channel->close(1h);
      channel.reset();
      while (!call.done()) co_await sleep_for(1ms);
      const auto cancelled = call.result();
      REQUIRE_FALSE(cancelled);
      CHECK(cancelled.error().code() == Code::CANCELLED);
    };
    for (int times = 0; times < 2; ++times) CHECK(world.run(script));
    CHECK(seen == std::vector<std::string>{"inner before /test.v1.Raw/Echo", "inner after CANCELLED",
                                           "inner before /test.v1.Raw/Echo", "inner after CANCELLED"});
  });
}

TEST_CASE("bearer tokens are shown, fetched for each call, and not put in place of the caller's own") {
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
        CHECK(refused.error().to_string() == "UNAUTHENTICATED: the bearer token is not valid");
      };
      CHECK(world.run(script, with({interceptor})));
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
