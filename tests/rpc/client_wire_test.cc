/// What a client makes of servers that answer oddly, wrongly, late or never.

#include <algorithm>
#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/sleep.h"

#include "rpc/raw_peer.h"
#include "transport/address.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using http2::ErrorCode;
using http2::test::data;
using http2::test::end_stream;
using http2::test::FieldList;
using http2::test::goaway;
using http2::test::rst_stream;
using http2::test::settings;
using http2::test::settings_ack;

constexpr std::string_view echo = "/test.v1.Raw/Echo";

const FieldList good_headers = {{":status", "200"}, {"content-type", "application/grpc"}};
const FieldList good_trailers = {{"grpc-status", "0"}};

/// A server made by hand: sends `greeting` on each connection, then `answer` for each request that begins.
class RawHost final : Acceptor::Handler {
 public:
  using Answer = std::function<std::string(RawPeer&, std::uint32_t stream)>;

  explicit RawHost(SimulatedWorld& world) : world_(world) {
    const auto where = resolve(*Address::parse("127.0.0.1:7"));
    acceptor_ = std::move(*world.server_shard().io().listen(where->front(), 16, *this));
  }

  bool serve(const World::Script& script, const ChannelOptions& options = {}) {
    return world_.run_against("127.0.0.1:7", script, options);
  }

  std::string greeting = settings() + settings_ack();
  Answer answer;
  std::vector<std::unique_ptr<RawPeer>> peers;
  std::vector<Instant> connected_at;

 private:
  void on_accepted(UniqueFd connection) override {
    connected_at.push_back(world_.simulation().now());
    RawPeer& peer =
        *peers.emplace_back(std::make_unique<RawPeer>(world_.server_shard(), std::move(connection)));
    peer.send(greeting);
    peer.on_headers = [this, &peer](std::uint32_t stream) {
      if (answer) peer.send(answer(peer, stream));
    };
  }
  void on_accept_error(int) override {}

  SimulatedWorld& world_;
  std::unique_ptr<Acceptor> acceptor_;
};

Task<Result<RawMessage>> unary(Channel& channel, Nanoseconds timeout = Nanoseconds::max()) {
  CallOptions options;
  options.timeout = timeout;
  return detail::call_unary<RawMessage, RawMessage>(channel, echo, RawMessage{"x"}, options);
}

/// How a unary call ends when it is answered so.
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

RawHost::Answer headers_only(FieldList fields) {
  return [fields = std::move(fields)](RawPeer& peer, std::uint32_t id) {
    return peer.encoder.headers(id, fields, end_stream);
  };
}

RawHost::Answer whole(FieldList headers, std::string body, FieldList trailers) {
  return [=](RawPeer& peer, std::uint32_t id) {
    std::string all = peer.encoder.headers(id, headers) + data(id, body);
    all += peer.encoder.headers(id, trailers, end_stream);
    return all;
  };
}

TEST_CASE("an HTTP status speaks only where there is no grpc-status") {
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

TEST_CASE("an answer with its message, its trailers and nothing wrong is OK") {
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
          for (const char octet : message("y")) all += data(id, {&octet, 1}) + data(id, "");
          return all += peer.encoder.headers(id, good_trailers, end_stream);
        })
            .ok());
}

TEST_CASE("a grpc-status in headers counts only where nothing follows") {
  const FieldList early = http2::test::with(good_headers, {{"grpc-status", "0"}});
  CHECK(code_of(whole(early, message("y"), {{"grpc-status", "9"}})) == Code::FAILED_PRECONDITION);
  CHECK(code_of(whole(early, message("y"), {{"x", "y"}})) == Code::UNKNOWN);
}

TEST_CASE("a grpc-status that is no code is UNKNOWN") {
  for (const std::string status : {"17", "-1", "00", "05", "4294967296", "x", ""}) {
    CAPTURE(status);
    CHECK(code_of(headers_only(http2::test::with(good_headers, {{"grpc-status", status}}))) == Code::UNKNOWN);
  }
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
      ResponseMetadata response;
      CallOptions options;
      options.response = &response;
      auto stream =
          detail::call_server_streaming<RawMessage, RawMessage>(channel, echo, RawMessage{"x"}, options);
      CHECK_FALSE(co_await stream.next());
      const Status status = co_await stream.finish();
      CHECK(status.ok());
      CHECK(response.initial.find("x-where").has_value() != alone);
      CHECK(response.trailing.find("x-where").has_value() == alone);
    }
  }));
}

TEST_CASE("a second message is one too many also when the first has been read") {
  std::string rest;
  SUBCASE("whole") { rest = data(1, message("z")); }
  SUBCASE("only begun") { rest = data(1, message("z").substr(0, 1)); }
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
    peer.send(rest + peer.encoder.headers(1, good_trailers, end_stream));
    while (!call.done()) co_await sleep_for(1ms);
    const auto response = call.result();
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Code::UNIMPLEMENTED);
  }));
}

TEST_CASE("the code of a reset says why") {
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

TEST_CASE("an answer that ends before the request does is kept") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.answer = [](RawPeer& peer, std::uint32_t id) {
    return whole(good_headers, message("early"), good_trailers)(peer, id) +
           rst_stream(id, ErrorCode::no_error);
  };
  CHECK(host.serve([](Channel& channel) -> Task<void> {
    ClientWriter<RawMessage, RawMessage> writer(
        channel.call("/test.v1.Raw/Join", MethodKind::client_streaming, {}));
    while (co_await writer.write(RawMessage{std::string(1000, 'x')})) {
    }
    const auto joined = co_await writer.finish();
    REQUIRE_MESSAGE(joined, joined.error().to_string());
    CHECK(joined->bytes == "early");
  }));
}

TEST_CASE("a request without a message ends with an empty DATA frame") {
  // PROTOCOL-HTTP2.md demands it; grpc-go never answers a request that ends with its headers.
  const auto call_without_messages = [](Channel& channel) -> Task<void> {
    ClientStream<RawMessage, RawMessage> call(
        channel.call("/test.v1.Raw/Chat", MethodKind::bidirectional, {.timeout = 10s}));
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

TEST_CASE("a deadline that passes is DEADLINE_EXCEEDED, whatever comes later") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    const auto late = co_await unary(channel, 1s);
    REQUIRE_FALSE(late);
    CHECK(late.error().code() == Code::DEADLINE_EXCEEDED);
    host.peers.front()->send(
        headers_only(http2::test::with(good_headers, good_trailers))(*host.peers.front(), 1));
    host.answer = whole(good_headers, message("y"), good_trailers);
    CHECK(co_await unary(channel, 10s));
  }));
  CHECK(host.peers.front()->resets(1) == std::vector{ErrorCode::cancel});
}

TEST_CASE("calls above a GOAWAY's last stream are UNAVAILABLE, those below finish, new ones go elsewhere") {
  SimulatedWorld world(1);
  RawHost host(world);
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    std::vector<Task<Result<RawMessage>>> calls;
    for (int at = 0; at < 2; ++at) {
      calls.push_back(unary(channel));
      calls.back().start();
    }
    while (host.peers.empty() || !host.peers.front()->field(3, ":path")) co_await sleep_for(1ms);
    RawPeer& first = *host.peers.front();
    first.send(goaway(1, ErrorCode::no_error));
    while (!calls[1].done()) co_await sleep_for(1ms);
    CHECK(calls[1].result().error().code() == Code::UNAVAILABLE);
    host.answer = whole(good_headers, message("second"), good_trailers);
    CHECK(co_await unary(channel));
    CHECK(host.peers.size() == 2);
    CHECK_FALSE(calls[0].done());
    first.send(whole(good_headers, message("first"), good_trailers)(first, 1));
    while (!calls[0].done()) co_await sleep_for(1ms);
    CHECK(calls[0].result());
  }));
}

TEST_CASE("a server that says goodbye at once is not asked again at once") {
  for (const std::string& goodbye :
       {settings() + settings_ack() + goaway(0, ErrorCode::no_error),
        settings({{http2::test::setting::max_concurrent_streams, 0}}) + goaway(0, ErrorCode::no_error)}) {
    SimulatedWorld world(1);
    RawHost host(world);
    host.greeting = goodbye;
    CHECK(host.serve([](Channel& channel) -> Task<void> {
      const auto refused = co_await unary(channel, 10min);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code() == Code::UNAVAILABLE);
      CHECK_FALSE(co_await unary(channel, 10min));
    }));
    CHECK(host.peers.size() == 1);
  }
}

TEST_CASE("calls wait for the streams that a server allows") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = settings({{http2::test::setting::max_concurrent_streams, 1}}) + settings_ack();
  host.answer = whole(good_headers, message("y"), good_trailers);
  CHECK(host.serve([](Channel& channel) -> Task<void> {
    std::vector<Task<Result<RawMessage>>> calls;
    for (int at = 0; at < 10; ++at) {
      calls.push_back(unary(channel));
      calls.back().start();
    }
    while (!std::ranges::all_of(calls, &Task<Result<RawMessage>>::done)) co_await sleep_for(1ms);
    for (auto& call : calls) CHECK(call.result());
  }));
  CHECK(host.peers.size() == 1);
}

TEST_CASE("a server that says nothing is given up after the connect timeout") {
  SimulatedWorld world(1);
  RawHost host(world);
  host.greeting = "";
  CHECK(host.serve(
      [&](Channel& channel) -> Task<void> {
        const Instant before = world.simulation().now();
        const auto refused = co_await unary(channel);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == Code::UNAVAILABLE);
        const Nanoseconds took = world.simulation().now() - before;
        CHECK(took >= 3s);
        CHECK(took <= 5s);
      },
      {.connect_timeout = 3s}));
}

TEST_CASE("a connect that takes too long is given up after the connect timeout") {
  SimulatedWorld world(1, {.delay = 1, .delay_max = 24h});
  CHECK(world.run_against("127.0.0.1:7",
                          [&](Channel& channel) -> Task<void> {
                            const Instant before = world.simulation().now();
                            const auto refused = co_await unary(channel);
                            REQUIRE_FALSE(refused);
                            CHECK(refused.error().code() == Code::UNAVAILABLE);
                            CHECK(world.simulation().now() - before <= 4s);
                          },
                          {.connect_timeout = 3s}));
}

TEST_CASE("attempts to connect back off: 1 s, times 1.6, at most 120 s, a fifth more or less") {
  SimulatedWorld world(1);
  RawHost host(world);
  world.simulation().network().faults().refuse = 1;
  std::vector<Instant> attempts;
  CHECK(host.serve([&](Channel& channel) -> Task<void> {
    std::uint64_t seen = 0;
    while (attempts.size() < 16) {
      CHECK_FALSE(co_await unary(channel));
      const std::uint64_t refusals = world.simulation().network().fault_counts().refusals;
      if (std::exchange(seen, refusals) != refusals) attempts.push_back(world.simulation().now());
      co_await sleep_for(10ms);
    }
  }));
  double wait = 1;
  for (std::size_t at = 1; at < attempts.size(); ++at) {
    CAPTURE(at);
    const double waited = std::chrono::duration<double>(attempts[at] - attempts[at - 1]).count();
    CHECK(waited >= 0.8 * wait);
    CHECK(waited <= 1.2 * wait + 0.1);
    wait = std::min(wait * 1.6, 120.0);
  }
}

TEST_CASE("a channel may be destroyed by whoever its own connection wakes") {
  for_each_world([](World& world) {
    int answered = 0;
    CHECK(world.run([&](Channel& unused) -> Task<void> {
      auto channel = std::make_unique<Channel>(unused.target());
      std::vector<Task<void>> calls;
      const auto one = [&]() -> Task<void> {
        const auto response = co_await unary(*channel);
        channel.reset();
        ++answered;
        const bool expected = response || response.error().code() == Code::CANCELLED;
        CHECK_MESSAGE(expected, response.error().to_string());
      };
      for (int at = 0; at < 5; ++at) {
        calls.push_back(one());
        calls.back().start();
      }
      while (answered < 5) co_await sleep_for(1ms);
    }));
  });
}

TEST_CASE("a channel that goes takes its calls along, wherever they are") {
  SimulatedWorld world(1);
  RawHost host(world);
  SUBCASE("while it connects") { host.greeting = ""; }
  SUBCASE("in flight") {}
  SUBCASE("waiting for a stream") {
    host.greeting = settings({{http2::test::setting::max_concurrent_streams, 1}}) + settings_ack();
  }
  CHECK(host.serve([&](Channel& unused) -> Task<void> {
    auto channel = std::make_unique<Channel>(unused.target());
    auto first = unary(*channel);
    auto second = unary(*channel);
    first.start();
    second.start();
    co_await sleep_for(100ms);
    channel.reset();
    while (!first.done() || !second.done()) co_await sleep_for(1ms);
    CHECK(first.result().error().code() == Code::CANCELLED);
    CHECK(second.result().error().code() == Code::CANCELLED);
  }));
}

TEST_CASE("a host that needs a resolver is looked up off the shard") {
  RealWorld world;
  world.serve({});
  // getaddrinfo knows this old spelling of 127.0.0.1, which is no literal to us, without asking any server.
  const std::string port = world.address().substr(world.address().rfind(':'));
  CHECK(world.run_against("127.1" + port, [](Channel& channel) -> Task<void> {
    const auto response = co_await unary(channel);
    CHECK_MESSAGE(response, response.error().to_string());
  }));
}

TEST_CASE("a channel may go while its host is looked up") {
  RealWorld world;
  for (int at = 0; at < 20; ++at) {
    CHECK(world.run_against("127.0.0.1:1", [](Channel&) -> Task<void> {
      auto channel = std::make_unique<Channel>("127.1:1");
      auto call = unary(*channel);
      call.start();
      channel.reset();
      while (!call.done()) co_await sleep_for(1ms);
      CHECK(call.result().error().code() == Code::CANCELLED);
    }));
  }
}

}  // namespace
}  // namespace ringrpc
