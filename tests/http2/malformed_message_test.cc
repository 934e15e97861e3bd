// Each rule of RFC 9113, section 8, broken once. A malformed message resets its stream; the connection and
// its HPACK state live on.
#include <doctest/doctest.h>

#include "endpoint.h"
#include "frames.h"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

namespace {

struct Server {
  explicit Server(const Limits& limits = {}) : endpoint(Role::server, limits) {
    echo(endpoint);
    REQUIRE(endpoint.receive(std::string(preface) + settings() + settings_ack()).ok());
    endpoint.produce();
  }

  /// The frames that the server sends in response to `bytes`.
  std::vector<Frame> answer(const std::string& bytes) {
    status = endpoint.receive(bytes);
    return parse(endpoint.produce());
  }

  void check_serves(std::uint32_t id) {
    answer(encoder.headers(id, with(get, {{"custom", "value"}}), end_stream));
    REQUIRE(endpoint.exchanges.contains(id));
    CHECK(endpoint[id].header_blocks.at(0) == with(get, {{"custom", "value"}}));
    CHECK(endpoint[id].closes == 1);
  }

  Endpoint endpoint;
  Encoder encoder;
  Status status;
};

struct Client {
  Client() : endpoint(Role::client) {
    endpoint.produce();
    REQUIRE(endpoint.receive(settings() + settings_ack()).ok());
    exchange = &endpoint.open(echo_request, true);
    endpoint.produce();
  }

  std::vector<Frame> answer(const std::string& bytes) {
    status = endpoint.receive(bytes);
    return parse(endpoint.produce());
  }

  Endpoint endpoint;
  Encoder encoder;
  Exchange* exchange;
  Status status;
};

FieldList without(std::string_view name) {
  FieldList fields = get;
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}

FieldList changed(std::string_view name, const std::string& value) {
  FieldList fields = get;
  for (auto& field : fields) {
    if (field.first == name) field.second = value;
  }
  return fields;
}

/// The pseudo-header field `name` after a regular one.
FieldList late(const std::string& name, const std::string& value) {
  return with(without(name), {{name, value}});
}

struct Case {
  const char* what;
  FieldList fields;
};

}  // namespace

TEST_CASE("a malformed request resets its stream and nothing else" * doctest::test_suite("long")) {
  const std::vector<Case> cases = {
      {"upper-case name", with(get, {{"X-Custom", "1"}})},
      {"empty name", with(get, {{"", "1"}})},
      {"space in a name", with(get, {{"a b", "1"}})},
      {"colon in a name", with(get, {{"a:b", "1"}})},
      {"control character in a name", with(get, {{"a\x01", "1"}})},
      {"delete in a name", with(get, {{"a\x7f", "1"}})},
      {"high byte in a name", with(get, {{"a\xe9", "1"}})},
      {"line feed in a value", with(get, {{"custom", "a\nb"}})},
      {"carriage return in a value", with(get, {{"custom", "a\rb"}})},
      {"nul in a value", with(get, {{"custom", std::string("a\0b", 3)}})},
      {"line feed in a long value",
       with(get, {{"custom", std::string(40, 'x') + '\n' + std::string(40, 'y')}})},
      {"line feed near the end of a value", with(get, {{"custom", std::string(17, 'x') + "\ny"}})},
      {"escape in a value", with(get, {{"custom", "\x1b[31m"}})},
      {"delete in a value", with(get, {{"custom", "abcdefgh\x7f"}})},
      {"leading space in a value", with(get, {{"custom", " a"}})},
      {"trailing space in a value", with(get, {{"custom", "a "}})},
      {"leading tab in a value", with(get, {{"custom", "\ta"}})},
      {"trailing tab in a value", with(get, {{"custom", "a\t"}})},
      {"line feed in a pseudo-header field", changed(":path", "/a\nb")},
      {"no :method", without(":method")},
      {"no :scheme", without(":scheme")},
      {"no :path", without(":path")},
      {"empty :method", changed(":method", "")},
      {"empty :scheme", changed(":scheme", "")},
      {"empty :path", changed(":path", "")},
      {"two :method", with({{":method", "POST"}}, get)},
      {"two :scheme", with({{":scheme", "http"}}, get)},
      {"two :path", with({{":path", "/"}}, get)},
      {"two :authority", with({{":authority", "localhost"}}, get)},
      {":method GET and CONNECT", with({{":method", "CONNECT"}}, get)},
      {":method after a regular field", late(":method", "POST")},
      {":path after a regular field", late(":path", "/")},
      {":authority after a regular field", late(":authority", "localhost")},
      {"userinfo in :authority", changed(":authority", "user:password@localhost")},
      {"an @ alone in :authority", changed(":authority", "@")},
      {"unknown pseudo-header field", with({{":custom", "1"}}, get)},
      {"bare colon", with({{":", "1"}}, get)},
      {"extended CONNECT, which was not offered",
       with({{":protocol", "websocket"}}, changed(":method", "CONNECT"))},
      {"a response's :status", with({{":status", "200"}}, get)},
      {"CONNECT with :scheme and :path", changed(":method", "CONNECT")},
      {"CONNECT without :authority", {{":method", "CONNECT"}}},
      {"connection", with(get, {{"connection", "keep-alive"}})},
      {"keep-alive", with(get, {{"keep-alive", "timeout=5"}})},
      {"proxy-connection", with(get, {{"proxy-connection", "keep-alive"}})},
      {"transfer-encoding", with(get, {{"transfer-encoding", "chunked"}})},
      {"upgrade", with(get, {{"upgrade", "h2c"}})},
      {"te other than trailers", changed("te", "trailers, deflate")},
      {"content-length without digits", with(get, {{"content-length", ""}})},
      {"content-length with a sign", with(get, {{"content-length", "+5"}})},
      {"negative content-length", with(get, {{"content-length", "-1"}})},
      {"content-length with a suffix", with(get, {{"content-length", "5, 5"}})},
      {"content-length beyond 63 bits", with(get, {{"content-length", "9223372036854775808"}})},
      {"two content-lengths", with(get, {{"content-length", "0"}, {"content-length", "0"}})},
      {"content-length without a body", with(get, {{"content-length", "5"}})},
  };
  Server server({.reset_burst = 1000});
  std::uint32_t id = 1;
  for (const Case& each : cases) {
    CAPTURE(each.what);
    const std::vector<Frame> frames = server.answer(server.encoder.headers(id, each.fields, end_stream));
    CHECK(server.status.ok());
    CHECK(resets(frames, id) == std::vector{ErrorCode::protocol_error});
    CHECK_FALSE(server.endpoint.exchanges.contains(id));
    CHECK(server.endpoint.session.open_streams() == 0);
    server.check_serves(id + 2);
    id += 4;
  }
}

TEST_CASE("a well-formed request of an unusual kind is served") {
  const std::vector<Case> cases = {
      {"no :authority", without(":authority")},
      {"host beside :authority", with(get, {{"host", "elsewhere"}})},
      {"CONNECT", {{":method", "CONNECT"}, {":authority", "localhost:443"}}},
      {"te in upper case", changed("te", "Trailers")},
      {"tab within a value", with(get, {{"custom", "a\tb"}})},
      {"empty value", with(get, {{"custom", ""}})},
      {"bytes above ASCII in a value", with(get, {{"custom", "caf\xc3\xa9"}})},
      {"every character that a name may have", with(get, {{"!#$%&'*+-.^_`|~09az", "1"}})},
      {"a cookie of its own field", with(get, {{"cookie", "a=1"}, {"cookie", "b=2"}})},
      {"content-length 0", with(get, {{"content-length", "0"}})},
  };
  Server server;
  std::uint32_t id = 1;
  for (const Case& each : cases) {
    CAPTURE(each.what);
    server.answer(server.encoder.headers(id, each.fields, end_stream));
    CHECK(server.status.ok());
    CHECK(server.endpoint[id].header_blocks == std::vector<Fields>{each.fields});
    CHECK(server.endpoint[id].closes == 1);
    id += 2;
  }
}

TEST_CASE("a request's body must be as long as content-length says") {
  Server server;
  const FieldList fields = with(get, {{"content-length", "10"}});
  SUBCASE("exactly") {
    const auto frames =
        server.answer(server.encoder.headers(1, fields) + data(1, "01234") + data(1, "56789", end_stream));
    CHECK(resets(frames, 1).empty());
    CHECK(server.endpoint[1].body == "0123456789");
    CHECK(server.endpoint[1].ends == 1);
  }
  SUBCASE("shorter") {
    const auto frames = server.answer(server.encoder.headers(1, fields) + data(1, "01234", end_stream));
    CHECK(resets(frames, 1) == std::vector{ErrorCode::protocol_error});
    CHECK(server.endpoint[1].ends == 0);
    CHECK(server.endpoint[1].closes == 1);
    CHECK(server.endpoint[1].code == ErrorCode::protocol_error);
    CHECK_FALSE(server.endpoint[1].by_peer);
  }
  SUBCASE("longer") {
    const auto frames = server.answer(server.encoder.headers(1, fields) + data(1, "01234567890"));
    CHECK(resets(frames, 1) == std::vector{ErrorCode::protocol_error});
    CHECK(server.endpoint[1].body.empty());
  }
  SUBCASE("longer after the last byte") {
    const auto frames =
        server.answer(server.encoder.headers(1, fields) + data(1, "0123456789") + data(1, "x", end_stream));
    CHECK(resets(frames, 1) == std::vector{ErrorCode::protocol_error});
    CHECK(server.endpoint[1].body == "0123456789");
  }
  SUBCASE("shorter, ended by trailers") {
    const auto frames = server.answer(in_order({server.encoder.headers(1, fields), data(1, "01234"),
                                                server.encoder.headers(1, {{"a", "b"}}, end_stream)}));
    CHECK(resets(frames, 1) == std::vector{ErrorCode::protocol_error});
    CHECK(server.endpoint[1].trailers_count == 0);
  }
  CHECK(server.status.ok());
  server.check_serves(3);
}

TEST_CASE("trailers end the stream and have no pseudo-header fields") {
  Server server;
  SUBCASE("well-formed") {
    server.answer(in_order({server.encoder.headers(1, get), data(1, "hello"),
                            server.encoder.headers(1, {{"checksum", "1"}}, end_stream)}));
    CHECK(server.endpoint[1].trailers == Fields{{"checksum", "1"}});
    CHECK(server.endpoint[1].ends == 1);
    CHECK(server.endpoint[1].code == ErrorCode::no_error);
  }
  SUBCASE("without END_STREAM") {
    const auto frames =
        server.answer(in_order({server.encoder.headers(1, get), server.encoder.headers(1, {{"a", "b"}})}));
    CHECK(resets(frames, 1) == std::vector{ErrorCode::protocol_error});
    CHECK(server.endpoint[1].trailers_count == 0);
  }
  SUBCASE("with a pseudo-header field") {
    const auto frames = server.answer(
        in_order({server.encoder.headers(1, get), server.encoder.headers(1, {{":path", "/"}}, end_stream)}));
    CHECK(resets(frames, 1) == std::vector{ErrorCode::protocol_error});
  }
  CHECK(server.endpoint[1].closes == 1);
  CHECK(server.status.ok());
  server.check_serves(3);
}

TEST_CASE("a malformed response resets its stream") {
  const std::vector<Case> cases = {
      {"no :status", {{"content-type", "application/grpc"}}},
      {"empty :status", {{":status", ""}}},
      {":status of two digits", {{":status", "20"}}},
      {":status of four digits", {{":status", "2000"}}},
      {":status with a letter", {{":status", "2x0"}}},
      {":status below 100", {{":status", "099"}}},
      {":status with a sign", {{":status", "-20"}}},
      {":status 101", {{":status", "101"}}},
      {"two :status", {{":status", "200"}, {":status", "200"}}},
      {":status after a regular field", {{"a", "b"}, {":status", "200"}}},
      {"a request's :path", {{":status", "200"}, {":path", "/"}}},
      {"connection", {{":status", "200"}, {"connection", "close"}}},
  };
  const std::vector<Case> at_the_end = {
      {"content-length without a body", {{":status", "200"}, {"content-length", "5"}}},
      {"an interim response that ends the stream", {{":status", "103"}}},
  };
  const auto check = [](const Case& each, unsigned flags) {
    CAPTURE(each.what);
    Client client;
    const auto frames = client.answer(client.encoder.headers(1, each.fields, flags));
    CHECK(client.status.ok());
    CHECK(resets(frames, 1) == std::vector{ErrorCode::protocol_error});
    CHECK(client.exchange->header_blocks.empty());
    CHECK(client.exchange->closes == 1);
    CHECK(client.exchange->code == ErrorCode::protocol_error);
    CHECK_FALSE(client.exchange->by_peer);
  };
  for (const Case& each : cases) check(each, 0);
  for (const Case& each : at_the_end) check(each, end_stream);
}

TEST_CASE("interim responses come before the final one and end nothing") {
  Client client;
  client.answer(in_order({client.encoder.headers(1, {{":status", "100"}}),
                          client.encoder.headers(1, {{":status", "103"}, {"link", "</a>"}}),
                          client.encoder.headers(1, {{":status", "200"}}), data(1, "body"),
                          client.encoder.headers(1, {{"grpc-status", "0"}}, end_stream)}));
  CHECK(client.exchange->header_blocks == std::vector<Fields>{{{":status", "100"}},
                                                              {{":status", "103"}, {"link", "</a>"}},
                                                              {{":status", "200"}}});
  CHECK(client.exchange->body == "body");
  CHECK(client.exchange->trailers == Fields{{"grpc-status", "0"}});
  CHECK(client.exchange->ends == 1);
  CHECK(client.exchange->code == ErrorCode::no_error);
}

TEST_CASE("a response without a final header block is malformed") {
  Client client;
  SUBCASE("body after an interim response") {
    const auto frames = client.answer(client.encoder.headers(1, {{":status", "100"}}) + data(1, "body"));
    CHECK(resets(frames, 1) == std::vector{ErrorCode::protocol_error});
    CHECK(client.exchange->body.empty());
  }
  SUBCASE("end after an interim response") {
    const auto frames =
        client.answer(client.encoder.headers(1, {{":status", "100"}}) + data(1, "", end_stream));
    CHECK(resets(frames, 1) == std::vector{ErrorCode::protocol_error});
    CHECK(client.exchange->ends == 0);
  }
}

TEST_CASE("a response may omit the body that content-length announces if HTTP allows it") {
  SUBCASE("304") {
    Client client;
    const auto frames =
        client.answer(client.encoder.headers(1, {{":status", "304"}, {"content-length", "5"}}, end_stream));
    CHECK(resets(frames, 1).empty());
    CHECK(client.exchange->ends == 1);
  }
  SUBCASE("HEAD") {
    Client client;
    std::vector<Header> head = echo_request;
    head[0].value = "HEAD";
    Exchange& exchange = client.endpoint.open(head, true);
    client.endpoint.produce();
    const auto frames =
        client.answer(client.encoder.headers(3, {{":status", "200"}, {"content-length", "5"}}, end_stream));
    CHECK(resets(frames, 3).empty());
    CHECK(exchange.ends == 1);
  }
}

TEST_CASE("HPACK stays in step when a stream fails in the middle of its block") {
  Server server;
  const FieldList fields = with(with(get, {{"bad name", "x"}}), {{"later", "indexed"}});
  server.answer(server.encoder.headers(1, fields, end_stream));
  server.answer(server.encoder.headers(3, with(get, {{"later", "indexed"}}), end_stream));
  CHECK(server.endpoint[3].header_blocks == std::vector<Fields>{with(get, {{"later", "indexed"}})});
}

TEST_CASE("a field is reused from the previous request only when it is equal in full") {
  Server server;
  const std::vector<FieldList> requests = {
      with(get, {{"a", "1"}, {"b", "2"}}), with(get, {{"a", "1"}, {"b", "2"}}),
      with(get, {{"b", "2"}, {"a", "1"}}), with(get, {{"a", "1"}}),
      with(get, {{"a", "1"}, {"b", "3"}}), with(get, {{"a", "1"}, {"b", "2"}}),
      changed(":path", "/p.S/N"),          changed(":path", "/p.S/M"),
      changed(":path", "/p.S/MM"),
  };
  std::uint32_t id = 1;
  for (const FieldList& fields : requests) {
    server.answer(server.encoder.headers(id, fields, end_stream));
    CHECK(server.endpoint[id].header_blocks == std::vector<Fields>{fields});
    id += 2;
  }
  // A field that was valid in one place is a fault in another.
  const auto frames = server.answer(server.encoder.headers(id, with(get, {{":path", "/p.S/M"}}), end_stream));
  CHECK(resets(frames, id) == std::vector{ErrorCode::protocol_error});
  server.check_serves(id + 2);
}

TEST_CASE("a request reset before its end allows late frames of that request only") {
  Server server;
  for (std::uint32_t id = 1; id < 20; id += 2) {
    const std::string request = server.encoder.headers(id, with(get, {{"Bad", "b"}}), 0);
    CHECK(resets(server.answer(request), id) == std::vector{ErrorCode::protocol_error});
  }
  SUBCASE("which may have been in flight") {
    for (int late = 0; late < 10 * 1024; ++late) server.answer(data(1, std::string(100, 'x')));
    CHECK(server.status.ok());
  }
  SUBCASE("and not for others") {
    int taken = 0;
    for (; taken < 10'000 && server.status.ok(); ++taken) server.answer(window_update(0, 1));
    CHECK(taken < 1300);
  }
}

TEST_CASE("a malformed request that was sent to its end allows no late frames") {
  Server server;
  const auto make = [&](const FieldList& more, std::string_view body) {
    for (std::uint32_t id = 1; id < 100; id += 2) {
      std::string request = server.encoder.headers(id, with(get, more), body.empty() ? end_stream : 0);
      if (!body.empty()) request += data(id, body, end_stream);
      CHECK(resets(server.answer(request), id) == std::vector{ErrorCode::protocol_error});
    }
  };
  SUBCASE("by its headers") { make({{"Bad", "b"}}, ""); }
  SUBCASE("by the lack of a body") { make({{"content-length", "1"}}, ""); }
  SUBCASE("by too short a body") { make({{"content-length", "2"}}, "x"); }
  REQUIRE(server.status.ok());
  int taken = 0;
  for (; taken < 10'000 && server.status.ok(); ++taken) server.answer(window_update(0, 1));
  CHECK(taken < 1300);  // what any peer may do, and a few more for each request
}
