/// A server's responses to requests that are odd, wrong or broken (PROTOCOL-HTTP2.md, "Requests").

#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "rpc/server/raw_peer.h"
#include "rpc/wire/percent_encoding.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using http2::ErrorCode;
using http2::test::data;
using http2::test::end_stream;
using http2::test::FieldList;

struct Wire {
  explicit Wire(Service* another = nullptr) : world(1) {
    if (another) world.also_serve(*another);
    world.serve({});
    peer = RawPeer::before_server(world);
  }

  /// Sends a request of exactly these fields and waits for its end; the stream's id.
  std::uint32_t ask(const FieldList& fields, std::string_view body = message("x")) {
    next_id += 2;
    peer->send(peer->encoder.headers(next_id, fields));
    peer->send_body(next_id, body, end_stream);
    REQUIRE(world.run_until([&] { return peer->ended(next_id) || !peer->resets(next_id).empty(); }));
    return next_id;
  }

  void expect(std::uint32_t id, std::string_view http, std::string_view grpc) {
    CHECK(peer->field(id, ":status") == http);
    CHECK(peer->field(id, "grpc-status") == grpc);
    CHECK(peer->field(id, "content-type") == "application/grpc");
  }

  SimulatedWorld world;
  std::unique_ptr<RawPeer> peer;
  std::uint32_t next_id = static_cast<std::uint32_t>(-1);
};

/// The usual fields with `name` set to `value`, or left out when that is empty.
FieldList changed(std::string_view name, std::string_view value) {
  FieldList fields;
  for (const auto& field : RawPeer::request_fields(echo_path)) {
    if (field.first != name)
      fields.push_back(field);
    else if (!value.empty())
      fields.emplace_back(name, value);
  }
  return fields;
}

TEST_CASE("fields that a request may omit") {
  Wire wire;
  wire.expect(wire.ask(changed("te", "")), "200", "0");
  wire.expect(wire.ask(changed(":authority", "")), "200", "0");
  wire.expect(wire.ask(http2::test::with(changed(":authority", ""), {{"host", "localhost"}})), "200", "0");
}

TEST_CASE("content types") {
  Wire wire;
  for (const char* type : {"application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8",
                           "application/grpc+proto;charset=utf-8"}) {
    CAPTURE(type);
    wire.expect(wire.ask(changed("content-type", type)), "200", "0");
  }
  for (const char* type : {"", "text/plain", "application/grpcx", "application/grpc-web", "Application/GRPC",
                           "application/grpc+json", "application/grpc+protobuf", "application/grpc+"}) {
    CAPTURE(type);
    const std::uint32_t id = wire.ask(changed("content-type", type));
    wire.expect(id, "415", "13");
    CHECK(wire.peer->body(id).empty());
  }
}

TEST_CASE("gRPC with another codec is refused at once, not when the request has ended") {
  Wire wire;
  wire.peer->send(wire.peer->encoder.headers(1, changed("content-type", "application/grpc+json")));
  REQUIRE(wire.world.run_until([&] { return wire.peer->ended(1); }));
  wire.expect(1, "415", "13");
  wire.next_id = 1;
  const std::uint32_t id = wire.ask(RawPeer::request_fields(echo_path));
  CHECK(wire.peer->field(id, "grpc-status") == "0");
}

TEST_CASE("a request is for one host, however it names it") {
  Wire wire;
  const auto ask = [&](std::string_view authority, const FieldList& more) {
    return wire.ask(http2::test::with(changed(":authority", authority), more));
  };
  const auto expect_malformed = [&](std::uint32_t id, std::string_view message) {
    wire.expect(id, "400", "13");
    CHECK(percent_decode(wire.peer->field(id, "grpc-message").value_or("")) == message);
  };
  wire.expect(ask("localhost", {{"host", "localhost"}}), "200", "0");
  wire.expect(ask("LocalHost:50051", {{"host", "localhost:50051"}}), "200", "0");
  expect_malformed(ask("localhost", {{"host", "localhosts"}}),
                   "malformed host \"localhosts\": it differs from :authority");
  expect_malformed(ask("a.test", {{"host", "b.test"}}),
                   "malformed host \"b.test\": it differs from :authority");
  expect_malformed(ask("a[test", {{"host", "a{test"}}),
                   "malformed host \"a{test\": it differs from :authority");
  expect_malformed(ask("a.test", {{"host", "a.test"}, {"host", "a.test"}}),
                   "malformed host \"a.test\": a request has one");
  expect_malformed(ask("", {{"host", "a.test"}, {"host", "b.test"}}),
                   "malformed host \"b.test\": a request has one");
  expect_malformed(ask("", {{"host", "user@a.test"}}), "malformed host \"user@a.test\": it has userinfo");
}

TEST_CASE("an authority has no userinfo") {
  Wire wire;
  const std::uint32_t id = wire.ask(changed(":authority", "user@localhost"));
  CHECK(wire.peer->resets(id) == std::vector{ErrorCode::protocol_error});
  CHECK(wire.peer->field(wire.ask(RawPeer::request_fields(echo_path)), "grpc-status") == "0");
}

/// Not made by the code generator: its method is no coroutine, and throws.
class Careless final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Careless"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{
        Method{"Call", MethodKind::unary,
               [](Service&, Call&, MessageStream&) -> Task<Status> { throw std::runtime_error("secret"); }}};
    return methods;
  }
};

TEST_CASE("a method that throws before it is a task fails its call only") {
  Careless service;
  Wire wire(&service);
  CHECK(wire.peer->field(wire.ask(changed(":path", "/test.v1.Careless/Call")), "grpc-status") == "13");
  CHECK(wire.peer->field(wire.ask(RawPeer::request_fields(echo_path)), "grpc-status") == "0");
}

TEST_CASE("methods other than POST") {
  Wire wire;
  for (const char* method : {"GET", "PUT", "post"}) {
    const std::uint32_t id = wire.ask(changed(":method", method));
    CHECK(wire.peer->field(id, ":status") == "405");
    CHECK(wire.peer->field(id, "allow") == "POST");
  }
}

TEST_CASE("a HEAD gets the response of a GET, without the content") {
  Wire wire;
  const std::uint32_t id = wire.ask(changed(":method", "HEAD"));
  CHECK(wire.peer->field(id, ":status") == "405");
  CHECK(wire.peer->field(id, "allow") == "POST");
  CHECK(wire.peer->frames_of(http2::test::frame_type::data) == 0);
}

TEST_CASE("a status whose message is longer than headers may be keeps its code") {
  Wire wire;
  for (const char* length : {"2000", "3000", "1000000"}) {
    CAPTURE(length);
    const std::uint32_t id = wire.ask(RawPeer::request_fields("/test.v1.Raw/FailAtLength"), message(length));
    wire.expect(id, "200", "10");
    const std::string said = percent_decode(wire.peer->field(id, "grpc-message").value_or(""));
    const bool cut = std::string_view(length) != "2000";
    CHECK(said.size() == (cut ? 4096 : 4001));
    CHECK(said.ends_with(cut ? "\xc3\xa4..." : "\xc3\xa4"));
  }
}

TEST_CASE("timeouts") {
  Wire wire;
  const auto ask = [&](std::string timeout) {
    return wire.ask(RawPeer::request_fields(echo_path, {{"grpc-timeout", std::move(timeout)}}));
  };
  for (const char* good : {"1H", "2M", "3S", "4000m", "5000000u", "99999999n", "99999999H", "00000010S"}) {
    CAPTURE(good);
    wire.expect(ask(good), "200", "0");
  }
  for (const char* bad : {"", "1", "S", "1s", "-1S", "+1S", "1 S", "1.5S", "123456789S", "1SS"}) {
    CAPTURE(bad);
    wire.expect(ask(bad), "400", "13");
  }
  wire.expect(ask("0S"), "200", "4");
}

TEST_CASE("a deadline that passes gets a status and ends the handler") {
  Wire wire;
  const std::uint32_t id =
      wire.ask(RawPeer::request_fields("/test.v1.Raw/Sleep", {{"grpc-timeout", "100m"}}), message("5000"));
  wire.expect(id, "200", "4");
  CHECK(wire.world.run_until([&] { return wire.world.service().running == 0; }));
  CHECK(wire.peer->resets(id).empty());
}

TEST_CASE("a deadline that passes while the request is still arriving tells the client to stop") {
  Wire wire;
  wire.peer->begin(1, join_path, {{"grpc-timeout", "100m"}});
  wire.peer->send_body(1, message("one"));
  REQUIRE(wire.world.run_until([&] { return !wire.peer->resets(1).empty(); }));
  wire.expect(1, "200", "4");
  CHECK(wire.peer->resets(1) == std::vector{ErrorCode::no_error});
  CHECK(wire.world.run_until([&] { return wire.world.service().running == 0; }));
}

TEST_CASE("a deadline that passes behind unread messages ends the handler; the status follows the messages") {
  Wire wire;
  wire.peer->request(1, "/test.v1.Raw/Count", message("1000000"), {{"grpc-timeout", "100m"}});
  REQUIRE(wire.world.run_until([&] { return wire.world.service().started == 1; }));
  REQUIRE(wire.world.run_until([&] { return wire.world.service().running == 0; }));
  CHECK_FALSE(wire.peer->ended(1));
  const std::string more =
      http2::test::window_update(1, 1'000'000) + http2::test::window_update(0, 1'000'000);
  wire.peer->send(more);
  REQUIRE(wire.world.run_until([&] { return wire.peer->ended(1); }));
  wire.expect(1, "200", "4");
  CHECK(wire.peer->resets(1).empty());
}

TEST_CASE("binary metadata") {
  Wire wire;
  const auto ask = [&](std::string value) {
    return wire.ask(RawPeer::request_fields("/test.v1.Raw/Metadata", {{"x-bytes-bin", std::move(value)}}));
  };
  for (const char* good : {"", "Zg", "Zg==", "Zm8,Zg==", "Zm9v"}) {
    CAPTURE(good);
    wire.expect(ask(good), "200", "0");
  }
  CHECK(wire.peer->field(1, "x-bytes-bin") == "");
  CHECK(wire.peer->field(5, "x-bytes-bin") == "Zg");
  for (const char* bad : {"!", "Z", "Zg=", "Zm9v, Zg"}) {
    CAPTURE(bad);
    wire.expect(ask(bad), "400", "13");
  }
}

TEST_CASE("each value of binary metadata counts as a field") {
  Wire wire;
  // There are 7 other fields: those of any request, and x-other.
  const auto ask = [&](std::size_t first, std::size_t second) {
    const auto list = [](std::size_t values) { return std::string(values - 1, ','); };
    return wire.ask(RawPeer::request_fields(
        "/test.v1.Raw/Metadata",
        {{"x-bytes-bin", list(first)}, {"x-other", "value"}, {"x-others-bin", list(second)}}));
  };
  wire.expect(ask(92, 1), "200", "0");
  wire.expect(ask(40, 53), "200", "0");
  const std::uint32_t id = ask(40, 54);
  wire.expect(id, "200", "8");
  CHECK(percent_decode(wire.peer->field(id, "grpc-message").value_or("")) ==
        "the request's headers exceed 100 fields; each value of binary metadata counts as a field");
  wire.expect(ask(7000, 1), "200", "8");
}

TEST_CASE("an unknown encoding is refused with the known ones") {
  Wire wire;
  const std::uint32_t id = wire.ask(RawPeer::request_fields(echo_path, {{"grpc-encoding", "snappy"}}));
  wire.expect(id, "200", "12");
  CHECK(wire.peer->field(id, "grpc-accept-encoding") == compression_names);
  wire.expect(wire.ask(RawPeer::request_fields(echo_path, {{"grpc-encoding", "identity"}})), "200", "0");
  wire.expect(wire.ask(RawPeer::request_fields(echo_path, {{"grpc-encoding", ""}})), "200", "0");
}

TEST_CASE("messages that are compressed, missing, many or cut") {
  Wire wire;
  const FieldList fields = RawPeer::request_fields(echo_path);
  wire.expect(wire.ask(fields, message("x", 1)), "200", "13");
  wire.expect(wire.ask(fields, ""), "200", "12");
  wire.expect(wire.ask(fields, message("x") + message("y")), "200", "12");
  wire.expect(wire.ask(fields, message("x") + std::string(1, char(0))), "200", "12");
  wire.expect(wire.ask(fields, message("xyz").substr(0, 7)), "200", "13");
  wire.expect(wire.ask(fields, std::string_view("\0\0", 2)), "200", "13");
  wire.expect(wire.ask(RawPeer::request_fields(join_path), message("xyz").substr(0, 7)), "200", "13");
  wire.expect(wire.ask(RawPeer::request_fields(join_path), ""), "200", "0");
  CHECK(wire.world.run_until([&] { return wire.world.service().running == 0; }));
}

TEST_CASE("messages do not align with frames") {
  Wire wire;
  wire.peer->begin(1, join_path);
  for (const char byte : message("ab") + message("") + message("cd"))
    wire.peer->send(data(1, {&byte, 1}) + data(1, ""));
  wire.peer->send(data(1, "", end_stream));
  REQUIRE(wire.world.run_until([&] { return wire.peer->ended(1); }));
  CHECK(wire.peer->body(1) == message("abcd"));
  wire.expect(1, "200", "0");
}

TEST_CASE("a request may end with trailers") {
  Wire wire;
  wire.peer->begin(1, echo_path);
  wire.peer->send(data(1, message("x")));
  wire.peer->send(wire.peer->encoder.headers(1, {{"x-trailer", "y"}}, end_stream));
  REQUIRE(wire.world.run_until([&] { return wire.peer->ended(1); }));
  wire.expect(1, "200", "0");
}

TEST_CASE("a violation of HTTP/2 resets the stream and nothing else") {
  Wire wire;
  for (const FieldList& fields :
       {RawPeer::request_fields(echo_path, {{"connection", "close"}}),
        RawPeer::request_fields(echo_path, {{"X-Upper", "y"}}),
        http2::test::with({{":authority", "other"}}, RawPeer::request_fields(echo_path)),
        RawPeer::request_fields(echo_path, {{"x-line", "a\nb"}})}) {
    const std::uint32_t id = wire.ask(fields);
    CHECK(wire.peer->resets(id) == std::vector{ErrorCode::protocol_error});
  }
  wire.expect(wire.ask(RawPeer::request_fields(echo_path)), "200", "0");
  CHECK(wire.world.service().started == 1);
}

TEST_CASE("a failure has one header block, a success has two") {
  Wire wire;
  const std::uint32_t failed = wire.ask(RawPeer::request_fields("/test.v1.Raw/Fail"), message("5"));
  const std::uint32_t good = wire.ask(RawPeer::request_fields(echo_path));
  const auto blocks = [&](std::uint32_t id) {
    return std::ranges::count_if(wire.peer->frames, [&](const auto& frame) {
      return frame.stream_id == id && frame.type == http2::test::frame_type::headers;
    });
  };
  CHECK(blocks(failed) == 1);
  CHECK(blocks(good) == 2);
  CHECK(wire.peer->field(failed, "grpc-message") == "failed as asked, 100%25");
  CHECK_FALSE(wire.peer->field(good, "grpc-message"));
}

}  // namespace
}  // namespace ringrpc
