// Files in protobuf's editions: descriptors, and .proto files.
#include "reflected/editions.h"

#include <doctest/doctest.h>
#include <fstream>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>
#include <string>
#include <vector>

#include "ringrpc/block_on.h"

#include "apps/scratch_folder.h"
#include "reflected/catalogue.h"
#include "reflected/descriptor_files.h"
#include "reflected/edition_text.h"
#include "reflected/message_json.h"

namespace ringrpc::reflected {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptorProto;

// The numbers of `features` in the options, of the features themselves, and their values.
constexpr int of_file = 50;
constexpr int of_field = 21;
constexpr int field_presence = 1;
constexpr int repeated_field_encoding = 3;
constexpr int message_encoding = 5;

/// Sets a feature as a newer protobuf serializes it.
template <class Options>
void set_feature(Options& options, int number, int feature, std::uint64_t value) {
  pb::UnknownFieldSet features;
  features.AddVarint(feature, value);
  std::string bytes;
  features.SerializeToString(&bytes);
  options.GetReflection()->MutableUnknownFields(&options)->AddLengthDelimited(number, bytes);
}

Field& add_field(pb::DescriptorProto& message, const std::string& name, Field::Type type,
                 Field::Label label = Field::LABEL_OPTIONAL, const std::string& type_name = "") {
  Field& field = *message.add_field();
  field.set_name(name);
  field.set_number(message.field_size());
  field.set_type(type);
  field.set_label(label);
  if (!type_name.empty()) field.set_type_name(type_name);
  return field;
}

pb::FileDescriptorProto in_edition(const std::string& name, std::uint64_t edition = 1000) {
  pb::FileDescriptorProto file;
  file.set_name(name);
  file.set_syntax("editions");
  file.mutable_unknown_fields()->AddVarint(14, edition);
  return file;
}

/// A server that sends one file, as it is.
class Sent final : public DescriptorSource {
 public:
  explicit Sent(pb::FileDescriptorProto file) : file_(std::move(file)) {}

  Task<Outcome<std::vector<std::string>>> services() override { co_return std::vector<std::string>(); }
  Task<Outcome<Files>> files_with_symbol(std::string) override { co_return Files{file_}; }
  Task<Outcome<Files>> file_named(std::string name) override { co_return fail_with(exit_not_found, name); }
  Task<> end() override { co_return; }
  std::string_view describes() const noexcept override { return "the server describes"; }

 private:
  pb::FileDescriptorProto file_;
};

Task<Result<std::string>> shown(DescriptorSource& source, std::string symbol) {
  Catalogue catalogue(source);
  Outcome<std::string> text = co_await catalogue.proto_text(std::move(symbol));
  co_return text ? *text : text.error().message;
}

/// A descriptor set, or .proto files, and the result of a function of a catalogue on them.
class Files {
 public:
  void add(const pb::FileDescriptorProto& file) { *set_.add_file() = file; }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.file(name.c_str()), std::ios::binary) << text;
    paths_.protos.push_back(folder_.file(name.c_str()));
  }

  std::string show(const std::string& symbol) { return run({symbol, ""}); }
  /// The serialized message of this JSON text in base 16, then the JSON of this.
  std::string through(const std::string& type, const std::string& json) { return run({type, json}); }
  /// The JSON of a serialized message.
  std::string print(const std::string& type, const std::string& bytes) { return run({type, "", bytes}); }

 private:
  struct Request {
    std::string symbol;
    std::string json{};
    std::string bytes{};
  };

  std::string run(Request request) {
    if (set_.file_size() > 0) {
      std::ofstream(folder_.file("a.set"), std::ios::binary) << set_.SerializeAsString();
      paths_.protosets = {folder_.file("a.set")};
    }
    return block_on(answer(paths_, std::move(request))).value();
  }

  static Task<Result<std::string>> answer(DescriptorPaths paths, Request request) {
    auto files = DescriptorFiles::open(paths);
    if (!files) co_return files.error().message;
    if (request.json.empty() && request.bytes.empty()) co_return co_await shown(**files, request.symbol);
    Catalogue catalogue(**files);
    const Outcome<bool> loaded = co_await catalogue.load(request.symbol);
    if (!loaded) co_return loaded.error().message;
    const pb::Descriptor& type = *catalogue.pool().FindMessageTypeByName(request.symbol);
    MessageJson json(catalogue, {.compact = true});
    if (request.json.empty()) {
      Outcome<std::string> text = co_await json.print(type, request.bytes);
      co_return text ? *text : text.error().message;
    }
    const JsonStream::Value value{request.json, 1};
    Outcome<std::string> bytes = co_await json.parse(type, value, "--data");
    if (!bytes) co_return bytes.error().message;
    std::string all;
    for (const char byte : *bytes) {
      constexpr char digits[] = "0123456789abcdef";
      all.push_back(digits[static_cast<unsigned char>(byte) >> 4]);
      all.push_back(digits[static_cast<unsigned char>(byte) & 15]);
    }
    Outcome<std::string> text = co_await json.print(type, *bytes);
    co_return all + " " + (text ? *text : text.error().message);
  }

  apps::ScratchFolder folder_;
  pb::FileDescriptorSet set_;
  DescriptorPaths paths_;
};

const std::string as_proto3_text =
    "// M, a message in a.proto of edition 2023, written as proto3\n"
    "message M {\n"
    "  optional int32 a = 1;\n"
    "  string b = 2;\n"
    "  repeated int32 c = 3;\n"
    "  repeated int32 d = 4 [packed = false];\n"
    "  M e = 5;\n"
    "  oneof o {\n"
    "    int32 f = 6;\n"
    "  }\n"
    "}\n";

TEST_CASE("a descriptor in an edition becomes proto3 with the presence and the encoding of its features") {
  pb::FileDescriptorProto file = in_edition("a.proto");
  pb::DescriptorProto& message = *file.add_message_type();
  message.set_name("M");
  add_field(message, "a", Field::TYPE_INT32);
  set_feature(*add_field(message, "b", Field::TYPE_STRING).mutable_options(), of_field, field_presence, 2);
  add_field(message, "c", Field::TYPE_INT32, Field::LABEL_REPEATED);
  set_feature(*add_field(message, "d", Field::TYPE_INT32, Field::LABEL_REPEATED).mutable_options(), of_field,
              repeated_field_encoding, 2);
  add_field(message, "e", Field::TYPE_MESSAGE, Field::LABEL_OPTIONAL, ".M");
  message.add_oneof_decl()->set_name("o");
  add_field(message, "f", Field::TYPE_INT32).set_oneof_index(0);
  Files files;
  files.add(file);
  std::string text = as_proto3_text;
  text.replace(text.find("  M e"), 3, "  .M");
  CHECK(files.show("M") == text);
  CHECK(files.through("M", R"({"a":0,"c":[1,2],"d":[1,2]})") ==
        "08001801180220012002 {\"a\":0,\"c\":[1,2],\"d\":[1,2]}\n");
}

TEST_CASE("a .proto file in an edition becomes the same as its descriptor") {
  Files files;
  files.write("a.proto", R"(// A comment.
edition = "2023";
message M {
  reserved old, 	older; reserved 100 to max;
  int32 a = 1; string b = 2 [features.field_presence = IMPLICIT];
  repeated int32 c = 3;
  repeated int32 d = 4 [features = { repeated_field_encoding: EXPANDED }];
  M e = 5;
  oneof o { int32 f = 6; }
}
)");
  std::string text = as_proto3_text;
  text.insert(text.size() - 2, "  reserved 100 to max;\n  reserved \"old\", \"older\";\n");
  text.replace(text.find("  M e"), 3, "  .M");
  CHECK(files.show("M") == text);
}

TEST_CASE("a file becomes proto2 if it has required fields, defaults, closed enums or extensions") {
  const auto syntax_of = [](const std::string& body) {
    Files files;
    files.write("a.proto", "edition = \"2023\";\n" + body + "\nmessage Z { int32 z = 1; }\n");
    const std::string text = files.show("Z");
    return text.substr(0, text.find('\n'));
  };
  const std::string begin = "// Z, a message in a.proto of edition 2023, written as ";
  CHECK(syntax_of("") == begin + "proto3");
  CHECK(syntax_of("enum E { A = 0; }") == begin + "proto3");
  CHECK(syntax_of("message M { M a = 1 [features.message_encoding = DELIMITED]; }") == begin + "proto3");
  for (const char* body :
       {"message M { int32 a = 1 [features.field_presence = LEGACY_REQUIRED]; }",
        "message M { int32 a = 1 [default = 5]; }", "enum E { option features.enum_type = CLOSED; A = 0; }",
        "option features.enum_type = CLOSED; enum E { A = 1; }", "message M { extensions 10 to 20; }",
        "message M { extensions 10; } extend M { int32 x = 10; }",
        "option features.json_format = LEGACY_BEST_EFFORT;\nmessage M {}",
        "message M { string a = 1 [features.utf8_validation = NONE]; }"})
    CHECK_MESSAGE(syntax_of(body) == begin + "proto2", body);
}

TEST_CASE("delimited fields are groups on the wire, but maps are not") {
  Files files;
  files.write("a.proto", R"(edition = "2023";
option features.message_encoding = DELIMITED;
enum E { A = 0; B = 1; }
message M { M child = 1; E kind = 2; map<string, int32> counts = 3; repeated E kinds = 4; repeated M rest = 5; }
)");
  CHECK(files.through("M", R"({"child":{"kind":"B"},"counts":{"x":1},"kinds":["B","A"],"rest":[{}]})") ==
        "0b10010c1a050a01781001200120002b2c "
        "{\"child\":{\"kind\":\"B\"},\"counts\":{\"x\":1},\"kinds\":[\"B\",\"A\"],\"rest\":[{}]}\n");
}

TEST_CASE("a group of a response that does not end is an error") {
  Files files;
  files.write("a.proto",
              "edition = \"2023\"; message M { M child = 1 [features.message_encoding = DELIMITED]; }");
  CHECK(files.print("M", "\x0b\x0c") == "{\"child\":{}}\n");
  CHECK(files.print("M", "\x0b").ends_with(" M: it is malformed"));
}

TEST_CASE("groups are converted inside an Any, too") {
  Files files;
  files.write("a.proto", R"(edition = "2023";
import "google/protobuf/any.proto";
message M { M child = 1 [features.message_encoding = DELIMITED]; }
message W { google.protobuf.Any any = 1; }
)");
  const std::string text = R"({"any":{"@type":"x/M","child":{}}})";
  CHECK(files.through("W", text) == "0a090a03782f4d12020b0c " + text + "\n");
}

TEST_CASE("the text of a message names its delimited fields, and ends even if the message contains itself") {
  const std::string text =
      ".proto of edition 2023, written as proto3\n"
      "// Delimited on the wire, as groups: n.Node.children, n.Node.Leaf.node\n"
      "message Node {\n"
      "  message Leaf {\n"
      "    optional string text = 1;\n"
      "    .n.Node node = 2;\n"
      "  }\n"
      "  optional string name = 1;\n"
      "  repeated .n.Node children = 2;\n"
      "}\n";
  Files files;
  files.write("n.proto", R"(edition = "2023";
package n;
option features.message_encoding = DELIMITED;
message Node {
  message Leaf { string text = 1; Node node = 2; }
  string name = 1;
  repeated Node children = 2;
}
)");
  CHECK(files.show("n.Node") == "// n.Node, a message in n" + text);
  CHECK(files.show("n.Node.children") ==
        "// n.Node.children, a field in n.proto of edition 2023, written as proto3\n"
        "// Delimited on the wire, as groups: n.Node.children\n"
        "repeated .n.Node children = 2;\n");
}

TEST_CASE("a group that a server describes ends even if it contains itself") {
  pb::FileDescriptorProto file;
  file.set_name("g.proto");
  pb::DescriptorProto& message = *file.add_message_type();
  message.set_name("G");
  add_field(message, "g", Field::TYPE_GROUP, Field::LABEL_REPEATED, ".G");
  Sent sent(file);
  CHECK(block_on(shown(sent, "G")).value() ==
        "// G, a message in g.proto\n"
        "// Delimited on the wire, as groups: G.g\n"
        "message G {\n"
        "  repeated .G g = 1;\n"
        "}\n");
}

TEST_CASE("the text of a chain of delimited messages is as long as the message") {
  pb::FileDescriptorProto file = in_edition("c.proto");
  set_feature(*file.mutable_options(), of_file, message_encoding, 2);
  constexpr int count = 40;
  for (int at = 0; at < count; ++at) {
    pb::DescriptorProto& message = *file.add_message_type();
    message.set_name("M" + std::to_string(at));
    for (const char* const name : {"a", "b"})
      if (at + 1 < count)
        add_field(message, name, Field::TYPE_MESSAGE, Field::LABEL_OPTIONAL, ".M" + std::to_string(at + 1));
  }
  Sent sent(file);
  CHECK(block_on(shown(sent, "M0")).value() ==
        "// M0, a message in c.proto of edition 2023, written as proto3\n"
        "// Delimited on the wire, as groups: M0.a, M0.b\n"
        "message M0 {\n"
        "  .M1 a = 1;\n"
        "  .M1 b = 2;\n"
        "}\n");
}

TEST_CASE("the type of a field is found in its scope, in the file and in those that it imports") {
  Files files;
  files.write("common.proto", R"(edition = "2023";
package c;
enum Color { NONE = 0; RED = 1; }
message Shade { enum Depth { DARK = 0; LIGHT = 1; } }
)");
  files.write("public.proto", "edition = \"2023\";\nimport public \"common.proto\";\n");
  SUBCASE("an imported enum has presence") {
    files.write("a.proto", R"(edition = "2023";
package a;
import "public.proto";
option features.message_encoding = DELIMITED;
message M { c.Color color = 1; repeated .c.Color colors = 2; }
)");
    CHECK(files.through("a.M", R"({"color":"NONE","colors":["RED"]})") ==
          "08001001 {\"color\":\"NONE\",\"colors\":[\"RED\"]}\n");
    CHECK(files.show("a.M").ends_with(
        "{\n  optional .c.Color color = 1;\n  repeated .c.Color colors = 2;\n}\n"));
  }
  SUBCASE(
      "an imported enum is packed in proto2, and messages are not, whatever files that are not imported "
      "have") {
    files.write("other.proto", "edition = \"2023\"; package c.inside; enum Shade { X = 0; }");
    files.write("a.proto", R"(edition = "2023";
package c.inside;
import "common.proto";
message M { repeated Shade.Depth depths = 1; repeated Shade shades = 2; int32 preset = 3 [default = 5]; }
)");
    CHECK(files.show("c.inside.M")
              .ends_with("{\n"
                         "  repeated .c.Shade.Depth depths = 1 [packed = true];\n"
                         "  repeated .c.Shade shades = 2;\n"
                         "  optional int32 preset = 3 [default = 5];\n}\n"));
  }
  SUBCASE("types of one name in several scopes are told apart") {
    files.write("a.proto", R"(edition = "2023";
package a;
message A {
  enum Kind { option features.enum_type = CLOSED; K0 = 0; K1 = 1; }
  repeated Kind kinds = 1;
}
message B {
  message Kind { int32 x = 1; }
  repeated Kind kinds = 1;
  repeated A.Kind others = 2;
}
)");
    CHECK(files.show("a.A").ends_with("  repeated .a.A.Kind kinds = 1 [packed = true];\n}\n"));
    CHECK(files.show("a.B").ends_with(
        "  repeated .a.B.Kind kinds = 1;\n  repeated .a.A.Kind others = 2 [packed = true];\n}\n"));
  }
}

TEST_CASE("a field's own features go before those of its file") {
  Files files;
  files.write("a.proto", R"(edition = "2023";
option features.field_presence = IMPLICIT;
message M { int32 a = 1 [features.field_presence = EXPLICIT]; int32 b = 2; }
)");
  const std::string text = files.show("M");
  CHECK(text.find("  optional int32 a = 1;\n  int32 b = 2;\n") != std::string::npos);
}

TEST_CASE("a message of proto3 may use an open enum of a file that became proto2") {
  Files files;
  files.write("e.proto",
              "edition = \"2023\"; enum E { A = 0; B = 1; } message Old { int32 x = 1 [default = 1]; }");
  files.write("m.proto",
              "syntax = \"proto3\"; import \"e.proto\"; message M { E e = 1; repeated E all = 2; optional "
              "int32 n = 3; }");
  CHECK(files.through("M", R"({"e":"B","all":["A","B"],"n":0})") ==
        "0801100010011800 {\"e\":\"B\",\"all\":[\"A\",\"B\"],\"n\":0}\n");
  Files set;
  pb::FileDescriptorProto enums = in_edition("e.proto", 1001);
  pb::EnumDescriptorProto& type = *enums.add_enum_type();
  type.set_name("E");
  type.add_value()->set_name("A");
  type.mutable_value(0)->set_number(0);
  enums.add_message_type()->set_name("Old");
  add_field(*enums.mutable_message_type(0), "x", Field::TYPE_INT32).set_default_value("1");
  pb::FileDescriptorProto user;
  user.set_name("m.proto");
  user.set_syntax("proto3");
  user.add_dependency("e.proto");
  user.add_message_type()->set_name("M");
  add_field(*user.mutable_message_type(0), "e", Field::TYPE_ENUM, Field::LABEL_OPTIONAL, ".E");
  set.add(enums);
  set.add(user);
  CHECK(set.show("M").starts_with("// M, a message in m.proto\n"));
  CHECK(set.show("Old").starts_with("// Old, a message in e.proto of edition 2024, written as proto2\n"));
}

TEST_CASE("the features of a file come from its options as newer compilers serialize them") {
  pb::FileDescriptorProto file = in_edition("a.proto");
  set_feature(*file.mutable_options(), of_file, message_encoding, 2);
  pb::DescriptorProto& message = *file.add_message_type();
  message.set_name("M");
  add_field(message, "m", Field::TYPE_MESSAGE, Field::LABEL_OPTIONAL, ".M");
  Files files;
  files.add(file);
  CHECK(files.through("M", R"({"m":{}})") == "0b0c {\"m\":{}}\n");
}

TEST_CASE("an edition or a feature that is not known is refused by name") {
  Files late;
  late.write("a.proto", "edition = \"2030\";\nmessage M {}\n");
  CHECK(late.show("M").ends_with("a.proto: it is in an edition other than 2023 and 2024"));
  Files odd;
  odd.write("a.proto", "edition = \"2023\";\noption features.field_presence = SOMETIMES;\n");
  CHECK(odd.show("M").ends_with("a.proto: the feature field_presence = SOMETIMES is not known"));
  Files newer;
  newer.add(in_edition("a.proto", 99'999));
  CHECK(newer.show("M").ends_with("'a.proto': it is in an edition other than 2023 and 2024"));
}

TEST_CASE("an error in a file in an edition has its place") {
  Files files;
  files.write("a.proto", "edition = \"2023\";\nmessage M { int32 x = 1 }\n");
  CHECK(files.show("M").ends_with("a.proto:2:25: Expected \";\"."));
  Files linked;
  linked.write("a.proto", "edition = \"2023\";\nmessage M {\n  Missing x = 1;\n}\n");
  CHECK(linked.show("M").ends_with("a.proto:3:3: \"Missing\" is not defined."));
}

TEST_CASE("words that edition 2024 has brought are left out, and names keep their places") {
  const std::string text =
      "edition = \"2024\";\nimport option \"o.proto\";\nexport message A { local enum B { X = 0; reserved Y; "
      "} }\n"
      "message C { local message = 1; string export = 2; }\n";
  const auto edited = as_proto3(text);
  REQUIRE(edited);
  CHECK(edited->edition == "2024");
  CHECK(edited->text ==
        "syntax = \"proto3\";\nimport  \"o.proto\";\n message A {  enum B { X = 0; reserved \"Y\"; } }\n"
        "message C { local message = 1; string export = 2; }\n");
  CHECK_FALSE(as_proto3("syntax = \"proto3\"; message edition {}"));
}

TEST_CASE("fields of the value of an option are not statements") {
  const std::string body =
      "message M { option (o) = { reserved: B import: { export: message } reserved: C }; extensions 4 "
      "[declaration = "
      "{ reserved: true }, (o) = {}]; reserved ";
  const auto edited = as_proto3("edition = \"2023\"; " + body + "x; }");
  REQUIRE(edited);
  CHECK(edited->text == "syntax = \"proto3\"; " + body + "\"x\"; }");
}

}  // namespace
}  // namespace ringrpc::reflected
