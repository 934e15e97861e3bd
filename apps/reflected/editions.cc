#include "reflected/editions.h"

#include <google/protobuf/unknown_field_set.h>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "reflected/edition_features.h"

namespace ringrpc::reflected {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptorProto;

namespace {

// FileDescriptorProto.edition, and the values of its enum.
constexpr int edition_field = 14;
constexpr int edition_2023 = 1000;
constexpr int edition_2024 = 1001;
// FieldOptions.features, and a FeatureSet whose message_encoding is DELIMITED.
constexpr int features_field = 21;
constexpr std::string_view delimited_features = "\x28\x02";

template <class File>
concept KnowsEditions = requires(const File& file) { file.edition(); };
static_assert(!KnowsEditions<pb::FileDescriptorProto>,
              "this protobuf knows editions: let it build their files as they are, and drop lower_edition");

/// Takes the features out of the options of a descriptor, and the options themselves if nothing else is in them.
template <class Descriptor>
Status take(Features& features, Descriptor& descriptor) {
  if (!descriptor.has_options()) return {};
  Status status = features.take(*descriptor.mutable_options());
  if (status.ok() && descriptor.options().ByteSizeLong() == 0) descriptor.clear_options();
  return status;
}

std::string_view last_name(std::string_view full_name) { return full_name.substr(full_name.rfind('.') + 1); }

bool packable(const Field& field) {
  switch (field.type()) {
    case Field::TYPE_STRING:
    case Field::TYPE_BYTES:
    case Field::TYPE_MESSAGE:
    case Field::TYPE_GROUP:
      return false;
    default:
      return field.has_type();
  }
}

/// Rewrites one file. Each element gets the features that its parent has, and changes them.
class Rewriter {
 public:
  Rewriter(pb::FileDescriptorProto& file, bool proto2) : file_(file), proto2_(proto2) {}

  /// Whether proto3 can have the file, once `rewrite` has seen it.
  bool fits_proto3() const noexcept { return fits_proto3_; }

  Status rewrite(Features features) {
    Status status = take(features, file_);
    for (pb::EnumDescriptorProto& each : *file_.mutable_enum_type())
      if (status.ok()) status = rewrite(each, features);
    for (pb::DescriptorProto& each : *file_.mutable_message_type())
      if (status.ok()) status = rewrite(each, features);
    for (Field& each : *file_.mutable_extension())
      if (status.ok()) status = rewrite(each, features, nullptr);
    for (pb::ServiceDescriptorProto& each : *file_.mutable_service())
      if (status.ok()) status = rewrite(each, features);
    return status;
  }

 private:
  Status rewrite(pb::EnumDescriptorProto& type, Features features) {
    Status status = take(features, type);
    for (pb::EnumValueDescriptorProto& value : *type.mutable_value())
      if (status.ok()) status = take(features, value);
    const bool begins_with_zero = type.value_size() > 0 && type.value(0).number() == 0;
    if (features.enums == EnumType::closed || !begins_with_zero) fits_proto3_ = false;
    return status;
  }

  Status rewrite(pb::ServiceDescriptorProto& service, Features features) {
    Status status = take(features, service);
    for (pb::MethodDescriptorProto& method : *service.mutable_method())
      if (status.ok()) status = take(features, method);
    return status;
  }

  Status rewrite(pb::DescriptorProto& message, Features features) {
    Status status = take(features, message);
    if (message.extension_range_size() > 0 || message.options().message_set_wire_format() ||
        features.json == Json::best_effort)
      fits_proto3_ = false;
    drop_synthetic_oneofs(message);
    std::vector<Features> of_oneofs;
    for (pb::OneofDescriptorProto& oneof : *message.mutable_oneof_decl()) {
      of_oneofs.push_back(features);
      if (status.ok()) status = take(of_oneofs.back(), oneof);
    }
    Scope scope(message);
    for (Field& field : *message.mutable_field()) {
      const auto oneof = static_cast<std::size_t>(field.oneof_index());
      const bool inside = field.has_oneof_index() && oneof < of_oneofs.size();
      if (status.ok()) status = rewrite(field, inside ? of_oneofs[oneof] : features, &scope);
    }
    for (Field& extension : *message.mutable_extension())
      if (status.ok()) status = rewrite(extension, features, nullptr);
    for (pb::EnumDescriptorProto& each : *message.mutable_enum_type())
      if (status.ok()) status = rewrite(each, features);
    for (pb::DescriptorProto& each : *message.mutable_nested_type())
      if (status.ok()) status = rewrite(each, features);
    return status;
  }

  /// A message with the names in it: a search among all of its elements for each field would take long.
  struct Scope {
    explicit Scope(pb::DescriptorProto& of) : message(of) {
      const auto add = [&](const auto& elements) {
        for (const auto& each : elements) taken.insert(each.name());
      };
      add(message.field());
      add(message.oneof_decl());
      add(message.nested_type());
      add(message.enum_type());
      add(message.extension());
      for (const pb::DescriptorProto& each : message.nested_type())
        if (each.options().map_entry()) maps.insert(each.name());
    }

    pb::DescriptorProto& message;
    std::unordered_set<std::string> taken;
    std::unordered_set<std::string> maps;  // the types of the entries of its maps
  };

  /// `scope` is that of the message; null for an extension.
  Status rewrite(Field& field, Features features, Scope* scope) {
    if (Status status = take(features, field); !status.ok()) return status;
    if (!scope || features.presence == Presence::required || features.utf8 == Utf8Check::none ||
        field.has_default_value())
      fits_proto3_ = false;
    const bool repeated = field.label() == Field::LABEL_REPEATED;
    const bool group = field.type() == Field::TYPE_GROUP;
    if (group) field.set_type(Field::TYPE_MESSAGE);
    const bool message_typed = field.type() == Field::TYPE_MESSAGE;
    if (group || (features.messages == Framing::delimited && message_typed && !is_map(field, scope)))
      field.mutable_options()->mutable_unknown_fields()->AddLengthDelimited(features_field,
                                                                            std::string(delimited_features));
    if (features.presence == Presence::required && !repeated && !field.has_oneof_index() && proto2_)
      field.set_label(Field::LABEL_REQUIRED);
    // Only what is not the default of the syntax.
    const bool packed = features.repeated == Encoding::packed;
    if (repeated && packed == proto2_ && packable(field)) field.mutable_options()->set_packed(packed);
    const bool in_map = scope && scope->message.options().map_entry();
    if (!proto2_ && scope && !in_map && !repeated && !field.has_oneof_index() && !message_typed &&
        features.presence == Presence::explicit_)
      add_synthetic_oneof(field, *scope);
    return {};
  }

  static bool is_map(const Field& field, const Scope* scope) {
    if (!scope) return false;
    if (scope->message.options().map_entry()) return true;  // the key and the value of one
    return scope->maps.contains(std::string(last_name(field.type_name())));
  }

  static void add_synthetic_oneof(Field& field, Scope& scope) {
    std::string name = "_" + field.name();
    while (!scope.taken.insert(name).second) name.insert(0, "X");
    field.set_proto3_optional(true);
    field.set_oneof_index(scope.message.oneof_decl_size());
    scope.message.add_oneof_decl()->set_name(name);
  }

  /// Those of proto3. They come after all others.
  static void drop_synthetic_oneofs(pb::DescriptorProto& message) {
    for (Field& field : *message.mutable_field()) {
      if (!field.proto3_optional()) continue;
      field.clear_proto3_optional();
      field.clear_oneof_index();
      if (message.oneof_decl_size() > 0) message.mutable_oneof_decl()->RemoveLast();
    }
  }

  pb::FileDescriptorProto& file_;
  const bool proto2_;
  bool fits_proto3_ = true;
};

/// The features of a file in proto3, in the terms of editions.
Features of_proto3() {
  Features features;
  features.presence = Presence::implicit;
  return features;
}

/// Those of a file in proto2, as far as they change it.
Features of_proto2() {
  Features features;
  features.repeated = Encoding::expanded;
  return features;
}

Status into(pb::FileDescriptorProto& file, bool proto2, const Features& features, bool* fits_proto3) {
  Rewriter rewriter(file, proto2);
  Status status = rewriter.rewrite(features);
  *fits_proto3 = rewriter.fits_proto3();
  file.set_syntax(proto2 ? "proto2" : "proto3");
  return status;
}

}  // namespace

Status lower_edition(pb::FileDescriptorProto& file, Lowering lowering) {
  bool fits_proto3 = false;
  if (file.syntax().empty() || file.syntax() == "proto2") return into(file, true, of_proto2(), &fits_proto3);
  if (file.syntax() == "proto3" && lowering == Lowering::proto2)
    return into(file, true, of_proto3(), &fits_proto3);
  if (file.syntax() != "editions") return {};
  if (edition_of(file) == 0)
    return Status(Code::INVALID_ARGUMENT, "it is in an edition other than 2023 and 2024", Initiator::library);
  pb::FileDescriptorProto tried = file;
  if (Status status = into(tried, false, Features(), &fits_proto3); !status.ok()) return status;
  const bool proto2 = lowering == Lowering::proto2 || !fits_proto3;
  return into(file, proto2, Features(), &fits_proto3);
}

int edition_of(const pb::FileDescriptorProto& file) {
  const pb::UnknownFieldSet& unknown = file.unknown_fields();
  int year = 0;
  for (int at = 0; at < unknown.field_count(); ++at) {
    if (unknown.field(at).number() != edition_field ||
        unknown.field(at).type() != pb::UnknownField::TYPE_VARINT)
      continue;
    const std::uint64_t edition = unknown.field(at).varint();
    year = edition == edition_2023 ? 2023 : edition == edition_2024 ? 2024 : 0;
  }
  return year;
}

void set_edition(pb::FileDescriptorProto& file, std::string_view edition) {
  file.set_syntax("editions");
  keep_edition(file, edition == "2023" ? 2023 : edition == "2024" ? 2024 : 0);
}

void keep_edition(pb::FileDescriptorProto& file, int year) {
  file.mutable_unknown_fields()->DeleteByNumber(edition_field);
  if (year == 0) return;
  file.mutable_unknown_fields()->AddVarint(
      edition_field, static_cast<std::uint64_t>(year == 2023 ? edition_2023 : edition_2024));
}

bool delimited(const pb::FieldDescriptor& field) {
  const pb::UnknownFieldSet& unknown = field.options().unknown_fields();
  for (int at = 0; at < unknown.field_count(); ++at)
    if (unknown.field(at).number() == features_field &&
        unknown.field(at).type() == pb::UnknownField::TYPE_LENGTH_DELIMITED)
      return field.message_type() && unknown.field(at).length_delimited() == delimited_features;
  return false;
}

bool wants_proto2(std::string_view error) noexcept {
  return error.find("is not a proto3 enum") != std::string_view::npos;
}

}  // namespace ringrpc::reflected
