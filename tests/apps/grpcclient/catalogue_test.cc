#include "reflected/catalogue.h"

#include <doctest/doctest.h>

#include "ringrpc/block_on.h"

#include "depot_server.h"
#include "grpcclient/call.h"
#include "grpcclient/session.h"
#include "reflected/message_json.h"
#include "text_data.h"

namespace ringrpc::grpcclient {
using reflected::JsonStream;
using reflected::MessageJson;
using reflected::MethodName;

namespace {

/// The result of a request, or its exit status and message.
template <class T>
Task<Result<std::string>> told(Outcome<T> outcome) {
  if (!outcome) co_return std::to_string(outcome.error().exit_status) + " " + outcome.error().message;
  if constexpr (std::is_same_v<T, std::string>) {
    co_return *outcome;
  } else {
    co_return "found";
  }
}

Task<Result<std::string>> proto_text(const Values& values, std::string symbol) {
  Session session(values);
  Outcome<std::string> text = co_await session.catalogue.proto_text(std::move(symbol));
  co_return co_await told(std::move(text));
}

Task<Result<std::string>> method(const Values& values, MethodName name) {
  Session session(values);
  auto found = co_await session.catalogue.method(std::move(name));
  co_return co_await told(std::move(found));
}

/// Converts `text` to a depot.Parcel and back.
Task<Result<std::string>> through(const Values& values, std::string text) {
  Session session(values);
  auto method = co_await session.catalogue.method({"depot.Depot", "Keep"});
  MessageJson json(session.catalogue, {.compact = true});
  const JsonStream::Value value{std::move(text), 1};
  Outcome<std::string> bytes = co_await json.parse(*(*method)->input_type(), value, "--data");
  if (!bytes) co_return co_await told(std::move(bytes));
  Outcome<std::string> printed = co_await json.print(*(*method)->output_type(), *bytes);
  co_return co_await told(std::move(printed));
}

Task<Result<Failure>> failed_call(const Values& values, std::string method) {
  Session session(values);
  Outcome<bool> done = co_await call(session, std::move(method));
  co_return done ? Failure(0, "") : std::move(done).error();
}

std::string json(const DepotServer& server, std::string text) {
  const Values values = server.values();
  return block_on(through(values, std::move(text))).value();
}

TEST_CASE("symbols of every kind are shown as .proto text") {
  const DepotServer server;
  const Values values = server.values();
  const auto shown = [&](const char* symbol) { return block_on(proto_text(values, symbol)).value(); };
  CHECK(shown("depot.Depot").starts_with("// depot.Depot, a service in depot.proto\nservice Depot {\n"));
  CHECK(shown("depot.Depot/Keep") ==
        "// depot.Depot.Keep, a method in depot.proto\nrpc Keep(.depot.Parcel) returns (.depot.Parcel);\n");
  CHECK(shown("depot.Speed") ==
        "// depot.Speed, an enum in depot.proto\nenum Speed {\n  SLOW = 0;\n  FAST = 1;\n}\n");
  CHECK(shown("depot.Parcel.weight") ==
        "// depot.Parcel.weight, a field in depot.proto\nint32 weight = 2;\n");
  CHECK(shown("depot.Parcel").find("\n  map<string, int64> prices = 7;\n") != std::string::npos);
  CHECK(shown("google.protobuf.Any")
            .starts_with("// google.protobuf.Any, a message in google/protobuf/any.proto\n"));
}

TEST_CASE("an unknown name is refused with similar ones") {
  const DepotServer server;
  const Values values = server.values();
  CHECK(block_on(proto_text(values, "depot.Parcle")).value() ==
        "66 the server describes no symbol 'depot.Parcle'; did you mean depot.Parcel?");
  CHECK(block_on(proto_text(values, "nothing.like.This")).value() ==
        "66 the server describes no symbol 'nothing.like.This'; grpcclient list and grpcclient describe show "
        "what there is");
  CHECK(block_on(method(values, {"depot.Depot", "Kepe"})).value() ==
        "66 depot.Depot has no method 'Kepe'; did you mean Keep?");
  CHECK(block_on(method(values, {"depo.Depot", "Keep"})).value() ==
        "66 the server describes no service 'depo.Depot'; did you mean depot.Depot?");
  CHECK(block_on(method(values, {"depot", "Depot"})).value() ==
        "66 depot.Depot is a service, not a method; there are Keep and Refuse");
}

TEST_CASE("fields of every kind go from JSON to the wire and back") {
  const DepotServer server;
  const std::string text =
      R"({"senderName":"é","weight":-3,"seal":"AAE=","speed":"FAST","parts":[{"weight":1},{}],"prices":{"a":"7"}})";
  CHECK(json(server, text) == text + "\n");
  CHECK(json(server, R"({"sender_name": "x"})") == "{\"senderName\":\"x\"}\n");
}

TEST_CASE("the type of an Any is fetched on demand") {
  const DepotServer server;
  const std::string text = R"({"content":{"@type":"type.googleapis.com/label.Label","text":"hi"}})";
  CHECK(json(server, text) == text + "\n");
  const std::string nested =
      R"({"content":{"@type":"type.googleapis.com/depot.Parcel","content":{"@type":"type.googleapis.com/label.Label","text":"hi"}}})";
  CHECK(json(server, nested) == nested + "\n");
  CHECK(json(server, R"({"content":{"@type":"type.googleapis.com/no.Such"}})").starts_with("65 --data: "));
}

TEST_CASE("an error about JSON names the field and the valid values") {
  const DepotServer server;
  const std::string where = "65 --data: the message in line 1: ";
  CHECK(json(server, R"({"sendername": ""})") ==
        where + "depot.Parcel has no field 'sendername'; did you mean sender_name?");
  CHECK(json(server, R"({"parts": [{}, {"wight": 1}]})") ==
        where + "parts[1] has no field 'wight'; did you mean weight?");
  CHECK(json(server, R"({"parts": [{"weight": "x"}]})") ==
        where + "field 'parts[0].weight' cannot take \"x\"; it takes int32");
  CHECK(json(server, R"({"seal": "?"})") ==
        where + "field 'seal' cannot take \"?\"; it takes bytes in base64");
  CHECK(json(server, R"({"speed": "QUICK"})") ==
        where + "field 'speed' cannot take \"QUICK\"; it takes depot.Speed; there are SLOW and FAST");
  CHECK(json(server, R"({"weight": {}})") == where + "field 'weight' cannot take an object; it takes int32");
  CHECK(json(server, R"({"weight": [1]})") == where + "field 'weight' takes one value, not an array");
  CHECK(json(server, R"({"content": {"@type": "type.googleapis.com/no.Such"}})") ==
        where +
            "field 'content' has the unknown type 'no.Such'; is the name in "
            "\"@type\" spelled correctly?");
  CHECK(json(server, R"({"weight": 1e999})") == where + "Number exceeds the range of double.");
  CHECK(json(server, "[]") == where + "depot.Parcel is written as an object: {...}");
}

TEST_CASE("the details of a failed call are shown as JSON if their type is known") {
  const DepotServer server;
  Values values = server.values();
  values.data = R"({"content":{"@type":"type.googleapis.com/label.Label","text":"hi"}})";
  const Failure failure = block_on(failed_call(values, "depot.Depot/Refuse")).value();
  CHECK(failure.exit_status == 9);
  CHECK(failure.message == "depot.Depot/Refuse: FAILED_PRECONDITION: not that");
  CHECK(failure.details ==
        std::vector<std::string>{R"({"@type":"type.googleapis.com/label.Label","text":"hi"})"});
}

TEST_CASE("data that does not fit the method is refused before the call") {
  const DepotServer server;
  Values values = server.values();
  const auto refusal = [&](const char* data) {
    values.data = data;
    const Failure failure = block_on(failed_call(values, "depot.Depot/Keep")).value();
    CHECK(failure.exit_status == exit_data);
    return failure.message;
  };
  CHECK(refusal("") == "--data: there is no message; write {} for an empty one");
  CHECK(refusal("{}\n{}") == "--data: depot.Depot/Keep takes one message, and a second one begins in line 2");
  CHECK(test::missing(refusal("{"), {"--data: line 1, column 2: ", "'}'"}) == "");
}

TEST_CASE("the error for a response beyond the size limit names the flag") {
  const DepotServer server;
  Values values = server.values();
  values.max_message_bytes = 5000;
  values.data = "{\"senderName\": \"" + std::string(6000, 'x') + "\"}";
  const Failure failure = block_on(failed_call(values, "depot.Depot/Keep")).value();
  CHECK(failure.exit_status == 8);
  CHECK(failure.message.contains("; --max-message-size "));
}

}  // namespace
}  // namespace ringrpc::grpcclient
