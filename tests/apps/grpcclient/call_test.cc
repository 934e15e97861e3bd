// Calls whose server or whose input does not keep to the method, and the time and the output of calls.
#include "grpcclient/call.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>

#include "ringrpc/block_on.h"
#include "ringrpc/reflection.h"
#include "ringrpc/server.h"

#include "apps/captured_stdout.h"
#include "base/unique_fd.h"
#include "depot_server.h"

namespace ringrpc::grpcclient {
namespace {

using namespace std::chrono_literals;

/// Ends each call with OK and without a message.
class Silent final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "depot.Depot"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr Method methods[] = {method<&Silent::keep>("Keep")};
    return methods;
  }

 private:
  Task<Status> keep(Call&, RawMessage, Writer<RawMessage>&) { co_return Status(); }
};

/// Counts the messages, and notes whether the caller has ended their stream in order.
class Intake final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "depot.Intake"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr Method methods[] = {method<&Intake::collect>("Collect")};
    return methods;
  }

  int received = 0;
  bool complete = false;

 private:
  Task<Result<RawMessage>> collect(Call& call, Reader<RawMessage>& in) {
    while (co_await in.next()) ++received;
    complete = call.failure().ok();
    co_return RawMessage();
  }
};

Task<Result<int>> called(const Values& values, std::string method) {
  Session session(values);
  Outcome<bool> done = co_await call(session, std::move(method));
  co_return done ? 0 : done.error().exit_status;
}

/// The exit status of a call of `service`, whose handlers have ended.
int exit_status(Service& service, std::string method, std::string data) {
  Reflection reflection;
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.shards = 1;
  const std::unique_ptr<Server> server =
      std::move(Server::start({&service, &reflection.v1()}, options)).value();
  Values values;
  values.address = server->addresses().front();
  values.data = std::move(data);
  const apps::CapturedStdout captured;
  return block_on(called(values, std::move(method))).value();
}

TEST_CASE("a unary call that ends with OK and without a message fails") {
  Silent silent;
  CHECK(exit_status(silent, "depot.Depot/Keep", "{}") == static_cast<int>(Code::UNIMPLEMENTED));
}

TEST_CASE("a stream with an invalid message is cancelled, and one without is complete") {
  Intake good;
  CHECK(exit_status(good, "depot.Intake/Collect", "{} {}") == 0);
  CHECK(good.received == 2);
  CHECK(good.complete);
  for (const std::string data : {"{} {\"weigh\":1}", "{} {"}) {
    CAPTURE(data);
    Intake bad;
    CHECK(exit_status(bad, "depot.Intake/Collect", data) == exit_data);
    CHECK_FALSE(bad.complete);
  }
}

/// The time by which a call moves the deadline of its session.
Task<Result<Nanoseconds>> deadline_moved_by(const Values& values) {
  Session session(values);
  const Instant before = session.deadline;
  const apps::CapturedStdout captured;
  const Outcome<bool> done = co_await call(session, "depot.Depot/Keep");
  if (!done) co_return fail(Code::UNKNOWN, done.error().message);
  co_return session.deadline - before;
}

TEST_CASE("the time in which the request is typed does not count against the deadline") {
  const DepotServer server;
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), 0) == 0);
  const UniqueFd reader(ends[0]);
  const std::jthread typist([writer = UniqueFd(ends[1])] {
    std::this_thread::sleep_for(20ms);
    constexpr std::string_view request = "{}\n";
    CHECK(::write(writer.get(), request.data(), request.size()) == static_cast<ssize_t>(request.size()));
  });
  Values values = server.values();
  values.deadline = 1h;
  values.data = "@/dev/fd/" + std::to_string(reader.get());
  const Instant begun = std::chrono::steady_clock::now();
  const Nanoseconds moved = block_on(deadline_moved_by(values)).value();
  CHECK(moved > 0s);
  CHECK(moved <= std::chrono::steady_clock::now() - begun);
}

TEST_CASE("control characters of a server do not reach the terminal, but ends of lines and tabs do") {
  const std::string printed = [] {
    const apps::CapturedStdout captured;
    (void)print("a\x1b[2J\rb\tc\n");
    return captured.text();
  }();
  CHECK(printed == "a\\x1b[2J\\x0db\tc\n");
}

}  // namespace
}  // namespace ringrpc::grpcclient
