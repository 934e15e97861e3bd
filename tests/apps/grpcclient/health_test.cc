#include "grpcclient/health.h"

#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/block_on.h"
#include "ringrpc/health.h"
#include "ringrpc/server.h"

#include "apps/captured_stdout.h"
#include "grpc/health/v1/health.ringrpc.h"
#include "text_data.h"

namespace ringrpc::grpcclient {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

/// Reports a state that has no name, and two states to a watch that it then ends.
class OddHealth final : public grpc::health::v1::Health::Service {
 public:
  Task<Result<HealthCheckResponse>> Check(Call&, HealthCheckRequest) override {
    HealthCheckResponse response;
    response.set_status(static_cast<HealthCheckResponse::ServingStatus>(7));
    co_return response;
  }

  Task<Status> Watch(Call&, HealthCheckRequest request, Writer<HealthCheckResponse>& out) override {
    HealthCheckResponse response;
    response.set_status(HealthCheckResponse::SERVING);
    co_await out.write(response);
    response.set_status(HealthCheckResponse::NOT_SERVING);
    co_await out.write(response);
    if (request.service() == "fails") co_return Status(Code::UNAVAILABLE, "no more today");
    co_return Status();
  }
};

/// Notes the deadlines of its calls.
class TimedHealth final : public grpc::health::v1::Health::Service {
 public:
  Task<Result<HealthCheckResponse>> Check(Call& call, HealthCheckRequest) override {
    deadline = call.deadline();
    HealthCheckResponse response;
    response.set_status(HealthCheckResponse::SERVING);
    co_return response;
  }

  Instant deadline = never;
};

/// The output of health and how it ended: the exit status, and the message of a failure.
struct Told {
  std::string output;
  int status;
  std::string message;
};

Task<Result<Told>> ask(const Values& values, std::string service) {
  Session session(values);
  const apps::CapturedStdout captured;
  const Outcome<bool> serving = co_await health(session, std::move(service));
  if (!serving) co_return Told{captured.text(), serving.error().exit_status, serving.error().message};
  co_return Told{captured.text(), *serving ? 0 : exit_not_serving, ""};
}

Told told(Service& service, std::string name, bool watch = false) {
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.shards = 1;
  const std::unique_ptr<Server> server = std::move(Server::start({&service}, options)).value();
  Values values;
  values.address = server->addresses().front();
  values.watch = watch;
  return block_on(ask(values, std::move(name))).value();
}

TEST_CASE("health prints the state of the server or of a service") {
  HealthService service;
  service.set("a.B", ServingStatus::serving);
  service.set("c.D", ServingStatus::not_serving);
  const Told whole = told(service, "");
  CHECK(whole.output == "SERVING\n");
  CHECK(whole.status == 0);
  CHECK(told(service, "a.B").status == 0);
  const Told down = told(service, "c.D");
  CHECK(down.output == "NOT_SERVING\n");
  CHECK(down.status == exit_not_serving);
  CHECK(down.message.empty());
}

TEST_CASE("an unknown service is not a service that does not serve") {
  HealthService service;
  const Told unknown = told(service, "x.Y");
  CHECK(unknown.output.empty());
  CHECK(unknown.status == static_cast<int>(Code::NOT_FOUND));
  CHECK(test::missing(unknown.message, {"grpc.health.v1.Health/Check of 'x.Y': NOT_FOUND: ", "\"x.Y\""}) ==
        "");
}

TEST_CASE("a check has a deadline although none is given") {
  TimedHealth timed;
  CHECK(told(timed, "").status == 0);
  CHECK(timed.deadline < never);
}

TEST_CASE("a state without a name is not serving") {
  OddHealth odd;
  const Told unnamed = told(odd, "");
  CHECK(unnamed.output == "state 7\n");
  CHECK(unnamed.status == exit_not_serving);
}

TEST_CASE("a watch prints each change, and ends with the last state or with the failure of the call") {
  OddHealth odd;
  const Told ended = told(odd, "", true);
  CHECK(ended.output == "SERVING\nNOT_SERVING\n");
  CHECK(ended.status == exit_not_serving);
  const Told failed = told(odd, "fails", true);
  CHECK(failed.output == "SERVING\nNOT_SERVING\n");
  CHECK(failed.status == static_cast<int>(Code::UNAVAILABLE));
  CHECK(failed.message == "grpc.health.v1.Health/Watch of 'fails': UNAVAILABLE: no more today");
}

}  // namespace
}  // namespace ringrpc::grpcclient
