// Attacks of a hostile peer, and the point at which each ends the connection; and similar conduct of honest
// peers, which is allowed.
#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>

#include "http2/frame_scanner.h"
#include "http2/memory_pool.h"
#include "raw_server.h"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;
using namespace std::chrono_literals;

namespace {

constexpr int hundred_thousand = 100'000;
constexpr int million = 1'000'000;

}  // namespace

TEST_CASE("a header block comes in at most four CONTINUATION frames, cut anywhere") {
  RawServer server;
  const auto block_in = [&](int continuations, std::size_t each) {
    const std::string block = server.encoder.block(with(get, {{"long", std::string(each, 'x')}}));
    std::string bytes = frame(NGHTTP2_HEADERS, end_stream, 1, block.substr(0, 1));
    for (int i = 1; i < continuations; ++i) bytes += frame(NGHTTP2_CONTINUATION, 0, 1, "");
    return bytes + frame(NGHTTP2_CONTINUATION, end_headers, 1, block.substr(1));
  };
  SUBCASE("four") {
    server.answer(block_in(4, 10));
    CHECK(server.endpoint[1].closes == 1);
  }
  SUBCASE("four, byte by byte") {
    for (const char byte : block_in(4, 10)) REQUIRE(server.endpoint.receive(std::string(1, byte)).ok());
    server.endpoint.produce();
    CHECK(server.endpoint[1].closes == 1);
  }
  SUBCASE("five") {
    server.status = server.endpoint.receive(block_in(5, 10));
    server.output = server.endpoint.produce();
    CHECK(server.endpoint.requests == 0);
    server.check_ended(ErrorCode::enhance_your_calm, "too many CONTINUATION frames");
  }
}

TEST_CASE("a flood of CONTINUATION frames is not read to its end") {
  RawServer server;
  const std::string fill(16'000, '\x82');
  SUBCASE("empty") {
    CHECK(server.flood(million, [&](std::uint32_t n) {
      return n == 0 ? frame(NGHTTP2_HEADERS, 0, 1, "") : frame(NGHTTP2_CONTINUATION, 0, 1, "");
    }) == 5);
    server.check_ended(ErrorCode::enhance_your_calm, "too many CONTINUATION frames");
  }
  SUBCASE("full") {
    CHECK(server.flood(million, [&](std::uint32_t n) {
      return n == 0 ? frame(NGHTTP2_HEADERS, 0, 1, fill) : frame(NGHTTP2_CONTINUATION, 0, 1, fill);
    }) <= 5);
    server.check_ended(ErrorCode::enhance_your_calm, "header list far over the limit");
  }
}

TEST_CASE("a header block must be finished within its time") {
  RawServer server({.header_block_timeout = 5s});
  Session& session = server.endpoint.session;
  const std::string block = server.encoder.block(get);
  const std::string whole = frame(NGHTTP2_HEADERS, end_stream | end_headers, 1, block);
  const std::string begun = frame(NGHTTP2_HEADERS, end_stream, 1, block.substr(0, 1));
  const std::string rest = frame(NGHTTP2_CONTINUATION, end_headers, 1, block.substr(1));
  const auto wait = [&](Nanoseconds time) {
    server.endpoint.now += time;
    server.status = session.tick();
  };
  const auto check_given_up = [&] {
    server.output = server.endpoint.produce();
    CHECK(server.endpoint.requests == 0);
    server.check_ended(ErrorCode::enhance_your_calm, "a header block was not finished in time");
  };
  SUBCASE("in one frame whose end is missing") {
    server.answer(whole.substr(0, whole.size() - 1));
    CHECK(session.next_deadline() == server.endpoint.now + 5s);
    wait(5s);
    check_given_up();
  }
  SUBCASE("in frames without the last") {
    server.answer(begun);
    CHECK(session.next_deadline() == server.endpoint.now + 5s);
    wait(5s);
    check_given_up();
  }
  SUBCASE("even if it arrives byte by byte") {
    for (const char byte : whole.substr(0, FrameScanner::header_bytes + 4)) {
      server.answer(std::string(1, byte));
      wait(1s);
    }
    check_given_up();
  }
  SUBCASE("and may finish at the last moment") {
    server.answer(begun);
    wait(4s);
    SUBCASE("alone") { server.answer(rest); }
    SUBCASE("with what follows") { server.answer(rest + ping().substr(0, 10)); }
    CHECK(session.next_deadline() == never);
    wait(1h);
    CHECK(server.status.ok());
    CHECK(server.endpoint[1].ends == 1);
  }
  SUBCASE("and the next block has its own time") {
    server.answer(begun);
    wait(4s);
    server.answer(rest + server.encoder.headers(3, get, end_stream).substr(0, 10));
    CHECK(session.next_deadline() == server.endpoint.now + 5s);
    CHECK(server.endpoint[1].ends == 1);
  }
  SUBCASE("but other frames have no such limit") {
    server.answer(server.encoder.headers(1, get) + data(1, "a long body").substr(0, 15));
    CHECK(session.next_deadline() == never);
  }
}

TEST_CASE("SETTINGS must be acknowledged within ten seconds") {
  RawServer server({}, false);
  CHECK(server.endpoint.session.next_deadline() == server.endpoint.now + 10s);
  server.endpoint.now += 9s;
  CHECK(server.endpoint.session.tick().ok());
  SUBCASE("in time") {
    server.answer(settings_ack());
    CHECK(server.endpoint.session.next_deadline() == never);
    server.endpoint.now += 1h;
    CHECK(server.endpoint.session.tick().ok());
    CHECK_FALSE(server.endpoint.session.wants_to_produce());
  }
  SUBCASE("too late") {
    server.endpoint.now += 1s;
    server.status = server.endpoint.session.tick();
    server.output = server.endpoint.produce();
    server.check_ended(ErrorCode::settings_timeout, "SETTINGS were not acknowledged within 10 s");
  }
}

TEST_CASE("streams above the limit are refused even before our SETTINGS were acknowledged") {
  RawServer server({.max_concurrent_streams = 10}, false);
  server.endpoint.end_hook = nullptr;
  std::string bytes;
  for (std::uint32_t n = 0; n < 12; ++n) bytes += server.encoder.headers(id_of(n), get, end_stream);
  const auto frames = server.answer(bytes);
  CHECK(server.status.ok());
  CHECK(server.endpoint.requests == 10);
  CHECK(resets(frames, id_of(9)).empty());
  CHECK(resets(frames, id_of(10)) == std::vector{ErrorCode::refused_stream});
  CHECK(resets(frames, id_of(11)) == std::vector{ErrorCode::refused_stream});
}

TEST_CASE("a peer that acknowledges nothing and opens streams without limit loses its connection") {
  RawServer server({}, false);
  server.endpoint.end_hook = nullptr;
  const std::size_t before = MemoryPool::of_this_thread()->mapped_bytes();
  SUBCASE("when it reads") {
    CHECK(server.flood(hundred_thousand, [&](std::uint32_t n) {
      return server.encoder.headers(id_of(n), get, end_stream);
    }) < 1200);
    server.check_ended(ErrorCode::enhance_your_calm, no_progress);
  }
  SUBCASE("when it does not") {
    int sent = 0;
    for (; sent < hundred_thousand && server.status.ok(); ++sent) {
      server.status = server.endpoint.receive(
          server.encoder.headers(id_of(static_cast<std::uint32_t>(sent)), get, end_stream));
    }
    CHECK(sent < 6000);
    server.output = server.endpoint.produce();
    server.check_ended(ErrorCode::enhance_your_calm,
                       "too many frames are queued that the peer does not read");
  }
  CHECK(server.endpoint.requests == 100);
  CHECK(MemoryPool::of_this_thread()->mapped_bytes() - before < 2 * 1024 * 1024);
}

TEST_CASE("PINGs without anything in between end the connection with too_many_pings") {
  SUBCASE("a burst that is acknowledged") {
    RawServer server;
    CHECK(server.flood(million, [](std::uint32_t) { return ping(); }) == 64);
    CHECK(count(parse(server.output), NGHTTP2_PING) == 64);
    server.check_ended(ErrorCode::enhance_your_calm, "too_many_pings");
  }
  SUBCASE("a burst that is not") {
    RawServer server;
    std::string bytes;
    for (int i = 0; i < hundred_thousand; ++i) bytes += ping();
    server.status = server.endpoint.receive(bytes);
    server.output = server.endpoint.produce();
    server.check_ended(ErrorCode::enhance_your_calm, "too_many_pings");
  }
  const Limits keepalive{.ping_interval_min = 5min, .idle_ping_interval_min = 2h};
  SUBCASE("more often than the interval, three times") {
    RawServer server(keepalive);
    server.answer(server.encoder.headers(1, get));
    server.answer(ping());
    CHECK(server.flood(million, [&](std::uint32_t) {
      server.endpoint.now += 4min;
      return ping();
    }) == 2);
    server.check_ended(ErrorCode::enhance_your_calm, "too_many_pings");
  }
  SUBCASE("more often than the interval of an idle connection, three times") {
    RawServer server(keepalive);
    server.answer(ping());
    CHECK(server.flood(million, [&](std::uint32_t) {
      server.endpoint.now += 119min;
      return ping();
    }) == 2);
    server.check_ended(ErrorCode::enhance_your_calm, "too_many_pings");
  }
}

TEST_CASE("PING strikes are reset when DATA or HEADERS pass") {
  RawServer server({.ping_interval_min = 5min, .idle_ping_interval_min = 2h});
  Session& session = server.endpoint.session;
  server.endpoint.end_hook = nullptr;
  server.answer(server.encoder.headers(1, get));
  Stream& stream = *server.endpoint[1].stream;
  const auto strike_twice = [&] {
    for (int i = 0; i < 3; ++i) {
      server.endpoint.now += 1s;
      server.answer(ping());
      CHECK(server.status.ok());
    }
  };
  strike_twice();
  server.answer(data(1, "hello"));
  strike_twice();
  session.send_headers(stream, ok_response, false);
  server.endpoint.produce();
  strike_twice();
  session.send_data(stream, as_bytes("hello"));
  server.endpoint.produce();
  strike_twice();
  session.send_trailers(stream, ok_trailers);
  server.endpoint.produce();
  strike_twice();
  server.answer(window_update(0, 1) + settings());
  CHECK(endings(server.answer(ping())).size() == 1);
}

TEST_CASE("PINGs for keepalive or measurement are acknowledged without limit") {
  SUBCASE("at the interval") {
    RawServer server({.ping_interval_min = 5min, .idle_ping_interval_min = 2h});
    server.endpoint.end_hook = nullptr;
    server.answer(server.encoder.headers(1, get, end_stream));
    CHECK(server.flood(1000, [&](std::uint32_t) {
      server.endpoint.now += 5min;
      return ping();
    }) == 1000);
  }
  SUBCASE("at the interval of an idle connection") {
    RawServer server({.ping_interval_min = 5min, .idle_ping_interval_min = 2h});
    CHECK(server.flood(1000, [&](std::uint32_t) {
      server.endpoint.now += 2h;
      return ping();
    }) == 1000);
  }
  SUBCASE("every second, if no interval is set") {
    RawServer server;
    CHECK(server.flood(1000, [&](std::uint32_t) {
      server.endpoint.now += 1s;
      return ping();
    }) == 1000);
  }
  SUBCASE("with each request") {
    RawServer server({.ping_interval_min = 5min, .idle_ping_interval_min = 2h});
    CHECK(server.flood(20'000, [&](std::uint32_t n) {
      return server.encoder.headers(id_of(n), get, end_stream) + ping();
    }) == 20'000);
    CHECK(count(parse(server.output), NGHTTP2_PING) == 20'000);
  }
}

TEST_CASE("a flood of frames without progress ends the connection") {
  RawServer server;
  server.answer(server.encoder.headers(1, get));
  const auto run = [&](auto make) {
    const int taken = server.flood(million, make);
    CHECK(taken >= 999);  // the first SETTINGS was one
    CHECK(taken < 1200);
    server.check_ended(ErrorCode::enhance_your_calm, no_progress);
  };
  SUBCASE("SETTINGS") {
    run([](std::uint32_t n) { return settings({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535 + n}}); });
  }
  SUBCASE("empty DATA") {
    run([](std::uint32_t) { return data(1, ""); });
  }
  SUBCASE("DATA of padding only") {
    run([](std::uint32_t) { return padded_data(1, "", 0); });
  }
  SUBCASE("DATA of one byte") {
    run([](std::uint32_t) { return data(1, "x"); });
  }
  SUBCASE("DATA of one byte and padding") {
    run([](std::uint32_t) { return padded_data(1, "x", 20); });
  }
  SUBCASE("PRIORITY") {
    run([](std::uint32_t n) { return priority(id_of(n + 10), 0); });
  }
  SUBCASE("WINDOW_UPDATE") {
    run([](std::uint32_t) { return window_update(0, 1); });
  }
  SUBCASE("WINDOW_UPDATE of a stream") {
    run([](std::uint32_t) { return window_update(1, 1); });
  }
  SUBCASE("unknown frames") {
    run([](std::uint32_t) { return frame(0xbe, 0, 0, "grease"); });
  }
  SUBCASE("PING acknowledgements") {
    run([](std::uint32_t) { return frame(NGHTTP2_PING, ack, 0, "12345678"); });
  }
  SUBCASE("RST_STREAM of a closed stream") {
    server.answer(rst_stream(1, ErrorCode::cancel));
    run([](std::uint32_t) { return rst_stream(1, ErrorCode::cancel); });
  }
}

TEST_CASE("a flood of GOAWAY ends the connection") {
  RawServer server;
  server.answer(server.encoder.headers(1, get));
  CHECK(server.flood(million, [](std::uint32_t) { return goaway(0, ErrorCode::no_error); }) == 999);
  server.check_ended(ErrorCode::enhance_your_calm, no_progress);
}

TEST_CASE("DATA after our reset is accepted only within the windows") {
  RawServer server;
  server.endpoint.headers_hook = [&](Stream& stream) {
    server.endpoint.session.reset(stream, ErrorCode::cancel);
  };
  server.answer(server.encoder.headers(1, get));
  CHECK(server.endpoint[1].closes == 1);
  const int taken = server.flood(million, [](std::uint32_t) { return data(1, std::string(100, 'x')); });
  CHECK(taken > 256 * 1024 / 100);  // the stream's window
  CHECK(taken < 256 * 1024 / 100 + 1100);
  server.check_ended(ErrorCode::enhance_your_calm, no_progress);
}

TEST_CASE("frames that come with progress never end a connection") {
  Limits strict{.glitch_burst = 10, .glitches_per_second = 0};
  SUBCASE("two WINDOW_UPDATEs for each DATA frame") {
    RawServer server(strict);
    server.endpoint.end_hook = nullptr;
    server.answer(server.encoder.headers(1, get, end_stream));
    Stream& stream = *server.endpoint[1].stream;
    server.endpoint.session.send_headers(stream, ok_response, false);
    for (int i = 0; i < 20'000; ++i) {
      server.endpoint.session.send_data(stream, as_bytes("message"));
      const auto frames = parse(server.endpoint.produce());
      REQUIRE(count(frames, NGHTTP2_DATA) == 1);
      REQUIRE(server.endpoint.receive(window_update(0, 7) + window_update(1, 7)).ok());
    }
  }
  SUBCASE("a WINDOW_UPDATE for each KiB that was read") {
    RawServer server(strict);
    server.endpoint.end_hook = nullptr;
    server.answer(server.encoder.headers(1, get, end_stream));
    Stream& stream = *server.endpoint[1].stream;
    server.endpoint.session.send_headers(stream, ok_response, false);
    for (int i = 0; i < 1000; ++i) {
      server.endpoint.session.send_data(stream, as_bytes(std::string(16'384, 'x')));
      server.endpoint.produce();
      std::string updates;
      for (int j = 0; j < 16; ++j)
        updates += window_update(0, 1024) + (j % 8 == 0 ? window_update(1, 8192) : "");
      REQUIRE(server.endpoint.receive(updates).ok());
    }
  }
  SUBCASE("a priority, a larger window and an unknown frame with each request") {
    RawServer server(strict);
    CHECK(server.flood(5000, [&](std::uint32_t n) {
      return in_order({priority(id_of(n), 0), server.encoder.headers(id_of(n), get, end_stream),
                       window_update(id_of(n), 1), frame(0x10, 0, 0, "u=1")});
    }) == 5000);
  }
  SUBCASE("small messages whose prefix is a frame of its own") {
    RawServer server(strict);
    server.answer(server.encoder.headers(1, get));
    CHECK(server.flood(20'000, [](std::uint32_t) { return data(1, std::string(5, '\0')) + data(1, "x"); }) ==
          20'000);
  }
}

TEST_CASE("requests and responses that wait for a slow reader do not end its connection") {
  constexpr std::uint32_t streams = 8000;
  SUBCASE("responses") {
    RawServer server({.max_concurrent_streams = streams});
    server.endpoint.end_hook = nullptr;
    for (std::uint32_t n = 0; n < streams; ++n)
      REQUIRE(server.endpoint.receive(server.encoder.headers(id_of(n), get, end_stream)).ok());
    for (std::uint32_t n = 0; n < streams; ++n)
      server.endpoint.session.send_headers(*server.endpoint[id_of(n)].stream, ok_response, true);
    CHECK(server.endpoint.receive(ping()).ok());
    CHECK(count(parse(server.endpoint.produce()), NGHTTP2_HEADERS) == streams);
  }
  SUBCASE("requests") {
    Endpoint client(Role::client);
    client.produce();
    REQUIRE(
        client.receive(settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams}}) + settings_ack()).ok());
    for (std::uint32_t n = 0; n < streams; ++n) client.open(echo_request, true);
    CHECK(client.receive(ping()).ok());
    CHECK(count(parse(client.produce()), NGHTTP2_HEADERS) == streams);
  }
}

TEST_CASE("SETTINGS has at most sixteen entries") {
  RawServer server;
  const auto settings_of = [](int entries) {
    std::string payload;
    for (int i = 0; i < entries; ++i)
      payload += number(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2) + number(100, 4);
    return frame(NGHTTP2_SETTINGS, 0, 0, payload);
  };
  server.answer(settings_of(16));
  CHECK(server.status.ok());
  const auto frames = server.answer(settings_of(17));
  REQUIRE(endings(frames).size() == 1);
  CHECK(endings(frames)[0].code == ErrorCode::enhance_your_calm);
  CHECK(server.endpoint.session.finished());
  CHECK_FALSE(server.endpoint.receive(ping()).ok());
}

TEST_CASE("a header list over the limit fails its stream, one far over it the connection") {
  RawServer server;
  SUBCASE("bytes at the limit") {
    FieldList fields = get;
    std::size_t bytes = 0;
    for (const auto& [name, value] : fields) bytes += name.size() + value.size() + 32;
    fields.emplace_back("fill", std::string(8 * 1024 - bytes - 4 - 32, 'x'));
    const auto frames = server.answer(server.encoder.headers(1, fields, end_stream));
    CHECK(resets(frames, 1).empty());
    CHECK(server.endpoint[1].ends == 1);
    fields.back().second += 'x';
    CHECK(resets(server.answer(server.encoder.headers(3, fields, end_stream)), 3) ==
          std::vector{ErrorCode::enhance_your_calm});
    CHECK(server.endpoint.requests == 1);
  }
  SUBCASE("fields at the limit") {
    FieldList fields = get;
    while (fields.size() < 100) fields.emplace_back("a", "b");
    CHECK(resets(server.answer(server.encoder.headers(1, fields, end_stream)), 1).empty());
    fields.emplace_back("a", "b");
    CHECK(resets(server.answer(server.encoder.headers(3, fields, end_stream)), 3) ==
          std::vector{ErrorCode::enhance_your_calm});
  }
  SUBCASE("trailers too") {
    const FieldList trailers = {{"large", std::string(9000, 'x')}};
    const auto frames = server.answer(
        in_order({server.encoder.headers(1, get), server.encoder.headers(1, trailers, end_stream)}));
    CHECK(resets(frames, 1) == std::vector{ErrorCode::enhance_your_calm});
    CHECK(server.endpoint[1].trailers_count == 0);
  }
  CHECK(server.status.ok());
  server.answer(server.encoder.headers(99, get, end_stream));
  CHECK(server.endpoint[99].closes == 1);
}

TEST_CASE("a request with too large headers may get a response") {
  RawServer server;
  const FieldList large = with(get, {{"large", std::string(9000, 'x')}});
  server.endpoint.too_large_hook = [&](Stream& stream) {
    CHECK(stream.headers().empty());
    server.endpoint.session.send_headers(stream, ok_response, true);
  };
  SUBCASE("and has ended") {
    const auto frames = server.answer(server.encoder.headers(1, large, end_stream));
    CHECK(count(frames, NGHTTP2_HEADERS) == 1);
    CHECK(resets(frames, 1).empty());
  }
  SUBCASE("and goes on") {
    const auto frames = server.answer(server.encoder.headers(1, large) + data(1, "unheard"));
    CHECK(count(frames, NGHTTP2_HEADERS) == 1);
    CHECK(resets(frames, 1) == std::vector{ErrorCode::no_error});
  }
  SUBCASE("and goes on to its end") {
    const auto frames = server.answer(in_order({server.encoder.headers(1, large), data(1, "unheard"),
                                                server.encoder.headers(1, {{"a", "b"}}, end_stream)}));
    CHECK(count(frames, NGHTTP2_HEADERS) == 1);
    CHECK(resets(frames, 1).empty());
  }
  CHECK(server.status.ok());
  CHECK(server.endpoint.requests == 0);
  CHECK(server.endpoint[1].body.empty());
  CHECK(server.endpoint[1].ends == 0);
  CHECK(server.endpoint[1].trailers_count == 0);
  CHECK(server.endpoint[1].closes == 1);
}

TEST_CASE("an HPACK bomb is not decoded to its end") {
  RawServer server;
  // One entry of almost the table's size, then references to it, one byte each.
  const std::string large = server.encoder.block(with(get, {{"bomb", std::string(3900, 'x')}}));
  std::string bytes =
      frame(NGHTTP2_HEADERS, end_stream, 1, large + std::string(16'384 - large.size(), '\xbe'));
  for (int i = 0; i < 20; ++i)
    bytes += frame(NGHTTP2_CONTINUATION, i == 19 ? end_headers : 0, 1, std::string(16'384, '\xbe'));
  const std::size_t before = MemoryPool::of_this_thread()->mapped_bytes();
  server.status = server.endpoint.receive(bytes);
  server.output = server.endpoint.produce();
  server.check_ended(ErrorCode::enhance_your_calm, "header list far over the limit");
  CHECK(server.endpoint.requests == 0);
  CHECK(MemoryPool::of_this_thread()->mapped_bytes() - before < 1024 * 1024);
}

TEST_CASE("fields without a name count too") {
  RawServer server;
  // Literal, not indexed, empty name, empty value: three bytes each.
  std::string block;
  for (int i = 0; i < 2000; ++i) block += std::string("\0\0\0", 3);
  server.status = server.endpoint.receive(frame(NGHTTP2_HEADERS, end_stream | end_headers, 1, block));
  server.output = server.endpoint.produce();
  server.check_ended(ErrorCode::enhance_your_calm, "header list far over the limit");
}
