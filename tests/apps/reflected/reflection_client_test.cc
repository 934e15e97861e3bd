// The end of a reflection call, as the server sees it, and servers that send too much.
#include "reflected/reflection_client.h"

#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <functional>
#include <google/protobuf/descriptor.pb.h>
#include <memory>
#include <utility>

#include "ringrpc/block_on.h"
#include "ringrpc/health.h"
#include "ringrpc/reflection.h"
#include "ringrpc/server.h"
#include "ringrpc/sleep.h"

#include "grpc/reflection/v1/reflection.ringrpc.h"
#include "reflected/catalogue.h"

namespace ringrpc::reflected {
namespace {

using namespace std::chrono_literals;
using grpc::reflection::v1::ServerReflection;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

/// Responds, but does not end the call when its client half-closes it.
class Lingering final : public ServerReflection::Service {
 public:
  Task<Status> ServerReflectionInfo(Call&, Reader<ServerReflectionRequest>& in,
                                    Writer<ServerReflectionResponse>& out) override {
    while (const std::optional<ServerReflectionRequest> request = co_await in.next())
      co_await out.write(ServerReflectionResponse());
    co_await sleep_for(1h);
    co_return Status();
  }
};

/// Responds to each request for a file with another that `make` makes from the requested name.
class Liar final : public ServerReflection::Service {
 public:
  using Make = std::function<google::protobuf::FileDescriptorProto(const std::string& name)>;

  explicit Liar(Make make) : make_(std::move(make)) {}

  Task<Status> ServerReflectionInfo(Call&, Reader<ServerReflectionRequest>& in,
                                    Writer<ServerReflectionResponse>& out) override {
    while (const std::optional<ServerReflectionRequest> request = co_await in.next()) {
      const bool symbol = request->has_file_containing_symbol();
      ServerReflectionResponse response;
      response.mutable_file_descriptor_response()->add_file_descriptor_proto(
          make_(symbol ? request->file_containing_symbol() : request->file_by_filename())
              .SerializePartialAsString());
      co_await out.write(response);
    }
    co_return Status();
  }

 private:
  Make make_;
};

/// A file with `count` messages, each of two bytes on the wire.
google::protobuf::FileDescriptorProto with_empty_messages(const std::string& name, int count) {
  google::protobuf::FileDescriptorProto file;
  file.set_name(name);
  for (int at = 0; at < count; ++at) file.add_message_type();
  return file;
}

/// The number of services that a server reflects.
Task<Result<std::size_t>> asked(std::string address) {
  Channel channel(std::move(address));
  ReflectionClient reflection(channel, [] { return CallOptions(); });
  Outcome<std::vector<std::string>> services = co_await reflection.services();
  if (!services) co_return fail(Code::UNKNOWN, services.error().message);
  co_await reflection.end();
  co_await reflection.end();  // no effect if no call is open
  co_return services->size();
}

/// The error of a catalogue that looks a symbol up.
Task<Result<std::string>> loaded(std::string address) {
  Channel channel(std::move(address));
  ReflectionClient reflection(channel, [] { return CallOptions(); });
  Catalogue catalogue(reflection);
  const Outcome<bool> loaded = co_await catalogue.load("a.B");
  co_await reflection.end();
  co_return loaded ? "" : std::to_string(loaded.error().exit_status) + " " + loaded.error().message;
}

/// The number of times that a file is received before the first error, at most a thousand.
Task<Result<int>> received(std::string address) {
  Channel channel(std::move(address));
  ReflectionClient reflection(channel, [] { return CallOptions(); });
  int times = 0;
  while (times < 1000 && co_await reflection.files_with_symbol("a.B")) ++times;
  co_await reflection.end();
  co_return times;
}

std::unique_ptr<Server> serving(std::initializer_list<Service*> services) {
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.shards = 1;
  Result<std::unique_ptr<Server>> server = Server::start(services, options);
  REQUIRE_MESSAGE(server, server.error().message());
  return std::move(*server);
}

TEST_CASE("a reflection call that the client ends succeeds") {
  HealthService health;
  Reflection reflection;
  const std::unique_ptr<Server> server = serving({&health, &reflection.v1(), &reflection.v1alpha()});
  CHECK(block_on(asked(server->addresses().front())) == 3);  // health and both versions of reflection
  CHECK(server->counters().calls_succeeded == 1);
  CHECK(server->counters().calls_failed == 0);
}

TEST_CASE("a reflection call that the server does not end is cancelled") {
  Lingering lingering;
  const std::unique_ptr<Server> server = serving({&lingering});
  CHECK(block_on(asked(server->addresses().front())) == 0);
  CHECK(server->counters().calls_succeeded == 0);
}

const std::string too_much =
    "76 reflection returned descriptors that take more than 128 MiB of memory; describe the services by "
    "--proto or "
    "--protoset";

TEST_CASE("a file that would take too much memory is refused before it is parsed") {
  Liar liar([](const std::string&) { return with_empty_messages("a.proto", 1'500'000); });
  const std::unique_ptr<Server> server = serving({&liar});
  CHECK(block_on(loaded(server->addresses().front())).value() == too_much);
}

TEST_CASE("files that import one another are refused when they take too much memory together") {
  int files = 0;
  Liar liar([&files](const std::string& name) {
    google::protobuf::FileDescriptorProto file;
    file.set_name(name);
    for (int at = 0; at < 5000; ++at) file.add_dependency("f" + std::to_string(++files));
    return file;
  });
  const std::unique_ptr<Server> server = serving({&liar});
  CHECK(block_on(loaded(server->addresses().front())).value() == too_much);
}

TEST_CASE("a file counts once, however often the server sends it") {
  Liar liar([](const std::string&) { return with_empty_messages("a.proto", 4000); });
  const std::unique_ptr<Server> server = serving({&liar});
  CHECK(block_on(received(server->addresses().front())) == 1000);
}

TEST_CASE("files of other names count together") {
  int files = 0;
  Liar liar(
      [&files](const std::string&) { return with_empty_messages("f" + std::to_string(++files), 4000); });
  const std::unique_ptr<Server> server = serving({&liar});
  const int times = block_on(received(server->addresses().front())).value();
  CHECK(times > 10);
  CHECK(times < 1000);
}

/// Never responds, and counts its calls.
class Silent final : public ServerReflection::Service {
 public:
  Task<Status> ServerReflectionInfo(Call&, Reader<ServerReflectionRequest>& in,
                                    Writer<ServerReflectionResponse>&) override {
    ++calls;
    while (co_await in.next()) continue;
    co_return Status();
  }

  std::atomic<int> calls = 0;
};

/// The exit status of the failure to find a method within a tenth of a second.
Task<Result<int>> method_looked_up(std::string address) {
  Channel channel(std::move(address));
  ReflectionClient reflection(channel, [] {
    CallOptions options;
    options.timeout = 100ms;
    return options;
  });
  Catalogue catalogue(reflection);
  const auto method = co_await catalogue.method({"a.B", "C"});
  co_await reflection.end();
  co_return method ? 0 : method.error().exit_status;
}

TEST_CASE("a method of a server whose reflection does not respond is looked up once") {
  Silent silent;
  const std::unique_ptr<Server> server = serving({&silent});
  CHECK(block_on(method_looked_up(server->addresses().front())) == static_cast<int>(Code::DEADLINE_EXCEEDED));
  CHECK(silent.calls == 1);
}

}  // namespace
}  // namespace ringrpc::reflected
