/// Interceptors around calls: order, refusal, cancellation; and the interceptors that ship with the library.

#include <doctest/doctest.h>
#include <stdexcept>
#include <string>
#include <vector>

#include "ringrpc/allow_list.h"
#include "ringrpc/bearer_auth.h"
#include "ringrpc/rate_limiter.h"
#include "ringrpc/server.h"
#include "ringrpc/sleep.h"

#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

/// Records what it sees.
class Witness final : public Interceptor {
 public:
  Witness(std::string name, std::vector<std::string>& seen) : name_(std::move(name)), seen_(seen) {}

  Task<Status> intercept(Call& call, Next next) override {
    const Departure departure{*this};
    seen_.push_back(name_ + " before " + std::string(call.method()));
    Status status = co_await next();
    seen_.push_back(name_ + " after " + std::string(ringrpc::name(status.code())));
    co_return status;
  }

  void on_end(Call&, const Status& status) override { ends.push_back(status.to_string()); }

  int frames = 0;
  std::vector<std::string> ends;

 private:
  struct Departure {
    explicit Departure(Witness& of) noexcept : witness(of) { ++witness.frames; }
    Departure(const Departure&) = delete;
    ~Departure() { --witness.frames; }
    Witness& witness;
  };

  std::string name_;
  std::vector<std::string>& seen_;
};

/// Runs a function of the test around each call.
class Custom final : public Interceptor {
 public:
  using Around = Task<Status> (*)(Call&, Next);
  explicit Custom(Around around) noexcept : around_(around) {}
  Task<Status> intercept(Call& call, Next next) override { return around_(call, next); }

 private:
  Around around_;
};

ServerOptions with(std::vector<Interceptor*> interceptors) {
  ServerOptions options;
  options.interceptors = std::move(interceptors);
  return options;
}

TEST_CASE("interceptors wrap the handler, the first outermost, for every kind of call") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Witness outer("outer", seen);
    Witness inner("inner", seen);
    world.serve(with({&outer, &inner}));
    for (const char* method : {"Echo", "Count", "Join", "Chat", "Fail"}) {
      CAPTURE(method);
      seen.clear();
      const std::string path = "/test.v1.Raw/" + std::string(method);
      const std::string code = method == std::string("Fail") ? "NOT_FOUND" : "OK";
      CHECK(world.run([&](Channel& channel) -> Task<void> {
        const auto answer = co_await unary(channel, method, "5");
        const bool as_expected = answer || answer.error().code() != Code::INTERNAL;
        CHECK(as_expected);
      }));
      CHECK(world.run_until([&] { return seen.size() == 4; }));
      CHECK(seen == std::vector<std::string>{"outer before " + path, "inner before " + path,
                                             "inner after " + code, "outer after " + code});
    }
  });
}

TEST_CASE("an interceptor may respond instead of the handler") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Custom closed([](Call&, Next) -> Task<Status> {
      co_return Status(Code::PERMISSION_DENIED, "closed today", Initiator::application);
    });
    Witness inner("inner", seen);
    world.serve(with({&closed, &inner}));
    CHECK(world.run([](Channel& channel) -> Task<void> {
      for (const char* method : {"Echo", "Join"}) {
        const auto answer = co_await unary(channel, method, "x");
        REQUIRE_FALSE(answer);
        CHECK(answer.error().to_string() == "PERMISSION_DENIED: closed today");
      }
    }));
    CHECK(seen.empty());
    CHECK(world.service().started == 0);
  });
}

TEST_CASE("an interceptor may wait, add metadata and change the status") {
  for_each_world([](World& world) {
    Custom changing([](Call& call, Next next) -> Task<Status> {
      co_await sleep_for(1ms);
      (void)call.initial_metadata().add("x-trace", "7");
      Status status = co_await next();
      (void)call.trailing_metadata().add("x-cost", "3");
      if (status.code() == Code::NOT_FOUND)
        co_return Status(Code::DATA_LOSS, "worse", Initiator::application);
      co_return status;
    });
    world.serve(with({&changing}));
    CHECK(world.run([](Channel& channel) -> Task<void> {
      const auto echoed = co_await unary(channel, "Echo", "x");
      CHECK(echoed);
      CHECK(echoed.metadata.initial.find("x-trace") == "7");
      CHECK(echoed.metadata.trailing.find("x-cost") == "3");
      const auto failed = co_await unary(channel, "Fail", "5");
      REQUIRE_FALSE(failed);
      CHECK(failed.error().to_string() == "DATA_LOSS: worse");
    }));
  });
}

TEST_CASE("one name of the metadata is found, whether or not all of it has been read") {
  for_each_world([](World& world) {
    Custom finding([](Call& call, Next next) -> Task<Status> {
      for (int round = 0; round < 2; ++round) {
        CHECK(call.find_metadata("x-one").value == "1");
        CHECK_FALSE(call.find_metadata("x-one").repeated);
        CHECK(call.find_metadata("x-some").value == "a");
        CHECK(call.find_metadata("x-some").repeated);
        for (const char* const none : {"x-none", "x-on", ":path", "te", "content-type", "grpc-timeout"})
          CHECK_FALSE(call.find_metadata(none).value);
        CHECK(call.find_metadata("x-bytes-bin").value == std::string_view("\0\xff", 2));  // reads all of it
      }
      co_return co_await next();
    });
    world.serve(with({&finding}));
    CHECK(world.run([](Channel& channel) -> Task<void> {
      CallOptions options;
      for (const char* const each : {"a", "b", "c"}) CHECK(options.metadata.add("x-some", each).ok());
      CHECK(options.metadata.add("x-one", "1").ok());
      CHECK(options.metadata.add("x-bytes-bin", std::string_view("\0\xff", 2)).ok());
      CHECK(co_await unary(channel, "Echo", "x", options));
    }));
  });
}

TEST_CASE("interceptors learn how a call ends, whatever ends it") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Witness witness("w", seen);
    Custom generous([](Call& call, Next next) -> Task<Status> {
      if (call.method().ends_with("/Fail"))
        (void)call.trailing_metadata().add("x-much", std::string(20'000, 'x'));
      co_return co_await next();
    });
    ServerOptions options = with({&witness, &generous});
    options.max_response_bytes = 1000;
    world.serve(options);
    const auto told = [&](const char* method, const char* text, std::chrono::milliseconds timeout = 1h) {
      seen.clear();
      witness.ends.clear();
      std::string answer;
      CHECK(world.run([&](Channel& channel) -> Task<void> {
        CallOptions call_options;
        call_options.timeout = timeout;
        const auto got = co_await unary(channel, method, text, call_options);
        answer = got ? "OK" : ringrpc::name(got.error().code());
      }));
      CHECK(world.run_until([&] { return witness.ends.size() == 1; }));
      CHECK(world.run_until([&] { return witness.frames == 0; }));
      return answer;
    };
    CHECK(told("Echo", "x") == "OK");
    CHECK(seen.back() == "w after OK");
    CHECK(witness.ends == std::vector<std::string>{"OK"});

    CHECK(told("Throw", "secret") == "INTERNAL");
    CHECK(seen.back() == "w after INTERNAL");
    CHECK(witness.ends.front().starts_with("INTERNAL: the handler "));

    CHECK(told("Inflate", "1001") == "RESOURCE_EXHAUSTED");
    CHECK(seen.back() == "w after RESOURCE_EXHAUSTED");
    CHECK(witness.ends ==
          std::vector<std::string>{"RESOURCE_EXHAUSTED: the response has 1001 bytes, the limit is 1000"});

    CHECK(told("Fail", "5") == "RESOURCE_EXHAUSTED");  // more trailing metadata than the client accepts
    CHECK(seen.back() == "w after NOT_FOUND");
    CHECK(witness.ends.front().starts_with("RESOURCE_EXHAUSTED"));

    CHECK(told("Sleep", "600000", 1s) == "DEADLINE_EXCEEDED");  // its handler runs before
    CHECK(seen.back() == "w before /test.v1.Raw/Sleep");
    const bool late_or_left = witness.ends.front() == "DEADLINE_EXCEEDED: the deadline passed" ||
                              witness.ends.front().starts_with("CANCELLED: the c");
    CHECK(late_or_left);
  });
}

TEST_CASE("an interceptor that returns no task fails its own call only") {
  SimulatedWorld world(1);
  Custom empty([](Call&, Next) -> Task<Status> { return {}; });
  Custom outer([](Call&, Next next) -> Task<Status> { co_return co_await next(); });
  world.serve(with({&outer, &empty}));
  CHECK(world.run([](Channel& channel) -> Task<void> {
    const auto failed = co_await unary(channel, "Echo", "x");
    REQUIRE_FALSE(failed);
    CHECK(failed.error().to_string().starts_with("INTERNAL: an interceptor "));
  }));
}

TEST_CASE("OK without the one message that a method gives is not OK") {
  SimulatedWorld world(1);
  Custom content([](Call&, Next) -> Task<Status> { co_return Status(); });
  world.serve(with({&content}));
  CHECK(world.run([](Channel& channel) -> Task<void> {
    for (const char* method : {"Echo", "Join"}) {
      const auto failed = co_await unary(channel, method, "x");
      REQUIRE_FALSE(failed);
      CHECK(failed.error().to_string() == "INTERNAL: the call ended with OK and without a message");
    }
  }));
}

TEST_CASE("an exception at the end of a call affects nothing else") {
  class ThrowerAtEnd final : public Interceptor {
    void on_end(Call&, const Status&) override { throw std::runtime_error("secret"); }
  };
  SimulatedWorld world(1);
  ThrowerAtEnd thrower;
  world.serve(with({&thrower}));
  CHECK(world.run([](Channel& channel) -> Task<void> {
    CHECK(co_await unary(channel, "Echo", "x"));
    CHECK(co_await unary(channel, "Echo", "x"));
  }));
}

TEST_CASE("an interceptor that throws fails its own call only") {
  for_each_world([](World& world) {
    static bool thrown;
    thrown = false;
    Custom throwing([](Call&, Next next) -> Task<Status> {
      if (!std::exchange(thrown, true)) throw std::runtime_error("secret");
      return next();
    });
    world.serve(with({&throwing}));
    CHECK(world.run([](Channel& channel) -> Task<void> {
      const auto failed = co_await unary(channel, "Echo", "x");
      REQUIRE_FALSE(failed);
      CHECK(failed.error().to_string().starts_with("INTERNAL: an interceptor "));
      CHECK(co_await unary(channel, "Echo", "x"));
    }));
  });
}

TEST_CASE("an interceptor that calls next twice gets INTERNAL the second time") {
  for_each_world([](World& world) {
    Custom again([](Call&, Next next) -> Task<Status> {
      CHECK((co_await next()).ok());
      co_return co_await next();
    });
    world.serve(with({&again}));
    CHECK(world.run([](Channel& channel) -> Task<void> {
      const auto failed = co_await unary(channel, "Echo", "x");
      REQUIRE_FALSE(failed);
      CHECK(failed.error().to_string() == "INTERNAL: an interceptor has run its `next` twice");
    }));
  });
}

TEST_CASE("a cancelled call destroys the frames of its interceptors") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Witness witness("w", seen);
    world.serve(with({&witness}));
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      const auto dropped = unary(channel, "Sleep", "600000");
      dropped.start();
      while (world.service().running == 0) co_await sleep_for(1ms);
    }));
    CHECK(world.run_until([&] { return witness.frames == 0; }));
    CHECK(world.service().running == 0);
    CHECK(seen == std::vector<std::string>{"w before /test.v1.Raw/Sleep"});
    REQUIRE(witness.ends.size() == 1);
    CHECK(witness.ends.front().starts_with(
        "CANCELLED: the c"));  // … lient cancelled the call, or … onnection is lost
  });
}

TEST_CASE("bearer tokens: UNAUTHENTICATED unless a known one is sent, and handlers learn its holder") {
  for_each_world([](World& world) {
    BearerAuth authentication(
        BearerAuth::known_tokens({{"t1", "alice"}, {"a longer token", "bob"}, {"", "nobody"}}));
    authentication.leave_open("test.v1.Ra");  // the beginning of a name is another name
    static std::string principal;
    Custom inside([](Call& call, Next next) -> Task<Status> {
      principal = call.attributes().find(BearerAuth::principal).value_or("nobody");
      co_return co_await next();
    });
    world.serve(with({&authentication, &inside}));
    CHECK(world.run([](Channel& channel) -> Task<void> {
      const auto outcome = [&](const char* authorization) -> Task<std::string> {
        principal.clear();
        CallOptions options;
        if (authorization) CHECK(options.metadata.add("authorization", authorization).ok());
        CHECK(options.metadata.add("principal", "mallory").ok());  // the peer's metadata, not an attribute
        const auto answer = co_await unary(channel, "Echo", "x", options);
        co_return answer ? principal : answer.error().to_string();
      };
      CHECK(co_await outcome("Bearer t1") == "alice");
      CHECK(co_await outcome("bEARER a longer token") == "bob");
      CHECK(co_await outcome(nullptr) ==
            "UNAUTHENTICATED: no authorization: send \"authorization: Bearer <token>\"");
      for (const char* odd : {"Basic t1", "Bearer", "t1", ""})
        CHECK(co_await outcome(odd) ==
              "UNAUTHENTICATED: the authorization is not of the form \"Bearer <token>\"");
      for (const char* wrong : {"Bearer t", "Bearer t11", "Bearer  t1", "Bearer T1"})
        CHECK(co_await outcome(wrong) == "UNAUTHENTICATED: the bearer token is not valid");
    }));
  });
}

TEST_CASE("a service that is left open is called without a token") {
  SimulatedWorld world(1);
  BearerAuth authentication(BearerAuth::known_tokens({}));
  authentication.leave_open(std::string(RawService::name));
  world.serve(with({&authentication}));
  CHECK(world.run([](Channel& channel) -> Task<void> { CHECK(co_await unary(channel, "Echo", "x")); }));
}

TEST_CASE("open services and allowed peers are refused once a server with them has started") {
  for_each_world([](World& world) {
    BearerAuth authentication(BearerAuth::known_tokens({}));
    AllowList allowed;
    CHECK(allowed.add("*", "*").ok());
    world.serve(with({&allowed, &authentication}));
    CHECK_THROWS_AS(authentication.leave_open(std::string(RawService::name)), std::logic_error);
    CHECK_THROWS_AS((void)allowed.add("*", "uid:0"), std::logic_error);
  });
}

TEST_CASE("an interceptor that cannot start keeps its server from starting") {
  class Unready final : public Interceptor {
   public:
    Status on_start() override { return fail(Code::FAILED_PRECONDITION, "no key"); }
  } unready;
  std::vector<std::string> seen;
  Witness witness("w", seen);
  ServerOptions options = with({&witness, &unready});
  options.listen = {"127.0.0.1:0"};
  RawService service;
  const auto server = Server::start({&service}, options);
  REQUIRE_FALSE(server);
  CHECK(server.error().to_string() == "FAILED_PRECONDITION: no key");
}

TEST_CASE("a bucket gives its burst at once, then its rate, and never more than its burst again") {
  RateLimiter limiter(10, 3);
  Instant now{};
  now += 1h;
  for (int at = 0; at < 3; ++at) CHECK(limiter.take(now) == 0ns);
  CHECK(limiter.take(now) == 100ms);
  CHECK(limiter.take(now + 40ms) == 60ms);
  CHECK(limiter.take(now + 100ms) == 0ns);
  CHECK(limiter.take(now + 100ms) == 100ms);
  now += 1h;
  for (int at = 0; at < 3; ++at) CHECK(limiter.take(now) == 0ns);
  CHECK(limiter.take(now) == 100ms);
}

TEST_CASE("a call beyond the rate learns when to retry") {
  SimulatedWorld world(1);
  RateLimiter limiter(0.001, 1);
  world.serve(with({&limiter}));
  CHECK(world.run([](Channel& channel) -> Task<void> {
    CHECK(co_await unary(channel, "Echo", "x"));
    const auto refused = co_await unary(channel, "Echo", "x");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::RESOURCE_EXHAUSTED);
    CHECK(refused.metadata.trailing.find("grpc-retry-pushback-ms"));
  }));
}

}  // namespace
}  // namespace ringrpc
