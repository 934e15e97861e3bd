#include "reflected/field_error.h"

#include <algorithm>
#include <vector>

#include "common/nearest.h"

namespace ringrpc::reflected {

namespace pb = google::protobuf;

namespace {

constexpr std::size_t shown_bytes_max = 64;
constexpr std::string_view no_field = ": Cannot find field.";
constexpr std::string_view invalid = ": invalid value ";
constexpr std::string_view for_type = " for type ";
constexpr std::string_view no_list = ": Proto field is not repeating, cannot start list.";
constexpr std::string_view no_object = "Starting an object on a scalar field";
constexpr std::string_view no_type = "Invalid type URL, unknown type: ";
constexpr std::string_view no_root = "Root element must be a message.";

const pb::FieldDescriptor* field_named(const pb::Descriptor& type, const std::string& name) {
  const pb::FieldDescriptor* const field = type.FindFieldByName(name);
  return field ? field : type.FindFieldByCamelcaseName(name);
}

/// The field at the end of a path such as "parameters[0].size"; null for an invalid path.
const pb::FieldDescriptor* field_at(const pb::Descriptor& type, std::string_view path) {
  const pb::Descriptor* within = &type;
  const pb::FieldDescriptor* field = nullptr;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('.'), path.size());
    const std::string_view step = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    field = within ? field_named(*within, std::string(step.substr(0, step.find('[')))) : nullptr;
    if (!field) return nullptr;
    within = field->message_type();
  }
  return field;
}

/// The path in parentheses at the front of `error`, or nothing.
std::string_view path_of(std::string_view error) {
  if (!error.starts_with('(')) return {};
  return error.substr(1, std::min(error.find(')'), error.size()) - 1);
}

std::string in_quotes(std::string_view name) { return "'" + std::string(name) + "'"; }

std::string cut(std::string_view value) {
  if (value.size() <= shown_bytes_max) return std::string(value);
  return std::string(value.substr(0, shown_bytes_max)) + " ...";
}

std::string unknown_field(const pb::Descriptor& type, std::string_view path, std::string_view name) {
  const pb::FieldDescriptor* const parent = field_at(type, path);
  const pb::Descriptor* const within = path.empty() ? &type : parent ? parent->message_type() : nullptr;
  std::vector<std::string> names;
  for (int i = 0; within && i < within->field_count(); ++i) names.push_back(within->field(i)->name());
  return (path.empty() ? type.full_name() : std::string(path)) + " has no field " + in_quotes(name) +
         apps::suggest(name, names);
}

/// The values that a field takes: "an int32", "bytes in base64", "one of ON and OFF".
std::string taken_by(const pb::FieldDescriptor& field) {
  switch (field.type()) {
    case pb::FieldDescriptor::TYPE_BYTES:
      return "bytes in base64";
    case pb::FieldDescriptor::TYPE_BOOL:
      return "true or false";
    case pb::FieldDescriptor::TYPE_ENUM: {
      std::vector<std::string> names;
      for (int i = 0; i < field.enum_type()->value_count(); ++i)
        names.push_back(field.enum_type()->value(i)->name());
      return field.enum_type()->full_name() + apps::suggest({}, names);
    }
    case pb::FieldDescriptor::TYPE_MESSAGE:
      return "an object, " + field.message_type()->full_name();
    default:
      return field.type_name();
  }
}

std::string invalid_value(const pb::Descriptor& type, std::string_view path, std::string_view value,
                          std::string_view of_type) {
  if (value.starts_with(no_type))
    return (path.empty() ? "" : "field " + in_quotes(path) + " has ") + "the unknown type " +
           in_quotes(cut(value.substr(no_type.size()))) + "; is the name in \"@type\" spelled correctly?";
  const bool object = value == no_object;
  std::string where(path);
  // For an object in place of a scalar, protobuf gives the field's name in place of the type.
  if (object) where.append(path.empty() ? "" : ".").append(of_type);
  const std::string given = object ? "an object" : cut(value);
  const pb::FieldDescriptor* const field = field_at(type, where);
  return "field " + in_quotes(where) + " cannot take " + given +
         (field ? "; it takes " + taken_by(*field) : " for type " + std::string(of_type));
}

}  // namespace

std::string field_error(const pb::Descriptor& type, std::string_view error) {
  const std::string_view path = path_of(error);
  std::string_view rest = error.substr(path.empty() ? 0 : std::min(path.size() + 2, error.size()));
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  if (rest.ends_with(no_field))
    return unknown_field(type, path, rest.substr(0, rest.size() - no_field.size()));
  if (rest.ends_with(no_list))
    return "field " + in_quotes(rest.substr(0, rest.size() - no_list.size())) +
           " takes one value, not an array";
  if (const std::size_t split = rest.rfind(for_type);
      rest.starts_with(invalid) && split != std::string_view::npos)
    return invalid_value(type, path, rest.substr(invalid.size(), split - invalid.size()),
                         rest.substr(split + for_type.size()));
  if (rest.ends_with(no_root)) return type.full_name() + " is written as an object: {...}";
  if (rest.starts_with(": ")) rest.remove_prefix(2);
  // The lines after the first show the text with a mark below it.
  return cut(rest.substr(0, rest.find('\n')));
}

}  // namespace ringrpc::reflected
