/// The view of a message that an observer gets.
#include <array>
#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <string>

#include "ringrpc/message_observer.h"

#include "base/internals.h"

namespace ringrpc {
namespace {

using google::protobuf::StringValue;

TEST_CASE("a message in one piece is viewed without a copy") {
  const std::string sent = "as it is";
  const Bytes piece = as_bytes(sent);
  const MessageView message(Pieces(&piece, 1));
  CHECK(message.size() == sent.size());
  CHECK(message.bytes().data() == piece.data());
  CHECK(message.bytes().size() == piece.size());
  REQUIRE(message.as<RawMessage>());
  CHECK(message.as<RawMessage>()->bytes == sent);
}

TEST_CASE("an empty message is a message") {
  const Bytes piece;
  const MessageView message(Pieces(&piece, 1));
  CHECK(message.size() == 0);
  CHECK(message.bytes().empty());
  REQUIRE(message.as<StringValue>());
  CHECK(message.as<StringValue>()->value().empty());
}

TEST_CASE("a message in several pieces is copied and parsed once") {
  StringValue sent;
  sent.set_value("a value that is cut");
  const std::string whole = sent.SerializeAsString();
  const std::array pieces{as_bytes(whole).first(7), as_bytes(whole).subspan(7)};
  const MessageView message(pieces);
  CHECK(message.size() == whole.size());
  CHECK(as_text(message.bytes()) == whole);
  CHECK(message.bytes().data() == message.bytes().data());
  const StringValue* const parsed = message.as<StringValue>();
  REQUIRE(parsed);
  CHECK(parsed->value() == sent.value());
  CHECK(message.as<RawMessage>()->bytes == whole);
  CHECK(message.as<StringValue>() == parsed);
}

TEST_CASE("a message that was parsed ahead is not parsed again, and is available as bytes") {
  detail::SerializableMessageOf<StringValue> parsed;
  parsed.message.set_value("parsed");
  const std::string whole = parsed.message.SerializeAsString();
  const auto message = detail::Internals::make<MessageView>(parsed);
  CHECK(message.as<StringValue>() == &parsed.message);
  CHECK(message.size() == whole.size());
  CHECK(as_text(message.bytes()) == whole);
  CHECK(message.as<RawMessage>()->bytes == whole);
}

TEST_CASE("bytes that are not a message of the type give null") {
  const std::string sent = "\x0a\x7f cut";
  const Bytes piece = as_bytes(sent);
  const MessageView message(Pieces(&piece, 1));
  CHECK_FALSE(message.as<StringValue>());
  CHECK_FALSE(message.as<StringValue>());
  CHECK(message.as<RawMessage>());
}

}  // namespace
}  // namespace ringrpc
