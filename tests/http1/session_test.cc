// The life of a session: what it waits for, and how it ends.
#include "http1/session.h"

#include <doctest/doctest.h>
#include <string>

#include "http1/server.h"

using namespace ringrpc;
using namespace ringrpc::http1;
using namespace ringrpc::http1::test;

namespace {

using Events = std::vector<std::string>;

constexpr std::string_view post_head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n";

bool says_close(std::string_view sent) {
  return sent.find("connection: close\r\n") != std::string_view::npos;
}

}  // namespace

TEST_CASE("a session says what it waits for") {
  Server server(with_bodies);
  server.on_end_hook = [] {};
  CHECK(server.session.waits_for() == WaitsFor::request);
  CHECK(server.receive("\r\n").ok());
  CHECK(server.session.waits_for() == WaitsFor::request);
  CHECK(server.receive(post_head.substr(0, 1)).ok());
  CHECK(server.session.waits_for() == WaitsFor::head);
  CHECK(server.receive(post_head.substr(1)).ok());
  CHECK(server.session.waits_for() == WaitsFor::body);
  CHECK(server.receive("hello").ok());
  CHECK(server.session.waits_for() == WaitsFor::response);
  server.session.respond({}, Bytes());
  CHECK(server.session.waits_for() == WaitsFor::peer);
  server.produce();
  CHECK(server.session.waits_for() == WaitsFor::request);
  server.session.shut_down();
  CHECK(server.session.waits_for() == WaitsFor::nothing);
}

TEST_CASE("an idle session holds no slab") {
  Server server;
  CHECK(server.slabs.in_use() == 0);
  server.answer(get);
  CHECK(server.slabs.in_use() == 0);
}

TEST_CASE("shutting down ends the connection after the response") {
  Server server(with_bodies);
  server.on_end_hook = [] {};
  SUBCASE("at once if there is no request") {
    server.session.shut_down();
    CHECK(server.session.finished());
    CHECK(server.receive(get).ok());
    CHECK(server.events.empty());
  }
  SUBCASE("while a head arrives") {
    CHECK(server.receive(get.substr(0, 5)).ok());
    server.session.shut_down();
    CHECK_FALSE(server.session.finished());
    CHECK(server.receive(get.substr(5)).ok());
    server.session.respond({}, Bytes());
    CHECK(says_close(server.produce()));
  }
  SUBCASE("while a body arrives") {
    CHECK(server.receive(post_head).ok());
    server.session.shut_down();
    CHECK(server.receive("hello" + std::string(get)).ok());
    server.session.respond({}, Bytes());
    CHECK(says_close(server.produce()));
  }
  SUBCASE("before the response, which announces it") {
    CHECK(server.receive(std::string(get) + std::string(get)).ok());
    server.session.shut_down();
    server.session.respond({}, Bytes());
    CHECK(says_close(server.produce()));
    CHECK(server.events.size() == 3);
  }
  SUBCASE("within the response, which cannot") {
    CHECK(server.receive(std::string(get) + std::string(get)).ok());
    server.session.begin({});
    server.session.shut_down();
    server.session.finish();
    CHECK_FALSE(says_close(server.produce()));
    CHECK(server.events.size() == 3);
  }
  SUBCASE("when the response has ended") {
    server.on_response_end_hook = [&] { server.session.shut_down(); };
    CHECK(server.receive(std::string(get) + std::string(get)).ok());
    server.session.respond({}, Bytes());
    server.produce();
    CHECK(server.events.size() == 3);
  }
  CHECK(server.session.finished());
}

TEST_CASE("the complete requests of a peer that half-closes the connection are served") {
  Server server(with_bodies);
  server.on_end_hook = [] {};
  SUBCASE("nothing") {
    server.session.end_input();
    CHECK(server.events.empty());
  }
  SUBCASE("part of a head") {
    CHECK(server.receive(get.substr(0, 10)).ok());
    server.session.end_input();
    CHECK(server.events.empty());
    CHECK(server.produce().empty());
  }
  SUBCASE("part of a body") {
    CHECK(server.receive(std::string(post_head) + "he").ok());
    server.session.end_input();
    CHECK(server.events == Events{"request POST /", "body he",
                                  "aborted the peer half-closed the connection within a request"});
    CHECK(server.produce().empty());
  }
  SUBCASE("a request") {
    CHECK(server.receive(get).ok());
    server.session.end_input();
    CHECK_FALSE(server.session.finished());
    server.session.respond({}, as_bytes("page"));
    CHECK(server.produce().ends_with("page"));
    CHECK(server.events == Events{"request GET /", "end", "response end"});
  }
  SUBCASE("several requests, the last in part") {
    CHECK(server.receive(std::string(get) + std::string(get) + std::string(post_head) + "he").ok());
    server.session.end_input();
    server.session.respond({}, as_bytes("first"));
    CHECK(server.produce().ends_with("first"));
    CHECK_FALSE(server.session.finished());
    server.session.respond({}, as_bytes("second"));
    CHECK(server.produce().ends_with("second"));
    CHECK(server.events == Events{"request GET /", "end", "response end", "request GET /", "end",
                                  "response end", "request POST /", "body he",
                                  "aborted the peer half-closed the connection within a request"});
  }
  CHECK(server.session.finished());
}

TEST_CASE("a timeout ends the connection") {
  Server server(with_bodies);
  server.on_end_hook = [] {};
  SUBCASE("without a word while idle") {
    server.answer("");
    server.session.time_out();
    CHECK(server.produce().empty());
    CHECK(server.events.empty());
  }
  SUBCASE("with 408 within a head") {
    CHECK(server.receive(get.substr(0, 5)).ok());
    server.session.time_out();
    CHECK(statuses(server.produce()) == std::vector{408});
    CHECK(server.events.empty());
    CHECK(server.receive(get.substr(5)).code() == Code::DEADLINE_EXCEEDED);
  }
  SUBCASE("with 408 within a body") {
    CHECK(server.receive(std::string(post_head) + "he").ok());
    server.session.time_out();
    CHECK(statuses(server.produce()) == std::vector{408});
    CHECK(server.events.back() == "aborted the request took too long to arrive (RFC 9110, 15.5.9)");
  }
  SUBCASE("of a handler") {
    CHECK(server.receive(get).ok());
    server.session.time_out();
    CHECK(server.produce().empty());
    CHECK(server.events.back() == "aborted the connection timed out");
  }
  SUBCASE("of a peer that does not read, whose response is dropped") {
    CHECK(server.receive(get).ok());
    server.session.begin({});
    server.session.send(as_bytes(std::string(100'000, 'x')));
    server.session.time_out();
    CHECK(server.produce().empty());
    CHECK(server.events.back() == "aborted the connection timed out");
    CHECK(server.slabs.in_use() == 0);
  }
  SUBCASE("of a peer that does not read the end of a response") {
    CHECK(server.receive(get).ok());
    server.session.respond({}, Bytes());
    server.session.time_out();
    CHECK(server.produce().empty());
    CHECK(server.events.back() == "aborted the connection timed out");
  }
  CHECK(server.session.finished());
}

TEST_CASE("a failure names the code that fits") {
  const auto failure = [](std::string_view bytes) {
    Server server;
    return server.receive(bytes).code();
  };
  CHECK(failure("GET / HTTP/1.1\r\n\r\n") == Code::INVALID_ARGUMENT);
  CHECK(failure("GET / HTTP/2.0\r\n\r\n") == Code::INVALID_ARGUMENT);
  CHECK(failure("GET /" + std::string(9000, 'a')) == Code::RESOURCE_EXHAUSTED);
  CHECK(failure(post_head) == Code::RESOURCE_EXHAUSTED);
}
