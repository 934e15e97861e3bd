// The limits and timeouts of the admin server.
#include <doctest/doctest.h>
#include <memory>
#include <vector>

#include "admin/admin_world.h"
#include "http2/frames.h"

namespace ringrpc::admin {
namespace {

using namespace std::chrono_literals;

std::string request_for(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

/// The simulated time until `done` is true.
Nanoseconds time_until(AdminWorld& world, const std::function<bool()>& done) {
  const Instant begun = world.simulation().now();
  CHECK(world.run_until(done));
  return world.simulation().now() - begun;
}

TEST_CASE("malformed requests get 400, and their connection is closed") {
  AdminWorld world({echo_page("/one")});
  Browser other(world);
  for (const std::string_view garbage :
       {"\x16\x03\x01\x02garbage\r\n\r\n", "GET /one HTTP/1.1\nHost: localhost\n\n",
        "GET  /one HTTP/1.1\r\n\r\n", "GET /one HTTP/1.1\r\n\r\n",
        "GET /one HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
        "GET /one HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    Browser browser(world);
    browser.send(garbage);
    CHECK(browser.next().status == 400);
    CHECK(time_until(world, [&] { return browser.closed(); }) < 1s);
    CHECK(other.get("/one").status == 200);
  }
}

TEST_CASE("a malformed request behind a good one gets 400 after the response") {
  AdminWorld world({echo_page("/one")});
  Browser browser(world);
  browser.send("GET /one HTTP/1.1\r\nHost: localhost\r\n\r\nGET /one HTTP/1.1\nHost: localhost\n\n");
  CHECK(browser.next().body == "/one");
  CHECK(browser.next().status == 400);
  CHECK(world.run_until([&] { return browser.closed(); }));
}

TEST_CASE("a request target of more than 8 KiB gets 414") {
  AdminWorld world({echo_page("/one")});
  Browser browser(world);
  browser.send("GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(browser.next().status == 414);
}

TEST_CASE("requests behind one that waits for its page are not read without limit") {
  EventCount opened;
  AdminWorld world({gated_page(opened)});
  Browser browser(world);
  browser.send("GET /gate HTTP/1.1\r\nHost: localhost\r\n\r\n");
  world.simulation().run_for(10ms);
  std::string pipeline;
  while (pipeline.size() < 256 * 1024) pipeline += "GET /gate HTTP/1.1\r\nHost: localhost\r\n\r\n";
  browser.send(pipeline);
  world.simulation().run_for(10ms);
  CHECK(browser.peer().unsent_bytes() > 0);  // the server has stopped reading
  opened.notify();
  CHECK(browser.next().body == "made");
}

TEST_CASE("an idle connection is closed after the idle timeout") {
  AdminWorld world({echo_page("/one")}, {.idle_timeout = 120s});
  Browser browser(world);
  CHECK(browser.get("/one").status == 200);
  const Nanoseconds idle = time_until(world, [&] { return browser.closed(); });
  CHECK(idle > 119s);
  CHECK(idle < 121s);
  CHECK(browser.peer().received.empty());
}

TEST_CASE("a request whose head does not end gets 408 after the header timeout, however it drips") {
  AdminWorld world({echo_page("/one")}, {.header_timeout = 10s});
  Browser browser(world);
  browser.send("GET /one HTTP/1.1\r\n");
  for (int second = 0; second < 9; ++second) {
    browser.send("X: y\r\n");
    world.simulation().run_for(1s);
    CHECK(browser.peer().received.empty());
  }
  CHECK(browser.next().status == 408);
  CHECK(world.run_until([&] { return browser.closed(); }));
}

TEST_CASE("a page that is not made in time gets 504, and the connection goes on") {
  EventCount opened;
  AdminWorld world({echo_page("/one"), gated_page(opened)}, {.page_timeout = 10s});
  Browser browser(world);
  CHECK(browser.get("/gate").status == 504);
  CHECK(browser.get("/one").status == 200);
  CHECK(browser.get("/gate").status == 504);  // it waits for the page before
  opened.notify();
  CHECK(browser.get("/gate").body == "made");
}

TEST_CASE("a client that does not read its response is disconnected after the write timeout") {
  AdminWorld world({large_page("/large", 1'000'000)}, {.write_timeout = 60s});
  Browser browser(world);
  browser.peer().pause();
  browser.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(time_until(world, [&] { return world.part().connections() == 0; }) < 62s);
}

TEST_CASE("a client that reads slowly is disconnected after the write timeout, too") {
  AdminWorld world({large_page("/large", 10'000'000)}, {.write_timeout = 20s});
  Browser browser(world);
  browser.peer().on_event = [&] { browser.peer().pause(); };
  browser.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Instant begun = world.simulation().now();
  while (world.part().connections() > 0 && world.simulation().now() - begun < 30s) {
    browser.peer().resume();
    world.simulation().run_for(1s);
  }
  CHECK(browser.peer().received.size() > 100'000);
  CHECK(world.part().connections() == 0);
  CHECK(world.simulation().now() - begun < 22s);
}

TEST_CASE("each response has its own write timeout") {
  AdminWorld world({large_page("/large", 100'000)}, {.write_timeout = 5s});
  Browser browser(world);
  std::string pipeline;
  for (int i = 0; i < 10; ++i) pipeline += "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n";
  browser.send(pipeline);
  for (int i = 0; i < 10; ++i) {
    CHECK(browser.next().body.size() == 100'000);
    browser.peer().pause();
    world.simulation().run_for(2s);
    browser.peer().resume();
  }
}

TEST_CASE("a client that does not close after the last response is disconnected within the linger time") {
  AdminWorld world({echo_page("/one")});
  Browser browser(world);
  browser.send("GET /one HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  CHECK(browser.next().status == 200);
  CHECK(world.run_until([&] { return browser.closed(); }));
  CHECK(world.part().connections() == 1);
  CHECK(time_until(world, [&] { return world.part().connections() == 0; }) < 2s);
}

TEST_CASE("a connection beyond the limit takes the place of the one that has been idle longest") {
  AdminWorld world({echo_page("/one")}, {.max_connections = 3});
  Browser first(world);
  world.simulation().run_for(1s);
  Browser second(world);
  world.simulation().run_for(1s);
  Browser third(world);
  CHECK(first.get("/one").status == 200);  // the second is the oldest now
  Browser fourth(world);
  CHECK(fourth.get("/one").status == 200);
  CHECK(world.run_until([&] { return second.closed(); }));
  CHECK_FALSE(first.closed());
  CHECK_FALSE(third.closed());
  CHECK(world.part().connections() == 3);
}

TEST_CASE("a thousand idle connections leave room for a request") {
  AdminWorld world({echo_page("/one")});
  std::vector<std::unique_ptr<Browser>> idle;
  for (int i = 0; i < 1'000; ++i) idle.push_back(std::make_unique<Browser>(world));
  Browser browser(world);
  CHECK(browser.get("/one").status == 200);
  CHECK(world.part().connections() == 64);
}

TEST_CASE("64 connections whose requests do not end leave room for each probe") {
  AdminWorld world({echo_page("/healthz")});
  std::vector<std::unique_ptr<Browser>> held(64);
  int answered = 0;
  for (int second = 0; second < 58; ++second) {
    if (second % 10 == 0)
      for (std::unique_ptr<Browser>& browser : held) {
        browser = std::make_unique<Browser>(world);
        browser->send("G");
      }
    world.simulation().run_for(1s);
    if (Browser(world).get("/healthz").status == 200) ++answered;
  }
  CHECK(answered == 58);
}

TEST_CASE("an address that connects again and again takes places only from itself") {
  AdminWorld world({echo_page("/one")}, {.max_connections = 8});
  const auto connect = [&](const std::string& address, const std::string& bytes) {
    auto browser = std::make_unique<Browser>(world, address);
    browser->send(bytes);
    world.simulation().run_for(10ms);
    return browser;
  };
  std::vector<std::unique_ptr<Browser>> flood;
  for (int i = 0; i < 8; ++i) flood.push_back(connect("10.0.0.1:40000", "G"));
  const std::unique_ptr<Browser> probe = connect("10.0.0.2:40000", "GET /one HTTP/1.1\r\n");
  for (int i = 0; i < 20; ++i) flood.push_back(connect("10.0.0.1:40000", "G"));
  probe->send("Host: localhost\r\n\r\n");
  CHECK(probe->next().status == 200);
}

TEST_CASE("a connection beyond the limit takes the place of any that waits for its client") {
  const std::string_view preface = http2::test::preface;
  for (const std::string_view unfinished :
       {std::string_view("GET / HT"), std::string_view("GET /one HTTP/1.1\r\nHost: localhost\r\nX: "),
        std::string_view("POST /one HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"),
        std::string_view("no request\r\n\r\n"), preface.substr(0, 5), preface,
        std::string_view("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")}) {
    CAPTURE(unfinished);
    AdminWorld world({echo_page("/one"), large_page("/large", 1'000'000)}, {.max_connections = 2});
    Browser first(world);
    Browser second(world);
    for (Browser* browser : {&first, &second}) {
      browser->peer().pause();
      browser->send(unfinished);
      world.simulation().run_for(10ms);
    }
    CHECK(Browser(world).get("/one").status == 200);
    second.peer().resume();
    first.peer().resume();
    CHECK(world.run_until([&] { return first.closed(); }));
  }
}

TEST_CASE("connections that wait for a page and those that wait for a client leave places to each other") {
  EventCount opened;
  AdminWorld world({echo_page("/one"), gated_page(opened)}, {.max_connections = 4, .page_timeout = 1h});
  Browser scraper(world);
  scraper.send(request_for("/gate"));
  world.simulation().run_for(1s);
  std::vector<std::unique_ptr<Browser>> idle;
  for (int i = 0; i < 20; ++i) idle.push_back(std::make_unique<Browser>(world));
  CHECK_FALSE(scraper.closed());

  std::vector<std::unique_ptr<Browser>> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(std::make_unique<Browser>(world));
    waiting.back()->send(request_for("/gate"));
    world.simulation().run_for(1s);
  }
  CHECK(scraper.closed());  // it has waited longest
  CHECK(Browser(world).get("/one").status == 200);
  opened.notify();
  CHECK(waiting.back()->next().body == "made");
}

TEST_CASE("a page that is too large gets 500") {
  AdminWorld world({large_page("/large", 1001), large_page("/fits", 1000)}, {.max_page_bytes = 1000});
  Browser browser(world);
  const Answer answer = browser.get("/large");
  CHECK(answer.status == 500);
  CHECK(answer.body == "The page is too large.\n");
  CHECK(browser.get("/fits").body.size() == 1000);
}

TEST_CASE("pages that clients do not read have a limit together, beyond which others get 503") {
  AdminWorld world({large_page("/large", 200'000), echo_page("/one")}, {.max_total_bytes = 500'000});
  Browser first(world);
  Browser second(world);
  Browser third(world);
  for (Browser* slow : {&first, &second}) {
    slow->peer().pause();
    slow->send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    world.simulation().run_for(10ms);
  }
  CHECK(third.get("/large").status == 503);
  CHECK(third.get("/one").status == 200);
  first.peer().resume();
  CHECK(first.next().body.size() == 200'000);
  CHECK(third.get("/large").status == 200);
}

}  // namespace
}  // namespace ringrpc::admin
