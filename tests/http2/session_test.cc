#include "http2/session.h"

#include <doctest/doctest.h>
#include <random>

#include "endpoint.h"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

namespace {

void check_echoed(Exchange& exchange, std::string_view body) {
  REQUIRE(exchange.header_blocks.size() == 1);
  CHECK(exchange.header_blocks[0] == copy(ok_response));
  CHECK(exchange.body == body);
  CHECK(exchange.trailers == copy(ok_trailers));
  CHECK(exchange.ends == 1);
  CHECK(exchange.closes == 1);
  CHECK(exchange.code == ErrorCode::no_error);
}

}  // namespace

TEST_CASE("a request with a body gets headers, body and trailers") {
  Connection connection;
  echo(connection.server);
  Exchange& exchange = connection.client.open(echo_request, false);
  connection.client.session.send_data(*exchange.stream, as_bytes("hello"), true);
  REQUIRE(connection.run());
  CHECK(connection.server[1].header_blocks.at(0) == copy(echo_request));
  CHECK(connection.server[1].body == "hello");
  CHECK(connection.server[1].closes == 1);
  check_echoed(exchange, "hello");
  CHECK(connection.client.settings == 1);
  CHECK(connection.server.settings == 1);
  CHECK(connection.client.capacities == 1);
  CHECK(connection.server.capacities == 0);
}

TEST_CASE("many exchanges survive any cut of the bytes" * doctest::test_suite("long")) {
  const auto run = [](const std::function<std::size_t()>& cut) {
    Connection connection;
    echo(connection.server);
    for (std::uint32_t i = 0; i < 40; ++i) {
      Exchange& exchange = connection.client.open(echo_request, false);
      connection.client.session.send_data(*exchange.stream, as_bytes(std::string(i * i * 7, 'x')), true);
    }
    REQUIRE(connection.run(cut));
    for (std::uint32_t i = 0; i < 40; ++i)
      check_echoed(connection.client[2 * i + 1], std::string(i * i * 7, 'x'));
    CHECK(connection.client.session.open_streams() == 0);
    CHECK(connection.server.session.open_streams() == 0);
  };
  SUBCASE("whole") {
    run([] { return std::size_t{1 << 20}; });
  }
  SUBCASE("byte by byte") {
    run([] { return std::size_t{1}; });
  }
  SUBCASE("in random blocks") {
    std::mt19937 random(7);
    run([&] { return std::size_t{1 + random() % 40}; });
  }
}
