#include <algorithm>
#include <cstdint>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <string>
#include <string_view>

#include "ringrpc/codec.h"

#include "base/utf8.h"
#include "rpc/message/pieces_stream.h"
#include "rpc/message/text_check.h"

namespace ringrpc {
namespace {

namespace pb = google::protobuf;
using pb::internal::WireFormatLite;

/// Reads a message up to the first text that is not UTF-8.
class TextCheck {
 public:
  TextCheck(pb::io::CodedInputStream& from, TextRule rule) noexcept : from_(from), rule_(rule) {}

  /// The field of the wrong text; null if there is none.
  const pb::FieldDescriptor* wrong() const noexcept { return wrong_; }

  /// Reads to the end of the message, or of the group that `end` closes. False if something is wrong.
  bool read(const pb::Descriptor& type, std::uint32_t end, int depth) {
    if (depth > nesting_max) return false;
    while (const std::uint32_t tag = from_.ReadTag()) {
      if (tag == end) return true;
      const pb::FieldDescriptor* const field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      if (!(field ? take(*field, tag, depth) : WireFormatLite::SkipField(&from_, tag))) return false;
    }
    return end == 0 && from_.ConsumedEntireMessage();
  }

 private:
  bool concerns(const pb::FieldDescriptor& field) const {
    return field.type() == pb::FieldDescriptor::TYPE_STRING &&
           (rule_ == TextRule::json || field.file()->syntax() == pb::FileDescriptor::SYNTAX_PROTO3);
  }

  bool take(const pb::FieldDescriptor& field, std::uint32_t tag, int depth) {
    const auto wire_type = WireFormatLite::GetTagWireType(tag);
    if (wire_type == WireFormatLite::WIRETYPE_START_GROUP && field.message_type())
      return read(*field.message_type(),
                  WireFormatLite::MakeTag(field.number(), WireFormatLite::WIRETYPE_END_GROUP), depth + 1);
    const bool text = concerns(field);
    if (wire_type != WireFormatLite::WIRETYPE_LENGTH_DELIMITED || (!text && !field.message_type()))
      return WireFormatLite::SkipField(&from_, tag);
    int length = 0;
    if (!from_.ReadVarintSizeAsInt(&length)) return false;
    return text ? take_text(field, length) : take_message(*field.message_type(), length, depth);
  }

  bool take_message(const pb::Descriptor& type, int length, int depth) {
    const auto limit = from_.PushLimit(length);
    const bool whole = read(type, 0, depth + 1) && from_.BytesUntilLimit() == 0;
    from_.PopLimit(limit);
    return whole;
  }

  bool take_text(const pb::FieldDescriptor& field, int length) {
    Utf8 utf8;
    bool valid = true;
    const void* data = nullptr;
    for (int size = 0; length > 0; length -= size) {
      if (!from_.GetDirectBufferPointer(&data, &size)) return false;
      size = std::min(size, length);
      const std::string_view part(static_cast<const char*>(data), static_cast<std::size_t>(size));
      valid = valid && std::ranges::all_of(part, [&](char each) { return utf8.take(each); });
      if (!from_.Skip(size)) return false;
    }
    if (!valid || !utf8.whole()) wrong_ = &field;
    return !wrong_;
  }

  pb::io::CodedInputStream& from_;
  const TextRule rule_;
  const pb::FieldDescriptor* wrong_ = nullptr;
};

}  // namespace

const pb::FieldDescriptor* find_wrong_text(const pb::Descriptor& type, Pieces message, TextRule rule) {
  PiecesStream pieces(message);
  pb::io::CodedInputStream from(&pieces);
  TextCheck check(from, rule);
  check.read(type, 0, 0);
  return check.wrong();
}

namespace detail {

std::string find_parse_fault(const pb::Descriptor& type, Pieces pieces) {
  const pb::FieldDescriptor* const wrong = find_wrong_text(type, pieces, TextRule::parser);
  return wrong ? wrong->full_name() + " is not valid UTF-8" : std::string();
}

Status unparsable(std::string_view what, std::string_view why) {
  std::string words(what);
  words += " is not a message of this method's type";
  if (!why.empty()) words.append(": ").append(why);
  return Status(Code::INTERNAL, std::move(words), Initiator::peer).with_cause(Cause::unparsable_message);
}

}  // namespace detail

}  // namespace ringrpc
