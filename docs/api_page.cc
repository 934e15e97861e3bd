// Writes docs/api.md from the comments of the .proto files: `api-page PROTO_FOLDER` prints the page.
// `api-page PROTO_FOLDER PAGE` prints nothing and fails if PAGE is out of date.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor_database.h>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace pb = google::protobuf;
namespace fs = std::filesystem;

class Complaints final : public pb::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int, const std::string& message) override {
    std::cerr << file << ":" << line + 1 << ": " << message << "\n";
  }
};

/// The comment of a declaration, above it or on its line. Keeps its line breaks if `breaks`, else joins the lines.
template <class Descriptor>
std::string comment(const Descriptor& descriptor, bool breaks) {
  pb::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return {};
  std::istringstream lines(location.leading_comments.empty() ? location.trailing_comments
                                                             : location.leading_comments);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(' ')) line.erase(0, 1);
    if (!text.empty()) text += breaks ? '\n' : ' ';
    text += line;
  }
  while (text.ends_with('\n') || text.ends_with(' ')) text.pop_back();
  return text;
}

std::string paragraph(const std::string& text) { return text.empty() ? "" : text + "\n\n"; }

/// GitHub's anchor of a type's heading.
std::string anchor(std::string name) {
  std::erase(name, '.');
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

/// Types of protobuf itself have no heading on the page.
std::string link(const std::string& full_name, const std::string& shown) {
  if (full_name.starts_with("google.protobuf.")) return "`" + full_name + "`";
  return "[`" + shown + "`](#" + anchor(full_name) + ")";
}

std::string value_type(const pb::FieldDescriptor& field) {
  if (const pb::Descriptor* message = field.message_type())
    return link(message->full_name(), message->name());
  if (const pb::EnumDescriptor* type = field.enum_type()) return link(type->full_name(), type->name());
  return std::string("`") + field.type_name() + "`";
}

std::string type_of(const pb::FieldDescriptor& field) {
  if (field.is_map())
    return "map of " + value_type(*field.message_type()->map_key()) + " to " +
           value_type(*field.message_type()->map_value());
  std::string type = field.is_repeated() ? "repeated " : "";
  type += value_type(field);
  if (const pb::OneofDescriptor* oneof = field.real_containing_oneof())
    type += ", one of `" + oneof->name() + "`";
  return type;
}

std::string enum_part(const pb::EnumDescriptor& type) {
  std::string part = "### " + type.full_name() + "\n\n" + paragraph(comment(type, true)) +
                     "| value | number | |\n|---|---|---|\n";
  for (int at = 0; at < type.value_count(); ++at) {
    const pb::EnumValueDescriptor& value = *type.value(at);
    part += "| `" + value.name() + "` | " + std::to_string(value.number()) + " | " + comment(value, false) +
            " |\n";
  }
  return part + "\n";
}

std::string message_part(const pb::Descriptor& message) {
  if (message.options().map_entry()) return {};
  std::string part = "### " + message.full_name() + "\n\n" + paragraph(comment(message, true));
  if (message.field_count() == 0) {
    part += "Has no fields.\n\n";
  } else {
    part += "| field | number | type | |\n|---|---|---|---|\n";
    for (int at = 0; at < message.field_count(); ++at) {
      const pb::FieldDescriptor& field = *message.field(at);
      part += "| `" + field.name() + "` | " + std::to_string(field.number()) + " | " + type_of(field) +
              " | " + comment(field, false) + " |\n";
    }
    part += "\n";
  }
  for (int at = 0; at < message.enum_type_count(); ++at) part += enum_part(*message.enum_type(at));
  for (int at = 0; at < message.nested_type_count(); ++at) part += message_part(*message.nested_type(at));
  return part;
}

std::string service_part(const pb::ServiceDescriptor& service) {
  std::string part = "## " + service.full_name() + "\n\n" + paragraph(comment(service, true));
  part += "Declared in [proto/" + service.file()->name() + "](../proto/" + service.file()->name() + ").\n\n";
  for (int at = 0; at < service.method_count(); ++at) {
    const pb::MethodDescriptor& method = *service.method(at);
    const auto side = [](const pb::Descriptor& type, bool streams) {
      return std::string(streams ? "stream of " : "") + link(type.full_name(), type.name());
    };
    part += "### " + service.name() + "." + method.name() + "\n\n";
    part += side(*method.input_type(), method.client_streaming()) + " → " +
            side(*method.output_type(), method.server_streaming()) + "\n\n" +
            paragraph(comment(method, true));
  }
  return part;
}

std::string file_part(const pb::FileDescriptor& file) {
  std::string part;
  for (int at = 0; at < file.service_count(); ++at) part += service_part(*file.service(at));
  for (int at = 0; at < file.message_type_count(); ++at) part += message_part(*file.message_type(at));
  for (int at = 0; at < file.enum_type_count(); ++at) part += enum_part(*file.enum_type(at));
  return part;
}

std::vector<std::string> proto_files(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".proto") files.push_back(fs::relative(entry.path(), folder));
  std::ranges::sort(files);
  return files;
}

/// Empty when a file is not what it should be; what is wrong has been said.
std::string page(const fs::path& folder) {
  pb::compiler::DiskSourceTree tree;
  tree.MapPath("", folder);
  Complaints complaints;
  // Files of protobuf itself are in the library.
  pb::DescriptorPoolDatabase known(*pb::DescriptorPool::generated_pool());
  pb::compiler::SourceTreeDescriptorDatabase files(&tree, &known);
  files.RecordErrorsTo(&complaints);
  pb::DescriptorPool pool(&files, files.GetValidationErrorCollector());
  std::string text =
      "# Services\n\nServices of grpcd, from the comments in [proto](../proto). `make api` writes this page; "
      "do not edit it.\n\n";
  for (const std::string& name : proto_files(folder)) {
    const pb::FileDescriptor* file = pool.FindFileByName(name);
    if (!file) return {};
    text += file_part(*file);
  }
  text.pop_back();  // the empty line at the end
  return text;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 3) return std::cerr << "api-page PROTO_FOLDER [PAGE]\n", 2;
  const std::string text = page(arguments[1]);
  if (text.empty()) return 1;
  if (count == 2) return std::cout << text, 0;
  std::ostringstream present;
  present << std::ifstream(arguments[2]).rdbuf();
  if (present.str() == text) return 0;
  std::cerr << arguments[2] << " is not what the .proto files say; run `make api`\n";
  return 1;
}
