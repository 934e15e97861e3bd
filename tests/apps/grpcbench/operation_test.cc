#include "grpcbench/operation.h"

#include <doctest/doctest.h>

#include "echo/v1/echo.pb.h"

namespace ringrpc::grpcbench {
namespace {

TEST_CASE("an echo carries a payload of the requested size") {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{16}, std::size_t{65536}}) {
    const Operation echo = echo_operation(bytes);
    CHECK(echo.path == "/echo.v1.EchoService/Echo");
    REQUIRE(echo.messages.size() == 1);
    echo::v1::EchoRequest request;
    REQUIRE(request.ParseFromString(echo.messages[0].bytes));
    CHECK(request.payload().size() == bytes);
  }
}

TEST_CASE("a signature's request is a SignRequest: the data in field 1, the algorithm's name in field 2") {
  const Operation sign = sign_operation("ED25519", 3);
  CHECK(sign.path == "/crypto.v1.CryptoService/Sign");
  REQUIRE(sign.messages.size() == 1);
  const std::string& bytes = sign.messages[0].bytes;
  CHECK(bytes.substr(0, 2) == "\x0a\x03");
  CHECK(bytes.substr(5) ==
        "\x12\x07"
        "ED25519");
}

TEST_CASE("the kind of a method says whether it sends all messages and gets one response") {
  const auto of = [](MethodKind kind) { return make_operation("a.B/C", kind, {}); };
  CHECK_FALSE(of(MethodKind::unary).sends_all());
  CHECK(of(MethodKind::unary).one_response());
  CHECK_FALSE(of(MethodKind::server_streaming).sends_all());
  CHECK_FALSE(of(MethodKind::server_streaming).one_response());
  CHECK(of(MethodKind::client_streaming).sends_all());
  CHECK(of(MethodKind::client_streaming).one_response());
  CHECK(of(MethodKind::bidirectional).sends_all());
  CHECK_FALSE(of(MethodKind::bidirectional).one_response());
}

}  // namespace
}  // namespace ringrpc::grpcbench
