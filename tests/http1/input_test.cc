// The parts and bodies of requests, and the order in which handlers get them.
#include <doctest/doctest.h>
#include <string>

#include "http1/server.h"

using namespace ringrpc;
using namespace ringrpc::http1;
using namespace ringrpc::http1::test;

namespace {

using Events = std::vector<std::string>;

constexpr std::string_view get_a = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view post_b = "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n";
constexpr std::string_view chunked = "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("a request is given by its parts") {
  Server server(with_bodies);
  Request seen;
  server.on_request_hook = [&](const Request& request) {
    seen = request;
    CHECK(request.method == "PUT");
    CHECK(request.target == "/a%20b/?x=1&y=?2");
    CHECK(request.path == "/a%20b/");
    CHECK(request.query == "x=1&y=?2");
    CHECK(request.host == "host:80");
    CHECK(request.version == Version::http_1_1);
    CHECK(request.framing == Framing::length);
    CHECK(request.content_length == 3);
    CHECK(request.keep_alive);
    CHECK_FALSE(request.expects_continue);
    REQUIRE(request.fields.size() == 4);
    CHECK(request.fields[1].name == "X-Many");
    CHECK(request.fields[1].value == "one  two");
    CHECK(request.field("x-many") == "one  two");
    CHECK(request.field("X-EMPTY").empty());
    CHECK(request.field("absent").empty());
  };
  server.on_end_hook = [&] {
    CHECK(seen.fields[1].value == "one  two");
  };  // valid until the response has ended
  constexpr std::string_view bytes =
      "PUT /a%20b/?x=1&y=?2 HTTP/1.1\r\nHost: host:80\r\nX-Many: \t one  two \t\r\nx-empty:  "
      "\r\nContent-Length: 3\r\n\r\nabc";
  SUBCASE("in one piece") { CHECK(server.receive(bytes).ok()); }
  SUBCASE("byte by byte") { CHECK(server.receive(bytes, 1).ok()); }
  CHECK(server.events == Events{"request PUT /a%20b/?x=1&y=?2", "body abc", "end"});
}

TEST_CASE("bodies arrive in pieces, without their coding") {
  for (const auto& [bytes, body] : {
           std::pair{std::string(post_b) + "hello", "body hello"},
           std::pair{std::string(chunked) + "2\r\nhe\r\n3;x\r\nllo\r\n0\r\na: b\r\n\r\n", "body hello"},
       }) {
    const Outcome outcome = outcome_however_cut(bytes, with_bodies);
    CHECK(outcome.events == Events{outcome.events[0], body, "end", "response end"});
    CHECK(outcome.sent.ends_with("\r\n\r\n5"));
  }
}

TEST_CASE("persistence follows version and Connection (RFC 9112, 9.3)") {
  struct Case {
    std::string_view version;
    std::string_view connection;
    bool kept;
    std::string_view response;
  };
  for (const auto& [version, connection, kept, response] : {
           Case{"1.1", "", true, ""},
           Case{"1.1", "Connection: keep-alive\r\n", true, ""},
           Case{"1.1", "Connection: close\r\n", false, "connection: close\r\n"},
           Case{"1.1", "Connection: foo, CLOSE\r\n", false, "connection: close\r\n"},
           Case{"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false, "connection: close\r\n"},
           Case{"1.1", "Connection: closed\r\n", true, ""},
           Case{"1.0", "", false, "connection: close\r\n"},
           Case{"1.0", "Connection: Keep-Alive\r\n", true, "connection: keep-alive\r\n"},
           Case{"1.0", "Connection: keep-alive, close\r\n", false, "connection: close\r\n"},
       }) {
    CAPTURE(version);
    CAPTURE(connection);
    Server server;
    server.on_request_hook = [&](const Request& request) { CHECK(request.keep_alive == kept); };
    const std::string sent = server.answer("GET / HTTP/" + std::string(version) + "\r\nHost: h\r\n" +
                                           std::string(connection) + "\r\n");
    CHECK(sent == "HTTP/1.1 200 OK\r\n" + std::string(date_line) + "content-length: 1\r\n" +
                      std::string(response) + "\r\n0");
    CHECK(server.session.finished() == !kept);
    CHECK(server.session.wants_input() == kept);
  }
}

TEST_CASE("HTTP/1.0 needs no Host (RFC 9112, 3.2)") {
  CHECK(statuses(outcome_however_cut("GET / HTTP/1.0\r\n\r\n").sent) == std::vector{200});
}

TEST_CASE("pipelined requests are served one after the other") {
  const std::string bytes = std::string(get_a) + std::string(post_b) + "hello" + std::string(chunked) +
                            "1\r\nx\r\n0\r\n\r\n" + std::string(get_a);
  const Outcome outcome = outcome_however_cut(bytes, with_bodies);
  CHECK(outcome.events == Events{"request GET /a", "end", "response end",                 //
                                 "request POST /b", "body hello", "end", "response end",  //
                                 "request POST /c", "body x", "end", "response end",      //
                                 "request GET /a", "end", "response end"});
  CHECK(statuses(outcome.sent) == std::vector{200, 200, 200, 200});
}

TEST_CASE("the next request waits until the response has been produced, and no input is wanted meanwhile") {
  Server server;
  server.on_end_hook = [] {};
  CHECK(server.session.wants_input());
  CHECK(server.receive(std::string(get_a) + std::string(get_a.substr(0, 10))).ok());
  CHECK_FALSE(server.session.wants_input());
  CHECK(server.receive(get_a.substr(10)).ok());  // it was on its way
  CHECK(server.events == Events{"request GET /a", "end"});
  CHECK(server.produce().empty());

  server.session.respond({}, as_bytes("first"));
  CHECK_FALSE(server.session.wants_input());
  CHECK(server.events.size() == 2);
  CHECK(server.produce().ends_with("first"));
  CHECK(server.events == Events{"request GET /a", "end", "response end", "request GET /a", "end"});
  CHECK_FALSE(server.session.wants_input());
  server.session.respond({}, as_bytes("second"));
  CHECK(server.produce().ends_with("second"));
  CHECK(server.session.wants_input());
}

TEST_CASE("requests that arrive while others wait are served behind them") {
  Server server;
  server.on_end_hook = [] {};
  const auto request = [](int i) { return "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n"; };
  CHECK(server.receive(request(1) + request(2) + request(3)).ok());
  for (int i = 1; i <= 6; ++i) {
    CHECK(server.events.back() == "end");
    CHECK(server.events[server.events.size() - 2] == "request GET /" + std::to_string(i));
    if (i <= 3) CHECK(server.receive(request(i + 3)).ok());
    server.session.respond({}, Bytes());
    server.produce();
  }
  CHECK(server.events.size() == 18);
  CHECK(server.session.wants_input());
}

TEST_CASE("a thousand pipelined requests are served in one go, or in portions of the output") {
  Server server;
  const std::string bytes = repeated(get_a, 1000);
  SUBCASE("in one piece") {
    CHECK(statuses(server.answer(bytes)).size() == 1000);
    CHECK(server.slabs.in_use() == 0);
  }
  SUBCASE("with small portions of output") {
    CHECK(server.receive(bytes).ok());
    CHECK(statuses(server.produce(100)).size() == 1000);
  }
}

TEST_CASE("no input is wanted while too much of a body waits to be consumed") {
  Limits limits = with_bodies;
  limits.body_window_bytes = 10;
  Server server(limits);
  server.consumes = false;
  CHECK(server.receive("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 30\r\n\r\n").ok());
  CHECK(server.receive("012345678").ok());
  CHECK(server.session.wants_input());
  CHECK(server.receive("9").ok());
  CHECK_FALSE(server.session.wants_input());
  CHECK(server.session.waits_for() == WaitsFor::response);
  CHECK(server.receive("0123456789").ok());  // it was on its way
  CHECK(server.body.size() == 20);
  server.session.consumed(10);
  CHECK_FALSE(server.session.wants_input());
  server.session.consumed(1);
  CHECK(server.session.wants_input());
  CHECK(server.session.waits_for() == WaitsFor::body);
  CHECK(server.receive("0123456789").ok());
  CHECK(statuses(server.produce()) == std::vector{200});
}

TEST_CASE("100 (Continue) invites the body of a request that waits for it (RFC 9110, 10.1.1)") {
  constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n";
  SUBCASE("before the body arrives") {
    Server server(with_bodies);
    CHECK(server.answer(head + "\r\n") == interim);
    CHECK(server.session.waits_for() == WaitsFor::body);
    CHECK(statuses(server.answer("hello")) == std::vector{200});
    CHECK_FALSE(server.session.finished());
  }
  SUBCASE("however the request is cut") {
    const Outcome outcome = outcome_however_cut(head + "\r\nhello", with_bodies);
    CHECK(statuses(outcome.sent) == std::vector{100, 200});
  }
  SUBCASE("not if the handler responds at once, which ends the connection") {
    Server server(with_bodies);
    server.on_request_hook = [&](const Request&) { server.session.respond({.status = 403}, as_bytes("no")); };
    const std::string sent = server.answer(head + "\r\n");
    CHECK(statuses(sent) == std::vector{403});
    CHECK(sent.find("connection: close\r\n") != std::string::npos);
    CHECK(server.session.finished());
  }
  SUBCASE("not if the response has begun by then") {
    Server server(with_bodies);
    server.on_request_hook = [&](const Request&) { server.session.begin({}); };
    server.on_end_hook = [&] { server.session.finish(); };
    CHECK(statuses(server.answer(head + "\r\n")) == std::vector{200});
    CHECK(server.answer("hello") == "0\r\n\r\n");
  }
  SUBCASE("not if the body is too large") {
    Server server;
    CHECK(statuses(server.answer(head + "\r\n")) == std::vector{413});
    CHECK(server.events.empty());
    CHECK(server.session.finished());
  }
  SUBCASE("not without a body") {
    Server server;
    CHECK(statuses(server.answer("GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n")) ==
          std::vector{200});
  }
  SUBCASE("not to HTTP/1.0") {
    Server server(with_bodies);
    CHECK(server.answer("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").empty());
    CHECK(statuses(server.answer("hello")) == std::vector{200});
  }
}

TEST_CASE("a response that begins before its request is whole ends the connection (RFC 9112, 9.3)") {
  Server server(with_bodies);
  server.on_request_hook = [&](const Request&) {
    server.session.begin({.status = 401, .content_length = 4});
    server.session.send(as_bytes("ab"));
  };
  server.on_end_hook = [] {};
  std::string sent = server.answer(std::string(post_b) + "he");
  CHECK(sent.find("connection: close\r\n") != std::string::npos);
  CHECK(server.events == Events{"request POST /b", "body he"});
  SUBCASE("and the rest of the request is dropped after it") {
    server.session.send(as_bytes("cd"));
    server.session.finish();
    CHECK_FALSE(server.session.finished());
    CHECK(server.produce() == "cd");
    CHECK(server.receive("llo" + std::string(get_a)).ok());
    CHECK(server.events == Events{"request POST /b", "body he", "response end"});
  }
  SUBCASE("and the rest of the request is given until then") {
    CHECK(server.receive("llo" + std::string(get_a)).ok());
    server.session.send(as_bytes("cd"));
    server.session.finish();
    CHECK(server.produce() == "cd");
    CHECK(server.events == Events{"request POST /b", "body hello", "end", "response end"});
  }
  CHECK(server.session.finished());
  CHECK(server.produce().empty());
}

TEST_CASE("a fault in a body aborts its request") {
  Server server(with_bodies);
  server.on_request_hook = [&](const Request& request) {
    if (request.query == "early") server.session.begin({});
  };
  SUBCASE("with a response if none has begun") {
    const std::string sent = server.answer(std::string(chunked) + "2\r\nhe\r\nx");
    CHECK(statuses(sent) == std::vector{400});
    CHECK(server.events ==
          Events{"request POST /c", "body he", "aborted a chunk has no size (RFC 9112, 7.1)"});
  }
  SUBCASE("and cuts off a response that has begun") {
    const std::string sent =
        server.answer("POST /?early HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\nx");
    CHECK(statuses(sent) == std::vector{200});
    CHECK_FALSE(sent.ends_with("0\r\n\r\n"));
    CHECK(server.events.back() == "aborted a chunk has no size (RFC 9112, 7.1)");
  }
  CHECK_FALSE(server.status.ok());
  CHECK(server.status.initiator() == Initiator::peer);
  CHECK(server.session.finished());
  CHECK(server.receive(get_a).message() == server.status.message());
  CHECK(server.produce().empty());
}

TEST_CASE("a handler that waits to send more hears nothing after its request is aborted") {
  Server server(with_bodies);
  server.on_request_hook = [&](const Request&) {
    server.session.begin({});
    server.session.send(as_bytes(std::string(Session::high_water_bytes, 'x')));
    CHECK_FALSE(server.session.writable());
  };
  CHECK_FALSE(server.receive(std::string(chunked) + "x").ok());
  CHECK(server.produce().size() > Session::high_water_bytes);
  CHECK(server.writable == 0);
  CHECK(server.events.back().starts_with("aborted"));
  CHECK(server.session.finished());
}

TEST_CASE("the response to a refused HEAD has no body (RFC 9110, 9.3.2)") {
  const Outcome outcome = outcome_however_cut("HEAD / HTTP/1.1\r\nX : y\r\n\r\n");
  CHECK(statuses(outcome.sent) == std::vector{400});
  CHECK(outcome.sent.ends_with("\r\n\r\n"));
}
