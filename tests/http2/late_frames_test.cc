// Frames for streams that are over: they were in flight at the reset, or their peer is slow to stop. And
// frames that only look late.
#include <algorithm>
#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>

#include "raw_server.h"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

TEST_CASE("frames after the peer's own RST_STREAM are an error of that stream, sent once") {
  RawServer server;
  const std::vector<ErrorCode> told{ErrorCode::stream_closed};
  const auto run = [&](const std::vector<ErrorCode>& errors, auto make_late) {
    for (std::uint32_t n = 0; n < 900; ++n) {
      const std::uint32_t given_up = id_of(2 * n);
      const std::uint32_t served = id_of(2 * n + 1);
      const FieldList request = with(get, {{"number", std::to_string(n)}});
      const auto frames = server.answer(
          in_order({server.encoder.headers(given_up, get), data(given_up, "request"),
                    rst_stream(given_up, ErrorCode::cancel), make_late(given_up),
                    server.encoder.headers(served, request), data(served, "echo", end_stream)}));
      REQUIRE(server.status.ok());
      CHECK(resets(frames, given_up) == errors);
      CHECK(server.endpoint[given_up].body == "request");
      CHECK(server.endpoint[given_up].closes == 1);
      CHECK(server.endpoint[given_up].by_peer);
      CHECK(server.endpoint[served].header_blocks == std::vector<Fields>{request});
      CHECK(server.endpoint[served].body == "echo");
      CHECK(server.endpoint[served].code == ErrorCode::no_error);
    }
  };
  SUBCASE("DATA") {
    run(told, [](std::uint32_t id) { return data(id, "more"); });
  }
  SUBCASE("DATA that ends") {
    run(told, [](std::uint32_t id) { return data(id, "more") + data(id, "", end_stream); });
  }
  SUBCASE("trailers") {
    run(told, [&](std::uint32_t id) {
      return server.encoder.headers(id, {{"trailers-of", std::to_string(id)}}, end_stream);
    });
  }
  SUBCASE("others, which are ignored") {
    run({}, [](std::uint32_t id) {
      return priority(id, 0) + window_update(id, 1000) + rst_stream(id, ErrorCode::cancel) +
             frame(0xbe, 0, id, "grease");
    });
  }
}

TEST_CASE("a client tolerates frames after the server's RST_STREAM too") {
  Endpoint client(Role::client);
  client.produce();
  REQUIRE(client.receive(settings() + settings_ack()).ok());
  Encoder encoder;
  client.open(echo_request, true);
  client.open(echo_request, true);
  client.produce();
  const FieldList response = {{":status", "200"}};
  REQUIRE(client
              .receive(in_order({encoder.headers(1, response), rst_stream(1, ErrorCode::cancel), data(1, "x"),
                                 encoder.headers(1, {{"grpc-status", "0"}}, end_stream)}))
              .ok());
  CHECK(client[1].code == ErrorCode::cancel);
  REQUIRE(client
              .receive(in_order({encoder.headers(3, response), data(3, "response"),
                                 encoder.headers(3, {{"grpc-status", "0"}}, end_stream)}))
              .ok());
  CHECK(client[3].trailers == Fields{{"grpc-status", "0"}});
}

TEST_CASE("everything in flight to streams when they are reset is tolerated, whatever its frames") {
  constexpr std::uint32_t streams = 4;
  constexpr std::size_t window_bytes = 256 * 1024;
  RawServer server({.glitch_burst = 1, .glitches_per_second = 0});
  server.endpoint.end_hook = nullptr;
  for (std::uint32_t n = 0; n < streams; ++n) server.answer(server.encoder.headers(id_of(n), get));
  const auto run = [&](std::size_t frame_bytes) {
    std::string late;
    for (std::uint32_t n = 0; n < streams; ++n) {
      for (std::size_t left = window_bytes; left > 0; left -= std::min(left, frame_bytes))
        late += data(id_of(n), std::string(std::min(left, frame_bytes), 'x'));
    }
    const auto frames = server.answer(late);
    CHECK(server.status.ok());
    CHECK(count(frames, NGHTTP2_WINDOW_UPDATE) > 0);  // the connection's window is given back
    server.answer(server.encoder.headers(99, get, end_stream));
    CHECK(server.endpoint[99].ends == 1);
  };
  SUBCASE("by us") {
    for (std::uint32_t n = 0; n < streams; ++n)
      server.endpoint.session.reset(*server.endpoint[id_of(n)].stream, ErrorCode::no_error);
    server.answer("");
    SUBCASE("large ones") { run(16 * 1024); }
    SUBCASE("those of small messages") { run(7); }
  }
  SUBCASE("by the peer") {
    for (std::uint32_t n = 0; n < streams; ++n) server.answer(rst_stream(id_of(n), ErrorCode::cancel));
    SUBCASE("large ones") { run(16 * 1024); }
    SUBCASE("those of small messages") { run(7); }
  }
}

TEST_CASE("resets allow no more late frames than fit in the connection's window") {
  RawServer server;
  const auto reset_streams = [&](std::uint32_t streams) {
    for (std::uint32_t n = 0; n < streams; ++n)
      server.answer(server.encoder.headers(id_of(n), get) + rst_stream(id_of(n), ErrorCode::cancel));
  };
  const auto taken = [&](const std::string& late) {
    const int frames = server.flood(1'000'000, [&](std::uint32_t) { return late; });
    server.check_ended(ErrorCode::enhance_your_calm, no_progress);
    return frames;
  };
  constexpr int others = 1000 + 4 * 900;  // the burst of glitches, and what opening the streams allows
  constexpr int kibibyte = 1024;
  SUBCASE("one stream has its window") {
    reset_streams(1);
    const int frames = taken(data(1, std::string(kibibyte, 'x')));
    CHECK(frames >= 256);
    CHECK(frames < 256 + 1100);
  }
  SUBCASE("all of them have the connection's") {
    reset_streams(900);
    const int frames = taken(data(id_of(899), std::string(kibibyte, 'x')));
    CHECK(frames >= 1024);
    CHECK(frames < 1024 + others);
  }
  SUBCASE("and none for DATA without any") {
    reset_streams(900);
    CHECK(taken(data(id_of(899), "")) < others);
  }
  SUBCASE("nor for a stream that is reset again") {
    reset_streams(900);
    CHECK(taken(rst_stream(id_of(899), ErrorCode::cancel) + data(id_of(899), std::string(kibibyte, 'x'))) <
          1024 + others);
  }
}

TEST_CASE("a new stream far below one already used is a connection error, unless it may be late trailers") {
  RawServer server;
  server.endpoint.headers_hook = [&](Stream& stream) {
    if (stream.id() == 1) server.endpoint.session.reset(stream, ErrorCode::cancel);
  };
  const auto check_ended = [&](const std::vector<Frame>& frames) {
    REQUIRE(endings(frames).size() == 1);
    CHECK(endings(frames)[0].code == ErrorCode::protocol_error);
    CHECK(endings(frames)[0].debug == "HEADERS: stream_id lower than one already used");
  };
  SUBCASE("if no stream was reset") {
    server.answer(server.encoder.headers(9001, get, end_stream));
    SUBCASE("with END_STREAM") { check_ended(server.answer(server.encoder.headers(3001, get, end_stream))); }
    SUBCASE("without") { check_ended(server.answer(server.encoder.headers(3001, get))); }
    return;
  }
  server.answer(server.encoder.headers(1, get));
  server.answer(server.encoder.headers(9001, get, end_stream));
  const FieldList trailers = {{"late", "trailers"}};
  SUBCASE("if one was reset a while ago") {
    server.endpoint.now += std::chrono::seconds(59);
    CHECK(endings(server.answer(server.encoder.headers(1, trailers, end_stream))).empty());
    server.answer(server.encoder.headers(9003, with(get, trailers), end_stream));
    CHECK(server.endpoint[9003].header_blocks.at(0).back().first == "late");  // HPACK is in step
  }
  SUBCASE("if one was reset long ago") {
    server.endpoint.now += std::chrono::seconds(60);
    check_ended(server.answer(server.encoder.headers(1, trailers, end_stream)));
  }
  SUBCASE("where trailers would have ended the stream") {
    check_ended(server.answer(server.encoder.headers(1, get)));
  }
  SUBCASE("any number of times") {
    CHECK(server.flood(100'000, [&](std::uint32_t) {
      return server.encoder.headers(1, trailers, end_stream);
    }) < 1200);
    server.check_ended(ErrorCode::enhance_your_calm, no_progress);
  }
}

TEST_CASE("streams that arrive in one piece with more than the history holds get their trailers") {
  RawServer server({.max_concurrent_streams = 2000});
  server.endpoint.end_hook = nullptr;
  // A header block that changes HPACK's table is fed together with the bytes after it.
  std::string bytes;
  for (std::uint32_t n = 0; n < 1000; ++n)
    bytes += server.encoder.headers(id_of(n), with(get, {{"number", std::to_string(n)}}));
  bytes += server.encoder.headers(1, {{"its", "trailers"}}, end_stream);
  CHECK(endings(server.answer(bytes)).empty());
  CHECK(server.endpoint[1].trailers_count == 1);
}
