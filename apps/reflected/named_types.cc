#include "reflected/named_types.h"

#include <set>

namespace ringrpc::reflected {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptorProto;

namespace {

/// ".a.b" for the package a.b.
std::string scope_of(const pb::FileDescriptorProto& file) {
  return file.package().empty() ? "" : "." + file.package();
}

}  // namespace

/// The types that one file sees.
class NamedTypes::Scopes {
 public:
  /// False if the file was added before.
  bool add(const pb::FileDescriptorProto& file) {
    if (!files_.insert(file.name()).second) return false;
    for (const pb::EnumDescriptorProto& each : file.enum_type()) add(each, scope_of(file));
    for (const pb::DescriptorProto& each : file.message_type()) add(each, scope_of(file));
    return true;
  }

  void fill_in(pb::DescriptorProto& message, const std::string& around) const {
    const std::string scope = around + "." + message.name();
    for (Field& each : *message.mutable_field()) fill_in(each, scope);
    for (Field& each : *message.mutable_extension()) fill_in(each, scope);
    for (pb::DescriptorProto& each : *message.mutable_nested_type()) fill_in(each, scope);
  }

  /// The innermost scope that has the name goes first.
  void fill_in(Field& field, std::string scope) const {
    if (field.has_type()) return;
    const bool full = field.type_name().starts_with('.');
    if (full) scope.clear();
    const std::string name = full ? field.type_name() : "." + field.type_name();
    auto found = types_.find(scope + name);
    while (found == types_.end() && !scope.empty()) {
      scope.resize(scope.rfind('.'));
      found = types_.find(scope + name);
    }
    if (found != types_.end()) field.set_type(found->second);
  }

 private:
  void add(const pb::EnumDescriptorProto& type, const std::string& scope) {
    types_.emplace(scope + "." + type.name(), Field::TYPE_ENUM);
  }

  void add(const pb::DescriptorProto& message, const std::string& around) {
    const std::string scope = around + "." + message.name();
    types_.emplace(scope, Field::TYPE_MESSAGE);
    for (const pb::EnumDescriptorProto& each : message.enum_type()) add(each, scope);
    for (const pb::DescriptorProto& each : message.nested_type()) add(each, scope);
  }

  std::set<std::string> files_;
  std::map<std::string, Field::Type> types_;  // by full name: ".a.M"
};

void NamedTypes::fill_in(pb::FileDescriptorProto& file) {
  Scopes scopes;
  scopes.add(file);
  for (const std::string& import : file.dependency()) add_import(import, scopes);
  for (Field& each : *file.mutable_extension()) scopes.fill_in(each, scope_of(file));
  for (pb::DescriptorProto& each : *file.mutable_message_type()) scopes.fill_in(each, scope_of(file));
}

/// Adds the file, and those that it imports for others.
void NamedTypes::add_import(const std::string& name, Scopes& scopes) {
  const auto [found, fresh] = imports_.try_emplace(name);
  pb::FileDescriptorProto& file = found->second;
  if (fresh && !files_.FindFileByName(name, &file)) file.Clear();
  file.set_name(name);
  if (!scopes.add(file)) return;
  for (const int at : file.public_dependency())
    if (at >= 0 && at < file.dependency_size()) add_import(file.dependency(at), scopes);
}

}  // namespace ringrpc::reflected
