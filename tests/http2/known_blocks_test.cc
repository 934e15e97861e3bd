// Requests whose header blocks repeat byte for byte must have the fields that decoding them would give.
#include "http2/known_blocks.h"

#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>

#include "http2/memory_pool.h"
#include "raw_server.h"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;
using namespace std::string_literals;

namespace {

/// The parts of a block (RFC 7541, 6), without Huffman coding.
std::string indexed(unsigned index) { return number(0x80 | index, 1); }
std::string string(std::string_view text) { return number(text.size(), 1).append(text); }
std::string indexing(std::string_view name, std::string_view value) {
  return "\x40" + string(name) + string(value);
}
std::string plain(std::string_view name, std::string_view value) {
  return number(0, 1) + string(name) + string(value);
}

/// POST http / of the static table.
const std::string root = indexed(3) + indexed(6) + indexed(4);
const std::string newest = indexed(62);  // of the dynamic table

std::string request(std::uint32_t id, const std::string& block, unsigned flags = 0) {
  return frame(NGHTTP2_HEADERS, end_headers | end_stream | flags, id, block);
}

struct KnowingClient : RawServer {
  using RawServer::RawServer;

  /// The last field of a request with this block, as the server's user gets it.
  std::pair<std::string, std::string> last_field(std::uint32_t id, const std::string& block) {
    answer(request(id, block));
    REQUIRE(endpoint[id].header_blocks.size() == 1);
    REQUIRE(endpoint[id].ends == 1);
    return endpoint[id].header_blocks[0].back();
  }
};

using Field = std::pair<std::string, std::string>;

}  // namespace

TEST_CASE("only indexed fields and literals without indexing leave HPACK's table alone") {
  const auto alone = [](const std::string& block) { return leaves_table_alone(as_bytes(block)); };
  CHECK(alone(""));
  CHECK(alone(root + newest));
  CHECK(alone(indexed(127) + number(0, 1)));
  CHECK(alone(plain("name", "value") + root));
  CHECK(alone("\x04" + string("/path")));
  CHECK(alone("\x14" + string("/secret")));
  CHECK(alone("\x0f\x20" + string("name of index 47")));
  CHECK(alone(plain("long", std::string(126, 'x'))));
  CHECK(alone(number(0, 1) + string("long") + "\x7f\x01" + std::string(128, 'x')));
  CHECK_FALSE(alone(root + indexing("name", "value")));
  CHECK_FALSE(alone("\x44" + string("/path")));
  CHECK_FALSE(alone("\x20" + root));  // the table's size

  SUBCASE("and cut or absurd blocks do not count as such") {
    const std::string whole = plain("name", "value");
    for (std::size_t size = 1; size < whole.size(); ++size) CHECK_FALSE(alone(whole.substr(0, size)));
    CHECK_FALSE(alone("\xff"));
    CHECK_FALSE(alone("\xff\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"));
  }
}

TEST_CASE("a repeated request is reported each time, however the bytes are cut") {
  const std::string block = root + plain("x-a", "1");
  std::string bytes;
  for (std::uint32_t id = 1; id < 12; id += 2) {
    bytes += frame(NGHTTP2_HEADERS, end_headers, id, block) + data(id, "body", end_stream);
  }
  const Fields expected = {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {"x-a", "1"}};
  for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
    CAPTURE(cut);
    RawServer server;
    for (std::size_t at = 0; at < bytes.size(); at += cut) server.answer(bytes.substr(at, cut));
    CHECK(server.endpoint.requests == 6);
    for (std::uint32_t id = 1; id < 12; id += 2) {
      Exchange& exchange = server.endpoint[id];
      REQUIRE(exchange.header_blocks.size() == 1);
      CHECK(exchange.header_blocks[0] == expected);
      CHECK(exchange.body == "body");
      CHECK(exchange.closes == 1);
      CHECK(exchange.code == ErrorCode::no_error);
    }
  }
}

TEST_CASE("the same bytes mean other fields once HPACK's table has changed") {
  KnowingClient client;
  CHECK(client.last_field(1, root + indexing("x", "1")) == Field{"x", "1"});
  CHECK(client.last_field(3, root + newest) == Field{"x", "1"});
  CHECK(client.last_field(5, root + newest) == Field{"x", "1"});

  const std::string changing = root + indexing("x", "2");
  SUBCASE("by a request") { client.answer(request(7, changing)); }
  SUBCASE("by a padded request") {
    client.answer(request(7, number(2, 1) + changing + "\0\0"s, NGHTTP2_FLAG_PADDED));
  }
  SUBCASE("by a request with a priority") {
    client.answer(request(7, number(1, 4) + number(15, 1) + changing, NGHTTP2_FLAG_PRIORITY));
  }
  SUBCASE("by a request that arrives in pieces") {
    for (const char byte : request(7, changing)) client.answer(std::string(1, byte));
  }
  SUBCASE("by a CONTINUATION") {
    client.answer(frame(NGHTTP2_HEADERS, end_stream, 7, root) +
                  frame(NGHTTP2_CONTINUATION, end_headers, 7, indexing("x", "2")));
  }
  SUBCASE("by trailers") {
    client.answer(frame(NGHTTP2_HEADERS, end_headers, 7, root) + request(7, indexing("x", "2")));
  }
  SUBCASE("by a malformed request") { client.answer(request(7, changing + plain("Upper", "case"))); }
  SUBCASE("in the same piece of bytes") {
    client.answer(request(7, changing) + request(9, root + newest));
    CHECK(client.endpoint[9].header_blocks.at(0).back() == Field{"x", "2"});
  }
  CHECK(client.last_field(11, root + newest) == Field{"x", "2"});
  CHECK(client.last_field(13, root + newest) == Field{"x", "2"});
}

TEST_CASE("requests of several kinds may alternate") {
  KnowingClient client;
  std::uint32_t id = 1;
  for (int round = 0; round < 3; ++round) {
    for (const std::string& value : {"a"s, "b"s, "c"s, "d"s, "e"s, "f"s, std::string(100, 'g')}) {
      for (int again = 0; again < 2; ++again, id += 2) {
        CHECK(client.last_field(id, root + plain("x", value)) == Field{"x", value});
      }
    }
  }
}

TEST_CASE("requests that never repeat take no more memory than a few") {
  KnowingClient client;
  std::size_t mapped = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string block = root;
    for (int field = 0; field < 60; ++field) block += plain("a", field == 0 ? std::to_string(i) : "");
    client.answer(request(static_cast<std::uint32_t>(2 * i + 1), block));
    if (i == 50) mapped = MemoryPool::of_this_thread()->mapped_bytes();
  }
  CHECK(client.endpoint.requests == 5000);
  CHECK(MemoryPool::of_this_thread()->mapped_bytes() == mapped);
}

TEST_CASE("fields that a stream keeps outlive the session's known blocks") {
  KnowingClient client;
  Endpoint& endpoint = client.endpoint;
  endpoint.headers_hook = [](Stream& stream) { stream.keep_headers(); };
  const std::string kept = frame(NGHTTP2_HEADERS, end_headers, 1, root + plain("x", "kept"));
  client.answer(kept);
  client.answer(frame(NGHTTP2_HEADERS, end_headers, 3, root + plain("x", "kept")));
  std::uint32_t id = 5;
  for (const std::string& value : {"a"s, "b"s, "c"s, "d"s, "e"s}) {
    client.answer(request(id, root + plain("x", value)));
    id += 2;
  }
  client.answer(request(id, root + indexing("x", "new")));
  for (const std::uint32_t open : {1U, 3U}) {
    REQUIRE(endpoint[open].stream != nullptr);
    CHECK(copy(endpoint[open].stream->headers()).back() == Field{"x", "kept"});
  }
}

TEST_CASE("a refused request is refused again when it is repeated") {
  SUBCASE("a malformed request") {
    RawServer server;
    for (const std::uint32_t id : {1U, 3U, 5U}) {
      const std::vector<Frame> frames = server.answer(request(id, root + plain("Upper", "case")));
      CHECK(resets(frames, id) == std::vector{ErrorCode::protocol_error});
    }
    CHECK(server.endpoint.requests == 0);
  }
  SUBCASE("a request that is too large") {
    Limits limits;
    limits.max_header_list_bytes = 200;
    RawServer server(limits);
    for (const std::uint32_t id : {1U, 3U, 5U}) {
      const std::vector<Frame> frames = server.answer(request(id, root + plain("x", std::string(100, 'x'))));
      CHECK(resets(frames, id) == std::vector{ErrorCode::enhance_your_calm});
    }
    CHECK(server.endpoint.requests == 0);
  }
  SUBCASE("a request with a shorter body than announced") {
    RawServer server;
    const std::string block = root + plain("content-length", "4");
    for (const std::uint32_t id : {1U, 7U, 13U}) {
      server.answer(frame(NGHTTP2_HEADERS, end_headers, id, block) + data(id, "1234", end_stream));
      CHECK(server.endpoint[id].ends == 1);
      CHECK(resets(server.answer(request(id + 2, block)), id + 2) == std::vector{ErrorCode::protocol_error});
      const std::string less =
          frame(NGHTTP2_HEADERS, end_headers, id + 4, block) + data(id + 4, "1", end_stream);
      CHECK(resets(server.answer(less), id + 4) == std::vector{ErrorCode::protocol_error});
    }
  }
  SUBCASE("trailers that are a known request") {
    RawServer server;
    server.answer(request(1, root) + request(3, root));
    server.answer(frame(NGHTTP2_HEADERS, end_headers, 5, root));
    CHECK(resets(server.answer(request(5, root)), 5) == std::vector{ErrorCode::protocol_error});
    CHECK(server.endpoint.requests == 3);
    CHECK(server.endpoint[5].trailers_count == 0);
  }
  SUBCASE("streams over the limit") {
    Limits limits;
    limits.max_concurrent_streams = 2;
    RawServer server(limits, false);
    std::string bytes;
    for (std::uint32_t id = 1; id < 8; id += 2) bytes += frame(NGHTTP2_HEADERS, end_headers, id, root);
    const std::vector<Frame> frames = server.answer(bytes);
    CHECK(resets(frames, 3).empty());
    CHECK(resets(frames, 5) == std::vector{ErrorCode::refused_stream});
    CHECK(resets(frames, 7) == std::vector{ErrorCode::refused_stream});
    CHECK(server.endpoint.requests == 2);
  }
}
