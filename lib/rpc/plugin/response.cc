#include "response.h"

#include <cstdint>
#include <google/protobuf/compiler/plugin.h>
#include <google/protobuf/compiler/plugin.pb.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/unknown_field_set.h>

#include "generator.h"

namespace ringrpc::plugin {

namespace pb = google::protobuf;

namespace {

// CodeGeneratorResponse.minimum_edition and maximum_edition, which libprotoc 3.21 does not have, and the editions.
constexpr int minimum_edition_field = 3;
constexpr int maximum_edition_field = 4;
constexpr std::uint64_t edition_2023 = 1000;
constexpr std::uint64_t edition_2024 = 1001;

template <class File>
concept KnowsEditions = requires(const File& file) { file.edition(); };
static_assert(!KnowsEditions<pb::FileDescriptorProto>,
              "this libprotoc knows editions: let keep_names take a file's edition and features out, too");

/// Values keep their names alone: they are in the scope around the enum.
void keep_names(pb::EnumDescriptorProto& type) {
  type.clear_options();
  type.clear_reserved_range();
  type.clear_reserved_name();
  int number = 0;
  for (pb::EnumValueDescriptorProto& value : *type.mutable_value()) {
    value.set_number(number++);
    value.clear_options();
  }
}

void keep_names(pb::DescriptorProto& message) {
  pb::DescriptorProto kept;
  kept.set_name(message.name());
  kept.mutable_nested_type()->Swap(message.mutable_nested_type());
  kept.mutable_enum_type()->Swap(message.mutable_enum_type());
  for (pb::DescriptorProto& nested : *kept.mutable_nested_type()) keep_names(nested);
  for (pb::EnumDescriptorProto& nested : *kept.mutable_enum_type()) keep_names(nested);
  message.Swap(&kept);
}

void keep_names(pb::FileDescriptorProto& file) {
  if (file.syntax() == "editions") file.set_syntax("proto3");
  file.clear_extension();
  for (pb::DescriptorProto& message : *file.mutable_message_type()) keep_names(message);
  for (pb::EnumDescriptorProto& type : *file.mutable_enum_type()) keep_names(type);
}

}  // namespace

std::expected<std::string, std::string> respond(const std::string& bytes) {
  pb::compiler::CodeGeneratorRequest request;
  if (!request.ParseFromString(bytes))
    return std::unexpected(
        "standard input is not a request of protoc, which runs this program: "
        "protoc --ringrpc_out=DIR FILE.proto");
  for (pb::FileDescriptorProto& file : *request.mutable_proto_file()) keep_names(file);
  pb::compiler::CodeGeneratorResponse response;
  std::string error;
  if (!pb::compiler::GenerateCode(request, Generator(), &response, &error))
    return std::unexpected(error.empty() ? "protoc's descriptors are not valid" : error);
  response.mutable_unknown_fields()->AddVarint(minimum_edition_field, edition_2023);
  response.mutable_unknown_fields()->AddVarint(maximum_edition_field, edition_2024);
  return response.SerializeAsString();
}

}  // namespace ringrpc::plugin
