/// The features of protobuf's editions that change the meaning of a descriptor, resolved from its options.
///
///   Features features;                                          // the defaults of editions 2023 and 2024
///   Status taken = features.take(*file.mutable_options());      // what the file says
///   Features of_field = features;
///   taken = of_field.take(*field.mutable_options());
///
/// protobuf before version 26 does not know them: in descriptors they are unknown fields of the options, and in .proto
/// files that its parser has read, options that are not interpreted.
#pragma once

#include <cstdint>
#include <google/protobuf/descriptor.pb.h>

#include "ringrpc/status.h"

namespace ringrpc::reflected {

// The numbers are those of google.protobuf.FeatureSet.

enum class Presence : std::uint8_t { explicit_ = 1, implicit = 2, required = 3 };
enum class EnumType : std::uint8_t { open = 1, closed = 2 };
enum class Encoding : std::uint8_t { packed = 1, expanded = 2 };
enum class Utf8Check : std::uint8_t { verify = 2, none = 3 };
enum class Framing : std::uint8_t { length_prefixed = 1, delimited = 2 };
enum class Json : std::uint8_t { allow = 1, best_effort = 2 };

struct Features {
  Presence presence = Presence::explicit_;
  EnumType enums = EnumType::open;
  Encoding repeated = Encoding::packed;
  Utf8Check utf8 = Utf8Check::verify;
  Framing messages = Framing::length_prefixed;
  Json json = Json::allow;

  /// Takes the features out of the options of a descriptor. Features of languages and of style are dropped.
  /// INVALID_ARGUMENT names the one that is not known.
  Status take(google::protobuf::FileOptions& options);
  Status take(google::protobuf::MessageOptions& options);
  Status take(google::protobuf::FieldOptions& options);
  Status take(google::protobuf::OneofOptions& options);
  Status take(google::protobuf::EnumOptions& options);
  Status take(google::protobuf::EnumValueOptions& options);
  Status take(google::protobuf::ServiceOptions& options);
  Status take(google::protobuf::MethodOptions& options);

  bool operator==(const Features&) const = default;

 private:
  template <class Options>
  Status take_from(Options& options, int number);
  Status set(int number, std::uint64_t value);
  Status set_by_name(std::string_view name, std::string_view value);
  Status set_by_text(const std::string& text);
};

}  // namespace ringrpc::reflected
