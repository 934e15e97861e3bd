// The responses to requests: pages, the index, and refusals.
#include <doctest/doctest.h>
#include <optional>
#include <stdexcept>

#include "ringrpc/event_count.h"

#include "admin/admin_world.h"

namespace ringrpc::admin {
namespace {

/// A page that is made when the test says so.
struct Gate {
  EventCount opened;
  int begun = 0;
  int made = 0;

  AdminPage page() {
    return AdminPage("/gate", "Waits", [this](PageRequest request) -> Task<Result<PageResponse>> {
      ++begun;
      co_await opened.past(opened.count());
      ++made;
      co_return PageResponse{.body = request.query};
    });
  }
};

TEST_CASE("a page gets its request, and its response goes to the client") {
  std::optional<PageRequest> seen;
  AdminWorld world({AdminPage("/page", "A page", [&](PageRequest request) -> Result<PageResponse> {
    seen = std::move(request);
    return PageResponse{.status = 201, .content_type = "application/json", .body = "[]"};
  })});
  Browser browser(world);
  browser.send("GET /page?a=b&c HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n");
  const Answer answer = browser.next();
  CHECK(answer.status == 201);
  CHECK(answer.body == "[]");
  CHECK(answer.head.find("content-type: application/json\r\n") != std::string::npos);
  CHECK(answer.head.find("cache-control: no-store\r\n") != std::string::npos);
  REQUIRE(seen);
  CHECK(seen->path == "/page");
  CHECK(seen->query == "a=b&c");
  CHECK(seen->accept == "text/plain");
}

TEST_CASE("the index links to every page, and escapes their titles") {
  AdminWorld world(
      {echo_page("/one"), AdminPage("/two", "a < b & \"c\"", [](PageRequest) { return PageResponse(); })});
  Browser browser(world);
  const Answer index = browser.get("/");
  CHECK(index.status == 200);
  CHECK(index.head.find("content-type: text/html; charset=utf-8\r\n") != std::string::npos);
  CHECK(index.body.find("<a href=\"/one\">/one</a> A page\n") != std::string::npos);
  CHECK(index.body.find("<a href=\"/two\">/two</a> a &lt; b &amp; &quot;c&quot;\n") != std::string::npos);
}

TEST_CASE("a page with the path / takes the place of the index") {
  AdminWorld world({AdminPage("/", "Start", [](PageRequest) { return PageResponse{.body = "start"}; })});
  Browser browser(world);
  CHECK(browser.get("/").body == "start");
}

TEST_CASE("a path without a page gets 404 with the list of pages") {
  AdminWorld world({echo_page("/one"), echo_page("/two")});
  Browser browser(world);
  const Answer answer = browser.get("/three");
  CHECK(answer.status == 404);
  CHECK(answer.body == "There is no such page. These are served:\n/\n/one\n/two\n");
}

TEST_CASE("methods other than GET and HEAD get 405 with Allow") {
  AdminWorld world({echo_page("/one")});
  Browser browser(world);
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    browser.send(method + " /one HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const Answer answer = browser.next();
    CHECK(answer.status == 405);
    CHECK(answer.head.find("allow: GET, HEAD\r\n") != std::string::npos);
  }
  CHECK(browser.get("/one").body == "/one");
}

TEST_CASE("a request with a body gets 413") {
  AdminWorld world({echo_page("/one")});
  Browser browser(world);
  browser.send("POST /one HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx");
  CHECK(browser.next().status == 413);
  CHECK(world.run_until([&] { return browser.closed(); }));
}

TEST_CASE("HEAD gets the page's length without the page") {
  AdminWorld world({large_page("/large", 100'000)});
  Browser browser(world);
  browser.send("HEAD /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Answer answer = browser.next(true);
  CHECK(answer.status == 200);
  CHECK(answer.head.find("content-length: 100000\r\n") != std::string::npos);
  CHECK(browser.get("/large").body.size() == 100'000);
}

TEST_CASE("pipelined requests get their responses in order, over any network") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    AdminWorld world({echo_page("/one"), echo_page("/two"), large_page("/large", 200'000)}, {},
                     {.short_read = 0.5, .short_write = 0.5, .delay = 0.3}, seed);
    Browser browser(world);
    std::string pipeline;
    for (int i = 0; i < 20; ++i)
      for (const char* path : {"/one", "/large", "/two"})
        pipeline += std::string("GET ") + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    browser.send(pipeline);
    for (int i = 0; i < 20; ++i) {
      CHECK(browser.next().body == "/one");
      CHECK(browser.next().body == std::string(200'000, 'x'));
      CHECK(browser.next().body == "/two");
    }
    CHECK_FALSE(browser.closed());
  }
}

TEST_CASE("a client that has half-closed the connection gets its response") {
  AdminWorld world({echo_page("/one")});
  Browser browser(world);
  browser.send("GET /one HTTP/1.1\r\nHost: localhost\r\n\r\n");
  browser.peer().finish();
  CHECK(browser.next().body == "/one");
  CHECK(world.run_until([&] { return browser.closed(); }));
}

TEST_CASE("failures of pages are statuses, and the connection goes on") {
  const auto failing = [](std::string path, Code code) {
    return AdminPage(std::move(path), "Fails",
                     [code](PageRequest) -> Result<PageResponse> { return fail(code, "the cause"); });
  };
  AdminWorld world(
      {failing("/internal", Code::INTERNAL), failing("/unavailable", Code::UNAVAILABLE),
       failing("/exhausted", Code::RESOURCE_EXHAUSTED),
       AdminPage("/throws", "Throws",
                 [](PageRequest) -> PageResponse { throw std::runtime_error("thrown"); }),
       AdminPage("/nothing", "Is no coroutine", [](PageRequest) -> Task<Result<PageResponse>> { return {}; }),
       AdminPage("/status", "Has an invalid status",
                 [](PageRequest) { return PageResponse{.status = 99, .body = "text"}; }),
       AdminPage("/empty", "Has a body that it cannot have",
                 [](PageRequest) { return PageResponse{.status = 204, .body = "text"}; })});
  Browser browser(world);
  const Answer internal = browser.get("/internal");
  CHECK(internal.status == 500);
  CHECK(internal.body == "the cause\n");
  CHECK(browser.get("/unavailable").status == 503);
  CHECK(browser.get("/exhausted").status == 503);
  CHECK(browser.get("/throws").status == 500);
  CHECK(browser.get("/nothing").status == 500);
  CHECK(browser.get("/status").status == 500);
  const Answer empty = browser.get("/empty");
  CHECK(empty.status == 204);
  CHECK(empty.body.empty());
  CHECK(browser.get("/internal").status == 500);
}

TEST_CASE("a page is made for one request at a time, and other pages do not wait") {
  Gate gate;
  AdminWorld world({gate.page(), echo_page("/one")});
  Browser first(world);
  Browser second(world);
  Browser third(world);
  first.send("GET /gate?1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  REQUIRE(world.run_until([&] { return gate.begun == 1; }));
  second.send("GET /gate?2 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(third.get("/one").body == "/one");
  CHECK(gate.begun == 1);
  gate.opened.notify();
  CHECK(first.next().body == "1");
  REQUIRE(world.run_until([&] { return gate.begun == 2; }));
  gate.opened.notify();
  CHECK(second.next().body == "2");
}

TEST_CASE("a client that closes its connection neither cancels its page nor begins it twice") {
  Gate gate;
  AdminWorld world({gate.page()});
  for (int i = 0; i < 10; ++i) {
    Browser browser(world);
    browser.send("GET /gate?lost HTTP/1.1\r\nHost: localhost\r\n\r\n");
    REQUIRE(world.run_until([&] { return gate.begun == 1; }));
    browser.close();
  }
  Browser last(world);
  last.send("GET /gate?last HTTP/1.1\r\nHost: localhost\r\n\r\n");
  world.simulation().run_for(std::chrono::milliseconds(10));
  CHECK(gate.begun == 1);
  const auto open = [&] {
    gate.opened.notify();
    return gate.made;
  };
  // Those whose loss the server has not noticed are made too.
  CHECK(world.run_until([&] { return open() > 0 && last.peer().received.ends_with("last"); }));
}

TEST_CASE("pages that are being made are destroyed with the server") {
  Gate gate;
  AdminWorld world({gate.page()});
  Browser browser(world);
  browser.send("GET /gate HTTP/1.1\r\nHost: localhost\r\n\r\n");
  REQUIRE(world.run_until([&] { return gate.begun == 1; }));
  world.stop();
  CHECK(world.run_until([&] { return browser.closed(); }));
  CHECK(gate.made == 0);
}

TEST_CASE("pages need paths of their own") {
  CHECK(check_pages({echo_page("/one"), echo_page("/two")}).ok());
  CHECK(check_pages({echo_page("one")}).message() == "admin page \"one\": the path must begin with '/'");
  CHECK(check_pages({echo_page("/one"), echo_page("/one")}).message() ==
        "admin page \"/one\": another page has this path");
}

}  // namespace
}  // namespace ringrpc::admin
