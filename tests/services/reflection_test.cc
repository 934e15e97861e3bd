#include "ringrpc/reflection.h"

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "ringrpc/health.h"
#include "ringrpc/server.h"

#include "catalog.ringrpc.h"
#include "echo/v1/echo.ringrpc.h"
#include "grpc/reflection/v1/reflection.ringrpc.h"
#include "grpc/reflection/v1alpha/reflection.ringrpc.h"
#include "rpc/direct_call.h"
#include "services/descriptor_index.h"

namespace ringrpc {
namespace {

struct V1 {
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
  static Service& of(Reflection& reflection) { return reflection.v1(); }
};

struct V1Alpha {
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
  static Service& of(Reflection& reflection) { return reflection.v1alpha(); }
};

/// A server that serves the catalog, and one stream of requests to its reflection.
template <class Version>
struct Conversation {
  using Request = typename Version::Request;
  using Response = typename Version::Response;

  Conversation() {
    const Service* const served[] = {&echo, &catalog, &reflection.v1(), &reflection.v1alpha()};
    CHECK(service.on_start(served).ok());
    const Method method = method_named(service, "ServerReflectionInfo");
    task = method.serve(service, call, stream);
    task.start();
  }

  Response ask(const Request& request) {
    const std::size_t before = stream.sent_count();
    stream.receive(request);
    REQUIRE(stream.sent_count() == before + 1);
    Response response = stream.template sent<Response>().back();
    CHECK(response.original_request().SerializeAsString() == request.SerializeAsString());
    return response;
  }
  Response ask_file(const std::string& name) {
    Request request;
    request.set_file_by_filename(name);
    return ask(request);
  }
  Response ask_symbol(const std::string& symbol) {
    Request request;
    request.set_file_containing_symbol(symbol);
    return ask(request);
  }
  Response ask_extension(const std::string& type, int number) {
    Request request;
    request.mutable_file_containing_extension()->set_containing_type(type);
    request.mutable_file_containing_extension()->set_extension_number(number);
    return ask(request);
  }
  Response ask_numbers(const std::string& type) {
    Request request;
    request.set_all_extension_numbers_of_type(type);
    return ask(request);
  }

  echo::v1::EchoService::Service echo;
  catalog::Catalog::Service catalog;
  Reflection reflection;
  Service& service = Version::of(reflection);
  testing::FakeStream stream;
  testing::FakeCall call{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"};
  Task<Status> task;
};

std::vector<std::string> file_names(const auto& response) {
  std::vector<std::string> names;
  for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    CHECK(file.ParseFromString(bytes));
    names.push_back(file.name());
  }
  return names;
}

using Names = std::vector<std::string>;
const Names catalog_files = {"catalog.proto", "catalog_base.proto", "google/protobuf/timestamp.proto"};

TEST_CASE_TEMPLATE("services are listed in order, reflection among them", Version, V1, V1Alpha) {
  Conversation<Version> conversation;
  typename Version::Request request;
  request.set_host("here");
  request.set_list_services("*");
  const auto response = conversation.ask(request);
  CHECK(response.valid_host() == "here");
  Names names;
  for (const auto& service : response.list_services_response().service()) names.push_back(service.name());
  CHECK(names == Names{"catalog.Catalog", "echo.v1.EchoService", "grpc.reflection.v1.ServerReflection",
                       "grpc.reflection.v1alpha.ServerReflection"});
}

TEST_CASE_TEMPLATE("a file comes with all that it imports", Version, V1, V1Alpha) {
  Conversation<Version> conversation;
  CHECK(file_names(conversation.ask_file("catalog.proto")) == catalog_files);
}

TEST_CASE_TEMPLATE("fields come with their names in JSON, as protoc writes them", Version, V1, V1Alpha) {
  Conversation<Version> conversation;
  const auto response = conversation.ask_file("echo/v1/echo.proto");
  google::protobuf::FileDescriptorProto file;
  REQUIRE(file.ParseFromString(response.file_descriptor_response().file_descriptor_proto(0)));
  std::string names;
  for (const auto& field : file.message_type(0).field())
    names += field.name() + "=" + field.json_name() + " ";
  CHECK(names == "payload=payload request_id=requestId ");
}

TEST_CASE_TEMPLATE("a stream gets an import once, but a requested file each time", Version, V1, V1Alpha) {
  Conversation<Version> conversation;
  CHECK(file_names(conversation.ask_file("catalog_base.proto")) ==
        Names{"catalog_base.proto", "google/protobuf/timestamp.proto"});
  CHECK(file_names(conversation.ask_file("catalog.proto")) == Names{"catalog.proto"});
  CHECK(file_names(conversation.ask_file("catalog.proto")) == Names{"catalog.proto"});
  CHECK(file_names(conversation.ask_file("catalog_base.proto")) == Names{"catalog_base.proto"});

  Conversation<Version> another;
  CHECK(file_names(another.ask_file("catalog.proto")) == catalog_files);
}

TEST_CASE_TEMPLATE("symbols of every sort are found", Version, V1, V1Alpha) {
  for (const char* const symbol :
       {"catalog.Catalog", "catalog.Catalog.Find", "catalog.Query", "catalog.Query.text",
        "catalog.Query.limit", "catalog.Query.count", "catalog.Query.Range", "catalog.Query.Range.from",
        "catalog.Query.Order", "catalog.Query.UP", "catalog.Query.query_note", "catalog.Colour",
        "catalog.GREEN", "catalog.weight"}) {
    CAPTURE(symbol);
    Conversation<Version> conversation;
    CHECK(file_names(conversation.ask_symbol(symbol)) == catalog_files);
  }
  Conversation<Version> conversation;
  CHECK(file_names(conversation.ask_symbol("grpc.reflection.v1alpha.ServerReflection")) ==
        Names{"grpc/reflection/v1alpha/reflection.proto"});
}

TEST_CASE("the standard protocols are registered by the paths that other implementations import them by") {
  const HealthService health;  // so that its descriptors are linked in
  Conversation<V1> conversation;
  for (const char* const name : {"grpc/health/v1/health.proto", "grpc/reflection/v1/reflection.proto",
                                 "grpc/reflection/v1alpha/reflection.proto", "echo/v1/echo.proto"})
    CHECK(file_names(conversation.ask_file(name)) == Names{name});
}

TEST_CASE_TEMPLATE("extensions are found by the type that they extend and their number", Version, V1,
                   V1Alpha) {
  Conversation<Version> conversation;
  CHECK(file_names(conversation.ask_extension("catalog.Item", 150)) == catalog_files);
  const auto response = conversation.ask_numbers("catalog.Item");
  CHECK(response.all_extension_numbers_response().base_type_name() == "catalog.Item");
  const auto& numbers = response.all_extension_numbers_response().extension_number();
  CHECK(std::vector<int>(numbers.begin(), numbers.end()) == std::vector<int>{101, 150});

  const auto none = conversation.ask_numbers("catalog.Query");
  CHECK(none.has_all_extension_numbers_response());
  CHECK(none.all_extension_numbers_response().extension_number().empty());
}

TEST_CASE_TEMPLATE("an unknown name is NOT_FOUND, and the stream goes on", Version, V1, V1Alpha) {
  Conversation<Version> conversation;
  const auto refused = [](const typename Version::Response& response, const std::string& message) {
    CHECK(response.error_response().error_code() == 5);
    CHECK(response.error_response().error_message() == message);
  };
  refused(conversation.ask_file("catalog"), "no file \"catalog\"");
  refused(conversation.ask_symbol("catalog.Nothing"), "no symbol \"catalog.Nothing\"");
  refused(conversation.ask_symbol("catalog"), "no symbol \"catalog\"");
  refused(conversation.ask_symbol(""), "no symbol \"\"");
  refused(conversation.ask_extension("catalog.Item", 102), "no extension 102 of \"catalog.Item\"");
  refused(conversation.ask_extension("catalog.Colour", 101), "no message type \"catalog.Colour\"");
  refused(conversation.ask_numbers("catalog.Nothing"), "no message type \"catalog.Nothing\"");
  CHECK(file_names(conversation.ask_file("catalog.proto")) == catalog_files);
}

TEST_CASE_TEMPLATE("a request of an unknown kind is UNIMPLEMENTED, and the stream goes on", Version, V1,
                   V1Alpha) {
  Conversation<Version> conversation;
  CHECK(conversation.ask(typename Version::Request()).error_response().error_code() == 12);
  CHECK_FALSE(conversation.task.done());
}

TEST_CASE_TEMPLATE("the stream ends with OK when the client half-closes it", Version, V1, V1Alpha) {
  Conversation<Version> conversation;
  CHECK_FALSE(conversation.task.done());
  conversation.stream.receive_end();
  REQUIRE(conversation.task.done());
  CHECK(conversation.task.result().ok());
}

TEST_CASE("an enum value is found even if its file was never requested") {
  const DescriptorIndex index({"palette.Palette"}, *google::protobuf::DescriptorPool::generated_pool());
  CHECK(index.file_with_symbol("palette.SIENNA"));
}

TEST_CASE("an index of another pool does not use the generated one") {
  google::protobuf::FileDescriptorProto file;
  file.set_name("own.proto");
  file.set_package("own");
  file.add_message_type()->set_name("Thing");
  google::protobuf::DescriptorPool pool;
  REQUIRE(pool.BuildFile(file));

  const DescriptorIndex index({"own.Service"}, pool);
  CHECK(index.services() == Names{"own.Service"});
  CHECK(index.file_with_symbol("own.Thing"));
  CHECK_FALSE(index.file_with_symbol("catalog.Query"));
}

/// One stream to v1 of `reflection`, on a call of its own.
class Listing {
 public:
  explicit Listing(Reflection& reflection) {
    task_ = method_named(reflection.v1(), "ServerReflectionInfo").serve(reflection.v1(), call_, stream_);
    task_.start();
  }

  Names names() {
    V1::Request request;
    request.set_list_services("*");
    stream_.receive(request);
    Names names;
    const auto responses = stream_.sent<V1::Response>();
    for (const auto& service : responses.back().list_services_response().service())
      names.push_back(service.name());
    return names;
  }

 private:
  testing::FakeStream stream_;
  testing::FakeCall call_{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"};
  Task<Status> task_;
};

TEST_CASE("new streams list the services of the server that started last") {
  Reflection reflection;
  echo::v1::EchoService::Service echo;
  catalog::Catalog::Service catalog;
  const ServerOptions options{.listen = {"127.0.0.1:0"}, .shards = 1};
  CHECK(Listing(reflection).names().empty());
  const auto first = Server::start({&echo, &reflection.v1()}, options);
  REQUIRE(first);
  Listing open(reflection);
  const Names of_first = {"echo.v1.EchoService", "grpc.reflection.v1.ServerReflection"};
  CHECK(open.names() == of_first);
  const auto second = Server::start({&catalog, &reflection.v1alpha(), &reflection.v1()}, options);
  REQUIRE(second);
  CHECK(open.names() == of_first);
  CHECK(Listing(reflection).names() == Names{"catalog.Catalog", "grpc.reflection.v1.ServerReflection",
                                             "grpc.reflection.v1alpha.ServerReflection"});
}

TEST_CASE("servers may start while reflection responds") {
  Reflection reflection;
  echo::v1::EchoService::Service echo;
  const Service* const served[] = {&echo, &reflection.v1()};
  CHECK(reflection.v1().on_start(served).ok());
  std::jthread starting([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) (void)reflection.v1().on_start(served);
  });
  for (int at = 0; at < 1000; ++at) CHECK(Listing(reflection).names().size() == 2);
}

TEST_CASE("descriptors come from the pool that was given") {
  google::protobuf::DescriptorPool pool;
  google::protobuf::FileDescriptorProto file;
  file.set_name("own.proto");
  file.set_package("own");
  file.add_message_type()->set_name("Thing");
  REQUIRE(pool.BuildFile(file));
  Reflection reflection(pool);
  testing::FakeStream stream;
  testing::FakeCall call{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"};
  const Task<Status> task =
      method_named(reflection.v1(), "ServerReflectionInfo").serve(reflection.v1(), call, stream);
  task.start();
  V1::Request request;
  request.set_file_containing_symbol("own.Thing");
  stream.receive(request);
  CHECK(file_names(stream.sent<V1::Response>().back()) == Names{"own.proto"});
}

}  // namespace
}  // namespace ringrpc
