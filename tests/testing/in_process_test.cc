#include "ringrpc/testing/in_process.h"

#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ringrpc/interceptor.h"
#include "ringrpc/sleep.h"
#include "ringrpc/task_scope.h"
#include "ringrpc/testing/fake_call.h"
#include "ringrpc/when.h"
#include "ringrpc/worker_pool.h"

#include "echo/v1/echo.ringrpc.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using echo::v1::EchoRequest;
using echo::v1::EchoResponse;
using echo::v1::EchoService;
using testing::InProcess;

EchoRequest request_of(std::string payload) {
  EchoRequest request;
  request.set_payload(std::move(payload));
  return request;
}

/// Responds with the payload, later if that is a number of seconds; "work" runs on a thread.
class Waiting final : public EchoService::Service {
 public:
  explicit Waiting(WorkerPool* pool = nullptr) : pool_(pool) {}

  Task<Result<EchoResponse>> Echo(Call& call, EchoRequest request) override {
    if (request.payload() == "refuse") co_return fail(Code::NOT_FOUND, "as asked");
    if (request.payload() == "work") {
      const auto slow = [] { std::this_thread::sleep_for(50ms); };
      const Status done = co_await pool_->run(slow);
      if (!done.ok()) co_return std::unexpected(done);
    } else if (!request.payload().empty()) {
      co_await sleep_for(std::chrono::seconds(std::stoi(request.payload())));
    }
    seen.push_back(call.deadline());
    EchoResponse response;
    response.set_payload(request.payload());
    co_return response;
  }

  std::vector<Instant> seen;

 private:
  WorkerPool* pool_;
};

TEST_CASE("a call reaches its handler and its response comes back, or its status") {
  Waiting waiting;
  InProcess world({&waiting});
  EchoService::Stub stub(world.channel());
  const CallResult<EchoResponse> response = world.run(stub.Echo(request_of("")));
  REQUIRE(response);
  CHECK(response->payload().empty());
  const Result<EchoResponse> refused = world.run(stub.Echo(request_of("refuse")));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().to_string() == "NOT_FOUND: as asked");
}

TEST_CASE("time passes when nothing else is left to do, and takes no time") {
  Waiting waiting;
  InProcess world({&waiting});
  EchoService::Stub stub(world.channel());
  const Instant begun = world.now();
  CHECK(world.run(stub.Echo(request_of("3000"))));
  CHECK(world.now() - begun >= 3000s);
  CHECK(world.now() - begun < 3001s);
  const Result<EchoResponse> late = world.run(stub.Echo(request_of("3000"), {.timeout = 10s}));
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == Code::DEADLINE_EXCEEDED);
}

TEST_CASE("a test advances the clock as far as it likes") {
  Waiting waiting;
  InProcess world({&waiting});
  const Instant begun = world.now();
  world.advance(90min);
  CHECK(world.now() - begun == 90min);
}

TEST_CASE("several calls run at once") {
  Waiting waiting;
  InProcess world({&waiting});
  EchoService::Stub stub(world.channel());
  const Instant begun = world.now();
  const auto both = world.run(when_all(stub.Echo(request_of("5")), stub.Echo(request_of("6"))));
  REQUIRE(both);
  CHECK(std::get<1>(*both)->payload() == "6");
  CHECK(world.now() - begun < 7s);
}

TEST_CASE("time stands still while a worker pool works for a handler") {
  const auto pool = WorkerPool::start({.threads = 1});
  REQUIRE(pool);
  Waiting waiting(pool->get());
  InProcess world({&waiting});
  EchoService::Stub stub(world.channel());
  CHECK(world.run(stub.Echo(request_of("work"), {.timeout = 1s})));
}

TEST_CASE(
    "a task that waits for something that never happens ends with an error, and its frame is destroyed") {
  struct Never {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}
  };
  Waiting waiting;
  InProcess world({&waiting});
  const auto held = std::make_shared<int>(1);
  const Status hangs = world.run([&]() -> Task<> {
    const std::shared_ptr<int> mine = held;
    co_await Never();
  });
  CHECK(hangs.to_string() == "INTERNAL: the task has not ended: it waits for something that never happens");
  CHECK(held.use_count() == 1);
}

TEST_CASE("an exception of a task is INTERNAL") {
  Waiting waiting;
  InProcess world({&waiting});
  const Status thrown = world.run([]() -> Task<> {
    co_await sleep_for(1s);
    throw std::runtime_error("boom");
  });
  CHECK(thrown.to_string() == "INTERNAL: the task threw: boom");
}

TEST_CASE("the server's and the channel's options hold") {
  class Refusing final : public Interceptor {
    Task<Status> intercept(Call&, Next) override { co_return Status(Code::PERMISSION_DENIED, "nobody may"); }
  } refusing;
  Waiting waiting;
  InProcess world({&waiting},
                  {.server = {.interceptors = {&refusing}}, .channel = {.max_message_bytes = 1024}});
  EchoService::Stub stub(world.channel());
  CHECK(world.run(stub.Echo(request_of(""))).error().message() == "nobody may");
}

TEST_CASE("a thread has one world at a time") {
  Waiting waiting;
  {
    InProcess world({&waiting});
    CHECK_THROWS_AS(InProcess({&waiting}), std::logic_error);
    EchoService::Stub stub(world.channel());
    CHECK(world.run(stub.Echo(request_of(""))));
  }
  CHECK_NOTHROW(InProcess({&waiting}));
}

TEST_CASE("a service that is named twice is refused") {
  Waiting waiting;
  CHECK_THROWS_AS(InProcess({&waiting, &waiting}), std::invalid_argument);
}

TEST_CASE("a null interceptor is refused on either side") {
  Waiting waiting;
  CHECK_THROWS_WITH_AS(InProcess({&waiting}, {.server = {.interceptors = {nullptr}}}),
                       "INVALID_ARGUMENT: an interceptor is null", std::invalid_argument);
  for (const bool metrics : {false, true}) {
    InProcess world({&waiting}, {.channel = {.metrics = metrics, .interceptors = {nullptr}}});
    EchoService::Stub stub(world.channel());
    const auto response = world.run(stub.Echo(request_of("")));
    REQUIRE_FALSE(response);
    CHECK(response.error().to_string() == "INVALID_ARGUMENT: an interceptor is null");
  }
}

TEST_CASE("a world fails to start if a service refuses to start") {
  class Refusing final : public EchoService::Service {
    Status on_start(std::span<const ringrpc::Service* const> services) override {
      CHECK(services.size() == 1);
      return fail(Code::FAILED_PRECONDITION, "no key").error();
    }
  } refusing;
  CHECK_THROWS_WITH_AS(InProcess({&refusing}), "FAILED_PRECONDITION: no key", std::invalid_argument);
}

/// Holds calls until the server drains.
class Holding final : public EchoService::Service {
 public:
  Task<Result<EchoResponse>> Echo(Call& call, EchoRequest) override {
    before = call.stopping();
    co_await call.until_stopping();
    after = call.stopping();
    co_return fail(Code::UNAVAILABLE, "the server shuts down");
  }

  std::optional<bool> before;
  std::optional<bool> after;
};

TEST_CASE("a handler that waits for the drain does not hold it") {
  Holding holding;
  InProcess world({&holding});
  EchoService::Stub stub(world.channel());
  TaskScope calls;
  const auto held = [&]() -> Task<Status> {
    const Result<EchoResponse> response = co_await stub.Echo(request_of(""));
    co_return response.error();
  };
  Status outcome;
  CHECK(world
            .run([&]() -> Task<> {
              calls.spawn([](Task<Status> call, Status& ended) -> Task<> {
                ended = co_await std::move(call);
              }(held(), outcome));
              co_await sleep_for(1s);
            })
            .ok());
  CHECK(holding.before == false);
  CHECK_FALSE(holding.after);
  const Instant begun = world.now();
  CHECK(world.drain(1h) == 0);
  CHECK(holding.after == true);
  CHECK(world.now() - begun < 10s);
  CHECK(outcome.to_string() == "UNAVAILABLE: the server shuts down");
}

TEST_CASE("a test stops a call of its own") {
  Holding holding;
  testing::FakeCall call("/echo.v1.EchoService/Echo");
  const Task<Result<EchoResponse>> first = holding.Echo(call, request_of(""));
  const Task<Result<EchoResponse>> second = holding.Echo(call, request_of(""));
  {
    const Task<Result<EchoResponse>> dropped = holding.Echo(call, request_of(""));
    for (const auto* const task : {&first, &dropped, &second}) task->start();
  }
  CHECK(holding.before == false);
  CHECK_FALSE(first.done());
  call.stop();
  CHECK(holding.after == true);
  CHECK(first.done());
  CHECK(second.done());
  const Task<Result<EchoResponse>> late = holding.Echo(call, request_of(""));
  late.start();
  CHECK(late.done());
  CHECK(holding.before == true);
}

TEST_CASE("a drain ends calls that exceed its timeout") {
  Waiting waiting;
  InProcess world({&waiting});
  EchoService::Stub stub(world.channel());
  std::uint64_t ended = 0;
  const Result<EchoResponse> cut =
      world.run([&]() -> Task<Result<EchoResponse>> { co_return co_await stub.Echo(request_of("1")); });
  CHECK(cut);
  ended = world.drain(1s);
  CHECK(ended == 0);
  CHECK(world.run(stub.Echo(request_of(""))).error().code() == Code::UNAVAILABLE);
}

TEST_CASE("a server that drains takes no new connections") {
  Waiting waiting;
  InProcess world({&waiting});
  EchoService::Stub stub(world.channel());
  CHECK(world.drain(1s) == 0);
  const Result<EchoResponse> refused = world.run(stub.Echo(request_of("")));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().cause() == Cause::refused);
  CHECK(waiting.seen.empty());
}

TEST_CASE("a call that a test makes can have failed") {
  testing::FakeCall call("/echo.v1.EchoService/Echo");
  CHECK(call.failure().ok());
  call.fail(Status(Code::CANCELLED, "the client has reset it"));
  CHECK(call.failure().to_string() == "CANCELLED: the client has reset it");
  testing::FakeStream stream;
  CHECK_FALSE(stream.rejected());
  stream.fail_call(Status(Code::ABORTED, "first"));
  stream.reject_message();
  CHECK(stream.rejected());
  CHECK(stream.failure().to_string() == "ABORTED: first");
}

TEST_CASE("a handler may be called without a connection") {
  Waiting waiting;
  InProcess world({&waiting});
  testing::FakeCall call("/echo.v1.EchoService/Echo");
  call.time_limit = call.now() + 2s;
  CHECK(world.run(waiting.Echo(call, request_of("1"))));
  CHECK(waiting.seen.at(0) == call.time_limit);
}

}  // namespace
}  // namespace ringrpc
