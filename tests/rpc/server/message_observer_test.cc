/// The messages that interceptors of a server see: their order, what a refusal does, and large messages.
#include <array>
#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "ringrpc/interceptor.h"
#include "ringrpc/sleep.h"

#include "rpc/recorder.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using google::protobuf::FileDescriptorProto;

/// Shows its observer the messages of each call.
class Observing final : public Interceptor {
 public:
  explicit Observing(MessageObserver& observer, Nanoseconds wait = Nanoseconds(0)) noexcept
      : observer_(observer), wait_(wait) {}

  Task<Status> intercept(Call&, Next next) override {
    if (wait_.count() > 0) co_await sleep_for(wait_);
    Status status = co_await next(observer_);
    statuses.push_back(status.to_string());
    co_return status;
  }
  void on_end(Call&, const Status& status) override { ends.push_back(status.to_string()); }

  std::vector<std::string> statuses;  ///< that `next` gave
  std::vector<std::string> ends;

 private:
  MessageObserver& observer_;
  Nanoseconds wait_;
};

void serve_behind(World& world, std::vector<Interceptor*> interceptors) {
  ServerOptions options;
  options.interceptors = std::move(interceptors);
  world.serve(options);
}

TEST_CASE("the outermost observer of a server sees requests first and responses last") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Recorder outer("outer", seen);
    Recorder inner("inner", seen);
    Observing around(outer);
    Observing inside(inner);
    serve_behind(world, {&around, &inside});
    CHECK(world.run(make_calls_of_each_kind));
    CHECK(seen == records_of_each_kind());
    CHECK(inside.statuses == std::vector<std::string>{"OK", "OK", "OK", "OK"});
  });
}

TEST_CASE("a handler does not run for a request that an observer refuses") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Recorder recorder("outer", seen);
    Recorder refusing("inner", seen, "bad");
    Observing around(recorder);
    Observing inside(refusing);
    serve_behind(world, {&around, &inside});
    const std::string refused = "INVALID_ARGUMENT: the request bad is not wanted";
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      for (const char* method : {"Echo", "Count"})
        CHECK((co_await unary(channel, method, "bad")).error().to_string() == refused);
      CHECK(world.service().started == 0);
      CHECK(co_await unary(channel, "Echo", "good"));
    }));
    CHECK(around.statuses == std::vector<std::string>{refused, refused, "OK"});
    CHECK(inside.statuses == around.statuses);
    CHECK(around.ends == around.statuses);
  });
}

TEST_CASE("an observer does not see a request that one further outside refuses") {
  SimulatedWorld world(1);
  std::vector<std::string> seen;
  Recorder refusing("outer", seen, "bad");
  Recorder recorder("inner", seen);
  Observing around(refusing);
  Observing inside(recorder);
  serve_behind(world, {&around, &inside});
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    CHECK((co_await unary(channel, "Echo", "bad")).error().code() == Code::INVALID_ARGUMENT);
  }));
  CHECK(seen == std::vector<std::string>{"outer request bad"});
}

TEST_CASE("a reader sees the end of its stream in the place of a request that an observer refuses") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Recorder refusing("audit", seen, "bad");
    Observing observing(refusing);
    serve_behind(world, {&observing});
    const std::string refused = "INVALID_ARGUMENT: the request bad is not wanted";
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      ClientWriter<RawMessage, RawMessage> joining(channel.call(join_path, MethodKind::client_streaming, {}));
      for (const char* part : {"good", "bad"}) CHECK(co_await joining.write(RawMessage{part}));
      CHECK((co_await joining.finish()).error().to_string() == refused);
      ClientStream<RawMessage, RawMessage> chatting(
          channel.call("/test.v1.Raw/Chat", MethodKind::bidirectional, {}));
      CHECK(co_await chatting.write(RawMessage{"good"}));
      CHECK((co_await chatting.next()).value().bytes == "good");
      CHECK(co_await chatting.write(RawMessage{"bad"}));
      CHECK_FALSE(co_await chatting.next());
      CHECK((co_await chatting.finish()).to_string() == refused);
    }));
    CHECK(world.run_until([&] { return world.service().running == 0; }));
    CHECK(observing.statuses == std::vector<std::string>{refused, refused});
    CHECK(seen == std::vector<std::string>{"audit request good", "audit request bad", "audit request good",
                                           "audit response good", "audit request bad"});
  });
}

TEST_CASE("a response that an observer of a server refuses is not sent") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Recorder recorder("outer", seen);
    Recorder refusing("inner", seen, "1");
    CustomObserver only_responses(
        [](const MessageView&) { return Status(); },
        [&](const MessageView& response) { return refusing.on_response(response); });
    Observing around(recorder);
    Observing inside(only_responses);
    serve_behind(world, {&around, &inside});
    const std::string refused = "INVALID_ARGUMENT: the response 1 is not wanted";
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      CHECK((co_await unary(channel, "Echo", "1")).error().to_string() == refused);
      auto counting = channel.server_streaming<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{"5"},
                                                                       CallOptions());
      CHECK((co_await counting.next()).value().bytes == "0");
      CHECK_FALSE(co_await counting.next());
      CHECK((co_await counting.finish()).to_string() == refused);
      ClientStream<RawMessage, RawMessage> flood(
          channel.call("/test.v1.Raw/Flood", MethodKind::bidirectional, {}));
      CHECK(co_await flood.write(RawMessage{"1"}));
      CHECK_FALSE(co_await flood.next());
      CHECK((co_await flood.finish()).to_string() == refused);
    }));
    CHECK(world.service().flooded == 0);  // `write` gave false
    CHECK(seen == std::vector<std::string>{"outer request 1", "inner response 1", "outer request 5",
                                           "inner response 0", "outer response 0", "inner response 1",
                                           "outer request 1", "inner response 1"});
    CHECK(around.statuses == std::vector<std::string>{refused, refused, refused});
  });
}

TEST_CASE("an observer of a server that throws fails its own call only") {
  const auto see = [](const MessageView& message) -> Status {
    if (as_text(message.bytes()) == "bad") throw std::runtime_error("secret");
    if (as_text(message.bytes()) == "large") throw std::bad_alloc();
    return {};
  };
  CustomObserver requests(see);
  CustomObserver responses([](const MessageView&) { return Status(); }, see);
  for (MessageObserver* throwing : {&requests, &responses})
    for_each_world([&](World& world) {
      Observing observing(*throwing);
      serve_behind(world, {&observing});
      CHECK(world.run([&](Channel& channel) -> Task<void> {
        for (const char* method : {"Echo", "Join"}) {
          CHECK((co_await unary(channel, method, "bad"))
                    .error()
                    .to_string()
                    .starts_with("INTERNAL: a message observer "));
          CHECK((co_await unary(channel, method, "large")).error().code() == Code::RESOURCE_EXHAUSTED);
          CHECK(co_await unary(channel, method, "good"));
        }
      }));
    });
}

/// Mirrors messages of many fields, which are parsed beside the shard.
class MirroredFiles final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Files"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&MirroredFiles::mirror>("Mirror"),
                                        method<&MirroredFiles::chat>("Chat")};
    return methods;
  }

 private:
  Task<Result<FileDescriptorProto>> mirror(Call& call, FileDescriptorProto file) {
    call.set_compression(call.message_compression());
    co_return file;
  }
  Task<Status> chat(Call& call, Reader<FileDescriptorProto>& in, Writer<FileDescriptorProto>& out) {
    call.set_compression(call.message_compression());
    while (const auto file = co_await in.next())
      if (!co_await out.write(*file)) break;
    co_return Status();
  }
};

FileDescriptorProto file_of(int messages, std::size_t name_bytes) {
  FileDescriptorProto file;
  for (int at = 0; at < messages; ++at) file.add_message_type();
  file.set_name(std::string(name_bytes, 'n'));
  return file;
}

/// In one piece, in several, parsed beside the shard for their fields and for their size.
std::vector<FileDescriptorProto> files_of_all_sizes() {
  return {file_of(1, 1), file_of(0, 100'000), file_of(5000, 1), file_of(0, 0), file_of(3, 400'000)};
}

TEST_CASE("an observer of a server sees large messages whole, typed and as bytes") {
  for_some_worlds([](World& world) {
    MirroredFiles files;
    world.also_serve(files);
    std::vector<std::string> requests;
    std::vector<std::string> responses;
    const auto see = [](std::vector<std::string>& seen) {
      return [&seen](const MessageView& message) -> Status {
        const FileDescriptorProto* const file = message.as<FileDescriptorProto>();
        REQUIRE(file);
        CHECK(message.size() == file->ByteSizeLong());
        CHECK(as_text(message.bytes()) == file->SerializeAsString());
        seen.push_back(file->SerializeAsString());
        return {};
      };
    };
    CustomObserver observer(see(requests), see(responses));
    Observing around(observer);
    Observing inside(observer, 1ms);
    serve_behind(world, {&around, &inside});
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      for (const Compression compression : {Compression::identity, Compression::gzip}) {
        CallOptions options;
        options.compression = compression;
        ClientStream<FileDescriptorProto, FileDescriptorProto> chat(
            channel.call("/test.v1.Files/Chat", MethodKind::bidirectional, options));
        for (const FileDescriptorProto& file : files_of_all_sizes()) {
          const std::string bytes = file.SerializeAsString();
          const std::vector<std::string> twice{bytes, bytes};
          requests.clear();
          responses.clear();
          const auto mirrored = co_await channel.unary<FileDescriptorProto, FileDescriptorProto>(
              "/test.v1.Files/Mirror", file, options);
          REQUIRE_MESSAGE(mirrored, mirrored.error().to_string());
          CHECK(mirrored->SerializeAsString() == bytes);
          CHECK(requests == twice);
          CHECK(responses == twice);
          CHECK(co_await chat.write(file));
          const auto chatted = co_await chat.next();
          REQUIRE(chatted);
          CHECK(chatted->SerializeAsString() == bytes);
          CHECK(requests.size() == 4);
          CHECK(responses.size() == 4);
        }
        chat.writes_done();
        CHECK((co_await chat.finish()).ok());
      }
    }));
  });
}

TEST_CASE("a large request is refused as a small one is") {
  SimulatedWorld world(1);
  MirroredFiles files;
  world.also_serve(files);
  CustomObserver refusing([](const MessageView& request) -> Status {
    if (request.size() < 5000) return {};
    return Status(Code::OUT_OF_RANGE, "too many messages");
  });
  Observing observing(refusing);
  serve_behind(world, {&observing});
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    const auto refused = co_await channel.unary<FileDescriptorProto, FileDescriptorProto>(
        "/test.v1.Files/Mirror", file_of(5000, 1), {});
    CHECK(refused.error().to_string() == "OUT_OF_RANGE: too many messages");
    ClientStream<FileDescriptorProto, FileDescriptorProto> chat(
        channel.call("/test.v1.Files/Chat", MethodKind::bidirectional, {}));
    CHECK(co_await chat.write(file_of(1, 1)));
    CHECK(co_await chat.next());
    CHECK(co_await chat.write(file_of(5000, 1)));
    CHECK_FALSE(co_await chat.next());
    CHECK((co_await chat.finish()).to_string() == "OUT_OF_RANGE: too many messages");
  }));
}

TEST_CASE("a response that is over the limit fails its call with observers as without") {
  SimulatedWorld world(1);
  std::vector<std::string> seen;
  Recorder recorder("audit", seen);
  Observing observing(recorder);
  ServerOptions options;
  options.interceptors = {&observing};
  options.max_response_bytes = 1000;
  world.serve(options);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    CHECK((co_await unary(channel, "Inflate", "1001")).error().to_string() ==
          "RESOURCE_EXHAUSTED: the response has 1001 bytes, the limit is 1000");
    CHECK(co_await unary(channel, "Inflate", "1000"));
  }));
}

TEST_CASE("a call that is cancelled while its messages are observed destroys its frames") {
  for_each_world([](World& world) {
    std::vector<std::string> seen;
    Recorder recorder("audit", seen);
    Observing observing(recorder);
    serve_behind(world, {&observing});
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      const auto sleeping = unary(channel, "Sleep", "600000");
      sleeping.start();
      ClientStream<RawMessage, RawMessage> chatting(
          channel.call("/test.v1.Raw/Chat", MethodKind::bidirectional, {}));
      CHECK(co_await chatting.write(RawMessage{"one"}));
      CHECK(co_await chatting.next());
      ClientStream<RawMessage, RawMessage> flood(
          channel.call("/test.v1.Raw/Flood", MethodKind::bidirectional, {}));
      CHECK(co_await flood.write(RawMessage{std::string(1000, 'x')}));
      CHECK(co_await flood.next());
      while (world.service().running < 3) co_await sleep_for(1ms);
    }));
    CHECK(world.run_until([&] { return world.service().running == 0; }));
    CHECK(observing.ends.size() == 3);
  });
}

}  // namespace
}  // namespace ringrpc
