/// The end of calls with client interceptors: by deadline, cancellation, exception, and with their channel.

#include <algorithm>
#include <doctest/doctest.h>
#include <functional>
#include <google/protobuf/wrappers.pb.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "rpc/client/client_interceptors.h"
#include "text_data.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

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

TEST_CASE("a response that cannot be parsed fails a call whose interceptors have seen OK") {
  SimulatedWorld world(1);
  world.serve({});
  Custom lingering([](ClientRequest&, ClientNext next) -> Task<Status> {
    Status status = co_await next();
    CHECK(status.ok());
    co_await sleep_for(1s);
    co_return status;
  });
  const auto script = [](Channel& channel) -> Task<void> {
    auto stream = ClientStream<RawMessage, google::protobuf::StringValue>(
        channel.call("/test.v1.Raw/Chat", MethodKind::bidirectional, {}));
    CHECK(co_await stream.write(RawMessage{"\x0a\x7f"}));
    stream.writes_done();
    co_await sleep_for(500ms);
    CHECK_FALSE(co_await stream.next());
    const Status status = co_await stream.finish();
    CHECK(status.code() == Code::INTERNAL);
    CHECK(status.cause() == Cause::unparsable_message);
  };
  CHECK(world.run(script, with({&lingering})));
}

TEST_CASE("interceptors see the call's deadline, and may make it earlier but not later") {
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
        CHECK(failed.error().to_string().starts_with("INTERNAL: an interceptor "));
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

TEST_CASE("an interceptor that drops its call cancels it") {
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
    CHECK(test::missing(failed.error().to_string(), {"INTERNAL: an interceptor", "`next`"}) == "");
  };
  CHECK(world.run(script, with({&twice})));
  CHECK(world.service().started == 1);
}

/// A message type that no bytes parse as.
struct Unreadable {};

}  // namespace

template <>
struct Codec<Unreadable> {
  static bool parse(Unreadable&, Bytes) { return false; }
};

namespace {

TEST_CASE("a message that is not the method's fails the call, for its interceptors too") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Custom audit = witness("audit", seen);
    const auto script = [&](Channel& channel) -> Task<void> {
      const auto failed =
          co_await channel.unary<RawMessage, Unreadable>(echo_path, RawMessage{"x"}, CallOptions());
      REQUIRE_FALSE(failed);
      CHECK(failed.error().code() == Code::INTERNAL);
      REQUIRE(seen.size() == 2);
      CHECK(seen[1] == "audit after INTERNAL");
    };
    CHECK(world.run(script, with({&audit})));
  });
}

/// A client-streaming call whose response has arrived and was not read.
Task<std::unique_ptr<ClientCall>> answered_call(World& world, const Channel& channel,
                                                const CallOptions& options = {}) {
  std::unique_ptr<ClientCall> call = channel.call(join_path, MethodKind::client_streaming, options);
  CHECK(write_message(*call, RawMessage{"x"}));
  call->writes_done();
  while (!call->message_ready() || world.service().running > 0) co_await sleep_for(1ms);
  co_await sleep_for(100ms);  // also for the trailers
  co_return call;
}

TEST_CASE("interceptors see the status of a response that is read late when the caller does") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Custom audit = witness("audit", seen);
    const auto script = [&](Channel& channel) -> Task<void> {
      ClientWriter<RawMessage, Unreadable> unreadable(co_await answered_call(world, channel));
      CHECK(seen.size() == 1);
      const auto failed = co_await unreadable.finish();
      REQUIRE_FALSE(failed);
      CHECK(failed.error().code() == Code::INTERNAL);
      CHECK(seen.back() == "audit after INTERNAL");

      ClientWriter<RawMessage, RawMessage> readable(co_await answered_call(world, channel));
      CHECK(seen.size() == 3);
      const auto joined = co_await readable.finish();
      CHECK(joined.value().bytes == "x");
      CHECK(seen.back() == "audit after OK");
    };
    CHECK(world.run(script, with({&audit})));
  });
}

TEST_CASE("an unread response holds interceptors until the deadline at most") {
  SimulatedWorld world(1);
  std::vector<std::string> seen;
  Custom audit = witness("audit", seen);
  const auto script = [&](Channel& channel) -> Task<void> {
    CallOptions options;
    options.timeout = 10s;
    auto late = co_await answered_call(world, channel, options);
    CHECK(audit.frames == 1);
    while (audit.frames > 0) co_await sleep_for(100ms);
    CHECK(seen.back() == "audit after DEADLINE_EXCEEDED");
    CHECK((co_await detail::FinishAwaiter(*late)).to_string() ==
          "DEADLINE_EXCEEDED: the response was not read before the deadline");
  };
  CHECK(world.run(script, with({&audit})));
}

TEST_CASE("an unread response holds interceptors until its call is cancelled, asked or dropped") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Custom audit = witness("audit", seen);
    const auto script = [&](Channel& channel) -> Task<void> {
      auto cancelled = co_await answered_call(world, channel);
      cancelled->cancel();
      CHECK((co_await detail::FinishAwaiter(*cancelled)).code() == Code::CANCELLED);
      CHECK(seen.back() == "audit after CANCELLED");

      const auto content = co_await answered_call(world, channel);
      CHECK((co_await detail::FinishAwaiter(*content)).ok());
      CHECK(seen.back() == "audit after OK");

      auto dropped = co_await answered_call(world, channel);
      CHECK(audit.frames == 1);
      dropped.reset();
      CHECK(audit.frames == 0);
    };
    CHECK(world.run(script, with({&audit})));
  });
}

TEST_CASE("an OK response without its message is not OK for interceptors either") {
  SimulatedWorld world(1);
  std::vector<std::string> seen;
  Custom audit = witness("audit", seen);
  const auto script = [&](Channel& channel) -> Task<void> {
    const auto none =
        co_await channel.unary<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{"0"}, CallOptions());
    REQUIRE_FALSE(none);
    CHECK(test::missing(none.error().to_string(), {"UNIMPLEMENTED: ", "OK"}) == "");
    CHECK(seen.back() == "audit after UNIMPLEMENTED");
  };
  CHECK(world.run(script, with({&audit})));
}

/// A call that an interceptor holds for 20 ms, made before `end` is done to its channel: how it ends.
std::string end_of_held_call(World& world, std::vector<std::string>& seen,
                             const std::function<Task<void>(std::unique_ptr<Channel>&)>& end) {
  Custom holding = slow(20ms);
  Custom inner = witness("inner", seen);
  std::string ended;
  const auto script = [&](Channel&) -> Task<void> {
    auto channel = std::make_unique<Channel>(world.address(), with({&holding, &inner}));
    auto call = unary(*channel, "Echo", "x");
    call.start();
    co_await end(channel);
    while (!call.done()) co_await sleep_for(1ms);
    const auto result = call.result();
    ended = result ? "OK" : result.error().to_string();
    CHECK(holding.frames == 0);
  };
  CHECK(world.run(script));
  CHECK(world.service().started == 0);
  return ended;
}

TEST_CASE("a call that is held while its channel closes is waited for and refused") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    const auto close = [&](std::unique_ptr<Channel>& channel) -> Task<void> {
      CHECK(co_await channel->close(1h) == 1);
      CHECK(seen.size() == 2);
      channel.reset();
    };
    const std::string ended = end_of_held_call(world, seen, close);
    CHECK(ended == "CANCELLED: the channel to " + world.address() + " is closed");
    CHECK(seen == std::vector<std::string>{"inner before /test.v1.Raw/Echo", "inner after CANCELLED"});
  });
}

TEST_CASE("calls that are made while a channel closes do not keep it open") {
  for_each_world([](World& world) {
    Custom holding = slow(20ms);
    const auto script = [&](Channel&) -> Task<void> {
      Channel channel(world.address(), with({&holding}));
      auto first = unary(channel, "Echo", "x");
      first.start();
      auto closing = channel.close(1h);
      closing.start();
      co_await sleep_for(1ms);  // each shard is notified
      std::vector<Task<CallResult<RawMessage>>> late;
      while (!closing.done() && late.size() < 100) {
        late.push_back(unary(channel, "Echo", "x"));
        late.back().start();
        co_await sleep_for(10ms);
      }
      CHECK(late.size() < 100);
      CHECK(closing.result() == 1);
      for (auto& call : late) {
        while (!call.done()) co_await sleep_for(1ms);
        CHECK(call.result().error().code() == Code::CANCELLED);
      }
    };
    CHECK(world.run(script));
  });
}

TEST_CASE("a call that is held longer than the closing of its channel takes is ended") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    const auto close = [](std::unique_ptr<Channel>& channel) -> Task<void> {
      CHECK(co_await channel->close(0s) == 1);
    };
    const std::string ended = end_of_held_call(world, seen, close);
    CHECK(ended == "CANCELLED: the channel to " + world.address() + " is closed");
    CHECK(seen.empty());
  });
}

TEST_CASE("a call that is held ends with its channel") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    const auto drop = [](std::unique_ptr<Channel>& channel) -> Task<void> {
      channel.reset();
      co_return;
    };
    const std::string ended = end_of_held_call(world, seen, drop);
    CHECK(ended == "CANCELLED: the channel to " + world.address() + " was destroyed");
    CHECK(seen.empty());
  });
}

TEST_CASE("closing waits for a held call no longer than that lasts, however it ends") {
  for_each_world([](World& world) {
    for (const bool answers : {true, false}) {
      Custom holding([&](ClientRequest&, ClientNext) -> Task<Status> {
        co_await sleep_for(answers ? Nanoseconds(20ms) : Nanoseconds(1h));
        co_return Status(Code::ABORTED, "by itself");
      });
      const auto script = [&](Channel& channel) -> Task<void> {
        auto call = unary(channel, "Echo", "x");
        call.start();
        auto closing = channel.close(2h);
        closing.start();
        if (!answers) call = {};
        while (!closing.done()) co_await sleep_for(1ms);
        CHECK(closing.result() == 0);
        if (answers) CHECK(call.result().error().code() == Code::ABORTED);
      };
      CHECK(world.run(script, with({&holding})));
    }
  });
}

}  // namespace
}  // namespace ringrpc
