/// A client's reaction to servers whose responses are odd, wrong, late or missing.

#include <algorithm>
#include <doctest/doctest.h>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/sleep.h"

#include "rpc/client/raw_host.h"
#include "rpc/message/compressed_message.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
using http2::ErrorCode;
using http2::test::data;
using http2::test::end_stream;
using http2::test::rst_stream;

/// The status of a unary call with this response.
Status outcome(const RawHost::Answer& answer) {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = answer;
  Status status;
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto response = co_await unary(channel, 10s);
    if (!response) status = response.error();
  }));
  return status;
}

Code code_of(const RawHost::Answer& answer) { return outcome(answer).code(); }

TEST_CASE("an HTTP status counts only without a grpc-status") {
  constexpr std::pair<const char*, Code> table[] = {
      {"200", Code::UNKNOWN},       {"204", Code::UNKNOWN},         {"302", Code::UNKNOWN},
      {"400", Code::INTERNAL},      {"401", Code::UNAUTHENTICATED}, {"403", Code::PERMISSION_DENIED},
      {"404", Code::UNIMPLEMENTED}, {"418", Code::UNKNOWN},         {"429", Code::UNAVAILABLE},
      {"500", Code::UNKNOWN},       {"502", Code::UNAVAILABLE},     {"503", Code::UNAVAILABLE},
      {"504", Code::UNAVAILABLE},
  };
  for (const auto& [http, code] : table) {
    CAPTURE(std::string(http));
    CHECK(code_of(headers_only({{":status", http}})) == code);
    CHECK(code_of(headers_only({{":status", http}, {"grpc-status", "5"}})) == Code::NOT_FOUND);
  }
  CHECK(code_of(whole({{":status", "503"}, {"content-type", "text/html"}}, "<html>down", {{"x", "y"}})) ==
        Code::UNAVAILABLE);
}

TEST_CASE("a response with its message, its trailers and no fault is OK") {
  CHECK(outcome(whole(good_headers, message("y"), good_trailers)).ok());
  CHECK(outcome([](RawPeer& peer, std::uint32_t id) {  // behind interim responses
          std::string all = peer.encoder.headers(id, {{":status", "100"}});
          all += peer.encoder.headers(id, {{":status", "103"}, {"grpc-status", "7"}});
          all += peer.encoder.headers(id, good_headers) + data(id, message("y"));
          return all += peer.encoder.headers(id, good_trailers, end_stream);
        })
            .ok());
  CHECK(outcome([](RawPeer& peer, std::uint32_t id) {  // in pieces
          std::string all = peer.encoder.headers(id, good_headers);
          for (const char byte : message("y")) all += data(id, {&byte, 1}) + data(id, "");
          return all += peer.encoder.headers(id, good_trailers, end_stream);
        })
            .ok());
}

TEST_CASE("a grpc-status in headers counts only if nothing follows") {
  const FieldList early = http2::test::with(good_headers, {{"grpc-status", "0"}});
  CHECK(code_of(whole(early, message("y"), {{"grpc-status", "9"}})) == Code::FAILED_PRECONDITION);
  CHECK(code_of(whole(early, message("y"), {{"x", "y"}})) == Code::UNKNOWN);
  CHECK(code_of([&](RawPeer& peer, std::uint32_t id) {
          return peer.encoder.headers(id, early) + data(id, message("y"), end_stream);
        }) == Code::UNKNOWN);
}

TEST_CASE("a grpc-status that is no code is UNKNOWN") {
  for (const std::string status : {"17", "-1", "00", "05", "4294967296", "x", ""}) {
    CAPTURE(status);
    CHECK(code_of(headers_only(http2::test::with(good_headers, {{"grpc-status", status}}))) == Code::UNKNOWN);
  }
}

TEST_CASE("a response that is not gRPC is reported by its HTTP status, without waiting for its end") {
  const FieldList html = {{":status", "200"}, {"content-type", "text/html"}};
  const auto endless = [](const FieldList& headers) {
    return [headers](RawPeer& peer, std::uint32_t id) {
      return peer.encoder.headers(id, headers) + data(id, "<html>");
    };
  };
  const Status portal = outcome(endless(html));
  CHECK(portal.to_string() == "UNKNOWN: the response has content-type \"text/html\", not application/grpc");
  CHECK(code_of(whole(html, message("y"), good_trailers)) == Code::UNKNOWN);
  CHECK(code_of(whole({{":status", "200"}}, message("y"), good_trailers)) == Code::UNKNOWN);
  CHECK(code_of(whole({{":status", "200"}, {"content-type", "application/grpcx"}}, message("y"),
                      good_trailers)) == Code::UNKNOWN);
  CHECK(code_of(endless({{":status", "502"}, {"content-type", "text/html"}})) == Code::UNAVAILABLE);
  CHECK(code_of(endless({{":status", "404"}})) == Code::UNIMPLEMENTED);
  for (const char* type : {"application/grpc+proto", "application/grpc;charset=utf-8"}) {
    CHECK(outcome(whole({{":status", "200"}, {"content-type", type}}, message("y"), good_trailers)).ok());
  }
}

TEST_CASE("metadata of headers stays initial if trailers follow") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = [](RawPeer& peer, std::uint32_t id) {
    std::string all = peer.encoder.headers(id, http2::test::with(good_headers, {{"x-first", "1"}}));
    return all += peer.encoder.headers(id, {{"grpc-status", "5"}}, end_stream);
  };
  CHECK(host.serve([](Channel& channel) -> Task<void> {
    const auto answer = co_await unary(channel);
    CHECK_FALSE(answer);
    CHECK(answer.metadata.initial.find("x-first") == "1");
    CHECK(answer.metadata.trailing.empty());
  }));
}

TEST_CASE("metadata that is not base64 fails the call") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = whole(http2::test::with(good_headers, {{"x-bad-bin", "!!"}}), message("y"), good_trailers);
  CHECK(host.serve([](Channel& channel) -> Task<void> {
    const auto answer = co_await unary(channel);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().to_string() == "INTERNAL: metadata \"x-bad-bin\": the value is not base64");
  }));
}

TEST_CASE("a grpc-message is decoded whatever it is") {
  const auto status = outcome(headers_only(
      http2::test::with(good_headers, {{"grpc-status", "3"}, {"grpc-message", "caf%C3%A9 100%, %zz"}})));
  CHECK(status.message() == "caf\xc3\xa9 100%, %zz");
}

TEST_CASE("messages that are compressed, missing, many, large or cut") {
  CHECK(code_of(whole(good_headers, message("y", 1), good_trailers)) == Code::INTERNAL);
  CHECK(code_of(whole(http2::test::with(good_headers, {{"grpc-encoding", "snappy"}}), message("y", 1),
                      good_trailers)) == Code::INTERNAL);
  CHECK(code_of(headers_only(http2::test::with(good_headers, good_trailers))) == Code::UNIMPLEMENTED);
  CHECK(code_of(whole(good_headers, message("y") + message("z"), good_trailers)) == Code::UNIMPLEMENTED);
  CHECK(code_of(whole(good_headers, message("yz").substr(0, 6), good_trailers)) == Code::INTERNAL);
  CHECK(code_of(whole(good_headers, std::string("\0\xff\xff\xff\xff", 5), good_trailers)) ==
        Code::RESOURCE_EXHAUSTED);
}

TEST_CASE("headers that trailers follow are initial metadata, headers alone are trailing") {
  SimulatedWorld world(1);
  RawHost host(world);
  bool alone = false;
  host.answer = [&](RawPeer& peer, std::uint32_t id) {
    const FieldList headers = http2::test::with(good_headers, {{"x-where", "first"}});
    if (alone) return peer.encoder.headers(id, http2::test::with(headers, good_trailers), end_stream);
    const std::string first = peer.encoder.headers(id, headers);
    return first + peer.encoder.headers(id, good_trailers, end_stream);
  };
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    for (const bool each : {false, true}) {
      alone = each;
      CAPTURE(alone);
      auto stream = channel.server_streaming<RawMessage, RawMessage>(echo, RawMessage{"x"});
      CHECK_FALSE(co_await stream.next());
      const Status status = co_await stream.finish();
      CHECK(status.ok());
      const Metadata& initial = co_await stream.initial_metadata();
      CHECK(initial.find("x-where").has_value() != alone);
      CHECK(stream.trailing_metadata().find("x-where").has_value() == alone);
    }
  }));
}

TEST_CASE("messages that are unread when the status is taken are dropped") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = whole(good_headers, message("y") + message("z"), good_trailers);
  CHECK(host.serve([](Channel& channel) -> Task<void> {
    for (const int read : {0, 1}) {
      auto stream = channel.server_streaming<RawMessage, RawMessage>(echo, RawMessage{"x"});
      for (int at = 0; at < read; ++at) CHECK(co_await stream.next());
      const Status status = co_await stream.finish();
      CHECK(status.ok());
      CHECK_FALSE(co_await stream.next());
    }
  }));
}

TEST_CASE("a second message is one too many also when the first has been read") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = [](RawPeer& peer, std::uint32_t id) {
    return peer.encoder.headers(id, good_headers) + data(id, message("y"));
  };
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    auto call = unary(channel, 10s);
    call.start();
    co_await sleep_for(100ms);
    RawPeer& peer = *host.peers.front();
    peer.send(data(1, message("z")) + peer.encoder.headers(1, good_trailers, end_stream));
    while (!call.done()) co_await sleep_for(1ms);
    const auto response = call.result();
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Code::UNIMPLEMENTED);
  }));
}

TEST_CASE("a second message ends the call before its trailers") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = [](RawPeer& peer, std::uint32_t id) {
    return peer.encoder.headers(id, good_headers) + data(id, message("y"));
  };
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    auto call = unary(channel, 10s);
    call.start();
    co_await sleep_for(100ms);
    host.peers.front()->send(data(1, message("z")));
    while (!call.done()) co_await sleep_for(1ms);
    CHECK(test::code_of(call) == Code::UNIMPLEMENTED);
  }));
}

TEST_CASE("a message is complete for its reader even if the data after it ends the call") {
  std::string content(300'000, 'a');
  for (std::size_t at = 0; at < content.size(); at += 7) content[at] = static_cast<char>(at);
  std::string sent;
  FieldList headers = good_headers;
  SUBCASE("as it is") { sent = message(content); }
  SUBCASE("compressed") {
    CompressedMessage small(content.size());
    std::ranges::copy(content, small.room().begin());
    sent = as_text(small.finish(Compression::gzip));
    headers.emplace_back("grpc-encoding", "gzip");
  }
  const std::string fault("\2\0\0\0\0", 5);
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = [&](RawPeer& peer, std::uint32_t id) {
    std::string all = peer.encoder.headers(id, headers);
    const std::string body = sent + fault;
    for (std::size_t at = 0; at < body.size(); at += 16'384) all += data(id, body.substr(at, 16'384));
    return all;
  };
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    auto stream = channel.server_streaming<RawMessage, RawMessage>(echo, RawMessage{"x"}, {});
    const std::optional<RawMessage> first = co_await stream.next();
    REQUIRE(first);
    CHECK(first->bytes == content);
    CHECK_FALSE(co_await stream.next());
    const Status status = co_await stream.finish();
    CHECK(status.to_string() == "INTERNAL: received a message whose compressed flag is neither 0 nor 1");
  }));
}

TEST_CASE("the code of a reset becomes the status") {
  constexpr std::pair<ErrorCode, Code> table[] = {
      {ErrorCode::refused_stream, Code::UNAVAILABLE},
      {ErrorCode::cancel, Code::CANCELLED},
      {ErrorCode::enhance_your_calm, Code::RESOURCE_EXHAUSTED},
      {ErrorCode::inadequate_security, Code::PERMISSION_DENIED},
      {ErrorCode::internal_error, Code::INTERNAL},
      {ErrorCode::no_error, Code::INTERNAL},
      {ErrorCode::protocol_error, Code::INTERNAL},
  };
  for (const auto& [reset, code] : table) {
    CAPTURE(http2::name(reset));
    CHECK(code_of([reset](RawPeer&, std::uint32_t id) { return rst_stream(id, reset); }) == code);
  }
}

TEST_CASE("a response that ends before its request is kept") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = [](RawPeer& peer, std::uint32_t id) {
    return whole(good_headers, message("early"), good_trailers)(peer, id) +
           rst_stream(id, ErrorCode::no_error);
  };
  CHECK(host.serve([](Channel& channel) -> Task<void> {
    auto writer = channel.client_streaming<RawMessage, RawMessage>(join_path);
    while (co_await writer.write(RawMessage{std::string(1000, 'x')})) {
    }
    const auto joined = co_await writer.finish();
    REQUIRE_MESSAGE(joined, joined.error().to_string());
    CHECK(joined->bytes == "early");
  }));
}

TEST_CASE("a request without a message ends with an empty DATA frame") {
  // PROTOCOL-HTTP2.md demands it; grpc-go never responds to a request that ends with its headers.
  const auto call_without_messages = [](Channel& channel) -> Task<void> {
    auto call = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Raw/Chat", {.timeout = 10s});
    call.writes_done();
    const Status status = co_await call.finish();
    CHECK_MESSAGE(status.ok(), status.to_string());
  };
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = [](RawPeer& peer, std::uint32_t id) {
    return peer.encoder.headers(id, http2::test::with(good_headers, good_trailers), end_stream);
  };
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    co_await call_without_messages(channel);  // which connects
    co_await call_without_messages(channel);
  }));
  for (const std::uint32_t id : {1U, 3U}) {
    CAPTURE(id);
    std::vector<http2::test::Frame> frames;
    for (const auto& frame : host.peers.front()->frames)
      if (frame.stream_id == id) frames.push_back(frame);
    REQUIRE(frames.size() == 2);
    CHECK(frames[0].type == http2::test::frame_type::headers);
    CHECK((frames[0].flags & end_stream) == 0);
    CHECK(frames[1].type == http2::test::frame_type::data);
    CHECK(frames[1].payload.empty());
    CHECK((frames[1].flags & end_stream) != 0);
  }
}

TEST_CASE("a request with more metadata than the server takes fails before it leaves") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = http2::test::settings({{6, 1000}}) + http2::test::settings_ack();  // MAX_HEADER_LIST_SIZE
  host.answer = whole(good_headers, message("y"), good_trailers);
  CHECK(host.serve([](Channel& channel) -> Task<void> {
    CHECK(co_await unary(channel));  // the server's SETTINGS are there by now
    CallOptions options;
    CHECK(options.metadata.add("x-much", std::string(1000, 'x')).ok());
    const auto refused = co_await unary(channel, options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::RESOURCE_EXHAUSTED);
    CHECK(refused.error().message().ends_with(" bytes; at most 1000 can go to 127.0.0.1:7"));
    CHECK(co_await unary(channel));
  }));
  CHECK(host.peers.front()->frames_of(http2::test::frame_type::headers) == 2);
}

TEST_CASE("a stream whose response ends first is released") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = http2::test::settings({{http2::test::setting::max_concurrent_streams, 1}});
  host.answer = well_answered();
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        auto chat = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Raw/Chat");
        CHECK(co_await chat.next());
        const Status status = co_await chat.finish();
        CHECK(status.ok());
        CHECK(co_await unary(channel, 10s));  // though `chat` is still there
        CHECK(host.peers.front()->resets(1) == std::vector{ErrorCode::no_error});
      },
      {.max_connections = 1}));
}

TEST_CASE("a deadline that passes is DEADLINE_EXCEEDED, whatever comes later") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto late = co_await unary(channel, 1s);
    REQUIRE_FALSE(late);
    CHECK(late.error().to_string() == "DEADLINE_EXCEEDED: no response from 127.0.0.1:7 before the deadline");
    host.peers.front()->send(
        headers_only(http2::test::with(good_headers, good_trailers))(*host.peers.front(), 1));
    host.answer = whole(good_headers, message("y"), good_trailers);
    CHECK(co_await unary(channel, 10s));
  }));
  CHECK(host.peers.front()->resets(1) == std::vector{ErrorCode::cancel});
}

TEST_CASE("a stream whose deadline passes reports how many responses came before") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = [](RawPeer& peer, std::uint32_t id) {
    return peer.encoder.headers(id, good_headers) + http2::test::data(id, message("a") + message("b"), 0);
  };
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    CallOptions options;
    options.timeout = 1s;
    ClientStream<RawMessage, RawMessage> stream(channel.call(echo, MethodKind::server_streaming, options));
    stream.writes_done();
    while (co_await stream.next()) continue;
    const Status status = co_await stream.finish();
    CHECK(status.to_string() ==
          "DEADLINE_EXCEEDED: the call to 127.0.0.1:7 did not end before the deadline; 2 messages arrived");
  }));
}

TEST_CASE("the status names the fault of a server's frames, whatever the server then does") {
  enum class Then { stays, hangs_up, hangs_up_at_once };
  int left_at_once = 0;
  int told_all_the_same = 0;
  for (std::uint64_t seed = 0; seed < 96; ++seed) {
    const auto then = static_cast<Then>(seed % 3);
    SimulatedWorld world(seed, {.short_write = 0.5, .delay = 0.5});
    RawHost host(world);
    host.answer = [&](RawPeer&, std::uint32_t) {
      if (then == Then::hangs_up_at_once) world.server_shard().post([&] { host.peers.clear(); });
      return http2::test::frame(http2::test::frame_type::ping, 0, 0, "short");
    };
    CHECK(host.serve([&](Channel& channel) -> Task<void> {
      const auto calls = start_calls(channel, 1);
      const auto has_goaway = [&] {
        return !host.peers.empty() && host.peers.front()->frames_of(http2::test::frame_type::goaway) > 0;
      };
      while (then != Then::hangs_up_at_once && !has_goaway()) co_await sleep_for(1ms);
      if (then == Then::hangs_up) host.peers.clear();
      co_await all_done(calls);
      const std::string told(calls.front().result().error().message());
      CAPTURE(told);
      const bool by_fault = told.starts_with("127.0.0.1:7: connection ended with FRAME_SIZE_ERROR");
      CHECK((by_fault || then == Then::hangs_up_at_once));
      CHECK(told != "127.0.0.1:7: ");
      if (then != Then::hangs_up_at_once) co_return;
      ++left_at_once;
      if (by_fault) ++told_all_the_same;
    }));
  }
  // Some connections are lost before the frame has arrived. Their calls cannot report it.
  CHECK(told_all_the_same * 2 > left_at_once);
}

}  // namespace
}  // namespace ringrpc::test
