// Each limit, reached and not exceeded, then exceeded.
#include <doctest/doctest.h>
#include <string>

#include "http1/server.h"

using namespace ringrpc;
using namespace ringrpc::http1;
using namespace ringrpc::http1::test;

namespace {

std::vector<int> statuses_of(std::string_view bytes, const Limits& limits) {
  return statuses(outcome_of(bytes, limits, {}).sent);
}

std::string post_with(std::string_view field, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(field) + "\r\n\r\n" + std::string(body);
}

}  // namespace

TEST_CASE("a head may have 16 KiB: 431 (RFC 6585, 5)") {
  constexpr std::string_view begin = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  const auto request = [&](std::size_t bytes) {
    return std::string(begin) + std::string(bytes - begin.size() - 4, 'x') + "\r\n\r\n";
  };
  const Limits limits;
  CHECK(request(16 * 1024).size() == 16 * 1024);
  CHECK(statuses_of(request(16 * 1024), limits) == std::vector{200});
  CHECK(statuses_of(request(16 * 1024 + 1), limits) == std::vector{431});
  CHECK(statuses_of(std::string(begin) + std::string(20'000, 'x'), limits) ==
        std::vector{431});  // without an end
  CHECK(statuses_of("\r\n" + request(16 * 1024), limits) == std::vector{200});
  const Outcome cut = outcome_however_cut(request(201), {.header_bytes_max = 200});
  CHECK(statuses(cut.sent) == std::vector{431});
  CHECK(cut.failure.find("too large") != std::string::npos);
}

TEST_CASE("a head may have 100 fields: 431 (RFC 6585, 5)") {
  const auto request = [](int fields) {
    std::string bytes = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (int i = 1; i < fields; ++i) bytes += "x: y\r\n";
    return bytes + "\r\n";
  };
  CHECK(statuses_of(request(100), {}) == std::vector{200});
  CHECK(statuses_of(request(101), {}) == std::vector{431});
  CHECK(statuses(outcome_however_cut(request(4), {.fields_max = 3}).sent) == std::vector{431});
}

TEST_CASE("a request target may have 8 KiB: 414 (RFC 9112, 3)") {
  const auto request = [](std::size_t bytes) {
    return "GET /" + std::string(bytes - 1, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  };
  CHECK(statuses_of(request(8 * 1024), {}) == std::vector{200});
  CHECK(statuses_of(request(8 * 1024 + 1), {}) == std::vector{414});
  CHECK(statuses_of("GET /" + std::string(10'000, 'a'), {}) == std::vector{414});  // without an end
  CHECK(statuses(outcome_however_cut(request(11), {.target_bytes_max = 10}).sent) == std::vector{414});
  // A target that leaves no room for the fields is too long too.
  CHECK(statuses_of(request(100), {.header_bytes_max = 50}) == std::vector{414});
}

TEST_CASE("a method may have 32 bytes: 501 (RFC 9112, 3)") {
  const std::string rest = " / HTTP/1.1\r\nHost: h\r\n\r\n";
  CHECK(statuses_of(std::string(32, 'M') + rest, {}) == std::vector{200});
  CHECK(statuses(outcome_however_cut(std::string(33, 'M') + rest).sent) == std::vector{501});
}

TEST_CASE("a body may have as many bytes as are asked for, none by default: 413 (RFC 9110, 15.5.14)") {
  CHECK(statuses_of(post_with("Content-Length: 0", ""), {}) == std::vector{200});
  CHECK(statuses_of(post_with("Content-Length: 1", "x"), {}) == std::vector{413});
  CHECK(statuses_of(post_with("Transfer-Encoding: chunked", "0\r\n\r\n"), {}) == std::vector{200});
  CHECK(statuses_of(post_with("Transfer-Encoding: chunked", "1\r\nx\r\n0\r\n\r\n"), {}) == std::vector{413});
  const Limits five{.body_bytes_max = 5};
  CHECK(statuses_of(post_with("Content-Length: 5", "hello"), five) == std::vector{200});
  CHECK(statuses_of(post_with("Content-Length: 6", "hello!"), five) == std::vector{413});
  CHECK(statuses_of(post_with("Transfer-Encoding: chunked", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), five) ==
        std::vector{200});
  const Outcome cut =
      outcome_however_cut(post_with("Transfer-Encoding: chunked", "2\r\nhe\r\n4\r\nllo!\r\n0\r\n\r\n"), five);
  CHECK(statuses(cut.sent) == std::vector{413});
  CHECK(cut.events.back() == "aborted the body is too large (RFC 9110, 15.5.14)");
}

TEST_CASE("a chunk's extension may have 256 bytes: 400 (RFC 9112, 7.1.1)") {
  const Limits limits{.body_bytes_max = 10};
  const auto request = [](std::size_t bytes) {
    return post_with("Transfer-Encoding: chunked", "1;" + std::string(bytes - 1, 'x') + "\r\na\r\n1;" +
                                                       std::string(bytes - 1, 'x') + "\r\nb\r\n0\r\n\r\n");
  };
  CHECK(statuses_of(request(256), limits) == std::vector{200});
  CHECK(statuses_of(request(257), limits) == std::vector{400});
}

TEST_CASE("a connection may have a thousand requests, and the last response says so") {
  const Limits limits{.requests_max = 3};
  std::string bytes;
  for (int i = 0; i < 5; ++i) bytes += "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  const Outcome outcome = outcome_however_cut(bytes, limits);
  CHECK(statuses(outcome.sent) == std::vector{200, 200, 200});
  CHECK(outcome.sent.find("connection: close") > outcome.sent.rfind("HTTP/1.1"));
  CHECK(outcome.finished);
  CHECK(outcome.failure.empty());
  CHECK(Limits{}.requests_max == 1000);
}

TEST_CASE("bytes behind a request are kept up to a limit, beyond which the connection ends") {
  const Limits limits{.pipelined_bytes_max = 2 * get.size()};
  Server server(limits);
  server.on_end_hook = [] {};
  CHECK(server.receive(get).ok());
  CHECK(server.receive(get).ok());
  CHECK(server.receive(get).ok());
  SUBCASE("at the limit") {
    for (int i = 0; i < 3; ++i) {
      server.session.respond({}, Bytes());
      CHECK(server.produce().find("connection: close") == std::string::npos);
    }
    CHECK_FALSE(server.session.finished());
    CHECK(server.events.size() == 9);
  }
  SUBCASE("beyond it") {
    CHECK(server.receive("G").ok());
    for (int i = 0; i < 100; ++i) CHECK(server.receive(get).ok());
    server.session.respond({}, Bytes());
    CHECK(server.produce().find("connection: close") != std::string::npos);
    CHECK(server.session.finished());
    CHECK(server.events.size() == 3);
  }
}
