// Messages with an Any of a type that nothing describes or with wrong text, and a response whose call fails afterwards.
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/block_on.h"

#include "apps/captured_stdout.h"
#include "depot.pb.h"
#include "depot_server.h"
#include "grpcclient/call.h"
#include "grpcclient/session.h"
#include "label.pb.h"
#include "reflected/message_json.h"

namespace ringrpc::grpcclient {
namespace {

using reflected::MessageJson;

/// Prints parcels one after the other, each as JSON or as the error.
Task<Result<std::string>> printed(const Values& values, std::vector<depot::Parcel> parcels) {
  Session session(values);
  auto method = co_await session.catalogue.method({"depot.Depot", "Keep"});
  MessageJson json(session.catalogue, {.compact = true});
  std::string all;
  for (const depot::Parcel& parcel : parcels) {
    Outcome<std::string> text =
        co_await json.print(*(*method)->output_type(), parcel.SerializePartialAsString());
    all += text ? *text : std::to_string(text.error().exit_status) + " " + text.error().message;
  }
  co_return all;
}

std::string print(const DepotServer& server, std::vector<depot::Parcel> parcels) {
  const Values values = server.values();
  return block_on(printed(values, std::move(parcels))).value();
}

depot::Parcel parcel_with(const std::string& type, const std::string& value) {
  depot::Parcel parcel;
  parcel.set_weight(1);
  parcel.mutable_content()->set_type_url("type.googleapis.com/" + type);
  parcel.mutable_content()->set_value(value);
  return parcel;
}

const std::string unknown_text =
    R"({"@type":"type.googleapis.com/no.Such","@error":"the server describes no message 'no.Such'; @value has its bytes","@value":"AP8="})";

TEST_CASE("an Any of an unknown type is printed with its bytes and the reason, and later messages follow") {
  const DepotServer server;
  const depot::Parcel unknown = parcel_with("no.Such", std::string("\0\xff", 2));
  label::Label label;
  label.set_text("hi");
  const depot::Parcel known = parcel_with("label.Label", label.SerializeAsString());
  const std::string line = R"({"weight":1,"content":)" + unknown_text + "}\n";
  CHECK(print(server, {unknown, known, unknown}) ==
        line + R"({"weight":1,"content":{"@type":"type.googleapis.com/label.Label","text":"hi"}})" + "\n" +
            line);
}

TEST_CASE("an Any of an unknown type is printed inside other messages and inside another Any") {
  const DepotServer server;
  const depot::Parcel unknown = parcel_with("no.Such", std::string("\0\xff", 2));
  depot::Parcel outer = parcel_with("depot.Parcel", unknown.SerializeAsString());
  *outer.add_parts() = unknown;
  const std::string inner = R"("weight":1,"content":)" + unknown_text;
  CHECK(print(server, {outer}) == R"({"weight":1,"parts":[{)" + inner +
                                      R"(}],"content":{"@type":"type.googleapis.com/depot.Parcel",)" + inner +
                                      "}}\n");
}

TEST_CASE("a message with text that is not UTF-8 is refused, not cut off there") {
  const DepotServer server;
  depot::Parcel parcel;
  parcel.add_parts()->set_sender_name("caf\xe9 noir");
  CHECK(print(server, {parcel}) == std::to_string(exit_protocol) +
                                       " the server's response is not a valid depot.Parcel: "
                                       "depot.Parcel.sender_name is not valid UTF-8");
}

TEST_CASE("a limited number of unknown types is looked up") {
  const DepotServer server;
  depot::Parcel parcel;
  for (int at = 0; at < 103; ++at) *parcel.add_parts() = parcel_with("no.T" + std::to_string(at + 100), "x");
  const std::string text = print(server, {parcel});
  const auto count = [&](std::string_view part) {
    int found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  };
  CHECK(count("the server describes no message 'no.T") == 100);
  CHECK(text.find("'no.T202' was not looked up after 100 unknown types") != std::string::npos);
  CHECK(count("\"@value\":\"eA==\"") == 103);
}

TEST_CASE("values of the type Any that are inside one another without end are refused" *
          doctest::timeout(600)) {
  const DepotServer server;
  google::protobuf::Any any;
  for (int depth = 0; depth < 50'000; ++depth) {
    google::protobuf::Any outer;
    outer.set_type_url("/google.protobuf.Any");
    outer.set_value(std::move(any).SerializeAsString());
    any = std::move(outer);
  }
  depot::Parcel parcel;
  *parcel.mutable_content() = any;
  CHECK(print(server, {parcel}) ==
        "76 the server's response is not a valid depot.Parcel: more than 32 "
        "google.protobuf.Any are inside one another");
}

/// Serves depot.Depot as its descriptors do not say: Keep sends a message and fails, or does not fail.
class Breaker final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "depot.Depot"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr Method methods[] = {ringrpc::method<&Breaker::keep>("Keep")};
    return methods;
  }

  bool fails = true;

 private:
  Task<Status> keep(Call&, RawMessage request, Writer<RawMessage>& out) {
    co_await out.write(request);
    co_return fails ? Status(Code::DATA_LOSS, "it broke") : Status();
  }
};

Task<Result<int>> exit_status(const Values& values) {
  Session session(values);
  Outcome<bool> done = co_await call(session, "depot.Depot/Keep");
  co_return done ? 0 : done.error().exit_status;
}

TEST_CASE("a response is not printed if its call fails") {
  Breaker breaker;
  Reflection reflection;
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.shards = 1;
  auto server = Server::start({&breaker, &reflection.v1()}, options);
  REQUIRE_MESSAGE(server, server.error().message());
  Values values;
  values.address = (*server)->addresses().front();
  values.data = R"({"weight":1})";
  values.compact = true;
  for (const bool fails : {true, false}) {
    breaker.fails = fails;
    const apps::CapturedStdout captured;
    CHECK(block_on(exit_status(values)) == (fails ? 15 : 0));
    CHECK(captured.text() == (fails ? "" : "{\"weight\":1}\n"));
  }
}

}  // namespace
}  // namespace ringrpc::grpcclient
