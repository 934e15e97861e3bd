#include "reflected/edition_features.h"

#include <array>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/unknown_field_set.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reflected/silent_errors.h"

namespace ringrpc::reflected {

namespace pb = google::protobuf;

namespace {

/// A feature of FeatureSet. Its values are numbered from 0, which is none.
struct Feature {
  int number;
  std::string_view name;
  std::array<std::string_view, 4> values;
};

constexpr std::array<Feature, 6> known_features = {{
    {1, "field_presence", {"", "EXPLICIT", "IMPLICIT", "LEGACY_REQUIRED"}},
    {2, "enum_type", {"", "OPEN", "CLOSED"}},
    {3, "repeated_field_encoding", {"", "PACKED", "EXPANDED"}},
    {4, "utf8_validation", {"", "", "VERIFY", "NONE"}},
    {5, "message_encoding", {"", "LENGTH_PREFIXED", "DELIMITED"}},
    {6, "json_format", {"", "ALLOW", "LEGACY_BEST_EFFORT"}},
}};

/// They do not change what a message means.
constexpr std::array<Feature, 2> style_features = {
    {{7, "enforce_naming_style", {}}, {8, "default_symbol_visibility", {}}}};

Status unknown_feature(const std::string& what) {
  return Status(Code::INVALID_ARGUMENT, "the feature " + what + " is not known", Initiator::library);
}

/// True if the option begins with "features", as in `features.enum_type`.
bool is_feature(const pb::UninterpretedOption& option) {
  return !option.name().empty() && option.name(0).name_part() == "features" && !option.name(0).is_extension();
}

}  // namespace

Status Features::set(int number, std::uint64_t value) {
  for (const Feature& feature : known_features) {
    if (feature.number != number) continue;
    if (value >= feature.values.size() || feature.values[value].empty())
      return unknown_feature(std::string(feature.name) + " = " + std::to_string(value));
    switch (number) {
      case 1:
        presence = static_cast<Presence>(value);
        break;
      case 2:
        enums = static_cast<EnumType>(value);
        break;
      case 3:
        repeated = static_cast<Encoding>(value);
        break;
      case 4:
        utf8 = static_cast<Utf8Check>(value);
        break;
      case 5:
        messages = static_cast<Framing>(value);
        break;
      default:
        json = static_cast<Json>(value);
        break;
    }
  }
  return {};
}

Status Features::set_by_name(std::string_view name, std::string_view value) {
  for (const Feature& feature : known_features) {
    if (feature.name != name) continue;
    for (std::size_t number = 1; number < feature.values.size(); ++number)
      if (feature.values[number] == value) return set(feature.number, number);
    return unknown_feature(std::string(name).append(" = ").append(value));
  }
  for (const Feature& feature : style_features)
    if (feature.name == name) return {};
  return unknown_feature(std::string(name));
}

/// Reads "field_presence: IMPLICIT enum_type: CLOSED".
Status Features::set_by_text(const std::string& text) {
  pb::io::ArrayInputStream bytes(text.data(), static_cast<int>(text.size()));
  SilentErrors silent;
  pb::io::Tokenizer tokens(&bytes, &silent);
  int depth = 0;
  std::vector<std::string> words;  // of the outermost level: a name, then its value
  while (tokens.Next()) {
    const pb::io::Tokenizer::Token& token = tokens.current();
    if (token.text == "{" || token.text == "[") ++depth;
    if (depth == 0 && token.type == pb::io::Tokenizer::TYPE_IDENTIFIER) words.push_back(token.text);
    if (token.text == "}" || token.text == "]") {
      if (--depth == 0) words.clear();  // the value of an extension
    }
    if (words.size() < 2) continue;
    if (Status status = set_by_name(words[0], words[1]); !status.ok()) return status;
    words.clear();
  }
  return {};
}

template <class Options>
Status Features::take_from(Options& options, int number) {
  pb::UnknownFieldSet& unknown = *options.GetReflection()->MutableUnknownFields(&options);
  for (int at = 0; at < unknown.field_count(); ++at) {
    const pb::UnknownField& field = unknown.field(at);
    if (field.number() != number || field.type() != pb::UnknownField::TYPE_LENGTH_DELIMITED) continue;
    pb::UnknownFieldSet features;
    if (!features.ParseFromString(field.length_delimited()))
      return Status(Code::INVALID_ARGUMENT, "the features of an element are malformed", Initiator::library);
    for (int each = 0; each < features.field_count(); ++each) {
      if (features.field(each).type() != pb::UnknownField::TYPE_VARINT) continue;
      if (Status status = set(features.field(each).number(), features.field(each).varint()); !status.ok())
        return status;
    }
  }
  unknown.DeleteByNumber(number);
  auto& uninterpreted = *options.mutable_uninterpreted_option();
  for (int at = uninterpreted.size() - 1; at >= 0; --at) {
    const pb::UninterpretedOption& option = uninterpreted[at];
    if (!is_feature(option)) continue;
    Status status;
    if (option.name_size() == 1) status = set_by_text(option.aggregate_value());
    if (option.name_size() == 2 && !option.name(1).is_extension())
      status = set_by_name(option.name(1).name_part(), option.identifier_value());
    if (!status.ok()) return status;
    uninterpreted.DeleteSubrange(at, 1);
  }
  return {};
}

// The numbers of `features` in descriptor.proto.
Status Features::take(pb::FileOptions& options) { return take_from(options, 50); }
Status Features::take(pb::MessageOptions& options) { return take_from(options, 12); }
Status Features::take(pb::FieldOptions& options) { return take_from(options, 21); }
Status Features::take(pb::OneofOptions& options) { return take_from(options, 1); }
Status Features::take(pb::EnumOptions& options) { return take_from(options, 7); }
Status Features::take(pb::EnumValueOptions& options) { return take_from(options, 2); }
Status Features::take(pb::ServiceOptions& options) { return take_from(options, 34); }
Status Features::take(pb::MethodOptions& options) { return take_from(options, 35); }

}  // namespace ringrpc::reflected
