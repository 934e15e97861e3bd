/// Finds text that is not UTF-8 in a message.
///
///   if (const FieldDescriptor* field = find_wrong_text(type, pieces, TextRule::json)) refuse(field->full_name());
///
/// Reads the message once, without copies.
#pragma once

#include <cstdint>

#include "ringrpc/bytes.h"

namespace google::protobuf {
class Descriptor;
class FieldDescriptor;
}  // namespace google::protobuf

namespace ringrpc {

/// Which text has to be UTF-8: that of proto3 for protobuf's parser, any for JSON.
enum class TextRule : std::uint8_t { parser, json };

/// The field of the first wrong text before any other fault of the message; null if there is none.
const google::protobuf::FieldDescriptor* find_wrong_text(const google::protobuf::Descriptor& type,
                                                         Pieces message, TextRule rule);

}  // namespace ringrpc
