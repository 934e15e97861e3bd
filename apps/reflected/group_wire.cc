#include "reflected/group_wire.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <set>
#include <utility>
#include <vector>

#include "reflected/any_types.h"

namespace ringrpc::reflected {

namespace pb = google::protobuf;
using pb::internal::WireFormatLite;

namespace {

/// Messages inside one another. protobuf's JSON converter takes fewer.
constexpr int group_nesting_max = 1000;

bool is_group(const pb::FieldDescriptor& field) { return field.type() == pb::FieldDescriptor::TYPE_GROUP; }

}  // namespace

class GroupWire::Conversion {
 public:
  Conversion(const pb::DescriptorPool& pool, bool delimits) : pool_(pool), delimits_(delimits) {}

  /// False if the bytes are malformed.
  bool convert(const pb::Descriptor& type, const std::string& bytes, std::string& to, int depth) {
    if (AnyTypes::is_any(type)) return convert_any(bytes, to, depth);
    pb::io::CodedInputStream from(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                  static_cast<int>(bytes.size()));
    return read(type, from, 0, to, depth);
  }

 private:
  bool convert_any(const std::string& bytes, std::string& to, int depth) {
    pb::Any any;
    if (!any.ParseFromString(bytes)) return false;
    const std::string name = any.type_url().substr(any.type_url().rfind('/') + 1);
    const pb::Descriptor* const type = pool_.FindMessageTypeByName(name);
    std::string value;
    if (type && convert(*type, any.value(), value, depth + 1)) any.set_value(std::move(value));
    to = any.SerializeAsString();
    return true;
  }

  /// Reads to the end of the message, or of the group that `end` closes.
  bool read(const pb::Descriptor& type, pb::io::CodedInputStream& from, std::uint32_t end, std::string& to,
            int depth) {
    if (depth > group_nesting_max) return false;
    pb::io::StringOutputStream stream(&to);
    pb::io::CodedOutputStream out(&stream);
    while (const std::uint32_t tag = from.ReadTag()) {
      if (tag == end) return true;
      const pb::FieldDescriptor* const field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      std::string inside;
      if (!field || !field->message_type() || !expected(*field, tag)) {
        if (!WireFormatLite::SkipField(&from, tag, &out)) return false;
      } else if (!read_inside(*field, tag, from, inside, depth + 1)) {
        return false;
      } else {
        write(*field, inside, out);
      }
    }
    return end == 0 && from.ConsumedEntireMessage();
  }

  /// A field of another form is unknown.
  bool expected(const pb::FieldDescriptor& field, std::uint32_t tag) const {
    const bool group = !delimits_ && is_group(field);
    return WireFormatLite::GetTagWireType(tag) ==
           (group ? WireFormatLite::WIRETYPE_START_GROUP : WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  }

  bool read_inside(const pb::FieldDescriptor& field, std::uint32_t tag, pb::io::CodedInputStream& from,
                   std::string& to, int depth) {
    if (WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_START_GROUP) {
      const auto end = WireFormatLite::MakeTag(field.number(), WireFormatLite::WIRETYPE_END_GROUP);
      return read(*field.message_type(), from, end, to, depth);
    }
    std::string bytes;
    return WireFormatLite::ReadBytes(&from, &bytes) && convert(*field.message_type(), bytes, to, depth);
  }

  void write(const pb::FieldDescriptor& field, const std::string& inside,
             pb::io::CodedOutputStream& out) const {
    if (!delimits_ || !is_group(field)) return WireFormatLite::WriteBytes(field.number(), inside, &out);
    WireFormatLite::WriteTag(field.number(), WireFormatLite::WIRETYPE_START_GROUP, &out);
    out.WriteString(inside);
    WireFormatLite::WriteTag(field.number(), WireFormatLite::WIRETYPE_END_GROUP, &out);
  }

  const pb::DescriptorPool& pool_;
  const bool delimits_;
};

/// True if messages of the type may have groups inside.
bool GroupWire::concerned(const pb::Descriptor& type) {
  const auto [known, fresh] = concerned_.try_emplace(&type, false);
  if (!fresh) return known->second;
  std::set<const pb::Descriptor*> seen{&type};
  std::vector<const pb::Descriptor*> unread{&type};
  while (!unread.empty() && !known->second) {
    const pb::Descriptor& next = *unread.back();
    unread.pop_back();
    if (AnyTypes::is_any(next)) known->second = true;
    for (int at = 0; at < next.field_count(); ++at) {
      const pb::FieldDescriptor& field = *next.field(at);
      if (is_group(field)) known->second = true;
      if (field.message_type() && seen.insert(field.message_type()).second)
        unread.push_back(field.message_type());
    }
  }
  return known->second;
}

std::string GroupWire::length_prefixed(const pb::Descriptor& type, std::string bytes) {
  std::string converted;
  const bool done = concerned(type) && Conversion(pool_, false).convert(type, bytes, converted, 0);
  return done ? std::move(converted) : std::move(bytes);
}

std::string GroupWire::delimited(const pb::Descriptor& type, std::string bytes) {
  std::string converted;
  const bool done = concerned(type) && Conversion(pool_, true).convert(type, bytes, converted, 0);
  return done ? std::move(converted) : std::move(bytes);
}

}  // namespace ringrpc::reflected
