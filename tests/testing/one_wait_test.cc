// Of each operation of a stream, one at a time may wait, together with those of other kinds.
#include <doctest/doctest.h>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/channel.h"
#include "ringrpc/service.h"
#include "ringrpc/sleep.h"
#include "ringrpc/testing/fake_client_call.h"
#include "ringrpc/testing/in_process.h"
#include "ringrpc/when.h"

#include "apps/captured_stderr.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using testing::InProcess;

std::string words_of(const char* operation) {
  return std::string("two tasks wait in `") + operation +
         "` of one call: let one task read and one write, and hand messages on to the others";
}

template <class Stream>
Task<> read(Stream& stream) {
  while (co_await stream.next()) continue;
}

template <class Stream>
Task<> write(Stream& stream) {
  while (co_await stream.write(RawMessage{std::string(100'000, 'x')})) continue;
}

/// Reads and writes in ways that are refused, and in ways that are not.
class Pairs final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Pairs"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr Method methods[] = {method<&Pairs::read_twice>("ReadTwice"),
                                         method<&Pairs::write_twice>("WriteTwice"),
                                         method<&Pairs::hold>("Hold"), method<&Pairs::ticks>("Ticks")};
    return methods;
  }

  int messages = 0;
  int ticked = 0;

 private:
  using In = Reader<RawMessage>;
  using Out = Writer<RawMessage>;

  Task<Status> read_twice(Call&, In& in, Out&) {
    co_await when_all(read(in), read(in));
    co_return Status();
  }
  Task<Status> write_twice(Call&, In&, Out& out) {
    co_await when_all(write(out), write(out));
    co_return Status();
  }
  Task<Status> hold(Call& call, In&, Out&) {
    co_await call.until_stopping();
    co_return Status();
  }
  /// Counts messages, and the seconds without one.
  Task<Status> ticks(Call&, In& in, Out& out) {
    for (;;) {
      auto first = co_await when_any(in.next(), sleep_for(1s));
      if (first.index() == 1) {
        ++ticked;
      } else if (const auto& message = std::get<0>(first)) {
        ++messages;
        const auto [written, nothing] = co_await when_all(out.write(*message), sleep_for(1ns));
        CHECK(written);
      } else {
        co_return Status();
      }
    }
  }
};

using Stream = ClientStream<RawMessage, RawMessage>;

Stream call_of(const Channel& channel, const char* method_name) {
  return channel.bidirectional<RawMessage, RawMessage>(std::string("/test.v1.Pairs/") + method_name);
}

/// The message of the exception that the task throws.
Task<std::string> message_of(Task<> task) {
  try {
    co_await std::move(task);
  } catch (const std::logic_error& error) {
    co_return error.what();
  }
  co_return "nothing";
}

template <class... T>
Task<> together(Task<T>... tasks) {
  co_await when_all(std::move(tasks)...);
}

TEST_CASE("a handler in which two tasks read, or write, at once ends with INTERNAL and a log line") {
  for (const auto& [name, operation] :
       {std::pair("ReadTwice", "next()"), std::pair("WriteTwice", "write()")}) {
    CAPTURE(name);
    Pairs pairs;
    InProcess world({&pairs});
    const apps::CapturedStderr captured;
    const Status ended = world.run([&]() -> Task<Status> {
      Stream call = call_of(world.channel(), name);
      while (co_await call.next()) continue;  // finish() would end the writes, for which the handler waits
      co_return co_await call.finish();
    });
    const std::string log = captured.text();
    CHECK(ended.code() == Code::INTERNAL);
    CHECK(log.find(words_of(operation)) != std::string::npos);
    CHECK(log.find(name) != std::string::npos);
  }
}

TEST_CASE("on the client, the second of two tasks that wait for the same thing throws") {
  Pairs pairs;
  InProcess world({&pairs});
  const auto thrown = world.run([&]() -> Task<std::vector<std::string>> {
    Stream call = call_of(world.channel(), "Hold");
    co_return co_await when_all([](Stream& of) -> std::vector<Task<std::string>> {
      std::vector<Task<std::string>> all;
      all.push_back(message_of(together(read(of), read(of))));
      all.push_back(message_of(together(write(of), write(of))));
      all.push_back(message_of(together(of.finish(), of.finish())));
      return all;
    }(call));
  });
  REQUIRE(thrown);
  CHECK(*thrown == std::vector{words_of("next()"), words_of("write()"), words_of("finish()")});
}

TEST_CASE("finish gives the status of a call once, and throws from then on") {
  Pairs pairs;
  InProcess world({&pairs});
  const auto thrown = world.run([&]() -> Task<std::string> {
    Stream call = call_of(world.channel(), "Hold");
    const auto first = co_await when_any(call.finish(), sleep_for(1ms));
    CHECK(first.index() == 1);  // it has given nothing yet
    call.cancel();
    CHECK((co_await call.finish()).code() == Code::CANCELLED);
    try {
      CHECK((co_await call.finish()).code() == Code::CANCELLED);
    } catch (const std::logic_error& error) {
      co_return error.what();
    }
    co_return "";
  });
  REQUIRE(thrown);
  CHECK(*thrown == "finish() has given the call's status before: keep it, because it is given once");
}

TEST_CASE("the task that waits already is not disturbed") {
  testing::FakeClientCall call;
  Stream stream(call.call());
  const Task<> first = read(stream);
  first.start();
  {
    const Task<> second = read(stream);
    second.start();
    CHECK_THROWS_WITH_AS(second.result(), words_of("next()").c_str(), std::logic_error);
  }
  call.respond(RawMessage{"1"});
  CHECK_FALSE(first.done());
  call.finish();
  CHECK(first.done());
}

TEST_CASE("when_any takes next() as it is, and loses no message to a timer") {
  Pairs pairs;
  InProcess world({&pairs});
  constexpr int sent = 50;
  const Status ended = world.run([&]() -> Task<Status> {
    Stream call = call_of(world.channel(), "Ticks");
    for (int at = 0; at < sent; ++at) {
      // Around the moment at which the handler's timer ends.
      co_await sleep_for(1s - 25ms + at * 1ms);
      CHECK(co_await call.write(RawMessage{"message"}));
      const auto answered = co_await when_any(call.next(), sleep_for(1min));
      CHECK(answered.index() == 0);
    }
    call.writes_done();
    co_return co_await call.finish();
  });
  CHECK(ended.ok());
  CHECK(pairs.messages == sent);
  CHECK(pairs.ticked > 0);
}

TEST_CASE("when_any neither reads nor writes a message for the one that is second") {
  Pairs pairs;
  InProcess world({&pairs});  // for its shard
  for (const bool read_first : {true, false}) {
    CAPTURE(read_first);
    testing::FakeStream stream;
    stream.set_room(0);
    Reader<RawMessage> in(stream);
    Writer<RawMessage> out(stream);
    const auto read_and_write = [&]() -> Task<std::size_t> {
      const RawMessage message("written");
      co_return (co_await when_any(in.next(), out.write(message))).index();
    };
    const auto make_ready = [&]() -> Task<> {
      co_await sleep_for(1ms);
      if (read_first) stream.receive(RawMessage{"received"});
      stream.set_room(1);
      if (!read_first) stream.receive(RawMessage{"received"});
    };
    const auto both = world.run(when_all(read_and_write, make_ready));
    REQUIRE(both);
    CHECK(std::get<0>(*both) == (read_first ? 0 : 1));
    CHECK(stream.sent_count() == (read_first ? 0 : 1));
    CHECK(stream.message_ready() == !read_first);
  }
}

}  // namespace
}  // namespace ringrpc
