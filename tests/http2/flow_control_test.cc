#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>

#include "raw_server.h"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

namespace {

std::size_t body_bytes(const std::vector<Frame>& frames) {
  std::size_t bytes = 0;
  for (const Frame& each : frames) bytes += each.type == NGHTTP2_DATA ? each.payload.size() : 0;
  return bytes;
}

std::uint32_t increments(const std::vector<Frame>& frames, std::uint32_t id) {
  std::uint32_t sum = 0;
  for (const Frame& each : frames) {
    if (each.type == NGHTTP2_WINDOW_UPDATE && each.stream_id == id) sum += each.word(0);
  }
  return sum;
}

}  // namespace

TEST_CASE("a body crosses a window of one byte") {
  Connection connection({.initial_window_bytes = 1}, {.initial_window_bytes = 1});
  echo(connection.server);
  REQUIRE(connection.run());
  Exchange& exchange = connection.client.open(echo_request, false);
  connection.client.session.send_data(*exchange.stream, as_bytes("a body larger than that"), true);
  REQUIRE(connection.run());
  CHECK(exchange.body == "a body larger than that");
  CHECK(exchange.closes == 1);
}

TEST_CASE("large bodies cross both windows, both ways, at once" * doctest::test_suite("long")) {
  Connection connection({.initial_window_bytes = 70'000, .connection_window_bytes = 100'000},
                        {.initial_window_bytes = 70'000, .connection_window_bytes = 100'000});
  echo(connection.server);
  std::vector<Exchange*> exchanges;
  for (int i = 0; i < 5; ++i) {
    exchanges.push_back(&connection.client.open(echo_request, false));
    connection.client.session.send_data(*exchanges.back()->stream,
                                        as_bytes(std::string(1'000'000, static_cast<char>('a' + i))), true);
  }
  REQUIRE(connection.run());
  for (int i = 0; i < 5; ++i) CHECK(exchanges[i]->body == std::string(1'000'000, static_cast<char>('a' + i)));
}

TEST_CASE("unconsumed bytes stop the sender, and consuming them lets it continue" *
          doctest::test_suite("long")) {
  Connection connection({}, {.initial_window_bytes = 100'000});
  connection.server.consumes = false;
  REQUIRE(connection.run());
  Exchange& exchange = connection.client.open(echo_request, false);
  connection.client.session.send_data(*exchange.stream, as_bytes(std::string(250'000, 'x')), true);
  REQUIRE(connection.run());
  CHECK(connection.server[1].body.size() == 100'000);
  CHECK(exchange.stream->queued_bytes() == 150'000);
  Stream& stream = *connection.server[1].stream;
  SUBCASE("at once") {
    connection.server.session.consumed(stream, 100'000);
    REQUIRE(connection.run());
    CHECK(connection.server[1].body.size() == 200'000);
    connection.server.session.consumed(stream, 100'000);
  }
  SUBCASE("byte by byte") {
    for (int i = 0; i < 100'000; ++i) connection.server.session.consumed(stream, 1);
    REQUIRE(connection.run());
    CHECK(connection.server[1].body.size() > 150'000);
    for (int i = 0; i < 100'000; ++i) connection.server.session.consumed(stream, 1);
  }
  REQUIRE(connection.run());
  CHECK(connection.server[1].body.size() == 250'000);
  CHECK(connection.server[1].ends == 1);
}

TEST_CASE("an unread stream blocks itself and no other stream" * doctest::test_suite("long")) {
  constexpr std::uint32_t window = 65'535;
  RawServer server({.initial_window_bytes = window, .connection_window_bytes = window});
  server.endpoint.consumes = false;
  server.endpoint.end_hook = nullptr;
  std::uint32_t sent = 0;
  std::uint32_t given = window;
  const auto fill = [&](std::uint32_t id) {
    server.answer(server.encoder.headers(id, get));
    for (std::uint32_t left = window; left > 0;) {
      const std::uint32_t piece = std::min<std::uint32_t>(left, 16'384);
      REQUIRE(sent + piece <= given);
      given += increments(server.answer(data(id, std::string(piece, 'x'))), 0);
      sent += piece;
      left -= piece;
    }
  };
  for (std::uint32_t id = 1; id < 200; id += 2) fill(id);
  CHECK(server.endpoint[199].body.size() == window);
  // The session holds at most a hundred windows: no stream takes more, and no more streams are accepted.
  CHECK(resets(server.answer(data(1, "x")), 1) == std::vector{ErrorCode::flow_control_error});
  server.answer(in_order({server.encoder.headers(201, get), server.encoder.headers(203, get)}));
  CHECK(server.endpoint.requests == 101);
}

TEST_CASE("the connection's window is returned for DATA that is not passed on" *
          doctest::test_suite("long")) {
  RawServer server({.initial_window_bytes = 65'535, .connection_window_bytes = 65'535});
  server.endpoint.consumes = false;
  server.endpoint.end_hook = nullptr;
  std::uint32_t given = 0;
  SUBCASE("of a stream that was reset") {
    server.endpoint.headers_hook = [&](Stream& stream) {
      server.endpoint.session.reset(stream, ErrorCode::cancel);
    };
    given =
        increments(server.answer(in_order({server.encoder.headers(1, get), data(1, std::string(16'384, 'x')),
                                           data(1, std::string(16'384, 'x'))})),
                   0);
    CHECK(server.endpoint[1].body.empty());
  }
  SUBCASE("of a closed stream") {
    server.answer(server.encoder.headers(1, get));
    server.endpoint.session.reset(*server.endpoint[1].stream, ErrorCode::cancel);
    server.endpoint.produce();
    given = increments(
        server.answer(in_order({data(1, std::string(16'384, 'x')), data(1, std::string(16'384, 'x'))})), 0);
    CHECK(server.endpoint[1].body.empty());
  }
  SUBCASE("in padding") {
    server.answer(server.encoder.headers(1, get));
    for (int i = 0; i < 140; ++i) given += increments(server.answer(padded_data(1, "hello", 250)), 0);
  }
  CHECK(given >= 32'000);
}

TEST_CASE("a stream's body stops at its window and at the connection's, and continues" *
          doctest::test_suite("long")) {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  server.answer(in_order(
      {settings({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10}}), server.encoder.headers(1, get, end_stream)}));
  Stream& stream = *server.endpoint[1].stream;
  server.endpoint.session.send_headers(stream, ok_response, false);
  server.endpoint.session.send_data(stream, as_bytes(std::string(100'000, 'x')));
  server.endpoint.session.send_trailers(stream, ok_trailers);
  CHECK(body_bytes(parse(server.endpoint.produce())) == 10);
  CHECK_FALSE(server.endpoint.session.wants_to_produce());
  CHECK(body_bytes(server.answer(window_update(1, 1))) == 1);
  CHECK(body_bytes(server.answer(window_update(0, 1))) == 0);
  CHECK(body_bytes(server.answer(settings({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}}))) == 0);
  CHECK(body_bytes(server.answer(window_update(1, 10))) == 0);  // 10 - 11 + 1 + 10 - 10: negative until now
  CHECK(body_bytes(server.answer(window_update(1, 1'000'000))) == 65'535 + 1 - 11);
  CHECK(server.endpoint.session.connection_send_window() == 0);
  const auto rest = server.answer(window_update(0, 1'000'000));
  CHECK(body_bytes(rest) == 100'000 - 65'536);
  CHECK(rest.back().type == NGHTTP2_HEADERS);
  CHECK(server.endpoint[1].closes == 1);
}

TEST_CASE("on_writable comes once for each time that the queue falls below the mark") {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  server.answer(server.encoder.headers(1, get, end_stream));
  Stream& stream = *server.endpoint[1].stream;
  Session& session = server.endpoint.session;
  session.send_headers(stream, ok_response, false);
  session.send_data(stream, as_bytes(std::string(1000, 'x')));
  server.endpoint.produce();
  CHECK(server.endpoint[1].writable == 0);  // it was never above the mark
  session.send_data(stream, as_bytes(std::string(65'535 - 1000 + Session::low_water_bytes, 'x')));
  server.endpoint.produce();
  CHECK(stream.queued_bytes() == Session::low_water_bytes);
  CHECK(server.endpoint[1].writable == 0);
  server.answer(window_update(0, 1) + window_update(1, 1));
  CHECK(server.endpoint[1].writable == 1);
  server.answer(window_update(0, 1000) + window_update(1, 1000));
  CHECK(server.endpoint[1].writable == 1);
}

TEST_CASE("a body may be continued from inside on_writable, and ended there" * doctest::test_suite("long")) {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  server.answer(window_update(0, 10'000'000) +
                settings({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10'000'000}}) +
                server.encoder.headers(1, get, end_stream));
  Session& session = server.endpoint.session;
  int pieces = 0;
  server.endpoint.writable_hook = [&](Stream& stream) {
    if (++pieces < 20) {
      session.send_data(stream, as_bytes(std::string(50'000, 'x')));
    } else {
      session.send_trailers(stream, ok_trailers);
    }
  };
  Stream& stream = *server.endpoint[1].stream;
  session.send_headers(stream, ok_response, false);
  session.send_data(stream, as_bytes(std::string(50'000, 'x')));
  const auto frames = parse(server.endpoint.produce());
  CHECK(body_bytes(frames) == 20 * 50'000);
  CHECK(count(frames, NGHTTP2_HEADERS) == 2);
  CHECK(server.endpoint[1].closes == 1);
}

TEST_CASE("produce stops near the limit and continues there" * doctest::test_suite("long")) {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  server.answer(window_update(0, 10'000'000) +
                settings({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10'000'000}}) +
                server.encoder.headers(1, get, end_stream));
  Stream& stream = *server.endpoint[1].stream;
  server.endpoint.session.send_headers(stream, ok_response, false);
  server.endpoint.session.send_data(stream, as_bytes(std::string(500'000, 'x')));
  server.endpoint.session.send_trailers(stream, ok_trailers);
  std::string all;
  while (server.endpoint.session.wants_to_produce()) {
    Chain out(server.endpoint.slabs);
    server.endpoint.session.produce(out, 40'000);
    CHECK(out.size() < 40'000 + 16'384 + 9);
    all += text(out);
  }
  CHECK(body_bytes(parse(all)) == 500'000);
  CHECK(parse(all).back().type == NGHTTP2_HEADERS);
}

TEST_CASE("a peer that overruns a window is stopped" * doctest::test_suite("long")) {
  RawServer server(
      {.initial_window_bytes = 80'000, .connection_window_bytes = 65'535, .max_frame_bytes = 128 * 1024});
  server.endpoint.consumes = false;
  server.answer(server.encoder.headers(1, get));
  SUBCASE("the stream's") {
    server.answer(data(1, std::string(60'000, 'x')));
    const auto frames = server.answer(data(1, std::string(20'001, 'x')));
    CHECK(resets(frames, 1) == std::vector{ErrorCode::flow_control_error});
    CHECK(server.endpoint[1].closes == 1);
    CHECK(server.endpoint[1].code == ErrorCode::flow_control_error);
    CHECK_FALSE(server.endpoint[1].by_peer);
    CHECK(server.status.ok());
  }
  SUBCASE("the connection's") {
    // In one piece: with several, the window of the first would be returned before the last arrive.
    server.status = server.endpoint.receive(data(1, std::string(70'000, 'x')));
    const auto frames = parse(server.endpoint.produce());
    REQUIRE(endings(frames).size() == 1);
    CHECK(endings(frames)[0].code == ErrorCode::flow_control_error);
    CHECK(server.endpoint.session.finished());
  }
}

TEST_CASE("reserve_data and commit_data queue what was written in place, of any size" *
          doctest::test_suite("long")) {
  Connection connection;
  echo(connection.server);
  Exchange& exchange = connection.client.open(echo_request, false);
  Session& session = connection.client.session;
  std::string sent;
  for (const std::size_t bytes : {1, 10, 500, 5000, 0, 100'000, 3}) {
    for (std::size_t left = bytes;;) {
      const std::span<std::uint8_t> room = session.reserve_data(*exchange.stream, left + 7);
      std::ranges::fill(room, static_cast<std::uint8_t>('a' + bytes % 26));
      const std::size_t used = std::min(left, room.size());
      session.commit_data(*exchange.stream, used);
      left -= used;
      if (left == 0) break;
    }
    sent.append(bytes, static_cast<char>('a' + bytes % 26));
  }
  CHECK(exchange.stream->queued_bytes() == sent.size());
  session.send_data(*exchange.stream, {}, true);
  REQUIRE(connection.run());
  CHECK(exchange.body == sent);
}
