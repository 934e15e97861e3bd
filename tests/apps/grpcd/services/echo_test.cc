#include "grpcd/services/echo.h"

#include <chrono>
#include <doctest/doctest.h>

#include "rpc/direct_call.h"

namespace ringrpc {
namespace {

using echo::v1::EchoRequest;
using echo::v1::EchoResponse;

std::int64_t unix_now() {
  return std::chrono::duration_cast<Nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

TEST_CASE("echo returns the payload and the id of the request") {
  EchoService service;
  EchoRequest request;
  request.set_payload(std::string("a\0\xff", 3));
  request.set_request_id("7c1e");
  const Result<EchoResponse> response = call_unary_method<EchoResponse>(service, "Echo", request);
  REQUIRE(response);
  CHECK(response->payload() == request.payload());
  CHECK(response->request_id() == "7c1e");
}

TEST_CASE("echo responds to an empty request") {
  EchoService service;
  const Result<EchoResponse> response = call_unary_method<EchoResponse>(service, "Echo", EchoRequest());
  REQUIRE(response);
  CHECK(response->payload().empty());
  CHECK(response->request_id().empty());
}

TEST_CASE("echo returns its Unix time") {
  EchoService service;
  const std::int64_t before = unix_now();
  const Result<EchoResponse> response = call_unary_method<EchoResponse>(service, "Echo", EchoRequest());
  REQUIRE(response);
  CHECK(response->timestamp() >= before);
  CHECK(response->timestamp() <= unix_now());
}

TEST_CASE("echo returns the time since the request arrived") {
  EchoService service;
  const Result<EchoResponse> response =
      call_unary_method<EchoResponse>(service, "Echo", EchoRequest(), Nanoseconds(4321));
  REQUIRE(response);
  CHECK(response->server_latency_ns() == 4321);
}

}  // namespace
}  // namespace ringrpc
