// FileDescriptorProto is a message type that has all kinds of fields, and contains itself.
#include "rpc/message/message_shape.h"

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/util/message_differencer.h>
#include <limits>
#include <string>

namespace ringrpc {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::UninterpretedOption;

constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

const MessageShape& shape() { return MessageShape::of(*FileDescriptorProto::descriptor()); }

MessageWeight weigh(std::string_view wire, std::size_t fields_max = any_number) {
  const Bytes whole = as_bytes(wire);
  return shape().weigh(Pieces(&whole, 1), fields_max);
}

FileDescriptorProto file() {
  FileDescriptorProto made;
  made.set_name("a.proto");
  made.set_package("p");
  DescriptorProto* const outer = made.add_message_type();
  outer->set_name("Outer");
  outer->add_nested_type()->set_name("Inner");
  made.mutable_options()->set_java_package("java");
  made.add_public_dependency(7);
  return made;
}

template <class Message>
void add_unknown(Message& message) {
  auto* const unknown = message.GetReflection()->MutableUnknownFields(&message);
  unknown->AddVarint(5000, 1);
  unknown->AddFixed32(5001, 2);
  unknown->AddFixed64(5002, 3);
  unknown->AddLengthDelimited(5003)->assign("text");
  unknown->AddGroup(5004)->AddGroup(1)->AddVarint(2, 3);
}

TEST_CASE("the fields of a message are counted with those of the messages inside it") {
  const MessageWeight weight = weigh(file().SerializeAsString());
  // name, package, message_type, its name, nested_type, its name, options, java_package, public_dependency
  CHECK(weight.fields == 9);
  CHECK(weight.unknown_fields == 0);
}

TEST_CASE("counting ends at the first field beyond the limit") {
  FileDescriptorProto many;
  for (int at = 0; at < 1000; ++at) many.add_message_type();
  const std::string wire = many.SerializeAsString();
  CHECK(weigh(wire).fields == 1000);
  CHECK(weigh(wire, 10).fields == 11);
}

TEST_CASE("the weight is no less than what protobuf allocates") {
  const auto check = [](const FileDescriptorProto& message) {
    const std::string wire = message.SerializeAsString();
    FileDescriptorProto parsed;
    REQUIRE(parsed.ParseFromString(wire));
    const std::size_t estimated = weigh(wire).memory_bytes;
    CHECK(estimated >= parsed.SpaceUsedLong());
    CHECK(estimated <= 4 * parsed.SpaceUsedLong());
  };
  SUBCASE("for text") {
    FileDescriptorProto message;
    message.set_name(std::string(100'000, 'x'));
    check(message);
  }
  SUBCASE("for empty messages") {
    FileDescriptorProto message;
    for (int at = 0; at < 10'000; ++at) message.add_message_type();
    check(message);
  }
  SUBCASE("for numbers") {
    FileDescriptorProto message;
    for (int at = 0; at < 10'000; ++at) message.add_public_dependency(1);
    check(message);
  }
  SUBCASE("for unknown numbers") {
    FileDescriptorProto message;
    for (int at = 0; at < 10'000; ++at)
      message.GetReflection()->MutableUnknownFields(&message)->AddVarint(5000, 1);
    check(message);
  }
  SUBCASE("for unknown groups") {
    FileDescriptorProto message;
    for (int at = 0; at < 10'000; ++at)
      message.GetReflection()->MutableUnknownFields(&message)->AddGroup(5000);
    check(message);
  }
}

TEST_CASE("a known number of another wire type is an unknown field, as it is to protobuf") {
  std::string wire;
  for (int at = 0; at < 100; ++at) wire += "\x08\x01";          // name (1) as a number
  for (int at = 0; at < 100; ++at) wire += "\x13\x08\x01\x14";  // package (2) as a group
  CHECK(weigh(wire).unknown_fields >= 200);
  CHECK(shape().without_unknown_fields(as_bytes(wire)).empty());
  FileDescriptorProto parsed;
  REQUIRE(parsed.ParseFromString(wire));
  CHECK(parsed.GetReflection()->GetUnknownFields(parsed).field_count() == 200);
  CHECK(weigh(wire).memory_bytes >= parsed.SpaceUsedLong());
}

TEST_CASE("packed numbers weigh what they take") {
  google::protobuf::SourceCodeInfo::Location location;
  for (int at = 0; at < 10'000; ++at) location.add_path(at % 100);
  const std::string wire = location.SerializeAsString();
  const Bytes whole = as_bytes(wire);
  const MessageWeight weight = MessageShape::of(*location.descriptor()).weigh(Pieces(&whole, 1), any_number);
  google::protobuf::SourceCodeInfo::Location parsed;
  REQUIRE(parsed.ParseFromString(wire));
  CHECK(weight.fields == 1);
  CHECK(weight.memory_bytes >= parsed.SpaceUsedLong());
  CHECK(weight.memory_bytes <= 8 * parsed.SpaceUsedLong());
}

TEST_CASE("maps weigh what their entries do, and their unknown fields are dropped") {
  google::protobuf::Struct known;
  for (int at = 0; at < 1000; ++at) (*known.mutable_fields())[std::to_string(at)].set_number_value(at);
  const MessageShape& shape_of_maps = MessageShape::of(*google::protobuf::Struct::descriptor());
  const auto weigh_map = [&](std::string_view wire) {
    const Bytes whole = as_bytes(wire);
    return shape_of_maps.weigh(Pieces(&whole, 1), any_number);
  };
  const MessageWeight weight = weigh_map(known.SerializeAsString());
  CHECK(weight.fields == 4000);  // an entry, its key, its value, and the number in that
  CHECK(weight.unknown_fields == 0);
  CHECK(weight.memory_bytes >= known.SpaceUsedLong());

  google::protobuf::Struct extended = known;
  add_unknown((*extended.mutable_fields())["7"]);
  const std::string wire = extended.SerializeAsString();
  CHECK(weigh_map(wire).unknown_fields > 0);
  const std::vector<std::uint8_t> kept = shape_of_maps.without_unknown_fields(as_bytes(wire));
  google::protobuf::Struct parsed;
  REQUIRE(parsed.ParseFromArray(kept.data(), static_cast<int>(kept.size())));
  CHECK(google::protobuf::util::MessageDifferencer::Equals(parsed, known));
}

TEST_CASE("unknown fields are found and dropped at every depth, and nothing else is") {
  FileDescriptorProto message = file();
  add_unknown(message);
  add_unknown(*message.mutable_message_type(0));
  add_unknown(*message.mutable_message_type(0)->mutable_nested_type(0));
  const std::string wire = message.SerializeAsString();
  CHECK(weigh(wire).unknown_fields > 0);

  const std::vector<std::uint8_t> kept = shape().without_unknown_fields(as_bytes(wire));
  CHECK(weigh(as_text(kept)).unknown_fields == 0);
  FileDescriptorProto parsed;
  REQUIRE(parsed.ParseFromArray(kept.data(), static_cast<int>(kept.size())));
  CHECK(parsed.SerializeAsString() == file().SerializeAsString());
}

TEST_CASE("numbers that a type reserves for extensions count as known") {
  FileDescriptorProto message;
  message.mutable_options()
      ->GetReflection()
      ->MutableUnknownFields(message.mutable_options())
      ->AddVarint(1000, 1);
  const std::string wire = message.SerializeAsString();
  CHECK(weigh(wire).unknown_fields == 0);
  const std::vector<std::uint8_t> kept = shape().without_unknown_fields(as_bytes(wire));
  FileDescriptorProto parsed;
  REQUIRE(parsed.ParseFromArray(kept.data(), static_cast<int>(kept.size())));
  CHECK(parsed.SerializeAsString() == wire);
}

TEST_CASE("a malformed message stays as it is, for the parser to refuse") {
  const std::string good = file().SerializeAsString();
  const std::string open(50, '\x0b');  // groups that begin and never end
  for (const std::string& wire :
       {good.substr(0, good.size() - 1), std::string("\x0c"), std::string("\x07"), open}) {
    CHECK(weigh(wire).fields <= wire.size());
    CHECK(as_text(shape().without_unknown_fields(as_bytes(wire))) == wire);
  }
}

TEST_CASE("a message of groups that nest too deep stays as it is, for the parser to refuse") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '\x0b') + std::string(depth, '\x0c');
  };
  CHECK(shape().without_unknown_fields(as_bytes(nested(100))).empty());
  // The last would take more stack than a thread has.
  for (const std::size_t depth : {101uz, 200uz, 10'000'000uz}) {
    CAPTURE(depth);
    const std::string wire = nested(depth);
    CHECK(weigh(wire).fields <= 101);
    CHECK(as_text(shape().without_unknown_fields(as_bytes(wire))) == wire);
  }
}

TEST_CASE("unknown fields are dropped as deep as the parser goes, and no deeper") {
  const auto nested = [](int depth) {
    std::string wire = "\xc0\x3e\x01";  // 1000, which no type of these has
    for (; depth > 1; --depth) {
      DescriptorProto outer;
      outer.GetReflection()->MutableUnknownFields(&outer)->AddLengthDelimited(3)->assign(
          wire);  // nested_type
      wire = outer.SerializeAsString();
    }
    FileDescriptorProto whole;
    whole.GetReflection()->MutableUnknownFields(&whole)->AddLengthDelimited(4)->assign(wire);  // message_type
    return whole.SerializeAsString();
  };
  const std::string deepest = nested(100);
  CHECK(weigh(as_text(shape().without_unknown_fields(as_bytes(deepest)))).unknown_fields == 0);
  const std::string too_deep = nested(101);
  CHECK_FALSE(FileDescriptorProto().ParseFromString(too_deep));
  CHECK(as_text(shape().without_unknown_fields(as_bytes(too_deep))) == too_deep);
}

TEST_CASE("a message in pieces weighs what it does in one") {
  const std::string wire = file().SerializeAsString();
  std::vector<Bytes> pieces;
  for (std::size_t at = 0; at < wire.size(); ++at) pieces.push_back(as_bytes(wire).subspan(at, 1));
  const MessageWeight weight = shape().weigh(pieces, any_number);
  CHECK(weight.fields == weigh(wire).fields);
  CHECK(weight.memory_bytes == weigh(wire).memory_bytes);
}

}  // namespace
}  // namespace ringrpc
