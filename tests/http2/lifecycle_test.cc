// The beginning and the end of streams and connections.
#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>
#include <random>

#include "raw_server.h"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

TEST_CASE("a new stream below one already used is a connection error") {
  RawServer server;
  server.answer(server.encoder.headers(5, get, end_stream));
  const auto frames = server.answer(server.encoder.headers(3, get, end_stream));
  REQUIRE(endings(frames).size() == 1);
  CHECK(endings(frames)[0].code == ErrorCode::protocol_error);
  CHECK(server.endpoint.requests == 1);
  CHECK(server.endpoint.session.finished());
}

TEST_CASE("trailers that cross our reset do not open a stream") {
  RawServer server;
  server.endpoint.headers_hook = [&](Stream& stream) {
    if (stream.id() == 1) server.endpoint.session.reset(stream, ErrorCode::cancel);
  };
  server.answer(server.encoder.headers(1, get));
  server.answer(server.encoder.headers(3, get, end_stream));
  const auto frames = server.answer(
      in_order({data(1, "late body"), server.encoder.headers(1, {{"late", "trailers"}}, end_stream)}));
  CHECK(endings(frames).empty());
  CHECK(server.status.ok());
  CHECK(server.endpoint[1].trailers_count == 0);
  server.answer(server.encoder.headers(5, with(get, {{"late", "trailers"}}), end_stream));
  CHECK(server.endpoint[5].header_blocks.at(0).back().first == "late");  // HPACK is in step
}

TEST_CASE("the rest of a header block is dropped when its stream ends") {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  const std::string more = server.encoder.block({{"a", "b"}, {"c", "d"}});
  SUBCASE("reset by the user inside trailers") {
    server.answer(server.encoder.headers(1, get));
    server.answer(frame(NGHTTP2_HEADERS, end_stream, 1, more.substr(0, 2)));
    server.endpoint.session.reset(*server.endpoint[1].stream, ErrorCode::cancel);
    server.endpoint.produce();
    CHECK(server.endpoint[1].closes == 1);
    server.answer(frame(NGHTTP2_CONTINUATION, end_headers, 1, more.substr(2)));
  }
  SUBCASE("reset for a fault in its beginning") {
    const std::string block = server.encoder.block(with({{"Bad", "name"}}, get));
    CHECK(count(server.answer(frame(NGHTTP2_HEADERS, end_stream, 1, block.substr(0, 20))),
                NGHTTP2_RST_STREAM) == 1);
    server.answer(frame(NGHTTP2_CONTINUATION, end_headers, 1, block.substr(20)));
  }
  CHECK(server.status.ok());
  server.answer(server.encoder.headers(3, get, end_stream));
  CHECK(server.endpoint[3].ends == 1);
}

TEST_CASE("frames after the peer's own end are a connection error") {
  RawServer server;
  std::vector<Frame> frames;
  SUBCASE("DATA after END_STREAM, stream still open here") {
    server.endpoint.end_hook = nullptr;
    frames = server.answer(server.encoder.headers(1, get, end_stream) + data(1, "more"));
  }
  SUBCASE("DATA after END_STREAM, stream closed here") {
    server.answer(server.encoder.headers(1, get, end_stream));
    frames = server.answer(data(1, "more"));
  }
  SUBCASE("HEADERS after END_STREAM") {
    server.answer(server.encoder.headers(1, get, end_stream));
    frames = server.answer(server.encoder.headers(1, get, end_stream));
  }
  SUBCASE("DATA after END_STREAM and RST_STREAM") {
    server.answer(server.encoder.headers(1, get, end_stream) + rst_stream(1, ErrorCode::cancel));
    frames = server.answer(data(1, "more"));
  }
  SUBCASE("DATA after END_STREAM that came late") {
    server.answer(server.encoder.headers(1, get) + rst_stream(1, ErrorCode::cancel));
    frames = server.answer(data(1, "the last", end_stream) + data(1, "more"));
  }
  REQUIRE(endings(frames).size() == 1);
  CHECK(endings(frames)[0].code == ErrorCode::stream_closed);
  CHECK(server.endpoint.session.finished());
}

TEST_CASE("a stream older than the history is still distinguished from one that never existed" *
          doctest::test_suite("long")) {
  RawServer server;
  server.answer(server.encoder.headers(1, get));
  for (std::uint32_t id = 3; id < 3000; id += 2) server.answer(server.encoder.headers(id, get, end_stream));
  server.answer(data(1, "still here", end_stream));
  CHECK(server.endpoint[1].body == "still here");
  CHECK(server.endpoint[1].closes == 1);
}

TEST_CASE("a reset drops the queue, and the user gets one event" * doctest::test_suite("long")) {
  Connection connection;
  REQUIRE(connection.run());
  Exchange& exchange = connection.client.open(echo_request, false);
  connection.client.session.send_data(*exchange.stream, as_bytes(std::string(500'000, 'x')));
  SUBCASE("before anything was produced") {
    connection.client.session.reset(*exchange.stream, ErrorCode::cancel);
    REQUIRE(connection.run());
    CHECK(connection.server.requests == 0);
  }
  SUBCASE("in the middle of the body") {
    connection.server.consumes = false;
    REQUIRE(connection.run());
    CHECK(exchange.stream->queued_bytes() > 0);
    connection.client.session.reset(*exchange.stream, ErrorCode::cancel);
    connection.client.session.reset(*exchange.stream, ErrorCode::internal_error);
    connection.client.session.send_data(*exchange.stream, as_bytes("for nobody"), true);
    CHECK(exchange.stream->queued_bytes() == 0);
    REQUIRE(connection.run());
    CHECK(connection.server[1].closes == 1);
    CHECK(connection.server[1].code == ErrorCode::cancel);
    CHECK(connection.server[1].by_peer);
    CHECK(connection.server[1].ends == 0);
  }
  CHECK(exchange.closes == 1);
  CHECK(exchange.code == ErrorCode::cancel);
  CHECK_FALSE(exchange.by_peer);
  CHECK(connection.client.session.open_streams() == 0);
}

TEST_CASE("a reset from inside an event ends the events of that stream") {
  RawServer server;
  server.endpoint.headers_hook = [&](Stream& stream) {
    server.endpoint.session.reset(stream, ErrorCode::internal_error);
  };
  const auto frames = server.answer(server.encoder.headers(1, get) + data(1, "body", end_stream));
  CHECK(server.endpoint[1].body.empty());
  CHECK(server.endpoint[1].ends == 0);
  CHECK(resets(frames, 1) == std::vector{ErrorCode::internal_error});
  CHECK(server.endpoint[1].closes == 1);
}

TEST_CASE("a stream reset because of its peer is closed for its user before the reset has left") {
  RawServer server;
  Endpoint& endpoint = server.endpoint;
  endpoint.headers_hook = [&](Stream& stream) {
    endpoint.session.send_headers(stream, ok_response, false);
    endpoint.session.send_data(stream, as_bytes(std::string(100'000, 'x')));
  };
  REQUIRE(endpoint.receive(server.encoder.headers(1, with(get, {{"content-length", "4"}})) + data(1, "abc"))
              .ok());
  REQUIRE(endpoint[1].closes == 0);
  SUBCASE("too long a body") { REQUIRE(endpoint.receive(data(1, "def")).ok()); }
  SUBCASE("too short a body") { REQUIRE(endpoint.receive(data(1, "", end_stream)).ok()); }
  SUBCASE("trailers that end nothing") {
    REQUIRE(endpoint.receive(data(1, "d") + server.encoder.headers(1, {{"a", "b"}})).ok());
  }
  SUBCASE("trailers with a malformed field") {
    REQUIRE(endpoint.receive(data(1, "d") + server.encoder.headers(1, {{"A", "b"}}, end_stream)).ok());
  }
  SUBCASE("a fault, then the peer's own reset") {
    REQUIRE(endpoint.receive(data(1, "def") + rst_stream(1, ErrorCode::cancel)).ok());
  }
  CHECK(endpoint[1].closes == 1);
  CHECK(endpoint[1].code == ErrorCode::protocol_error);
  CHECK_FALSE(endpoint[1].by_peer);
  endpoint.produce();
  CHECK(endpoint[1].closes == 1);
  CHECK(endpoint[1].ends == 0);
  CHECK(endpoint[1].writable == 0);
  CHECK(endpoint.session.open_streams() == 0);
}

TEST_CASE("RST_STREAM(NO_ERROR) follows an early response and never overtakes it") {
  const auto answer_early = [](Endpoint& server, std::size_t bytes) {
    server.headers_hook = [&server, bytes](Stream& stream) {
      server.session.send_headers(stream, ok_response, false);
      server.session.send_data(stream, as_bytes(std::string(bytes, 'x')));
      server.session.send_trailers(stream, ok_trailers);
      server.session.reset(stream, ErrorCode::no_error);
    };
  };
  SUBCASE("on the wire") {
    RawServer server;
    answer_early(server.endpoint, 20'000);
    const auto frames = server.answer(server.encoder.headers(1, get));
    REQUIRE(frames.size() == 5);
    CHECK(frames[3].type == NGHTTP2_HEADERS);
    CHECK(frames[3].flags == (end_stream | end_headers));
    CHECK(frames[4].type == NGHTTP2_RST_STREAM);
    CHECK(resets(frames, 1) == std::vector{ErrorCode::no_error});
    CHECK(server.endpoint[1].closes == 1);
    CHECK(server.endpoint[1].code == ErrorCode::no_error);
  }
  SUBCASE("no reset when the request has ended meanwhile") {
    RawServer server;
    answer_early(server.endpoint, 20);
    const auto frames = server.answer(server.encoder.headers(1, get) + data(1, "rest", end_stream));
    CHECK(resets(frames, 1).empty());
    CHECK(server.endpoint[1].closes == 1);
  }
  SUBCASE("without any body") {
    RawServer server;
    server.endpoint.headers_hook = [&](Stream& stream) {
      server.endpoint.session.send_headers(stream, ok_response, true);
      server.endpoint.session.reset(stream, ErrorCode::no_error);
    };
    const auto frames = server.answer(server.encoder.headers(1, get));
    REQUIRE(frames.size() == 2);
    CHECK(resets(frames, 1) == std::vector{ErrorCode::no_error});
  }
  SUBCASE("after it has been produced") {
    RawServer server;
    server.endpoint.headers_hook = [&](Stream& stream) {
      server.endpoint.session.send_headers(stream, ok_response, true);
    };
    server.answer(server.encoder.headers(1, get));
    server.endpoint.session.reset(*server.endpoint[1].stream, ErrorCode::no_error);
    CHECK(resets(parse(server.endpoint.produce()), 1) == std::vector{ErrorCode::no_error});
  }
  SUBCASE("as the client sees it") {
    Connection connection;
    answer_early(connection.server, 100);
    Exchange& exchange = connection.client.open(echo_request, false);
    connection.client.session.send_data(*exchange.stream, as_bytes("the first of many"));
    REQUIRE(connection.run());
    CHECK(exchange.body.size() == 100);
    CHECK(exchange.trailers == copy(ok_trailers));
    CHECK(exchange.ends == 1);
    CHECK(exchange.closes == 1);
    CHECK(exchange.code == ErrorCode::no_error);
  }
}

TEST_CASE("a body queued before its headers follows them") {
  RawServer server;
  server.endpoint.end_hook = [&](Stream& stream) {
    server.endpoint.session.send_data(stream, as_bytes("body"), true);
    server.endpoint.session.send_headers(stream, ok_response, false);
  };
  const auto frames = server.answer(server.encoder.headers(1, get, end_stream));
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].type == NGHTTP2_HEADERS);
  CHECK(frames[1].payload == "body");
  CHECK(frames[1].flags == end_stream);
  CHECK(server.endpoint[1].closes == 1);
}

TEST_CASE("a server drains in two steps and loses nothing") {
  Connection connection;
  connection.server.end_hook = nullptr;
  REQUIRE(connection.run());
  Exchange& first = connection.client.open(echo_request, true);
  REQUIRE(connection.run());
  connection.server.session.announce_shutdown(7);
  Exchange& crossing = connection.client.open(echo_request, true);  // in flight when the announcement arrives
  REQUIRE(connection.run());
  CHECK(connection.server.requests == 2);
  REQUIRE(connection.client.goaways.size() == 1);
  CHECK(connection.client.goaways[0].last_stream_id == 0x7fffffff);
  CHECK(connection.client.session.open_capacity() == 0);
  CHECK_FALSE(connection.client.session.open(echo_request, nullptr, true).has_value());
  connection.server.session.goaway(ErrorCode::no_error, "bye");
  REQUIRE(connection.run());
  REQUIRE(connection.client.goaways.size() == 2);
  CHECK(connection.client.goaways[1].last_stream_id == 3);
  CHECK(connection.client.goaways[1].debug == "bye");
  CHECK_FALSE(connection.server.session.finished());
  for (const std::uint32_t id : {1u, 3u}) {
    connection.server.session.send_headers(*connection.server[id].stream, ok_response, true);
  }
  REQUIRE(connection.run());
  CHECK(first.code == ErrorCode::no_error);
  CHECK(crossing.code == ErrorCode::no_error);
  CHECK(first.ends == 1);
  CHECK(connection.server.session.finished());
  CHECK(connection.client.session.finished());
}

TEST_CASE(
    "the PING of a drain follows its GOAWAY, so its acknowledgement follows all streams opened before") {
  Connection connection;
  connection.server.end_hook = nullptr;
  REQUIRE(connection.run());
  connection.server.session.announce_shutdown(7);
  const std::string announcement = connection.server.produce();
  const std::vector<Frame> frames = parse(announcement);
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].type == NGHTTP2_GOAWAY);
  CHECK(frames[1].type == NGHTTP2_PING);
  const Exchange& crossing = connection.client.open(echo_request, true);
  const std::string crossing_bytes = connection.client.produce();
  for (const char byte : announcement) REQUIRE(connection.client.receive(std::string(1, byte)).ok());
  REQUIRE(connection.server.receive(crossing_bytes + connection.client.produce()).ok());
  CHECK(connection.server.ping_acks == std::vector<std::uint64_t>{7});
  CHECK(connection.server.requests == 1);
  connection.server.session.goaway(ErrorCode::no_error);
  REQUIRE(connection.run());
  CHECK(crossing.closes == 0);
}

TEST_CASE("a fault found while draining is reported like any other") {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  server.answer(server.encoder.headers(1, get, end_stream));
  server.endpoint.session.goaway(ErrorCode::no_error);
  CHECK(endings(parse(server.endpoint.produce())).at(0).code == ErrorCode::no_error);
  server.output = server.endpoint.receive(data(0, "x")).ok() ? server.endpoint.produce() : "";
  server.check_ended(ErrorCode::protocol_error, "DATA: stream_id == 0");
}

TEST_CASE("a stream that arrives while a GOAWAY is queued is not begun, because its peer will retry it") {
  Connection connection;
  connection.server.end_hook = nullptr;
  REQUIRE(connection.run());
  Exchange& taken = connection.client.open(echo_request, true);
  REQUIRE(connection.run());
  Exchange& late = connection.client.open(echo_request, true);
  connection.server.session.goaway(ErrorCode::no_error);
  REQUIRE(connection.server.receive(connection.client.produce()).ok());
  CHECK(connection.server.requests == 1);
  REQUIRE(connection.run());
  CHECK(connection.server.requests == 1);
  CHECK(late.code == ErrorCode::refused_stream);
  CHECK(late.by_peer);
  CHECK(taken.closes == 0);
}

TEST_CASE("streams above a GOAWAY are refused and may be retried elsewhere") {
  Endpoint client(Role::client);
  client.produce();
  REQUIRE(client.receive(settings() + settings_ack()).ok());
  Exchange& low = client.open(echo_request, true);
  Exchange& high = client.open(echo_request, true);
  client.produce();
  Exchange& unsent = client.open(echo_request, true);
  REQUIRE(client.receive(goaway(1, ErrorCode::no_error)).ok());
  client.produce();
  CHECK(low.closes == 0);
  for (const Exchange* exchange : {&high, &unsent}) {
    CHECK(exchange->closes == 1);
    CHECK(exchange->code == ErrorCode::refused_stream);
    CHECK(exchange->by_peer == (exchange == &high));
  }
}

TEST_CASE("a request that a GOAWAY stops is refused at once, because nothing more may be produced") {
  for (const std::uint32_t last : {1u, 0x7fffffffu}) {
    CAPTURE(last);
    Endpoint client(Role::client);
    client.produce();
    REQUIRE(client.receive(settings() + settings_ack()).ok());
    const Exchange& sent = client.open(echo_request, true);
    client.produce();
    const Exchange& unsent = client.open(echo_request, false);
    client.session.send_data(*unsent.stream, as_bytes("body"), true);
    const Exchange& dropped = client.open(echo_request, true);
    client.session.reset(*dropped.stream, ErrorCode::cancel);
    client.closed_hook = [&](Stream& stream) { client.session.send_data(stream, as_bytes("too late")); };
    REQUIRE(client.receive(goaway(last, ErrorCode::no_error)).ok());
    CHECK(unsent.closes == 1);
    CHECK(unsent.code == ErrorCode::refused_stream);
    CHECK_FALSE(unsent.by_peer);
    CHECK(sent.closes == 0);
    CHECK(client.produce().empty());
    CHECK(unsent.closes == 1);
    CHECK(dropped.closes == 1);
    CHECK(dropped.code == ErrorCode::cancel);
    CHECK(client.session.open_streams() == 1);
  }
}

TEST_CASE("a request that has left in a piece of the output is not refused by a GOAWAY above it") {
  Endpoint client(Role::client);
  client.produce();
  REQUIRE(client.receive(settings() + settings_ack()).ok());
  client.produce();
  const Exchange& exchange = client.open(echo_request, true);
  Chain out(client.slabs);
  client.session.produce(out, 1);
  CHECK(count(parse(text(out)), NGHTTP2_HEADERS) == 1);
  REQUIRE(client.receive(goaway(0x7fffffff, ErrorCode::no_error)).ok());
  client.produce();
  CHECK(exchange.closes == 0);
}

TEST_CASE("terminate sends the reason and nothing else") {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  server.answer(server.encoder.headers(1, get, end_stream));
  server.endpoint.session.terminate(ErrorCode::enhance_your_calm, "too_many_pings");
  CHECK_FALSE(server.endpoint.session.finished());
  server.endpoint.session.send_headers(*server.endpoint[1].stream, ok_response, false);
  server.endpoint.session.send_data(*server.endpoint[1].stream, as_bytes("body"));
  const auto frames = server.answer(server.encoder.headers(3, get, end_stream));
  CHECK(server.endpoint.requests == 1);
  REQUIRE(endings(frames).size() == 1);
  CHECK(endings(frames)[0].code == ErrorCode::enhance_your_calm);
  CHECK(endings(frames)[0].debug == "too_many_pings");
  CHECK(count(frames, NGHTTP2_DATA) == 0);
  CHECK(server.endpoint.session.finished());
  CHECK_FALSE(server.endpoint.session.wants_to_produce());
}

TEST_CASE("terminate from inside any event is safe") {
  for (const int where : {0, 1, 2, 3}) {
    CAPTURE(where);
    RawServer server;
    const auto terminate = [&] { server.endpoint.session.terminate(ErrorCode::internal_error, "enough"); };
    if (where == 0) server.endpoint.headers_hook = [&](Stream&) { terminate(); };
    if (where == 1) server.endpoint.data_hook = [&](Stream&, Bytes) { terminate(); };
    if (where == 2) server.endpoint.end_hook = [&](Stream&) { terminate(); };
    if (where == 3) server.endpoint.closed_hook = [&](Stream&) { terminate(); };
    const auto frames = server.answer(in_order({server.encoder.headers(1, get), data(1, "body", end_stream),
                                                server.encoder.headers(3, get, end_stream)}));
    REQUIRE(endings(frames).size() == 1);
    CHECK(endings(frames)[0].code == ErrorCode::internal_error);
    CHECK(server.endpoint.session.finished());
  }
}

TEST_CASE("a PING is acknowledged with its payload") {
  Connection connection;
  connection.client.session.ping(0x0123456789abcdef);
  connection.server.session.ping(42);
  REQUIRE(connection.run());
  CHECK(connection.client.ping_acks == std::vector<std::uint64_t>{0x0123456789abcdef});
  CHECK(connection.server.ping_acks == std::vector<std::uint64_t>{42});
}

TEST_CASE("a client opens as many streams as the server takes") {
  Connection connection({}, {.max_concurrent_streams = 3});
  connection.server.end_hook = nullptr;
  REQUIRE(connection.run());
  CHECK(connection.client.session.open_capacity() == 3);
  for (int i = 0; i < 3; ++i) connection.client.open(echo_request, true);
  CHECK(connection.client.session.open_capacity() == 0);
  const Result<Stream*> refused = connection.client.session.open(echo_request, nullptr, true);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code() == Code::UNAVAILABLE);
  REQUIRE(connection.run());
  CHECK(connection.server.requests == 3);
  connection.server.session.send_headers(*connection.server[3].stream, ok_response, true);
  REQUIRE(connection.run());
  CHECK(connection.client.session.open_capacity() == 1);
}

TEST_CASE("a client rejects hostile responses" * doctest::test_suite("long")) {
  Endpoint client(Role::client);
  Encoder encoder;
  client.produce();
  REQUIRE(client.receive(settings() + settings_ack()).ok());
  Exchange& exchange = client.open(echo_request, true);
  client.produce();
  ErrorCode expected = ErrorCode::protocol_error;
  SUBCASE("a request from the server") { client.receive(encoder.headers(2, get, end_stream)).ok(); }
  SUBCASE("a pushed stream") {
    client.receive(frame(NGHTTP2_PUSH_PROMISE, end_headers, 1, number(2, 4) + encoder.block(get))).ok();
  }
  SUBCASE("a response without a request") {
    client.receive(encoder.headers(5, {{":status", "200"}}, end_stream)).ok();
  }
  SUBCASE("body before the headers") { client.receive(data(1, "body")).ok(); }
  SUBCASE("body after the end") {
    client.receive(encoder.headers(1, {{":status", "200"}}, end_stream) + data(1, "body")).ok();
    expected = ErrorCode::stream_closed;
  }
  SUBCASE("interim responses without end") {
    for (int i = 0; i < 100'000; ++i) {
      if (!client.receive(encoder.headers(1, {{":status", "100"}})).ok()) break;
    }
    CHECK(exchange.header_blocks.size() < 1200);
    expected = ErrorCode::enhance_your_calm;
  }
  const auto found = endings(parse(client.produce()));
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == expected);
  CHECK(client.session.finished());
}

TEST_CASE("a connection without the preface, or without SETTINGS, ends at once") {
  Endpoint server(Role::server);
  ErrorCode expected = ErrorCode::protocol_error;
  SUBCASE("HTTP/1.1") {
    CHECK_FALSE(server.receive("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n").ok());
  }
  SUBCASE("a ping first") { server.receive(std::string(preface) + ping()).ok(); }
  SUBCASE("garbage after the preface") {
    server.receive(std::string(preface) + std::string(200, '\xff')).ok();
  }
  const auto found = endings(parse(server.produce()));
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == expected);
  CHECK(server.session.finished());
}

TEST_CASE("headers may be kept until the stream closes" * doctest::test_suite("long")) {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  Stream* kept = nullptr;
  server.endpoint.headers_hook = [&](Stream& stream) {
    if (stream.id() != 1) return;
    stream.keep_headers();
    kept = &stream;
  };
  server.answer(server.encoder.headers(1, with(get, {{"mine", "first"}})));
  for (std::uint32_t id = 3; id < 200; id += 2) {
    server.answer(server.encoder.headers(
        id, with(get, {{"other", std::string(200, 'x') + std::to_string(id)}}), end_stream));
    if (id % 3 == 0) server.answer(rst_stream(id, ErrorCode::no_error));
  }
  CHECK(copy(kept->headers()) == with(get, {{"mine", "first"}}));
  server.answer(server.encoder.headers(1, {{"a", "trailer"}}, end_stream));
  CHECK(server.endpoint[1].trailers == Fields{{"a", "trailer"}});
  CHECK(copy(kept->headers()) == with(get, {{"mine", "first"}}));
}

TEST_CASE("the never-indexed mark of a secret passes in both directions") {
  Connection connection;
  bool marked = false;
  connection.server.headers_hook = [&](Stream& stream) { marked = stream.headers().back().never_indexed; };
  std::vector<Header> request = echo_request;
  request.push_back({.name = "token", .value = "secret", .never_indexed = true});
  connection.client.open(request, true);
  REQUIRE(connection.run());
  CHECK(marked);
}

TEST_CASE("headers that are too large to send fail their stream alone") {
  Connection connection;
  const std::string large(70'000, 'x');
  connection.server.end_hook = [&](Stream& stream) {
    const std::vector<Header> headers = {{":status", "200"},
                                         {"large", stream.id() == 1 ? std::string_view(large) : "small"}};
    connection.server.session.send_headers(stream, headers, true);
  };
  Exchange& first = connection.client.open(echo_request, true);
  Exchange& second = connection.client.open(echo_request, true);
  REQUIRE(connection.run());
  CHECK(first.code == ErrorCode::internal_error);
  CHECK(first.by_peer);
  CHECK(second.code == ErrorCode::no_error);
  const Result<Stream*> refused = connection.client.session.open({{Header{"large", large}}}, nullptr, true);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code() == Code::RESOURCE_EXHAUSTED);
}

TEST_CASE("sessions may be dropped at any time, with all that they hold" * doctest::test_suite("long")) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    Connection connection;
    echo(connection.server);
    for (int i = 0; i < 5; ++i) {
      Exchange& exchange = connection.client.open(echo_request, false);
      connection.client.session.send_data(*exchange.stream, as_bytes(std::string(random() % 100'000, 'x')),
                                          random() % 2 == 0);
    }
    std::string bytes = connection.client.produce();
    bytes.resize(random() % bytes.size());
    CHECK(connection.server.receive(bytes).ok());
  }
}
