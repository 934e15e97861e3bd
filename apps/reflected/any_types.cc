#include "reflected/any_types.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <memory>
#include <utility>
#include <vector>

namespace ringrpc::reflected {

namespace pb = google::protobuf;

namespace {

constexpr const char* any_name = "google.protobuf.Any";
constexpr int any_nesting_max = 32;

}  // namespace

bool AnyTypes::is_any(const pb::Descriptor& type) {
  if (type.full_name() != any_name) return false;
  const pb::FieldDescriptor* const url = type.FindFieldByNumber(pb::Any::kTypeUrlFieldNumber);
  const pb::FieldDescriptor* const value = type.FindFieldByNumber(pb::Any::kValueFieldNumber);
  return url && !url->is_repeated() && url->type() == pb::FieldDescriptor::TYPE_STRING && value &&
         !value->is_repeated() && value->type() == pb::FieldDescriptor::TYPE_BYTES;
}

/// Visits the Any fields of one message, and those inside their values.
class AnyTypes::Walk {
 public:
  Walk(const AnyTypes& types, const pb::DescriptorPool& pool, std::set<std::string>& missing)
      : types_(types), pool_(pool), missing_(missing) {}

  bool too_deep() const noexcept { return too_deep_; }

  /// Gives `bytes` back if nothing in them was replaced.
  std::string through(const pb::Descriptor& type, const std::string& bytes, int depth) {
    if (depth > any_nesting_max) too_deep_ = true;
    if (too_deep_) return bytes;
    const std::unique_ptr<pb::Message> message(factory_.GetPrototype(&type)->New());
    if (!message->ParsePartialFromString(bytes) || !visit(*message, depth)) return bytes;
    return message->SerializePartialAsString();
  }

 private:
  /// Returns whether something was replaced.
  bool visit(pb::Message& message, int depth) {
    if (is_any(*message.GetDescriptor())) return visit_any(message, depth);
    const pb::Reflection& reflection = *message.GetReflection();
    std::vector<const pb::FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    bool changed = false;
    for (const pb::FieldDescriptor* const field : fields) {
      if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
      if (!field->is_repeated()) {
        changed |= visit(*reflection.MutableMessage(&message, field), depth);
        continue;
      }
      const int count = reflection.FieldSize(message, field);
      for (int at = 0; at < count; ++at)
        changed |= visit(*reflection.MutableRepeatedMessage(&message, field, at), depth);
    }
    return changed;
  }

  bool visit_any(pb::Message& any, int depth) {
    const pb::Reflection& reflection = *any.GetReflection();
    const auto field = [&](int number) { return any.GetDescriptor()->FindFieldByNumber(number); };
    const std::string url = reflection.GetString(any, field(pb::Any::kTypeUrlFieldNumber));
    const std::string value = reflection.GetString(any, field(pb::Any::kValueFieldNumber));
    if (url.empty() && value.empty()) return false;
    std::string changed = inside(url.substr(url.rfind('/') + 1), value, depth);
    if (changed == value) return false;
    reflection.SetString(&any, field(pb::Any::kValueFieldNumber), std::move(changed));
    return true;
  }

  std::string inside(const std::string& name, const std::string& value, int depth) {
    if (const auto found = types_.unknown_.find(name); found != types_.unknown_.end()) {
      pb::Any replacement;
      replacement.set_type_url(found->second);
      replacement.set_value(value);
      return replacement.SerializeAsString();
    }
    const pb::Descriptor* type = pool_.FindMessageTypeByName(name);
    if (!type && name.starts_with("google.protobuf."))
      type = pb::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
    if (type) return through(*type, value, depth + 1);
    missing_.insert(name);
    return value;
  }

  const AnyTypes& types_;
  const pb::DescriptorPool& pool_;
  std::set<std::string>& missing_;
  pb::DynamicMessageFactory factory_;
  bool too_deep_ = false;
};

bool AnyTypes::concerned(const pb::Descriptor& type) noexcept {
  return type.file()->pool()->FindMessageTypeByName(any_name) != nullptr;
}

Result<std::string> AnyTypes::wrap(const pb::DescriptorPool& pool, const pb::Descriptor& type,
                                   const std::string& bytes, std::set<std::string>& missing) const {
  Walk walk(*this, pool, missing);
  std::string wrapped = walk.through(type, bytes, 0);
  if (walk.too_deep())
    return fail(Code::OUT_OF_RANGE, "more than " + std::to_string(any_nesting_max) +
                                        " google.protobuf.Any are inside one another");
  return wrapped;
}

void AnyTypes::declare_unknown(const std::string& name, std::string why) {
  unknown_.insert_or_assign(name, std::move(why));
}

/// Has the numbers of Any's own fields, so that an Any serializes it.
pb::Type AnyTypes::replacement() {
  pb::Type type;
  type.set_name("ringrpc.UnknownType");
  type.set_syntax(pb::SYNTAX_PROTO3);
  const auto add = [&](int number, pb::Field::Kind kind, const char* name) {
    pb::Field& field = *type.add_fields();
    field.set_number(number);
    field.set_kind(kind);
    field.set_cardinality(pb::Field::CARDINALITY_OPTIONAL);
    field.set_name(name);
    field.set_json_name(name);
  };
  add(pb::Any::kTypeUrlFieldNumber, pb::Field::TYPE_STRING, "@error");
  add(pb::Any::kValueFieldNumber, pb::Field::TYPE_BYTES, "@value");
  return type;
}

}  // namespace ringrpc::reflected
