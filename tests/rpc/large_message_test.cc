/// Messages that lie in several slabs, both ways.
#include <array>
#include <chrono>
#include <cstring>
#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <string>
#include <vector>

#include "ringrpc/client_interceptor.h"
#include "ringrpc/codec.h"
#include "ringrpc/sleep.h"

#include "rpc/message/pattern.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

/// A message whose Codec knows nothing of pieces.
struct Whole {
  Whole() = default;
  explicit Whole(std::string content) : bytes(std::move(content)) {}

  std::string bytes;
};

/// Sizes around the capacity of a block, of a slab, and of several slabs.
std::vector<std::size_t> sizes_at_boundaries() {
  std::vector<std::size_t> sizes;
  for (const std::size_t edge :
       {456uz, 4096uz, 8192uz, Slab::capacity, 16'384uz, 2 * Slab::capacity, 65'536uz})
    for (const std::size_t below : {48uz, 46uz, 41uz, 40uz, 32uz, 14uz, 9uz, 6uz, 5uz, 4uz, 1uz, 0uz})
      sizes.push_back(edge - below);
  sizes.push_back(65'537);
  sizes.push_back(300'000);
  return sizes;
}

/// An interceptor that delays the message before it is sent.
class Delay final : public ClientInterceptor {
 public:
  Task<Status> intercept(ClientRequest&, ClientNext next) override {
    co_await sleep_for(std::chrono::milliseconds(1));
    co_return co_await next();
  }
};

}  // namespace

template <>
struct Codec<Whole> {
  static bool parse(Whole& message, Bytes bytes) {
    message.bytes.assign(as_text(bytes));
    return true;
  }
  static std::size_t size(const Whole& message) { return message.bytes.size(); }
  static void serialize(const Whole& message, std::uint8_t* to) {
    std::memcpy(to, message.bytes.data(), message.bytes.size());
  }
};

namespace {

/// Echoes messages of each kind of Codec.
class LargeMirror final : public Service {
 public:
  using Protobuf = google::protobuf::BytesValue;
  using NamePart = google::protobuf::UninterpretedOption::NamePart;  // has required fields

  std::string_view service_name() const noexcept override { return "test.v1.Mirror"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&LargeMirror::unary_of<Protobuf>>("Protobuf"),
                                        method<&LargeMirror::unary_of<Whole>>("Whole"),
                                        method<&LargeMirror::unary_of<NamePart>>("NamePart"),
                                        method<&LargeMirror::stream_of<RawMessage>>("Raw"),
                                        method<&LargeMirror::stream_of<Protobuf>>("Stream")};
    return methods;
  }

 private:
  template <class T>
  Task<Result<T>> unary_of(Call& call, T message) {
    call.set_compression(compression);
    co_return message;
  }
  template <class T>
  Task<Status> stream_of(Call&, Reader<T>& in, Writer<T>& out) {
    while (const std::optional<T> message = co_await in.next())
      if (!co_await out.write(*message)) break;
    co_return Status();
  }

 public:
  Compression compression = Compression::identity;
};

using Protobuf = LargeMirror::Protobuf;

Protobuf protobuf(std::size_t bytes) {
  Protobuf message;
  message.set_value(pattern(bytes));
  return message;
}

Task<void> check_protobuf(Channel& channel, std::size_t bytes, CallOptions options = {}) {
  const Result<Protobuf> answer = co_await channel.unary<Protobuf, Protobuf>(
      "/test.v1.Mirror/Protobuf", protobuf(bytes), std::move(options));
  REQUIRE_MESSAGE(answer, answer.error().to_string());
  CHECK(answer->value() == pattern(bytes));
}

TEST_CASE("messages around the bounds of blocks and slabs arrive as they were sent") {
  for_some_worlds([](World& world) {
    LargeMirror mirror;
    world.also_serve(mirror);
    CHECK(world.run([](Channel& channel) -> Task<void> {
      for (const std::size_t bytes : sizes_at_boundaries()) co_await check_protobuf(channel, bytes);
    }));
    world.stop();
    CHECK(world.server_shard().slabs().in_use() == 0);
    CHECK(world.client_shard().slabs().in_use() == 0);
  });
}

TEST_CASE("large messages cross a network that carries a byte at a time") {
  SimulatedWorld world(1, {.socket_buffer_bytes = 1});
  LargeMirror mirror;
  world.also_serve(mirror);
  CHECK(world.run([](Channel& channel) -> Task<void> { co_await check_protobuf(channel, 20'000); }));
}

TEST_CASE("a Codec that knows nothing of pieces takes large messages too") {
  for_some_worlds([](World& world) {
    LargeMirror mirror;
    world.also_serve(mirror);
    CHECK(world.run([](Channel& channel) -> Task<void> {
      for (const std::size_t bytes : {100uz, 20'000uz, 100'000uz}) {
        const Result<Whole> answer =
            co_await channel.unary<Whole, Whole>("/test.v1.Mirror/Whole", Whole(pattern(bytes)), {});
        REQUIRE_MESSAGE(answer, answer.error().to_string());
        CHECK(answer->bytes == pattern(bytes));
      }
    }));
  });
}

/// Sends messages of those sizes one after the other, and reads the responses behind them.
template <class T, class Make, class Read>
Task<void> check_stream(Channel& channel, std::string method, Make make, Read read) {
  const std::vector<std::size_t> sizes{10, 70'000, 0, 9'000, 16'327, 3, 33'000, 16'368, 100};
  auto stream = channel.bidirectional<T, T>(method);
  for (const std::size_t bytes : sizes) REQUIRE(co_await stream.write(make(bytes)));
  stream.writes_done();
  for (const std::size_t bytes : sizes) {
    const std::optional<T> message = co_await stream.next();
    REQUIRE(message);
    CHECK(read(*message) == pattern(bytes));
  }
  CHECK_FALSE(co_await stream.next());
  const Status status = co_await stream.finish();
  CHECK(status.ok());
}

TEST_CASE("large and small messages take turns in a stream") {
  for_some_worlds([](World& world) {
    LargeMirror mirror;
    world.also_serve(mirror);
    CHECK(world.run([](Channel& channel) -> Task<void> {
      co_await check_stream<Protobuf>(channel, "/test.v1.Mirror/Stream", protobuf,
                                      [](const Protobuf& message) { return message.value(); });
      co_await check_stream<RawMessage>(
          channel, "/test.v1.Mirror/Raw", [](std::size_t bytes) { return RawMessage(pattern(bytes)); },
          [](const RawMessage& message) { return message.bytes; });
    }));
  });
}

TEST_CASE("large messages are compressed, and restored from their pieces") {
  for_some_worlds([](World& world) {
    LargeMirror mirror;
    mirror.compression = Compression::gzip;
    world.also_serve(mirror);
    CHECK(world.run([](Channel& channel) -> Task<void> {
      for (const Compression compression : {Compression::gzip, Compression::zstd}) {
        CallOptions options;
        options.compression = compression;
        co_await check_protobuf(channel, 3'000'000, options);
      }
    }));
  });
}

TEST_CASE("a large message that an interceptor holds back leaves whole") {
  for_some_worlds([](World& world) {
    LargeMirror mirror;
    world.also_serve(mirror);
    Delay delay;
    ChannelOptions options;
    options.interceptors = {&delay};
    CHECK(world.run([](Channel& channel) -> Task<void> { co_await check_protobuf(channel, 200'000); },
                    options));
  });
}

TEST_CASE("an invalid message is refused in pieces as in one") {
  for_some_worlds([](World& world) {
    LargeMirror mirror;
    world.also_serve(mirror);
    CHECK(world.run([](Channel& channel) -> Task<void> {
      // A field of type bytes whose length exceeds the bytes that follow.
      std::string cut = protobuf(100'000).SerializeAsString();
      cut.resize(60'000);
      const Result<RawMessage> answer =
          co_await channel.unary<RawMessage, RawMessage>("/test.v1.Mirror/Protobuf", RawMessage(cut), {});
      REQUIRE_FALSE(answer);
      CHECK(answer.error().code() == Code::INTERNAL);
    }));
  });
}

TEST_CASE("a message without its required fields is refused in pieces as in one") {
  for_some_worlds([](World& world) {
    LargeMirror mirror;
    world.also_serve(mirror);
    CHECK(world.run([](Channel& channel) -> Task<void> {
      for (const std::size_t bytes : {10uz, 100'000uz}) {
        LargeMirror::NamePart part;
        part.set_name_part(std::string(bytes, 'x'));
        const auto send = [&] {
          return channel.unary<RawMessage, RawMessage>("/test.v1.Mirror/NamePart",
                                                       RawMessage(part.SerializePartialAsString()), {});
        };
        const Result<RawMessage> refused = co_await send();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == Code::INTERNAL);
        part.set_is_extension(true);
        CHECK(co_await send());
      }
    }));
  });
}

}  // namespace
}  // namespace ringrpc
