/// The messages that interceptors of a channel see: their order, what a refusal does, and large messages.
#include <doctest/doctest.h>
#include <google/protobuf/wrappers.pb.h>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "rpc/client/client_interceptors.h"
#include "rpc/client/raw_host.h"
#include "rpc/message/pattern.h"
#include "rpc/recorder.h"
#include "text_data.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

/// Shows `observer` the messages of each call, which waits first. Notes what `next` gives.
Custom observing(MessageObserver& observer, std::vector<std::string>* statuses = nullptr,
                 Nanoseconds wait = Nanoseconds(0)) {
  return Custom([&observer, statuses, wait](ClientRequest&, ClientNext next) -> Task<Status> {
    if (wait.count() > 0) co_await sleep_for(wait);
    Status status = co_await next(observer);
    if (statuses) statuses->push_back(status.to_string());
    co_return status;
  });
}

ClientReader<RawMessage> count_to(const Channel& channel, const std::string& number) {
  return channel.server_streaming<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{number},
                                                          CallOptions());
}

TEST_CASE("the outermost observer of a channel sees requests first and responses last") {
  for_each_world([](World& world) {
    for (const Nanoseconds wait : {Nanoseconds(0), Nanoseconds(1ms)}) {
      std::vector<std::string> seen;
      std::vector<std::string> statuses;
      Recorder outer("outer", seen);
      Recorder inner("inner", seen);
      Custom around = observing(outer);
      Custom inside = observing(inner, &statuses, wait);
      CHECK(world.run(make_calls_of_each_kind, with({&around, &inside})));
      CHECK(seen == records_of_each_kind());
      CHECK(statuses == std::vector<std::string>{"OK", "OK", "OK", "OK"});
    }
  });
}

TEST_CASE("a request that an observer of a channel refuses is not sent") {
  for_each_world([](World& world) {
    for (const Nanoseconds wait : {Nanoseconds(0), Nanoseconds(1ms)}) {
      std::vector<std::string> seen;
      std::vector<std::string> statuses;
      Recorder recorder("outer", seen);
      Recorder refusing("inner", seen, "bad");
      Custom around = observing(recorder, &statuses);
      Custom inside = observing(refusing, nullptr, wait);
      const std::string refused = "INVALID_ARGUMENT: the request bad is not wanted";
      const auto script = [&](Channel& channel) -> Task<void> {
        const int started = world.service().started;
        CHECK((co_await unary(channel, "Echo", "bad")).error().to_string() == refused);
        auto counting = count_to(channel, "bad");
        CHECK_FALSE(co_await counting.next());
        CHECK((co_await counting.finish()).to_string() == refused);
        CHECK(world.service().started == started);
        auto chatting = chat(channel);
        CHECK(co_await chatting.write(RawMessage{"good"}));
        CHECK((co_await chatting.next()).value().bytes == "good");
        CHECK_FALSE(co_await chatting.write(RawMessage{"bad"}));
        CHECK_FALSE(co_await chatting.write(RawMessage{"more"}));
        CHECK_FALSE(co_await chatting.next());
        CHECK((co_await chatting.finish()).to_string() == refused);
      };
      CHECK(world.run(script, with({&around, &inside})));
      CHECK(statuses == std::vector<std::string>{refused, refused, refused});
      CHECK(seen == std::vector<std::string>{"outer request bad", "inner request bad", "outer request bad",
                                             "inner request bad", "outer request good", "inner request good",
                                             "inner response good", "outer response good",
                                             "outer request bad", "inner request bad"});
    }
  });
}

TEST_CASE("the caller does not get a response that an observer of a channel refuses") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    std::vector<std::string> statuses;
    Recorder recorder("outer", seen);
    Recorder refusing("inner", seen, "1");
    CustomObserver only_responses(
        [](const MessageView&) { return Status(); },
        [&](const MessageView& response) { return refusing.on_response(response); });
    Custom around = observing(recorder, &statuses);
    Custom inside = observing(only_responses);
    const std::string refused = "INVALID_ARGUMENT: the response 1 is not wanted";
    const auto script = [&](Channel& channel) -> Task<void> {
      CHECK((co_await unary(channel, "Echo", "1")).error().to_string() == refused);
      auto counting = count_to(channel, "5");
      CHECK((co_await counting.next()).value().bytes == "0");
      CHECK_FALSE(co_await counting.next());
      CHECK((co_await counting.finish()).to_string() == refused);
      auto chatting = chat(channel);  // goes on until it is refused
      CHECK(co_await chatting.write(RawMessage{"1"}));
      CHECK_FALSE(co_await chatting.next());
      CHECK_FALSE(co_await chatting.write(RawMessage{"2"}));
      CHECK((co_await chatting.finish()).to_string() == refused);
    };
    CHECK(world.run(script, with({&around, &inside})));
    CHECK(statuses == std::vector<std::string>{refused, refused, refused});
    CHECK(seen == std::vector<std::string>{"outer request 1", "inner response 1", "outer request 5",
                                           "inner response 0", "outer response 0", "inner response 1",
                                           "outer request 1", "inner response 1"});
  });
}

TEST_CASE("an observer of a channel that throws fails its own call only") {
  for_each_world([](World& world) {
    const auto see = [](const MessageView& message) -> Status {
      if (as_text(message.bytes()) == "bad") throw std::runtime_error("secret");
      if (as_text(message.bytes()) == "large") throw std::bad_alloc();
      return {};
    };
    CustomObserver requests(see);
    CustomObserver responses([](const MessageView&) { return Status(); }, see);
    for (MessageObserver* throwing : {&requests, &responses}) {
      Custom around = observing(*throwing);
      const auto script = [&](Channel& channel) -> Task<void> {
        for (const char* method : {"Echo", "Join"}) {
          CHECK((co_await unary(channel, method, "bad"))
                    .error()
                    .to_string()
                    .starts_with("INTERNAL: a message observer "));
          CHECK((co_await unary(channel, method, "large")).error().code() == Code::RESOURCE_EXHAUSTED);
          CHECK(co_await unary(channel, method, "good"));
        }
      };
      CHECK(world.run(script, with({&around})));
    }
  });
}

TEST_CASE("an observer of a channel sees large messages whole, and they arrive") {
  for_some_worlds([](World& world) {
    using google::protobuf::BytesValue;
    std::vector<std::size_t> seen;
    const auto see = [&](const MessageView& message) -> Status {
      const BytesValue* const value = message.as<BytesValue>();
      REQUIRE(value);
      CHECK(value->value() == pattern(value->value().size()));
      CHECK(as_text(message.bytes()) == value->SerializeAsString());
      seen.push_back(value->value().size());
      return {};
    };
    CustomObserver observer(see, see);
    Custom at_once = observing(observer);
    Custom later = observing(observer, nullptr, 1ms);
    for (Custom* around : {&at_once, &later}) {
      const auto script = [&](Channel& channel) -> Task<void> {
        for (const Compression compression : {Compression::identity, Compression::gzip}) {
          CallOptions options;
          options.compression = compression;
          auto chatting = ClientStream<BytesValue, BytesValue>(
              channel.call("/test.v1.Raw/Chat", MethodKind::bidirectional, options));
          for (const std::size_t bytes : {0uz, 10uz, 30'000uz, 150'000uz, 7uz}) {
            seen.clear();
            BytesValue sent;
            sent.set_value(pattern(bytes));
            const auto echoed = co_await channel.unary<BytesValue, BytesValue>(echo_path, sent, options);
            REQUIRE_MESSAGE(echoed, echoed.error().to_string());
            CHECK(echoed->value() == sent.value());
            CHECK(co_await chatting.write(sent, WriteOptions{.compress = bytes != 10}));
            const auto chatted = co_await chatting.next();
            REQUIRE(chatted);
            CHECK(chatted->value() == sent.value());
            CHECK(seen == std::vector<std::size_t>(4, bytes));
          }
          chatting.writes_done();
          CHECK_FALSE(co_await chatting.next());
          CHECK((co_await chatting.finish()).ok());
        }
      };
      CHECK(world.run(script, with({around})));
    }
  });
}

TEST_CASE("a request that is too large is not shown to observers") {
  SimulatedWorld world(1);
  std::vector<std::string> seen;
  Recorder recorder("audit", seen);
  Custom around = observing(recorder);
  ChannelOptions options = with({&around});
  options.max_request_bytes = 10;
  const auto script = [](Channel& channel) -> Task<void> {
    auto chatting = chat(channel);
    CHECK(co_await chatting.write(RawMessage{"small"}));
    CHECK(co_await chatting.next());
    CHECK_FALSE(co_await chatting.write(RawMessage{"too large a message"}));
    CHECK((co_await chatting.finish()).code() == Code::RESOURCE_EXHAUSTED);
  };
  CHECK(world.run(script, options));
  CHECK(seen == std::vector<std::string>{"audit request small", "audit response small"});
}

TEST_CASE("a request that is sent again is shown once") {
  SimulatedWorld world(1);
  test::RawHost host(world);
  int refusals = 1;
  host.answer = [&](RawPeer& peer, std::uint32_t id) {
    return refusals-- > 0 ? http2::test::rst_stream(id, http2::ErrorCode::refused_stream)
                          : test::well_answered()(peer, id);
  };
  std::vector<std::string> seen;
  Recorder recorder("audit", seen);
  Custom around = observing(recorder);
  CHECK(host.serve([](Channel& channel) -> Task<void> { CHECK(co_await test::unary(channel)); },
                   with({&around})));
  CHECK(host.peers.front()->body(3) == message("x"));
  CHECK(seen == std::vector<std::string>{"audit request x", "audit response y"});
}

/// Calls to a host that sends the responses "a" and "b" and then its status, all at once;
/// a Recorder observes them.
struct RecordedCalls {
  explicit RecordedCalls(const std::string& grpc_status) {
    host.answer =
        test::whole(test::good_headers, message("a") + message("b"), {{"grpc-status", grpc_status}});
  }
  bool run(const World::Script& script) { return host.serve(script, with({&around})); }

  SimulatedWorld world{1};
  test::RawHost host{world};
  std::vector<std::string> seen;
  Recorder recorder{"audit", seen};
  Custom around = observing(recorder);
};

TEST_CASE("responses that are taken after the status has come are shown, whatever the status") {
  for (const auto& [grpc_status, code] : {std::pair("0", Code::OK), std::pair("5", Code::NOT_FOUND)}) {
    RecordedCalls calls(grpc_status);
    CHECK(calls.run([&, expected = code](Channel& channel) -> Task<void> {
      auto counting = count_to(channel, "2");
      co_await counting.initial_metadata();
      co_await sleep_for(1s);
      CHECK(calls.seen == std::vector<std::string>{"audit request 2"});
      CHECK(calls.around.frames == 1);
      for (const char* response : {"a", "b"}) CHECK((co_await counting.next()).value().bytes == response);
      CHECK_FALSE(co_await counting.next());
      CHECK((co_await counting.finish()).code() == expected);
      CHECK(calls.around.frames == 0);
      CHECK(calls.seen ==
            std::vector<std::string>{"audit request 2", "audit response a", "audit response b"});
    }));
  }
}

TEST_CASE("responses that the caller does not take are neither shown nor given") {
  for (const auto& [grpc_status, code] : {std::pair("0", Code::OK), std::pair("5", Code::NOT_FOUND)}) {
    RecordedCalls calls(grpc_status);
    CHECK(calls.run([&, expected = code](Channel& channel) -> Task<void> {
      auto counting = count_to(channel, "2");
      CHECK((co_await counting.next()).value().bytes == "a");
      CHECK((co_await counting.finish()).code() == expected);
      CHECK_FALSE(co_await counting.next());
      CHECK(calls.seen == std::vector<std::string>{"audit request 2", "audit response a"});
      CHECK(calls.around.frames == 0);
    }));
  }
}

TEST_CASE("the deadline ends an observed call whose responses nobody takes") {
  RecordedCalls calls("0");
  CHECK(calls.run([&](Channel& channel) -> Task<void> {
    CallOptions options;
    options.timeout = 5s;
    auto counting =
        channel.server_streaming<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{"2"}, options);
    co_await sleep_for(10s);
    CHECK(calls.around.frames == 0);
    CHECK_FALSE(co_await counting.next());
    CHECK(test::missing((co_await counting.finish()).to_string(), {"DEADLINE_EXCEEDED: ", "read"}) == "");
  }));
  CHECK(calls.seen == std::vector<std::string>{"audit request 2"});
}

TEST_CASE("an observed call may be dropped or cancelled at any time") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Recorder outer("outer", seen);
    Recorder inner("inner", seen);
    Custom around = observing(outer);
    Custom inside = observing(inner, nullptr, 1ms);
    const auto script = [&](Channel& channel) -> Task<void> {
      (void)count_to(channel, "100000");
      CHECK(around.frames == 0);
      {
        auto counting = count_to(channel, "100000");
        CHECK(co_await counting.next());
      }
      CHECK(around.frames == 0);
      auto chatting = chat(channel);
      CHECK(co_await chatting.write(RawMessage{"one"}));
      CHECK(co_await chatting.next());
      chatting.cancel();
      CHECK_FALSE(co_await chatting.write(RawMessage{"two"}));
      CHECK((co_await chatting.finish()).code() == Code::CANCELLED);
      auto counting = count_to(channel, "100000");
      CHECK(co_await counting.next());
      counting.cancel();
      CHECK((co_await counting.finish()).code() == Code::CANCELLED);
    };
    CHECK(world.run(script, with({&around, &inside})));
    CHECK(around.frames == 0);
    CHECK(inside.frames == 0);
    CHECK(world.run_until([&] { return world.service().running == 0; }));
  });
}

}  // namespace
}  // namespace ringrpc
