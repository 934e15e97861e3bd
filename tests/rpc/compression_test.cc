/// Compressed messages, end to end and through the message buffer.

#include <array>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "rpc/message/compressed_message.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

/// Responds with the compression of the request, and records how requests came.
class Mirror final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Mirror"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{
        method<&Mirror::echo>("Echo"),
        method<&Mirror::chat>("Chat"),
    };
    return methods;
  }

  Compression answer = Compression::identity;
  std::vector<bool> came_compressed;
  std::vector<Compression> came_with;

 private:
  Task<Result<RawMessage>> echo(Call& call, RawMessage request) {
    came_compressed.push_back(call.message_compression() != Compression::identity);
    came_with.push_back(call.message_compression());
    call.set_compression(answer);
    co_return request;
  }

  /// Leaves every second response uncompressed.
  Task<Status> chat(Call& call, Reader<RawMessage>& in, Writer<RawMessage>& out) {
    call.set_compression(answer);
    while (auto message = co_await in.next()) {
      came_compressed.push_back(call.message_compression() != Compression::identity);
      co_await out.write(*message, {.compress = came_compressed.size() % 2 == 1});
    }
    co_return Status();
  }
};

const std::string payload(2'000, 'p');

Task<void> echo_compressed(Channel& channel, Compression requests, bool* response_compressed) {
  CallOptions options;
  options.compression = requests;
  const CallResult<RawMessage> answer =
      co_await channel.unary<RawMessage, RawMessage>("/test.v1.Mirror/Echo", RawMessage{payload}, options);
  REQUIRE_MESSAGE(answer, answer.error().to_string());
  CHECK(answer->bytes == payload);
  *response_compressed = answer.metadata.compressed;
}

TEST_CASE("each direction is compressed as requested, with every algorithm") {
  for_each_world([](World& world) {
    Mirror mirror;
    world.also_serve(mirror);
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      bool compressed = true;
      co_await echo_compressed(channel, Compression::identity, &compressed);
      CHECK_FALSE(compressed);
      for (const Compression how : {Compression::gzip, Compression::deflate, Compression::zstd}) {
        mirror.answer = Compression::identity;
        co_await echo_compressed(channel, how, &compressed);
        CHECK_FALSE(compressed);
        mirror.answer = how;
        co_await echo_compressed(channel, Compression::identity, &compressed);
        CHECK(compressed);
      }
    }));
    CHECK(mirror.came_compressed == std::vector{false, true, false, true, false, true, false});
    constexpr Compression plain = Compression::identity;
    CHECK(mirror.came_with == std::vector{plain, Compression::gzip, plain, Compression::deflate, plain,
                                          Compression::zstd, plain});
  });
}

TEST_CASE("single messages of a stream may stay uncompressed") {
  for_each_world([](World& world) {
    Mirror mirror;
    mirror.answer = Compression::zstd;
    world.also_serve(mirror);
    CHECK(world.run([](Channel& channel) -> Task<void> {
      CallOptions options;
      options.compression = Compression::gzip;
      auto chat = channel.bidirectional<RawMessage, RawMessage>("/test.v1.Mirror/Chat", options);
      for (int at = 0; at < 4; ++at) {
        co_await chat.write(RawMessage{payload}, {.compress = at != 2});
        const auto answer = co_await chat.next();
        REQUIRE(answer);
        CHECK(answer->bytes == payload);
        CHECK(chat.message_compressed() == (at % 2 == 0));
      }
      chat.writes_done();
      CHECK((co_await chat.finish()).ok());
    }));
    CHECK(mirror.came_compressed == std::vector{true, true, false, true});
  });
}

TEST_CASE("a request that is too large once restored fails its own call with RESOURCE_EXHAUSTED") {
  for_each_world([](World& world) {
    world.serve({.max_message_bytes = 1'000});
    CHECK(world.run([](Channel& channel) -> Task<void> {
      CallOptions options;
      options.compression = Compression::gzip;
      for (const std::string_view path : {echo_path, join_path}) {
        const Result<RawMessage> answer =
            co_await channel.unary<RawMessage, RawMessage>(path, RawMessage{payload}, options);
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code() == Code::RESOURCE_EXHAUSTED);
      }
      const Result<RawMessage> next =
          co_await channel.unary<RawMessage, RawMessage>(echo_path, RawMessage{"small"}, options);
      CHECK(next);
    }));
  });
}

TEST_CASE("a response that is too large once restored fails the call at the client") {
  for_each_world([](World& world) {
    Mirror mirror;
    mirror.answer = Compression::gzip;
    world.also_serve(mirror);
    CHECK(world.run(
        [](Channel& channel) -> Task<void> {
          const Result<RawMessage> answer = co_await channel.unary<RawMessage, RawMessage>(
              "/test.v1.Mirror/Echo", RawMessage{payload}, CallOptions());
          REQUIRE_FALSE(answer);
          CHECK(answer.error().code() == Code::RESOURCE_EXHAUSTED);
        },
        {.max_message_bytes = 1'000}));
  });
}

TEST_CASE("a message that does not get smaller is sent uncompressed") {
  CompressedMessage outgoing(3);
  std::copy_n("abc", 3, outgoing.room().begin());
  CHECK(as_text(outgoing.finish(Compression::gzip)) == std::string_view("\0\0\0\0\3abc", 8));
}

TEST_CASE("the buffer restores messages one by one and keeps none of them restored") {
  std::string wire;
  for (const std::string& message : {payload, std::string("short"), payload}) {
    CompressedMessage outgoing(message.size());
    std::ranges::copy(message, outgoing.room().begin());
    wire += as_text(outgoing.finish(Compression::deflate));
  }
  SlabPool slabs;
  MessageBuffer buffer(slabs, payload.size());
  buffer.set_encoding(Compression::deflate);
  REQUIRE(buffer.add(as_bytes(wire)).ok());
  CHECK(as_text(buffer.take()->front()) == payload);
  CHECK(buffer.took_compressed());
  CHECK(as_text(buffer.take()->front()) == "short");
  CHECK_FALSE(buffer.took_compressed());
  CHECK(as_text(buffer.take()->front()) == payload);
  CHECK(buffer.empty());
}

TEST_CASE("a compressed message that cannot be restored is a fault") {
  SlabPool slabs;
  MessageBuffer buffer(slabs, 100);
  buffer.set_encoding(Compression::gzip);
  REQUIRE(buffer.add(as_bytes(std::string_view("\1\0\0\0\3abc", 8))).ok());
  REQUIRE(buffer.ready());
  CHECK_FALSE(buffer.take());
  CHECK(buffer.fault().message().contains("gzip"));
  CHECK_FALSE(buffer.ready());
}

TEST_CASE("a compressed flag that is neither 0 nor 1 is a fault") {
  SlabPool slabs;
  MessageBuffer buffer(slabs, 100);
  buffer.set_encoding(Compression::gzip);
  CHECK(buffer.add(as_bytes(std::string_view("\2\0\0\0\0", 5))).code() == Code::INTERNAL);
}

}  // namespace
}  // namespace ringrpc
