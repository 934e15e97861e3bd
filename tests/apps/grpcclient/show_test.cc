// The output of list and describe for a server whose names are meant to deceive.
#include "grpcclient/show.h"

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <string>

#include "ringrpc/block_on.h"
#include "ringrpc/server.h"

#include "apps/captured_stdout.h"
#include "grpc/reflection/v1/reflection.ringrpc.h"

namespace ringrpc::grpcclient {
namespace {

using grpc::reflection::v1::ServerReflection;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

const std::string deceiving_name = "a.B\nforged.Service\t\x1b[2J";

/// Reflects one service and one message, in a file. All their names have control characters.
class Deceiver final : public ServerReflection::Service {
 public:
  Task<Status> ServerReflectionInfo(Call&, Reader<ServerReflectionRequest>& in,
                                    Writer<ServerReflectionResponse>& out) override {
    while (const std::optional<ServerReflectionRequest> request = co_await in.next()) {
      ServerReflectionResponse response;
      if (request->has_list_services()) {
        response.mutable_list_services_response()->add_service()->set_name(deceiving_name);
      } else {
        google::protobuf::FileDescriptorProto file;
        file.set_name("a.proto\nmessage Forged {}");
        file.set_package("a");
        file.add_message_type()->set_name("C");
        response.mutable_file_descriptor_response()->add_file_descriptor_proto(file.SerializeAsString());
      }
      co_await out.write(response);
    }
    co_return Status();
  }
};

using Show = Task<Outcome<bool>> (*)(Session& session, std::string name);

Task<Result<bool>> run(const Values& values, Show show, std::string name) {
  Session session(values);
  const Outcome<bool> done = co_await show(session, std::move(name));
  co_return done ? Result<bool>(*done) : fail(Code::UNKNOWN, done.error().message);
}

std::string shown(Show show, std::string name) {
  Deceiver deceiver;
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.shards = 1;
  const std::unique_ptr<Server> server = std::move(Server::start({&deceiver}, options)).value();
  Values values;
  values.address = server->addresses().front();
  const apps::CapturedStdout captured;
  const Result<bool> done = block_on(run(values, show, std::move(name)));
  return done ? captured.text() : done.error().to_string();
}

TEST_CASE("a service's name is one line of the list") {
  CHECK(shown(list, "") == "a.B\\x0aforged.Service\\x09\\x1b[2J\n");
}

TEST_CASE("a file's name cannot pass for part of a declaration") {
  CHECK(shown(describe, "a.C") == "// a.C, a message in a.proto\\x0amessage Forged {}\nmessage C {\n}\n");
}

}  // namespace
}  // namespace ringrpc::grpcclient
