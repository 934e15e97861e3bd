/// Tests the parts of the generator that the tests of generated code do not cover: comments, file names,
/// errors.

#include "rpc/plugin/generator.h"

#include <doctest/doctest.h>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/compiler/plugin.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "rpc/plugin/response.h"

namespace ringrpc::plugin {
namespace {

namespace pb = google::protobuf;

/// Files in memory, to be imported by name.
class MemoryTree final : public pb::compiler::SourceTree {
 public:
  explicit MemoryTree(std::map<std::string, std::string> files) : files_(std::move(files)) {}
  pb::io::ZeroCopyInputStream* Open(const std::string& name) override {
    const auto file = files_.find(name);
    if (file == files_.end()) return nullptr;
    return new pb::io::ArrayInputStream(file->second.data(), static_cast<int>(file->second.size()));
  }

 private:
  std::map<std::string, std::string> files_;
};

/// Keeps the written files by name.
class MemoryContext final : public pb::compiler::GeneratorContext {
 public:
  pb::io::ZeroCopyOutputStream* Open(const std::string& name) override {
    return new pb::io::StringOutputStream(&written[name]);
  }
  std::map<std::string, std::string> written;
};

/// Generates code from the file `name`: the written files, and the error if there is one.
struct Generated {
  Generated(std::map<std::string, std::string> files, const std::string& name,
            const std::string& parameter = "") {
    MemoryTree tree(std::move(files));
    pb::compiler::Importer importer(&tree, nullptr);
    const pb::FileDescriptor* const file = importer.Import(name);
    REQUIRE(file);
    ok = Generator().Generate(file, parameter, &context, &error);
  }
  explicit Generated(const std::string& text) : Generated({{"a.proto", text}}, "a.proto") {}

  std::string_view header() { return context.written["a.ringrpc.h"]; }

  MemoryContext context;
  std::string error;
  bool ok;
};

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

TEST_CASE("files are written beside each other, in the folder of the .proto, and include by full path") {
  Generated made({{"geo/v1/map.proto", R"(syntax = "proto3"; package geo.v1; message M {}
                                          service S { rpc Get(M) returns (M); })"}},
                 "geo/v1/map.proto");
  REQUIRE(made.ok);
  REQUIRE(made.context.written.size() == 2);
  CHECK(has(made.context.written.at("geo/v1/map.ringrpc.h"), "#include \"geo/v1/map.pb.h\"\n"));
  CHECK(has(made.context.written.at("geo/v1/map.ringrpc.h"), "\nnamespace geo::v1 {\n"));
  CHECK(has(made.context.written.at("geo/v1/map.ringrpc.cc"), "#include \"geo/v1/map.ringrpc.h\"\n"));
}

TEST_CASE("a file without services gives files that compile to nothing") {
  Generated made(R"(syntax = "proto3"; package p; message M {})");
  REQUIRE(made.ok);
  CHECK(has(made.header(), "#include \"a.pb.h\""));
  CHECK_FALSE(has(made.header(), "namespace"));
  CHECK(made.context.written.count("a.ringrpc.cc") == 1);
}

TEST_CASE("comments become doc comments of the service, the handler and the stub") {
  Generated made(R"(syntax = "proto3"; message M {}
    // Keeps maps.
    //
    //   indented $10
    service S {
      /* Gets one.
       * Or none. */
      rpc Get(M) returns (M);
    })");
  REQUIRE(made.ok);
  CHECK(has(made.header(), "/// Keeps maps.\n///\n///   indented $10\nstruct S {"));
  CHECK(has(made.header(), "\n    /// Gets one.\n    /// Or none.\n    virtual "));
  CHECK(has(made.header(),
            "\n    /// Gets one.\n    /// Or none.\n    virtual ::ringrpc::Task<::ringrpc::CallResult<"));
  CHECK(has(made.header(),
            "\n    /// Gets one.\n    /// Or none.\n    ::ringrpc::Task<::ringrpc::CallResult<"));
}

TEST_CASE("without a comment above a method, the comment on its line is used") {
  Generated made(
      "syntax = \"proto3\"; message M {}\nservice S {\n  rpc Get(M) returns (M);  // Gets one.\n}\n");
  REQUIRE(made.ok);
  CHECK(has(made.header(), "/// Gets one.\n    virtual"));
}

TEST_CASE("a backslash at the end of a comment does not reach into the next line") {
  Generated made("syntax = \"proto3\"; message M {}\n// In C:\\maps\\  \nservice S {}\n");
  REQUIRE(made.ok);
  CHECK(has(made.header(), "/// In C:\\maps\\.\nstruct S {"));
}

TEST_CASE("deprecated methods are deprecated for callers") {
  Generated made(R"(syntax = "proto3"; message M {}
    service S { rpc Old(M) returns (M) { option deprecated = true; } rpc New(M) returns (M); })");
  REQUIRE(made.ok);
  std::string_view rest = made.header();
  for (const std::string_view caller_side : {"class StubInterface", "class Stub final"}) {
    const std::size_t mark = rest.find("[[deprecated]]");
    REQUIRE(mark != std::string_view::npos);
    CHECK(rest.find(caller_side) < mark);
    rest = rest.substr(mark + 1);
  }
  CHECK(rest.find("[[deprecated]]") == std::string_view::npos);
}

TEST_CASE("an appended underscore does not make one service another's name or a message's") {
  Generated made({{"b.proto", R"(syntax = "proto3"; package p; message name_ {})"},
                  {"a.proto", R"(syntax = "proto3"; package p; import "b.proto"; service name {})"}},
                 "a.proto");
  REQUIRE(made.ok);
  CHECK(has(made.header(), "struct name__ {"));
}

TEST_CASE("parameters are refused, there being none") {
  Generated made({{"a.proto", "syntax = \"proto3\";"}}, "a.proto", "lite");
  CHECK_FALSE(made.ok);
  CHECK(made.error == "no such parameter: lite");
  CHECK(made.context.written.empty());
}

TEST_CASE("generic services, whose classes have the same names, are refused") {
  Generated made(R"(syntax = "proto3"; option cc_generic_services = true; service S {})");
  CHECK_FALSE(made.ok);
  CHECK(has(made.error, "a.proto: with cc_generic_services"));

  Generated without(R"(syntax = "proto3"; option cc_generic_services = true;)");
  CHECK(without.ok);
}

TEST_CASE("optional fields of proto3 are supported") {
  CHECK((Generator().GetSupportedFeatures() & Generator::FEATURE_PROTO3_OPTIONAL) != 0);
}

/// A request of a protoc that knows editions, for a file with a service and fields of several features.
std::string request_in(std::string_view syntax) {
  pb::compiler::CodeGeneratorRequest request;
  request.add_file_to_generate("a.proto");
  pb::FileDescriptorProto& user = *request.add_proto_file();
  user.set_name("b.proto");
  user.set_syntax("proto3");
  pb::FileDescriptorProto& file = *request.add_proto_file();
  file.set_name("a.proto");
  file.set_package("p");
  file.set_syntax(std::string(syntax));
  file.add_dependency("b.proto");
  if (syntax == "editions") file.mutable_unknown_fields()->AddVarint(14, 1001);
  pb::EnumDescriptorProto& type = *file.add_enum_type();
  type.set_name("E");
  for (const char* name : {"ONE", "ALIAS"}) {
    type.add_value()->set_name(name);
    type.mutable_value(type.value_size() - 1)->set_number(syntax == "editions" ? 1 : type.value_size() - 1);
  }
  pb::DescriptorProto& message = *file.add_message_type();
  message.set_name("M");
  pb::FieldDescriptorProto& field = *message.add_field();
  field.set_name("e");
  field.set_number(1);
  field.set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
  field.set_type(pb::FieldDescriptorProto::TYPE_ENUM);
  field.set_type_name(".p.E");
  if (syntax == "editions") field.set_default_value("ONE");
  pb::MethodDescriptorProto& method = *file.add_service()->add_method();
  file.mutable_service(0)->set_name("S");
  method.set_name("Get");
  method.set_input_type(".p.M");
  method.set_output_type(".p.M");
  method.set_server_streaming(true);
  return request.SerializeAsString();
}

TEST_CASE("a file in an edition gives the same code as one in proto3") {
  const auto response_to = [](std::string_view syntax) {
    const auto bytes = respond(request_in(syntax));
    REQUIRE_MESSAGE(bytes, bytes.error());
    pb::compiler::CodeGeneratorResponse response;
    REQUIRE(response.ParseFromString(*bytes));
    return response;
  };
  const pb::compiler::CodeGeneratorResponse response = response_to("editions");
  CHECK(response.error().empty());
  REQUIRE(response.file_size() == 2);
  CHECK(has(response.file(0).content(), "::ringrpc::Writer<::p::M>& out"));
  CHECK(response.SerializeAsString() == response_to("proto3").SerializeAsString());
  CHECK(response.supported_features() == 3);  // proto3_optional and editions
  REQUIRE(response.unknown_fields().field_count() == 2);
  CHECK(response.unknown_fields().field(0).varint() == 1000);
  CHECK(response.unknown_fields().field(1).varint() == 1001);
}

TEST_CASE("input that is no request of protoc is refused") {
  const auto response = respond("\xff");
  REQUIRE_FALSE(response);
  CHECK(response.error().starts_with("standard input is not a request of protoc"));
}

}  // namespace
}  // namespace ringrpc::plugin
