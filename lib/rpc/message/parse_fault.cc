#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>
#include <string>
#include <string_view>

#include "ringrpc/codec.h"

#include "base/utf8.h"

namespace ringrpc::detail {
namespace {

namespace pb = google::protobuf;

/// Deeper messages are refused for their depth.
constexpr int depth_max = 100;

std::string fault_of(const pb::Descriptor& type, const std::string& message, int depth);

std::string fault_of(const pb::FieldDescriptor& field, const std::string& value, int depth) {
  if (field.type() == pb::FieldDescriptor::TYPE_MESSAGE)
    return fault_of(*field.message_type(), value, depth + 1);
  const bool wrong = field.type() == pb::FieldDescriptor::TYPE_STRING && only_utf8(value) != value;
  return wrong ? field.full_name() + " is not valid UTF-8" : std::string();
}

/// The first fault, by the order of the bytes.
std::string fault_of(const pb::Descriptor& type, const std::string& message, int depth) {
  pb::UnknownFieldSet fields;
  if (depth > depth_max || !fields.ParseFromString(message)) return {};
  for (int at = 0; at < fields.field_count(); ++at) {
    const pb::UnknownField& value = fields.field(at);
    if (value.type() != pb::UnknownField::TYPE_LENGTH_DELIMITED) continue;
    const pb::FieldDescriptor* const field = type.FindFieldByNumber(value.number());
    if (!field) continue;
    if (std::string fault = fault_of(*field, value.length_delimited(), depth); !fault.empty()) return fault;
  }
  return {};
}

}  // namespace

std::string find_parse_fault(const pb::Descriptor& type, Pieces pieces) {
  std::string message;
  message.reserve(total_bytes(pieces));
  for (const Bytes piece : pieces) message.append(as_text(piece));
  return fault_of(type, message, 0);
}

Status unparsable(std::string_view what, std::string_view why) {
  std::string words(what);
  words += " is not a message of this method's type";
  if (!why.empty()) words.append(": ").append(why);
  return Status(Code::INTERNAL, std::move(words), Initiator::peer).with_cause(Cause::unparsable_message);
}

}  // namespace ringrpc::detail
