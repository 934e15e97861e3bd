// Descriptors that are made to crash, stall or exhaust those who link them, from a server and from files.
#include <chrono>
#include <doctest/doctest.h>
#include <fstream>
#include <google/protobuf/descriptor.pb.h>
#include <map>
#include <string>
#include <utility>

#include "ringrpc/block_on.h"

#include "apps/scratch_folder.h"
#include "reflected/catalogue.h"
#include "reflected/descriptor_files.h"
#include "reflected/descriptor_limits.h"
#include "reflected/message_json.h"

namespace ringrpc::reflected {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptorProto;

/// A server that sends these files, whatever is requested.
class Given final : public DescriptorSource {
 public:
  explicit Given(Files files) : files_(std::move(files)) {}

  Task<Outcome<std::vector<std::string>>> services() override { co_return std::vector<std::string>(); }
  Task<Outcome<Files>> files_with_symbol(std::string) override { co_return files_; }
  Task<Outcome<Files>> file_named(std::string name) override {
    for (const pb::FileDescriptorProto& file : files_)
      if (file.name() == name) co_return Files{file};
    co_return fail_with(exit_not_found, "there is no " + name);
  }
  Task<> end() override { co_return; }
  std::string_view describes() const noexcept override { return "the server describes"; }

 private:
  Files files_;
};

std::string told(const Outcome<std::string>& outcome) {
  return outcome ? *outcome : std::to_string(outcome.error().exit_status) + " " + outcome.error().message;
}

Task<Result<std::string>> shown(DescriptorSource::Files files, std::string symbol) {
  Given given(std::move(files));
  Catalogue catalogue(given);
  co_return told(co_await catalogue.proto_text(std::move(symbol)));
}

/// The declaration of `symbol` in files that a server sends, or the error with its exit status.
std::string show(DescriptorSource::Files files, std::string symbol) {
  return block_on(shown(std::move(files), std::move(symbol))).value();
}

/// The same for files of a descriptor set; only the error.
std::string open_set(const DescriptorSource::Files& files) {
  const apps::ScratchFolder folder;
  pb::FileDescriptorSet set;
  for (const pb::FileDescriptorProto& file : files) *set.add_file() = file;
  std::ofstream(folder.file("a.set"), std::ios::binary) << set.SerializePartialAsString();
  const auto opened = DescriptorFiles::open({.protosets = {folder.file("a.set")}});
  return opened ? "" : std::to_string(opened.error().exit_status) + " " + opened.error().message;
}

/// The error for a .proto file with this text.
std::string open_proto(const std::string& text) {
  const apps::ScratchFolder folder;
  std::ofstream(folder.file("a.proto"), std::ios::binary) << text;
  const auto opened = DescriptorFiles::open({.protos = {folder.file("a.proto")}});
  return opened ? "" : std::to_string(opened.error().exit_status) + " " + opened.error().message;
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int at = 0; at < times; ++at) all += text;
  return all;
}

pb::FileDescriptorProto descriptor_proto() {
  pb::FileDescriptorProto file;
  pb::FileDescriptorProto::descriptor()->file()->CopyTo(&file);
  return file;
}

pb::FileDescriptorProto named(const std::string& name) {
  pb::FileDescriptorProto file;
  file.set_name(name);
  return file;
}

Field& add_field(pb::DescriptorProto& message, const std::string& name, const std::string& type = "") {
  Field& field = *message.add_field();
  field.set_name(name);
  field.set_number(message.field_size());
  field.set_label(Field::LABEL_OPTIONAL);
  field.set_type(type.empty() ? Field::TYPE_INT32 : Field::TYPE_MESSAGE);
  if (!type.empty()) field.set_type_name(type);
  return field;
}

/// A file with an extension of FileOptions of the type evil.M, which has a field of its own type.
pb::FileDescriptorProto with_option_type() {
  pb::FileDescriptorProto file = named("evil.proto");
  file.set_package("evil");
  file.add_dependency("google/protobuf/descriptor.proto");
  pb::DescriptorProto& message = *file.add_message_type();
  message.set_name("M");
  add_field(message, "m", ".evil.M");
  Field& extension = *file.add_extension();
  extension.set_name("m");
  extension.set_number(50'000);
  extension.set_label(Field::LABEL_OPTIONAL);
  extension.set_type(Field::TYPE_MESSAGE);
  extension.set_type_name(".evil.M");
  extension.set_extendee(".google.protobuf.FileOptions");
  return file;
}

/// Adds an option `(name) = { value }` that the parser of .proto files would have resolved.
template <class Options>
void add_unresolved(Options& options, const std::string& name, const std::string& value) {
  pb::UninterpretedOption& option = *options.add_uninterpreted_option();
  pb::UninterpretedOption::NamePart& part = *option.add_name();
  part.set_name_part(name);
  part.set_is_extension(true);
  option.set_aggregate_value(value);
}

TEST_CASE("descriptors with options that nobody has resolved are refused") {
  pb::FileDescriptorProto file = with_option_type();
  add_unresolved(*file.mutable_options(), "evil.m", repeated("m {", 30'000) + repeated("}", 30'000));
  CHECK(show({descriptor_proto(), file}, "evil.M") ==
        "76 reflection returned an invalid file 'evil.proto': it has an uninterpreted_option, which only "
        "the source of a file has");
  CHECK(open_set({descriptor_proto(), file})
            .ends_with("'evil.proto': it has an uninterpreted_option, which only the source of a file has"));
}

TEST_CASE("an option that nobody has resolved is refused in every element of a file") {
  const auto refused = [](auto&& change) {
    pb::FileDescriptorProto file = named("a.proto");
    pb::DescriptorProto& message = *file.add_message_type();
    message.set_name("M");
    pb::DescriptorProto& inner = *message.add_nested_type();
    inner.set_name("N");
    change(file, inner);
    return show({file}, "M").ends_with("it has an uninterpreted_option, which only the source of a file has");
  };
  using File = pb::FileDescriptorProto;
  using Message = pb::DescriptorProto;
  const auto spoil = [](auto& element) { add_unresolved(*element.mutable_options(), "a", "b: 1"); };
  CHECK(refused([&](File& file, Message&) { spoil(file); }));
  CHECK(refused([&](File& file, Message&) { spoil(*file.add_enum_type()); }));
  CHECK(refused([&](File& file, Message&) { spoil(*file.add_enum_type()->add_value()); }));
  CHECK(refused([&](File& file, Message&) { spoil(*file.add_service()); }));
  CHECK(refused([&](File& file, Message&) { spoil(*file.add_service()->add_method()); }));
  CHECK(refused([&](File& file, Message&) { spoil(*file.add_extension()); }));
  CHECK(refused([&](File&, Message& message) { spoil(message); }));
  CHECK(refused([&](File&, Message& message) { spoil(*message.add_field()); }));
  CHECK(refused([&](File&, Message& message) { spoil(*message.add_oneof_decl()); }));
  CHECK(refused([&](File&, Message& message) { spoil(*message.add_extension()); }));
  CHECK(refused([&](File&, Message& message) { spoil(*message.add_extension_range()); }));
  CHECK(refused([&](File&, Message& message) { spoil(*message.add_enum_type()->add_value()); }));
}

TEST_CASE("a .proto file whose braces are nested too deeply is refused with the place") {
  const std::string head =
      "syntax = \"proto2\";\nimport \"google/protobuf/descriptor.proto\";\n"
      "message M { optional M m = 1; repeated M all = 2; }\n"
      "extend google.protobuf.FileOptions { optional M m = 50000; }\n";
  const auto option = [&](const std::string& begin, const std::string& end, int depth) {
    return open_proto(head + "option (m) = {" + repeated(begin, depth) + repeated(end, depth) + "};\n");
  };
  CHECK(option("m {", "}", 98) == "");
  const std::string fault = ": brackets are nested more than 100 deep";
  CHECK(option("m {", "}", 100).ends_with("a.proto:5:314" + fault));
  for (const auto& [begin, end] :
       std::map<std::string, std::string>{{"m {", "}"}, {"m <", ">"}, {"all: [ {", "} ]"}, {"[m] {", "}"}})
    CHECK(option(begin, end, 30'000).ends_with(fault));
  CHECK(open_proto("syntax = \"proto3\";\n" + repeated("message A {", 100'000)).ends_with(fault));
  CHECK(open_proto("edition = \"2023\";\n" + repeated("message A {", 100'000)).ends_with(fault));
}

TEST_CASE("messages that are nested too deeply are refused") {
  for (const int depth : {40, 90, 100'000}) {
    pb::FileDescriptorProto file = named("a.proto");
    pb::DescriptorProto* message = file.add_message_type();
    for (int at = 1; at < std::min(depth, 1'000); ++at) {
      message->set_name("M");
      message = message->add_nested_type();
    }
    message->set_name("M");
    CHECK(open_set({file}) != "");
    if (depth < 100)
      CHECK(show({file}, "M").starts_with("76 reflection returned an invalid file 'a.proto': "));
  }
}

TEST_CASE("a name that is too long, or has too many parts, is refused") {
  const std::string begin = "76 reflection returned an invalid file 'a.proto': ";
  pb::FileDescriptorProto file = named("a.proto");
  file.set_package(repeated("a.", 300'000) + "a");
  file.add_message_type()->set_name("M");
  CHECK(show({file}, "M") == begin + "a name in it has more than 1024 bytes");
  CHECK(open_set({file}).ends_with("'a.proto': a name in it has more than 1024 bytes"));
  file.set_package("a");
  file.mutable_message_type(0)->set_name(std::string(1024, 'm'));
  CHECK(show({file}, "M") == begin + "a name in it has more than 1024 bytes");
}

TEST_CASE("a chain of types, each with a field of the next, is refused when it is too long") {
  const auto chain = [](int length) {
    pb::FileDescriptorProto file = named("evil.proto");
    file.set_package("evil");
    file.add_dependency("google/protobuf/any.proto");
    for (int at = 0; at < length; ++at) {
      pb::DescriptorProto& message = *file.add_message_type();
      message.set_name("M" + std::to_string(at));
      if (at + 1 < length) add_field(message, "m", ".evil.M" + std::to_string(at + 1));
    }
    return file;
  };
  const auto print = [](pb::FileDescriptorProto file) -> Task<Result<std::string>> {
    Given given({std::move(file)});
    Catalogue catalogue(given);
    const Outcome<bool> loaded = co_await catalogue.load("evil.M0");
    if (!loaded) co_return loaded.error().message;
    MessageJson json(catalogue, {.compact = true});
    co_return told(co_await json.print(*catalogue.pool().FindMessageTypeByName("evil.M0"), ""));
  };
  CHECK(block_on(print(chain(1'000))).value() == "{}\n");
  CHECK(block_on(print(chain(100'000))).value() ==
        "reflection returned an invalid file 'evil.proto': its messages contain one another in a chain of "
        "more than 5000");
}

TEST_CASE("types that contain one another all count in a chain, which is refused when it is too long") {
  const auto circle = [](std::size_t length) {
    pb::FileDescriptorProto file = named("a.proto");
    for (std::size_t at = 0; at < length; ++at) {
      pb::DescriptorProto& message = *file.add_message_type();
      message.set_name(at == 0 ? "M" : "M" + std::to_string(at));
      add_field(message, "m", at + 1 == length ? ".M" : ".M" + std::to_string(at + 1));
    }
    return file;
  };
  CHECK(show({circle(DescriptorLimits::chain_max)}, "M").starts_with("// M, a message in a.proto\n"));
  CHECK(show({circle(DescriptorLimits::chain_max + 1)}, "M").starts_with("76 "));
}

TEST_CASE("a chain of types in the options of the server's descriptor.proto is refused") {
  pb::FileDescriptorProto options = descriptor_proto();
  for (int at = 0; at < 100'000; ++at) {
    pb::DescriptorProto& message = *options.add_message_type();
    message.set_name("M" + std::to_string(at));
    if (at + 1 < 100'000) add_field(message, "m", ".google.protobuf.M" + std::to_string(at + 1));
  }
  for (pb::DescriptorProto& message : *options.mutable_message_type())
    if (message.name() == "MessageOptions") {
      message.clear_extension_range();
      add_field(message, "evil", ".google.protobuf.M0").set_number(50'000);
    }
  pb::FileDescriptorProto file = named("a.proto");
  file.add_dependency("google/protobuf/descriptor.proto");
  file.add_message_type()->set_name("M");
  file.mutable_message_type(0)->mutable_options()->set_deprecated(true);
  CHECK(show({options, file}, "M").find(" in a chain of more than 5000") != std::string::npos);
}

/// The processor time is what the limits save, so these tests would take minutes without them.
constexpr std::chrono::seconds soon(20);

/// The error of a file that a server sends, which must come soon.
std::string soon_refused(const pb::FileDescriptorProto& file) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string error = show({file}, "M");
  CHECK(std::chrono::steady_clock::now() - begin < soon);
  return error;
}

const std::string too_many =
    "76 reflection returned an invalid file 'a.proto': linking the files up to it takes more than 20000000 "
    "comparisons; each reserved range and each extension range of a message or an enum is compared with the "
    "others, and with each field or value";

template <class Message>
void add_reserved(Message& message, int count) {
  for (int at = 0; at < count; ++at) {
    auto& range = *message.add_reserved_range();
    range.set_start(3 * at + 1);
    range.set_end(3 * at + 2);
  }
}

TEST_CASE("ranges and fields that take long to compare are refused at once") {
  pb::FileDescriptorProto empty = named("a.proto");
  empty.add_message_type()->set_name("M");
  pb::FileDescriptorProto ranges = empty;
  add_reserved(*ranges.mutable_message_type(0), 300'000);
  CHECK(soon_refused(ranges) == too_many);
  CHECK(open_set({ranges}).find("takes more than 20000000 comparisons") != std::string::npos);

  pb::FileDescriptorProto extensions = empty;
  for (int at = 0; at < 100'000; ++at) {
    auto& range = *extensions.mutable_message_type(0)->add_extension_range();
    range.set_start(2 * at + 1);
    range.set_end(2 * at + 2);
  }
  CHECK(soon_refused(extensions) == too_many);

  pb::FileDescriptorProto fields = empty;
  add_reserved(*fields.mutable_message_type(0), 3'000);
  for (int at = 0; at < 100'000; ++at) add_field(*fields.mutable_message_type(0), "f" + std::to_string(at));
  CHECK(soon_refused(fields) == too_many);

  pb::FileDescriptorProto values = empty;
  pb::EnumDescriptorProto& type = *values.add_enum_type();
  type.set_name("E");
  add_reserved(type, 300'000);
  CHECK(soon_refused(values) == too_many);

  pb::FileDescriptorProto messages = empty;
  for (int at = 0; at < 100; ++at) {
    messages.add_message_type()->set_name("M" + std::to_string(at));
    add_reserved(*messages.mutable_message_type(at + 1), 1'000);
  }
  CHECK(soon_refused(messages) == too_many);
}

TEST_CASE("ranges of a .proto file that take long to compare are refused at once") {
  std::string text = "syntax = \"proto3\";\nmessage M {\n";
  for (int at = 0; at < 100'000; ++at) text += "reserved " + std::to_string(2 * at + 1) + ";\n";
  CHECK(open_proto(text + "}\n").find("takes more than 20000000 comparisons") != std::string::npos);
}

TEST_CASE("a thousand reserved ranges and as many fields are described") {
  pb::FileDescriptorProto file = named("a.proto");
  pb::DescriptorProto& message = *file.add_message_type();
  message.set_name("M");
  add_reserved(message, 1'000);
  for (int at = 0; at < 1'000; ++at) add_field(message, "f" + std::to_string(at)).set_number(5'000 + at);
  CHECK(show({file}, "M").starts_with("// M, a message in a.proto\n"));
}

TEST_CASE("references to types of very many imported files are refused") {
  DescriptorSource::Files files(1, named("a.proto"));
  files.front().add_message_type()->set_name("M");
  for (int at = 0; at < 30'000; ++at)
    add_field(*files.front().mutable_message_type(0), "f" + std::to_string(at), ".M").set_number(20'000 + at);
  files.front().add_dependency("all.proto");
  pb::FileDescriptorProto all = named("all.proto");
  for (int at = 0; at < 1'000; ++at) {
    files.push_back(named("d" + std::to_string(at)));
    all.add_dependency("d" + std::to_string(at));
    all.add_public_dependency(at);
  }
  files.push_back(std::move(all));
  CHECK(show(std::move(files), "M") == too_many);
}

TEST_CASE("a message of very many fields in an edition is described soon") {
  pb::FileDescriptorProto file = named("a.proto");
  file.set_syntax("editions");
  file.mutable_unknown_fields()->AddVarint(14, 1000);
  pb::DescriptorProto& message = *file.add_message_type();
  message.set_name("M");
  for (int at = 0; at < 100'000; ++at) add_field(message, "f" + std::to_string(at)).set_number(20'000 + at);
  CHECK(soon_refused(file).starts_with("// M, a message in a.proto of edition 2023"));
}

}  // namespace
}  // namespace ringrpc::reflected
