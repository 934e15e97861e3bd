// Responses as they are written.
#include "http1/response.h"

#include <doctest/doctest.h>
#include <string>

#include "http1/server.h"

using namespace ringrpc;
using namespace ringrpc::http1;
using namespace ringrpc::http1::test;

namespace {

constexpr std::string_view head = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view get_1_0 = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

std::string large_page(std::size_t bytes) {
  std::string page;
  while (page.size() < bytes) page += "line " + std::to_string(page.size()) + '\n';
  page.resize(bytes);
  return page;
}

/// A server whose handler does nothing before the test does.
struct Waiting {
  explicit Waiting(std::string_view request) {
    server.on_end_hook = [] {};
    CHECK(server.receive(request).ok());
  }
  Server server;
  Session& session = server.session;
};

std::string with_date(std::string_view before, std::string_view after) {
  return std::string(before) + std::string(date_line) + std::string(after);
}

}  // namespace

TEST_CASE("a response has its status, Date, fields and length") {
  Waiting waiting(get);
  const Field fields[] = {{"content-type", "text/html"}, {"Cache-Control", "no-store"}};
  waiting.session.respond({.status = 404, .fields = fields}, as_bytes("no page"));
  CHECK(waiting.server.produce() ==
        with_date("HTTP/1.1 404 Not Found\r\n",
                  "content-type: text/html\r\nCache-Control: no-store\r\ncontent-length: 7\r\n\r\nno page"));
  CHECK(waiting.server.events.back() == "response end");
}

TEST_CASE("a status without a registered phrase keeps its space (RFC 9112, 4)") {
  Waiting waiting(get);
  waiting.session.respond({.status = 299}, Bytes());
  CHECK(waiting.server.produce() == with_date("HTTP/1.1 299 \r\n", "content-length: 0\r\n\r\n"));
}

TEST_CASE("a field value cannot end its line (RFC 9110, 5.5)") {
  Waiting waiting(get);
  const std::string_view value("a\r\nSet-Cookie: b\0\x7f", 18);
  const Field field{"location", value};
  waiting.session.respond({.fields = {&field, 1}}, Bytes());
  CHECK(waiting.server.produce().find("\r\nlocation: a  Set-Cookie: b  \r\n") != std::string::npos);
}

TEST_CASE("a body of unknown length is chunked, each piece a chunk (RFC 9112, 7.1)") {
  Waiting waiting(get);
  waiting.session.begin({});
  waiting.session.send(as_bytes("hello"));
  waiting.session.send(Bytes());
  waiting.session.send(waiting.server.chain(" chunked world"));
  CHECK(waiting.server.produce() == with_date("HTTP/1.1 200 OK\r\n",
                                              "transfer-encoding: chunked\r\n\r\n"
                                              "5\r\nhello\r\ne\r\n chunked world\r\n"));
  CHECK(waiting.server.events.back() == "end");
  waiting.session.finish();
  CHECK(waiting.server.produce() == "0\r\n\r\n");
  CHECK(waiting.server.events.back() == "response end");
  CHECK(statuses(waiting.server.answer(get)).empty());  // the next request is taken
}

TEST_CASE("a body of known length comes as it is, in pieces") {
  Waiting waiting(get);
  waiting.session.begin({.content_length = 10});
  waiting.session.send(as_bytes("hello"));
  waiting.session.send(waiting.server.chain("world"));
  CHECK(waiting.server.produce() == with_date("HTTP/1.1 200 OK\r\n", "content-length: 10\r\n\r\nhelloworld"));
  CHECK(waiting.server.events.back() == "end");
  CHECK_FALSE(waiting.session.wants_to_produce());
  waiting.session.finish();
  CHECK(waiting.session.wants_to_produce());
  CHECK(waiting.server.produce().empty());
  CHECK(waiting.server.events.back() == "response end");
}

TEST_CASE("a body of unknown length ends with the connection for HTTP/1.0 (RFC 9112, 6.1)") {
  Waiting waiting(get_1_0);
  waiting.session.begin({});
  waiting.session.send(as_bytes("hello"));
  waiting.session.finish();
  CHECK(waiting.server.produce() == with_date("HTTP/1.1 200 OK\r\n", "connection: close\r\n\r\nhello"));
  CHECK(waiting.session.finished());
}

TEST_CASE("the response to HEAD has the fields of GET and no body (RFC 9110, 9.3.2)") {
  Waiting waiting(head);
  SUBCASE("of known length, at once") {
    waiting.session.respond({}, as_bytes("hello"));
    CHECK(waiting.server.produce() == with_date("HTTP/1.1 200 OK\r\n", "content-length: 5\r\n\r\n"));
  }
  SUBCASE("of known length, of which nothing is sent") {
    waiting.session.begin({.content_length = 5});
    waiting.session.finish();
    CHECK(waiting.server.produce() == with_date("HTTP/1.1 200 OK\r\n", "content-length: 5\r\n\r\n"));
  }
  SUBCASE("chunked") {
    waiting.session.begin({});
    waiting.session.send(as_bytes("hello"));
    waiting.session.finish();
    CHECK(waiting.server.produce() == with_date("HTTP/1.1 200 OK\r\n", "transfer-encoding: chunked\r\n\r\n"));
  }
  CHECK(waiting.session.wants_input());
}

TEST_CASE("204 and 304 have no body and no framing (RFC 9112, 6.3)") {
  for (const int status : {204, 304}) {
    Waiting waiting(get);
    waiting.session.respond({.status = status}, Bytes());
    CHECK(waiting.server.produce().ends_with(std::string(date_line) + "\r\n"));
    CHECK(waiting.session.wants_input());
  }
}

TEST_CASE("a handler closes the connection") {
  Waiting waiting(get);
  CHECK(waiting.server.receive(get).ok());
  waiting.session.respond({.close = true}, Bytes());
  CHECK(waiting.server.produce() ==
        with_date("HTTP/1.1 200 OK\r\n", "content-length: 0\r\nconnection: close\r\n\r\n"));
  CHECK(waiting.session.finished());
  CHECK(waiting.server.events == std::vector<std::string>{"request GET /", "end", "response end"});
}

TEST_CASE("a large page in a chain is not copied on its way out") {
  const std::string page = large_page(4 * 1024 * 1024);
  for (const std::size_t portion : {std::size_t{1024 * 1024}, std::size_t{100'000}}) {
    Waiting waiting(get);
    Chain body = waiting.server.chain(page);
    const std::uint8_t* second_slab = nullptr;
    body.for_each_piece(Slab::capacity, 1, [&](Bytes piece) { second_slab = piece.data(); });
    const std::size_t slabs = waiting.server.slabs.in_use();
    waiting.session.respond({}, std::move(body));
    CHECK(waiting.server.slabs.in_use() <= slabs + 1);
    CHECK(waiting.session.queued_output_bytes() > page.size());

    Chain out(waiting.server.slabs);
    waiting.session.produce(out, portion);
    CHECK(out.size() == portion);
    bool moved = false;
    out.for_each_piece(0, out.size(), [&](Bytes piece) { moved |= piece.data() == second_slab; });
    CHECK(moved);
    CHECK(waiting.server.slabs.in_use() <= slabs + 2);
    std::string sent = text(out);
    out.clear();
    sent += waiting.server.produce(portion);
    CHECK(sent.ends_with("content-length: 4194304\r\n\r\n" + page));
    CHECK(waiting.server.slabs.in_use() == 0);
  }
}

TEST_CASE("large chunks arrive whole, whatever the portions of output") {
  const std::string page = large_page(300'000);
  for (const std::size_t portion :
       {std::size_t{1}, std::size_t{5000}, std::size_t{16'384}, std::size_t{1024 * 1024}}) {
    Waiting waiting(get);
    waiting.session.begin({});
    waiting.session.send(waiting.server.chain(page));
    waiting.session.send(as_bytes(page));
    waiting.session.finish();
    const std::string chunk = "493e0\r\n" + page + "\r\n";
    CHECK(waiting.server.produce(portion).ends_with("\r\n\r\n" + chunk + chunk + "0\r\n\r\n"));
  }
}

TEST_CASE("a handler of a large page waits while the peer does not read") {
  Waiting waiting(get);
  const std::string piece = large_page(10'000);
  int pieces = 0;
  std::size_t queued_bytes_max = 0;
  const auto send_while_writable = [&] {
    for (; pieces < 200 && waiting.session.writable(); ++pieces) waiting.session.send(as_bytes(piece));
    queued_bytes_max = std::max(queued_bytes_max, waiting.session.queued_output_bytes());
    if (pieces == 200) waiting.session.finish();
  };
  waiting.server.on_writable_hook = send_while_writable;
  waiting.session.begin({.content_length = 2'000'000});
  send_while_writable();
  CHECK(pieces == 7);
  CHECK_FALSE(waiting.session.writable());
  CHECK(waiting.session.waits_for() == WaitsFor::peer);

  std::string sent;
  Chain little(waiting.server.slabs);
  waiting.session.produce(little, 20'000);  // more than half remains
  CHECK(waiting.server.writable == 0);
  sent += text(little);
  sent += waiting.server.produce(20'000);
  CHECK(waiting.server.writable > 10);
  CHECK(sent.size() > 2'000'000);
  CHECK(queued_bytes_max < Session::high_water_bytes + piece.size());
  CHECK(waiting.server.events.back() == "response end");
}
