#include "grpcd/logged_echo.h"

#include <doctest/doctest.h>

#include "ringrpc/testing/fake_call.h"

#include "apps/captured_stderr.h"

namespace ringrpc::grpcd {
namespace {

/// The log of a call to the service at `level`. Checks that the service echoes.
std::string logged(PayloadLog kind, log::Level level) {
  const apps::CapturedStderr captured;
  log::set_level(level);
  LoggedEcho service(kind);
  testing::FakeCall call("/echo.v1.EchoService/Echo", "127.0.0.1:7");
  echo::v1::EchoRequest request;
  request.set_payload("hi\n");
  request.set_request_id("id \"7\"");
  const auto task = service.Echo(call, std::move(request));
  task.start();
  const Result<echo::v1::EchoResponse> response = task.result();
  log::set_level(log::Level::info);
  REQUIRE(response.has_value());
  CHECK(response->payload() == "hi\n");
  return captured.text();
}

TEST_CASE("a payload is logged at level debug, in the requested detail") {
  CHECK(logged(PayloadLog::head, log::Level::debug)
            .ends_with(" debug 127.0.0.1:7 Echo \"id \\\"7\\\"\": 3 bytes \"hi\\x0a\"\n"));
  CHECK(logged(PayloadLog::size, log::Level::debug).ends_with(": 3 bytes\n"));
  CHECK(logged(PayloadLog::none, log::Level::debug) == "");
}

TEST_CASE("nothing of a payload is logged at level info") {
  CHECK(logged(PayloadLog::full, log::Level::info) == "");
}

}  // namespace
}  // namespace ringrpc::grpcd
