/// The words of failures: which backend failed, and what was wrong with its response.

#include <algorithm>
#include <doctest/doctest.h>
#include <functional>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/client_interceptor.h"
#include "ringrpc/load_balancing.h"
#include "ringrpc/sleep.h"

#include "rpc/client/fleet.h"
#include "rpc/client/named_world.h"

namespace ringrpc::test {
namespace {

using namespace std::chrono_literals;
using http2::test::data;
using http2::test::end_stream;
using http2::test::with;

/// The text of the outcome of a unary call with this response.
template <class Response = RawMessage>
std::string text_of(const RawHost::Answer& answer, const ChannelOptions& options = {}) {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = answer;
  std::string text;
  const auto script = [&](Channel& channel) -> Task<void> {
    const auto response =
        co_await channel.unary<RawMessage, Response>(echo, RawMessage{"x"}, {.timeout = 10s});
    text = response ? "OK" : response.error().to_string();
  };
  CHECK(host.serve(script, options));
  return text;
}

std::string text_of_body(const std::string& body, const FieldList& more = {}) {
  return text_of(whole(with(good_headers, more), body, good_trailers));
}

TEST_CASE("bytes behind the only message of a response are counted") {
  const std::string three = "INTERNAL: 3 bytes follow the only message of the response, and are no message";
  CHECK(text_of_body(message("y") + "abc") == three);
  CHECK(text_of_body(message("y") + message("z").substr(0, 3)) == three);
  CHECK(text_of_body(message("y") + "garbage").starts_with("INTERNAL: 7 bytes follow"));
  CHECK(text_of_body(message("y") + message("z")) ==
        "UNIMPLEMENTED: the response has several messages, this method has one");
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = [](RawPeer& peer, std::uint32_t id) {
    return peer.encoder.headers(id, good_headers) + data(id, message("y"));
  };
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    auto call = unary(channel, 10s);
    call.start();
    co_await sleep_for(100ms);  // the message has been read
    RawPeer& peer = *host.peers.front();
    peer.send(data(1, "ab") + data(1, "c") + peer.encoder.headers(1, good_trailers, end_stream));
    while (!call.done()) co_await sleep_for(1ms);
    const auto response = call.result();
    REQUIRE_FALSE(response);
    CHECK(response.error().to_string() == three);
  }));
}

TEST_CASE("a content-length that is wrong is named") {
  const std::string wrong = "INTERNAL: the length of the response's body differs from its content-length";
  CHECK(text_of_body(message("y"), {{"content-length", "6"}}) == "OK");
  for (const char* const length : {"0", "5", "7"})
    CHECK(text_of_body(message("y"), {{"content-length", length}}) == wrong);
  CHECK(text_of(headers_only(with(good_headers, {{"content-length", "6"}, {"grpc-status", "0"}}))) == wrong);
}

TEST_CASE("an empty grpc-encoding is identity") {
  CHECK(text_of_body(message("y"), {{"grpc-encoding", ""}}) == "OK");
  CHECK(text_of_body(message("y", 1), {{"grpc-encoding", ""}}) ==
        "INTERNAL: received a compressed message without an agreed grpc-encoding");
}

TEST_CASE("a status counts, whatever the encoding of messages that have not come") {
  const FieldList headers = with(good_headers, {{"grpc-encoding", "snappy"}});
  CHECK(text_of(headers_only(with(headers, {{"grpc-status", "5"}, {"grpc-message", "gone"}}))) ==
        "NOT_FOUND: gone");
  const auto separate = [&](RawPeer& peer, std::uint32_t id) {
    const std::string first = peer.encoder.headers(id, headers);
    return first + peer.encoder.headers(id, {{"grpc-status", "5"}, {"grpc-message", "gone"}}, end_stream);
  };
  CHECK(text_of(separate) == "NOT_FOUND: gone");
  CHECK(text_of(whole(headers, message("y"), {{"grpc-status", "5"}}))
            .starts_with("INTERNAL: the server compresses with \"snappy\", which was not offered"));
}

TEST_CASE("metadata that is too large says which limit it exceeds") {
  FieldList many = good_headers;
  for (int at = 0; at < 99; ++at) many.emplace_back("x-" + std::to_string(at), "y");
  CHECK(text_of(headers_only(many)) ==
        "RESOURCE_EXHAUSTED: the response's metadata exceeds 100 fields (max_header_fields)");
  CHECK(text_of(headers_only(with(good_headers, {{"x-large", std::string(9000, 'y')}}))) ==
        "RESOURCE_EXHAUSTED: the response's metadata exceeds 8192 bytes (max_header_list_bytes)");
}

TEST_CASE("text that is not UTF-8 is named with its field") {
  const auto with_body = [](const google::protobuf::MessageLite& sent) {
    return whole(good_headers, message(sent.SerializePartialAsString()), good_trailers);
  };
  const std::string wrong = "INTERNAL: a response is not a message of this method's type";
  google::protobuf::BytesValue bytes;
  bytes.set_value("caf\xe9");
  CHECK(text_of<google::protobuf::StringValue>(with_body(bytes)) ==
        wrong + ": google.protobuf.StringValue.value is not valid UTF-8");
  bytes.set_value("caf\xc3\xa9");
  CHECK(text_of<google::protobuf::StringValue>(with_body(bytes)) == "OK");
  const std::string nested("\x0a\x06\x0a\x01k\x12\x01\xff",
                           8);  // the one-byte value of the key "k" is no Value
  CHECK(text_of<google::protobuf::Struct>(whole(good_headers, message(nested), good_trailers)) == wrong);
  const std::string deep("\x0a\x08\x0a\x01k\x12\x03\x1a\x01\xff", 10);
  CHECK(text_of<google::protobuf::Struct>(whole(good_headers, message(deep), good_trailers)) ==
        wrong + ": google.protobuf.Value.string_value is not valid UTF-8");
}

/// Notes the address of each call.
struct Peers final : ClientInterceptor {
  Task<Status> intercept(ClientRequest& request, ClientNext next) override {
    CHECK(request.peer.empty());
    Status status = co_await next();
    seen.emplace_back(request.peer);
    co_return status;
  }
  std::vector<std::string> seen;
};

TEST_CASE("results, streams and interceptors have the address that the call went to, whatever its end") {
  Fleet fleet(2);
  fleet.hosts[1]->answer = headers_only(with(good_headers, {{"grpc-status", "5"}}));
  Peers peers;
  const auto script = [&](Channel& channel) -> Task<void> {
    CHECK((co_await channel.connect()).ok());
    co_await all_connected(fleet, 2);
    std::set<std::string, std::less<>> failed;
    std::set<std::string, std::less<>> succeeded;
    for (int at = 0; at < 4; ++at) {
      const auto response = co_await unary(channel);
      (response ? succeeded : failed).emplace(response.peer());
      auto stream = channel.server_streaming<RawMessage, RawMessage>(echo, RawMessage{"x"});
      while (co_await stream.next()) continue;
      const Status status = co_await stream.finish();
      (status.ok() ? succeeded : failed).emplace(stream.peer());
    }
    CHECK(succeeded == std::set<std::string, std::less<>>{"127.0.0.1:1"});
    CHECK(failed == std::set<std::string, std::less<>>{"127.0.0.1:2"});
    CHECK(std::ranges::count(peers.seen, "127.0.0.1:1") == 4);
    CHECK(std::ranges::count(peers.seen, "127.0.0.1:2") == 4);
  };
  CHECK(fleet.run(round_robin(), script, {.interceptors = {&peers}}));
}

TEST_CASE("a result keeps an address of any length, and gives it to its copies") {
  for (const std::size_t length : {0, 15, 55, 56, 120}) {
    const std::string address(length, 'a');
    CallResult<RawMessage> result(RawMessage{"x"});
    result.set_peer(address);
    CallResult<RawMessage> copy = result;
    CHECK(result.peer() == address);
    CHECK(copy.peer() == address);
    const CallResult<RawMessage> moved = std::move(copy);
    CHECK(moved.peer() == address);
  }
}

TEST_CASE("a call that is cut, or late, names the one of several addresses that it went to") {
  Fleet fleet(3);
  for (const auto& host : fleet.hosts) host->answer = nullptr;
  CHECK(fleet.run(round_robin(), [&](Channel& channel) -> Task<void> {
    CHECK((co_await channel.connect()).ok());
    co_await all_connected(fleet, 3);
    const auto calls = start_calls(channel, 3);
    while (fleet.calls(1) == 0) co_await sleep_for(1ms);
    fleet.hosts[1]->peers.clear();
    co_await sleep_for(10ms);
    int cut = 0;
    for (const auto& call : calls) {
      if (!call.done()) continue;
      ++cut;
      CHECK(call.result().error().to_string() ==
            "UNAVAILABLE: " + fleet.target + " at 127.0.0.1:2: the peer closed the connection");
    }
    CHECK(cut == 1);
    const auto late = co_await unary(channel, 1s);
    REQUIRE_FALSE(late);
    const std::string text = late.error().to_string();
    CHECK(text.starts_with("DEADLINE_EXCEEDED: no response from " + fleet.target + " at 127.0.0.1:"));
    CHECK(text.ends_with(" before the deadline"));
  }));
}

TEST_CASE("a call that is cut names the address behind the name that it went to") {
  NamedWorld named;
  RawHost host(named.world);
  named.inventory->addresses = {"127.0.0.1:7"};
  CHECK(named.run([&](Channel& channel) -> Task<void> {
    const auto calls = start_calls(channel, 1);
    while (host.peers.empty() || !host.peers.front()->field(1, ":path")) co_await sleep_for(1ms);
    host.peers.clear();
    co_await all_done(calls);
    CHECK(calls.front().result().error().to_string() ==
          "UNAVAILABLE: inventory:///orders at 127.0.0.1:7: the peer closed the connection");
  }));
}

}  // namespace
}  // namespace ringrpc::test
