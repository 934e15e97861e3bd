/// Requests that cost the server far more than their sender: their limits, and which other calls they delay.

#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <string>
#include <vector>

#include "ringrpc/sleep.h"

#include "rpc/message/compressor.h"
#include "rpc/server/raw_peer.h"
#include "seeds.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using google::protobuf::FileDescriptorProto;
using http2::test::setting::initial_window_size;

constexpr std::size_t mebibyte = 1024 * 1024;
const http2::test::FieldList zstd = {{"grpc-encoding", "zstd"}};
constexpr std::string_view hold_path = "/test.v1.Costly/Hold";

/// A compressed message of almost no bytes that decompresses to these.
std::string bomb(std::string_view bytes) {
  std::vector<std::uint8_t> small;
  compress(Compression::zstd, as_bytes(bytes), small);
  return message(as_text(small), '\1');
}
std::string bomb(std::size_t bytes) { return bomb(std::string(bytes, '\0')); }

/// Handlers that keep their request, or the shard.
class Costly final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Costly"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&Costly::hold>("Hold"), method<&Costly::inflate>("Inflate"),
                                        method<&Costly::mirror>("Mirror"), method<&Costly::spin>("Spin"),
                                        method<&Costly::spin_on>("SpinOn")};
    return methods;
  }
  bool keeps_unknown_fields() const noexcept override { return keeps_unknown; }

  bool keeps_unknown = false;
  int holding = 0;
  int spun = 0;
  bool saw_unknown = false;

 private:
  Task<Status> hold(Call&, FileDescriptorProto request, Writer<RawMessage>& out) {
    ++holding;
    saw_unknown |= !request.GetReflection()->GetUnknownFields(request).empty();
    const RawMessage begun;
    co_await out.write(begun);
    co_await sleep_for(24h);
    co_return Status();
  }
  Task<Status> mirror(Call&, Reader<FileDescriptorProto>& in, Writer<FileDescriptorProto>& out) {
    while (const auto message = co_await in.next())
      if (!co_await out.write(*message)) break;
    co_return Status();
  }
  /// Responds with as many bytes as the request says, compressed.
  Task<Result<RawMessage>> inflate(Call& call, RawMessage request) {
    call.set_compression(Compression::gzip);
    co_return RawMessage(std::string(std::stoul(request.bytes), 'x'));
  }
  /// Keeps the shard busy for a few milliseconds.
  void spin_now(const Call& call) {
    const Instant end = call.now() + 5ms;
    while (call.now() < end) {
    }
    ++spun;
  }
  Task<Result<RawMessage>> spin(Call& call, RawMessage request) {
    spin_now(call);
    co_return request;
  }
  /// For each message.
  Task<Result<RawMessage>> spin_on(Call& call, Reader<RawMessage>& in) {
    while (const auto message = co_await in.next()) spin_now(call);
    co_return RawMessage();
  }
};

/// A message that is small on the wire, but becomes an object for each of its two bytes in memory.
std::string many_messages(int count) {
  FileDescriptorProto file;
  for (int at = 0; at < count; ++at) file.add_message_type();
  return file.SerializeAsString();
}

std::string unknown_groups(int count) {
  FileDescriptorProto file;
  file.set_name("known");
  for (int at = 0; at < count; ++at) file.GetReflection()->MutableUnknownFields(&file)->AddGroup(5000);
  return file.SerializeAsString();
}

TEST_CASE("a connection's large messages wait for one another, and delay no one else") {
  for_each_seed(20, [](std::uint64_t seed) {
    INFO("RINGRPC_SEED=", seed);
    SimulatedWorld world(seed);
    world.serve({});
    const auto greedy = RawPeer::before_server(world);
    const auto modest = RawPeer::before_server(world);
    std::string all;
    for (std::uint32_t id = 1; id < 101; id += 2) greedy->request(id, echo_path, bomb(mebibyte), zstd);
    modest->request(1, echo_path, message("hello"));
    REQUIRE(world.run_until([&] { return modest->ended(1); }));
    CHECK(modest->field(1, "grpc-status") == "0");
    CHECK(world.service().started <= 3);
    REQUIRE(world.run_until([&] { return world.service().started == 51; }));
  });
}

TEST_CASE("large responses are compressed one after the other, and delay no one else") {
  for_each_seed(20, [](std::uint64_t seed) {
    INFO("RINGRPC_SEED=", seed);
    SimulatedWorld world(seed);
    Costly costly;
    world.also_serve(costly);
    world.serve({});
    const auto greedy = RawPeer::before_server(world);
    greedy->send(http2::test::window_update(0, 1 << 24));
    const auto modest = RawPeer::before_server(world);
    for (std::uint32_t id = 1; id < 101; id += 2)
      greedy->request(id, "/test.v1.Costly/Inflate", message("1000000"), {{"grpc-accept-encoding", "gzip"}});
    modest->request(1, echo_path, message("hello"));
    const auto responses = [&] {
      int ended = 0;
      for (std::uint32_t id = 1; id < 101; id += 2) ended += greedy->ended(id);
      return ended;
    };
    REQUIRE(world.run_until([&] { return modest->ended(1); }));
    CHECK(responses() <= 3);
    REQUIRE(world.run_until([&] { return responses() == 50; }));
    for (std::uint32_t id = 1; id < 101; id += 2) CHECK(greedy->field(id, "grpc-status") == "0");
    CHECK(greedy->body(99).size() < 10'000);
  });
}

TEST_CASE("a call may end while its response is compressed") {
  SimulatedWorld world(1);
  Costly costly;
  world.also_serve(costly);
  world.serve({});
  const http2::test::FieldList gzip{{"grpc-accept-encoding", "gzip"}, {"grpc-timeout", "4m"}};
  const auto peer = RawPeer::before_server(world);
  for (std::uint32_t id = 1; id < 41; id += 2) {
    peer->request(id, "/test.v1.Costly/Inflate", message("1000000"), gzip);
    if (id % 3 == 0) peer->send(http2::test::rst_stream(id, http2::ErrorCode::cancel));
  }
  REQUIRE(world.run_until([&] { return peer->ended(1) && peer->ended(37); }));
  CHECK(peer->field(1, "grpc-status") == "0");
  CHECK(peer->field(37, "grpc-status") == "4");
  CHECK(world.server().counters().calls_started == 20);
  CHECK(world.server().counters().calls_succeeded + world.server().counters().calls_failed == 20);
}

TEST_CASE("large messages of a peer whose connection is lost are dropped") {
  SimulatedWorld world(1);
  world.serve({});
  {
    const auto gone = RawPeer::before_server(world);
    for (std::uint32_t id = 1; id < 101; id += 2) gone->request(id, echo_path, bomb(mebibyte), zstd);
    world.simulation().run_for(3ms);
    gone->send(http2::test::goaway(0, http2::ErrorCode::protocol_error));
  }
  REQUIRE(world.run_until([&] { return world.server().counters().connections_open == 0; }));
  CHECK(world.service().started < 25);
}

TEST_CASE("a batch of calls that takes long is cut, and other connections are served in between") {
  for (const IoBackend backend : test::kernel_backends()) {
    RealWorld world(backend);
    INFO("over ", world.server_shard().io().name());
    Costly costly;
    world.also_serve(costly);
    world.serve({});
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      Channel other(world.address(), {});
      // The other connection is up before there is anything to wait for.
      const auto greeted = co_await unary(other, "Echo", "up");
      CHECK(greeted);
      std::vector<Task<CallResult<RawMessage>>> spinning;
      for (int at = 0; at < 60; ++at)
        spinning
            .emplace_back(channel.unary<RawMessage, RawMessage>("/test.v1.Costly/Spin",
                                                                RawMessage(std::string(1000, 'x')), {}))
            .start();
      while (costly.spun == 0) co_await sleep_for(1ms);
      const auto echoed = co_await unary(other, "Echo", "hello");
      CHECK(echoed);
      CHECK(costly.spun < 60);
      while (!std::ranges::all_of(spinning, &Task<CallResult<RawMessage>>::done)) co_await sleep_for(1ms);
      CHECK(std::ranges::all_of(spinning, [](const auto& call) { return call.result().has_value(); }));
    }));
  }
}

Task<void> write_much(Channel& channel) {
  auto writer = channel.client_streaming<RawMessage, RawMessage>("/test.v1.Costly/SpinOn");
  const RawMessage sent{std::string(5'000, 'x')};
  for (int at = 0; at < 60; ++at) CHECK(co_await writer.write(sent));
  const auto finished = co_await writer.finish();
  CHECK(finished);
}

TEST_CASE("a handler that reads much is interrupted, and other connections are served in between") {
  for (const IoBackend backend : test::kernel_backends()) {
    RealWorld world(backend);
    INFO("over ", world.server_shard().io().name());
    Costly costly;
    world.also_serve(costly);
    world.serve({});
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      Channel other(world.address(), {});
      const auto greeted = co_await unary(other, "Echo", "up");
      CHECK(greeted);
      auto writing = write_much(channel);
      writing.start();
      while (costly.spun == 0) co_await sleep_for(1ms);
      const auto echoed = co_await unary(other, "Echo", "hello");
      CHECK(echoed);
      CHECK(costly.spun < 60);
      while (!writing.done()) co_await sleep_for(1ms);
      CHECK(costly.spun == 60);
    }));
  }
}

TEST_CASE("a refused request is released even if the refusal is not read") {
  SimulatedWorld world(1, {.socket_buffer_bytes = 1000});
  Costly costly;
  world.also_serve(costly);
  ServerOptions options;
  options.max_buffered_bytes = 5 * mebibyte;
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  world.simulation().run_for(10ms);
  peer->pause();
  for (std::uint32_t id = 1; id < 101; id += 2)
    peer->request(id, hold_path, bomb(many_messages(10'000)), zstd);
  world.simulation().run_for(1s);
  CHECK(costly.holding == 1);
  CHECK(world.server().counters().calls_failed == 49);
}

TEST_CASE("decompression beyond its budget is refused by name, and allowed again later") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_inflation_per_second = 10 * mebibyte;
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  for (std::uint32_t id = 1; id < 101; id += 2)
    peer->request(id, "/test.v1.Raw/Inflate", bomb(mebibyte), zstd);
  REQUIRE(world.run_until([&] { return peer->ended(99); }));
  CHECK(world.service().started >= 10);
  CHECK(world.service().started <= 12);
  CHECK(peer->field(99, "grpc-status") == "8");
  CHECK(peer->field(99, "grpc-message")->find("decompressed to more than 10485760 bytes a second") !=
        std::string::npos);
  world.simulation().run_for(1s);
  peer->request(101, echo_path, bomb(1000), zstd);
  REQUIRE(world.run_until([&] { return peer->ended(101); }));
  CHECK(peer->field(101, "grpc-status") == "0");
}

TEST_CASE("messages that cannot be decompressed use up the budget, too") {
  SimulatedWorld world(1);
  ServerOptions options;
  options.max_inflation_per_second = 100'000;
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  for (std::uint32_t id = 1; id < 41; id += 2) peer->request(id, echo_path, message("garbage", '\1'), zstd);
  REQUIRE(world.run_until([&] { return peer->ended(39); }));
  CHECK(peer->field(1, "grpc-status") == "13");
  CHECK(peer->field(39, "grpc-status") == "8");
  CHECK(world.service().started == 0);
}

TEST_CASE("a message of many fields is parsed beside the shard, however short it is") {
  constexpr int most_on_shard = 4096;
  for (const int fields : {most_on_shard, most_on_shard + 1}) {
    CAPTURE(fields);
    SimulatedWorld world(1);
    Costly costly;
    world.also_serve(costly);
    world.serve({});
    const auto peer = RawPeer::before_server(world);
    peer->request(1, hold_path, message(many_messages(fields)));
    bool beside_shard = false;
    REQUIRE(world.run_until([&] {
      world.server().visit_oldest(1, [&](ServerConnection& connection) {
        connection.visit_calls(
            1, [&](const ServerCall& call) { beside_shard |= call.state() == CallState::parsing; });
      });
      return costly.holding == 1;
    }));
    CHECK(beside_shard == (fields > most_on_shard));
  }
}

TEST_CASE("unknown fields of large messages are dropped, unless the service wants them") {
  for (const bool kept : {false, true}) {
    SimulatedWorld world(1);
    Costly costly;
    costly.keeps_unknown = kept;
    world.also_serve(costly);
    world.serve({});
    const auto peer = RawPeer::before_server(world);
    peer->request(1, hold_path, bomb(unknown_groups(20'000)), zstd);
    REQUIRE(world.run_until([&] { return costly.holding == 1; }));
    CHECK(costly.saw_unknown == kept);
  }
}

TEST_CASE("a request counts with the memory that it takes, as long as its handler may have it") {
  SimulatedWorld world(1);
  Costly costly;
  world.also_serve(costly);
  ServerOptions options;
  options.max_buffered_bytes = 10 * mebibyte;
  world.serve(options);
  const auto peer = RawPeer::before_server(world);
  const int messages = 10'000;
  const std::size_t each_bytes = [&] {
    FileDescriptorProto parsed;
    CHECK(parsed.ParseFromString(many_messages(messages)));
    return parsed.SpaceUsedLong();
  }();
  const auto fit = static_cast<int>(options.max_buffered_bytes / each_bytes);
  REQUIRE(fit > 1);
  for (std::uint32_t id = 1; id < 41; id += 2)
    peer->request(id, hold_path, bomb(many_messages(messages)), zstd);
  REQUIRE(world.run_until([&] { return peer->ended(39); }));
  CHECK(costly.holding >= 2);
  CHECK(costly.holding <= fit);
  CHECK(peer->field(39, "grpc-status") == "8");
  peer->send(http2::test::rst_stream(1, http2::ErrorCode::cancel) +
             http2::test::rst_stream(3, http2::ErrorCode::cancel));
  world.simulation().run_for(10ms);
  peer->request(41, echo_path, message("room again"));
  REQUIRE(world.run_until([&] { return peer->ended(41); }));
  CHECK(peer->field(41, "grpc-status") == "0");
}

TEST_CASE("messages that are parsed off the shard keep their order") {
  for_each_world([](World& world) {
    Costly costly;
    world.also_serve(costly);
    CHECK(world.run([](Channel& channel) -> Task<void> {
      CallOptions options;
      options.compression = Compression::gzip;
      auto chat =
          channel.bidirectional<FileDescriptorProto, FileDescriptorProto>("/test.v1.Costly/Mirror", options);
      const std::array sizes{0, 6000, 1, 5000, 0, 20'000, 7};
      for (const int size : sizes) {
        FileDescriptorProto sent;
        CHECK(sent.ParseFromString(many_messages(size)));
        CHECK(co_await chat.write(sent));
      }
      chat.writes_done();
      for (const int size : sizes) {
        const auto received = co_await chat.next();
        REQUIRE(received);
        CHECK(received->message_type_size() == size);
      }
      const Status status = co_await chat.finish();
      CHECK_MESSAGE(status.ok(), status.to_string());
    }));
  });
}

TEST_CASE("a large message that is not what the method takes fails its call, and no other") {
  SimulatedWorld world(1);
  Costly costly;
  world.also_serve(costly);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  peer->request(1, hold_path, bomb(std::string(100'000, '\x07')), zstd);
  peer->request(3, "/test.v1.Costly/Mirror", bomb(std::string(100'000, '\x07')), zstd);
  std::string cut = bomb(mebibyte);
  cut[cut.size() - 2] = static_cast<char>(cut[cut.size() - 2] ^ 0x55);
  peer->request(5, echo_path, cut, zstd);
  peer->request(7, echo_path, bomb(5 * mebibyte), zstd);
  peer->request(9, echo_path, message("x"));
  REQUIRE(world.run_until([&] {
    return peer->ended(1) && peer->ended(3) && peer->ended(5) && peer->ended(7) && peer->ended(9);
  }));
  CHECK(peer->field(1, "grpc-status") == "13");
  CHECK(peer->field(3, "grpc-status") == "13");
  CHECK(peer->field(5, "grpc-status") == "13");
  CHECK(peer->field(7, "grpc-status") == "8");
  CHECK(peer->field(9, "grpc-status") == "0");
  CHECK(costly.holding == 0);
}

TEST_CASE("groups that nest too deep fail their call, on the shard and beside it") {
  SimulatedWorld world(1);
  Costly costly;
  world.also_serve(costly);
  world.serve({});
  const auto peer = RawPeer::before_server(world);
  std::uint32_t id = 1;
  for (const std::size_t depth : {101uz, 200uz, 200'000uz}) {
    CAPTURE(depth);
    peer->request(id, hold_path, message(std::string(depth, '\x0b') + std::string(depth, '\x0c')));
    REQUIRE(world.run_until([&] { return peer->ended(id); }));
    CHECK(peer->field(id, "grpc-status") == "13");
    id += 2;
  }
  CHECK(costly.holding == 0);
}

}  // namespace
}  // namespace ringrpc
