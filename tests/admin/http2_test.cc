// Pages over HTTP/2, and both protocols on one port.
#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <vector>

#include "admin/http2_world.h"

namespace ringrpc::admin {
namespace {

using namespace std::chrono_literals;
using http2::ErrorCode;
namespace wire = http2::test;

TEST_CASE("a page over HTTP/2 gets its request, and its response goes to the client") {
  std::optional<PageRequest> seen;
  AdminWorld world({AdminPage("/page", "A page", [&](PageRequest request) -> Result<PageResponse> {
    seen = std::move(request);
    return PageResponse{
        .status = 201, .content_type = "application/json", .content_security_policy = "x", .body = "[]"};
  })});
  Http2Browser browser(world);
  browser.send(browser.head("GET", "/page?a=b&c?", 1, wire::end_stream, {{"accept", "text/plain"}}));
  const auto reply = browser.answer(1);
  CHECK(reply.status() == "201");
  CHECK(reply.body == "[]");
  CHECK(reply.field("content-type") == "application/json");
  CHECK(reply.field("content-length") == "2");
  CHECK(reply.field("cache-control") == "no-store");
  CHECK(reply.field("x-content-type-options") == "nosniff");
  CHECK(reply.field("content-security-policy") == "x");
  CHECK(reply.field("date").ends_with(" GMT"));
  REQUIRE(seen);
  CHECK(seen->path == "/page");
  CHECK(seen->query == "a=b&c?");
  CHECK(seen->accept == "text/plain");
}

TEST_CASE("refusals over HTTP/2 are those of HTTP/1.1, and the connection goes on") {
  AdminWorld world(
      {echo_page("/one"), large_page("/large", 1001),
       AdminPage("/fails", "Fails",
                 [](PageRequest) -> Result<PageResponse> { return fail(Code::UNAVAILABLE, "the cause"); })},
      {.max_page_bytes = 1000});
  Http2Browser browser(world);
  std::uint32_t id = 1;
  const auto status = [&](std::string_view method, std::string_view path) {
    browser.send(browser.head(method, path, id));
    const std::string got = browser.answer(id).status();
    id += 2;
    return got;
  };
  CHECK(status("GET", "/absent") == "404");
  CHECK(status("GET", "one") == "400");
  CHECK(status("GET", "/one#fragment") == "400");
  CHECK(status("GET", "/" + std::string(9'000, 'a')) == "414");
  CHECK(status("GET", "/" + std::string(17'000, 'a')) == "431");
  CHECK(status("OPTIONS", "*") == "405");
  CHECK(status("POST", "/one") == "405");
  CHECK(browser.so_far(id - 2).field("allow") == "GET, HEAD");
  CHECK(status("GET", "/fails") == "503");
  CHECK(browser.so_far(id - 2).body == "the cause\n");
  CHECK(status("GET", "/large") == "500");
  CHECK(status("GET", "/one") == "200");
}

TEST_CASE("HEAD over HTTP/2 gets the page's length without the page") {
  AdminWorld world({large_page("/large", 100'000)});
  Http2Browser browser(world);
  browser.send(browser.head("HEAD", "/large", 1));
  const auto reply = browser.answer(1);
  CHECK(reply.field("content-length") == "100000");
  CHECK(reply.body.empty());
}

TEST_CASE("a request with a body gets 413 over HTTP/2, one with an empty body its page") {
  AdminWorld world({echo_page("/one")});
  Http2Browser browser(world);
  const std::string piece(10'000, 'x');
  browser.send(browser.head("GET", "/one", 1, 0) + wire::data(1, piece) + wire::data(1, piece));
  CHECK(browser.answer(1).status() == "413");
  REQUIRE(world.run_until([&] { return !browser.resets(1).empty(); }));
  CHECK(browser.resets(1).front() == ErrorCode::no_error);
  browser.send(browser.head("POST", "/one", 5, 0) + wire::data(5, "x", wire::end_stream));
  CHECK(browser.answer(5).status() == "413");
  browser.send(browser.head("GET", "/one", 7, 0) + wire::data(7, "", wire::end_stream));
  CHECK(browser.answer(7).body == "/one");
}

TEST_CASE("a gRPC call that comes to the pages is refused at once, with the reason") {
  AdminWorld world({echo_page("/one")});
  Http2Browser browser(world);
  const Instant begun = world.simulation().shard(0).now();
  browser.send(browser.head("POST", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", 1, 0,
                            {{"content-type", "application/grpc+proto"}, {"te", "trailers"}}));
  const auto reply = browser.answer(1);
  CHECK(world.simulation().shard(0).now() - begun < 1s);
  CHECK(reply.status() == "200");
  CHECK(reply.field("content-type") == "application/grpc");
  CHECK(reply.field("grpc-status") == "9");
  CHECK(reply.field("grpc-message") ==
        "these are the pages for operators; call an address on which the server listens for calls");
  browser.send(wire::data(1, "a message that was on its way"));
  browser.get(3, "/one");
  CHECK(browser.answer(3).body == "/one");
}

TEST_CASE("requests on one connection do not wait for each other over HTTP/2") {
  EventCount opened;
  AdminWorld world({gated_page(opened), echo_page("/one")});
  Http2Browser browser(world);
  browser.get(1, "/gate");
  browser.get(3, "/one");
  CHECK(browser.answer(3).body == "/one");
  CHECK(browser.so_far(1).fields.empty());
  opened.notify();
  CHECK(browser.answer(1).body == "made");
}

TEST_CASE("both protocols get the same pages on one port, over any network") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    AdminWorld world({echo_page("/one"), large_page("/large", 200'000)}, {},
                     {.short_read = 0.5, .short_write = 0.5, .delay = 0.3}, seed);
    Http2Browser two(world);
    Browser one(world);
    for (std::uint32_t id = 1; id < 17; id += 2) two.get(id, id % 4 == 1 ? "/large" : "/one");
    CHECK(one.get("/large").body == std::string(200'000, 'x'));
    for (std::uint32_t id = 1; id < 17; id += 2)
      CHECK(two.answer(id).body == (id % 4 == 1 ? std::string(200'000, 'x') : "/one"));
    CHECK_FALSE(two.closed());
  }
}

TEST_CASE("the protocol is decided by the first bytes, however they are cut") {
  AdminWorld world({echo_page("/one")});
  wire::Encoder encoder;
  const std::string request =
      std::string(wire::preface) + wire::settings() +
      encoder.headers(1, {{":method", "GET"}, {":scheme", "http"}, {":path", "/one"}}, wire::end_stream);
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    auto peer = world.connect();
    peer->send(request.substr(0, cut));
    world.simulation().run_for(1ms);
    peer->send(request.substr(cut));
    CHECK(world.run_until([&] { return peer->received.ends_with("/one"); }));
  }
  for (const std::string_view text : {"PRI * HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                      "PRI / HTTP/1.1\r\nHost: localhost\r\n\r\n", "P", "PRI * HTTP/2."}) {
    Browser browser(world);
    for (const char each : text) {
      browser.send({&each, 1});
      world.simulation().run_for(1ms);
    }
    if (!text.ends_with("\n")) browser.peer().finish();
    if (text.ends_with("\n")) CHECK(browser.next().status >= 400);
    if (!text.ends_with("\n")) CHECK(world.run_until([&] { return browser.closed(); }));
  }
}

TEST_CASE("a preface that does not end is given the header timeout") {
  AdminWorld world({echo_page("/one")}, {.header_timeout = 10s});
  for (const std::string_view begun :
       {wire::preface.substr(0, 5), wire::preface.substr(0, 20), wire::preface}) {
    auto peer = world.connect();
    peer->send(begun);
    world.simulation().run_for(9s);
    CHECK_FALSE(peer->ended);
    world.simulation().run_for(4s);
    CHECK(peer->ended);
  }
}

TEST_CASE("bytes of a preface one by one do not restart the header timeout") {
  AdminWorld world({echo_page("/one")}, {.header_timeout = 10s});
  auto peer = world.connect();
  for (const char* const each : {"P", "R"}) {
    peer->send(each);
    world.simulation().run_for(4s);
    CHECK_FALSE(peer->ended);
  }
  world.simulation().run_for(4s);
  CHECK(peer->ended);
}

TEST_CASE("a stream whose request does not end gets 408 after the header timeout") {
  AdminWorld world({echo_page("/one")}, {.header_timeout = 9s});
  Http2Browser browser(world);
  browser.send(browser.head("GET", "/one", 1, 0));
  CHECK(browser.answer(1).status() == "408");
  browser.get(3, "/one");
  CHECK(browser.answer(3).body == "/one");
}

TEST_CASE("a page that is not made in time gets 504 over HTTP/2") {
  EventCount opened;
  AdminWorld world({gated_page(opened), echo_page("/one")}, {.page_timeout = 10s});
  Http2Browser browser(world);
  browser.get(1, "/gate");
  CHECK(browser.answer(1).status() == "504");
  browser.get(3, "/one");
  CHECK(browser.answer(3).body == "/one");
  opened.notify();
}

TEST_CASE("a stream without window is reset after the write timeout, and its page is let go") {
  AdminWorld world({large_page("/large", 400'000), echo_page("/one")},
                   {.max_total_bytes = 500'000, .write_timeout = 60s});
  Http2Browser browser(world, 10);
  browser.get(1, "/large");
  world.simulation().run_for(59s);
  CHECK(browser.so_far(1).body.size() == 10);
  CHECK(browser.resets(1).empty());
  Browser other(world);
  CHECK(other.get("/large").status == 503);
  world.simulation().run_for(2s);
  REQUIRE_FALSE(browser.resets(1).empty());
  CHECK(browser.resets(1).front() == ErrorCode::cancel);
  CHECK(other.get("/large").status == 200);
  CHECK_FALSE(browser.closed());
}

TEST_CASE("of a page that its client gives no window, at most 80 KiB are copied to the queue of its stream") {
  AdminWorld world({large_page("/large", 1'000'000)});
  const SlabPool& slabs = world.simulation().shard(0).slabs();
  Http2Browser browser(world, 10);
  constexpr std::size_t streams = 16;
  for (std::uint32_t number = 0; number < streams; ++number) browser.get(2 * number + 1, "/large");
  world.simulation().run_for(1s);
  for (std::uint32_t number = 0; number < streams; ++number)
    CHECK(browser.so_far(2 * number + 1).body.size() == 10);
  // 80 KiB lie in six slabs. One more may have the connection's input.
  const std::size_t held_bytes = slabs.in_use() * Slab::total_bytes;
  CHECK(held_bytes >= streams * 64 * 1024);
  CHECK(held_bytes <= streams * 6 * Slab::total_bytes + Slab::total_bytes);
}

TEST_CASE("a client of HTTP/2 that does not read is disconnected after the write timeout") {
  AdminWorld world({large_page("/large", 2'000'000)}, {.write_timeout = 60s});
  Http2Browser browser(world);
  world.simulation().run_for(10ms);
  browser.peer().pause();
  browser.get(1, "/large");
  world.simulation().run_for(62s);
  CHECK(world.part().connections() == 0);
}

TEST_CASE("an idle connection of HTTP/2 gets GOAWAY after the idle timeout, whatever PINGs it sends") {
  AdminWorld world({echo_page("/one")}, {.idle_timeout = 120s});
  Http2Browser browser(world);
  browser.get(1, "/one");
  CHECK(browser.answer(1).body == "/one");
  for (int i = 0; i < 11; ++i) {
    world.simulation().run_for(10s);
    browser.send(wire::ping());
    CHECK_FALSE(browser.closed());
  }
  world.simulation().run_for(12s);
  CHECK(browser.closed());
  REQUIRE(browser.endings().size() == 1);
  CHECK(browser.endings().front().code == ErrorCode::no_error);
}

TEST_CASE("a connection has at most 16 streams, and further ones are refused") {
  EventCount opened;
  AdminWorld world({gated_page(opened)});
  Http2Browser browser(world);
  for (std::uint32_t id = 1; id <= 33; id += 2) browser.get(id, "/gate");
  REQUIRE(world.run_until([&] { return !browser.resets(33).empty(); }));
  CHECK(browser.resets(33).front() == ErrorCode::refused_stream);
  CHECK(browser.resets(31).empty());
  opened.notify();
  for (std::uint32_t id = 1; id < 33; id += 2) CHECK(browser.answer(id).body == "made");
}

TEST_CASE("floods over HTTP/2 end their connection, and others go on") {
  AdminWorld world({echo_page("/one"), large_page("/large", 100'000)});
  Browser other(world);
  const auto flooded = [&](const std::function<std::string(Http2Browser&, std::uint32_t)>& make) {
    Http2Browser browser(world);
    std::string flood;
    for (std::uint32_t i = 0; i < 20'000; ++i) flood += make(browser, i);
    browser.send(flood);
    CHECK(world.run_until([&] { return browser.closed(); }));
    CHECK(browser.endings().size() == 1);
    if (!browser.endings().empty()) CHECK(browser.endings().front().code == ErrorCode::enhance_your_calm);
    CHECK(other.get("/one").status == 200);
  };
  flooded([](Http2Browser&, std::uint32_t) { return wire::ping(); });
  flooded([](Http2Browser&, std::uint32_t) { return wire::settings(); });
  flooded([](Http2Browser& browser, std::uint32_t i) {
    return browser.head("GET", "/large", 2 * i + 1) + wire::rst_stream(2 * i + 1, ErrorCode::cancel);
  });
}

TEST_CASE("garbage over HTTP/2 ends its connection with GOAWAY") {
  AdminWorld world({echo_page("/one")});
  for (const std::string& garbage :
       {wire::data(1, "x"), wire::frame(wire::frame_type::headers, wire::end_headers, 1, "\xff\xff\xff\xff"),
        wire::frame(0x5, 0, 1, "1234"), wire::window_update(0, 0)}) {
    Http2Browser browser(world);
    browser.send(garbage);
    CHECK(world.run_until([&] { return browser.closed(); }));
    CHECK(browser.endings().size() == 1);
  }
  CHECK(world.run_until([&] { return world.part().connections() == 0; }));
}

TEST_CASE("a half-closed connection of HTTP/2 gets the responses to whole requests") {
  EventCount opened;
  AdminWorld world({gated_page(opened)});
  Http2Browser browser(world);
  browser.get(1, "/gate");
  browser.send(browser.head("GET", "/gate", 3, 0));
  browser.peer().finish();
  CHECK(world.run_until([&] { return !browser.resets(3).empty(); }));
  opened.notify();
  CHECK(browser.answer(1).body == "made");
  CHECK(world.run_until([&] { return browser.closed(); }));
}

TEST_CASE("a connection of HTTP/2 whose client vanishes neither cancels its pages nor leaks them") {
  EventCount opened;
  AdminWorld world({gated_page(opened), large_page("/large", 400'000)}, {.max_total_bytes = 500'000});
  {
    Http2Browser browser(world, 10);
    browser.get(1, "/gate");
    browser.get(3, "/large");
    world.simulation().run_for(10ms);
  }
  CHECK(world.run_until([&] { return world.part().connections() == 0; }));
  Browser other(world);
  CHECK(other.get("/large").status == 200);
  opened.notify();
  CHECK(other.get("/gate").body == "made");
}

TEST_CASE("an idle connection of HTTP/2 makes room for another") {
  AdminWorld world({echo_page("/one")}, {.max_connections = 2});
  Http2Browser first(world);
  CHECK((first.get(1, "/one"), first.answer(1).body) == "/one");
  Http2Browser second(world);
  CHECK((second.get(1, "/one"), second.answer(1).body) == "/one");
  Browser third(world);
  CHECK(third.get("/one").status == 200);
  CHECK(first.closed());
  CHECK_FALSE(second.closed());
}

TEST_CASE("streams that wait for their page are destroyed with the server") {
  EventCount opened;
  AdminWorld world({gated_page(opened)});
  Http2Browser browser(world);
  for (std::uint32_t id = 1; id < 17; id += 2) browser.get(id, "/gate");
  world.simulation().run_for(10ms);
  world.stop();
  CHECK(world.run_until([&] { return browser.closed(); }));
}

}  // namespace
}  // namespace ringrpc::admin
