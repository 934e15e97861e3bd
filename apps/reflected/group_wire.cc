#include "reflected/group_wire.h"

#include <array>
#include <cstdint>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "reflected/any_types.h"
#include "reflected/editions.h"

namespace ringrpc::reflected {

namespace pb = google::protobuf;
using pb::internal::WireFormatLite;
using In = pb::io::CodedInputStream;
using Out = pb::io::CodedOutputStream;

namespace {

/// Messages inside one another. protobuf's JSON converter takes fewer.
constexpr int nesting_max = 100;

/// The bytes that are not read yet.
std::string_view rest_of(In& from) {
  const void* data = nullptr;
  int size = 0;
  from.GetDirectBufferPointer(&data, &size);
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

bool read_prefixed(In& from, std::string_view& bytes) {
  int size = 0;
  if (!from.ReadVarintSizeAsInt(&size)) return false;
  bytes = rest_of(from).substr(0, static_cast<std::size_t>(size));
  return from.Skip(size);
}

}  // namespace

class GroupWire::Conversion {
 public:
  /// Appends to `to`, which must outlive it.
  Conversion(const pb::DescriptorPool& pool, bool delimits, std::string& to)
      : pool_(pool), delimits_(delimits), to_(to) {}

  /// False if the bytes are malformed.
  bool convert(const pb::Descriptor& type, std::string_view bytes, int depth) {
    In from(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
    return read(type, from, 0, depth);
  }

 private:
  /// Reads to the end of the message, or of the group that `end` closes.
  bool read(const pb::Descriptor& type, In& from, std::uint32_t end, int depth) {
    const pb::Descriptor* const in_any = AnyTypes::is_any(type) ? type_in_any(rest_of(from)) : nullptr;
    for (;;) {
      const std::string_view rest = rest_of(from);
      const std::uint32_t tag = from.ReadTag();
      if (tag == end) return end != 0 || from.ConsumedEntireMessage();
      const int number = WireFormatLite::GetTagFieldNumber(tag);
      const pb::FieldDescriptor* const field = type.FindFieldByNumber(number);
      const bool group = field && reflected::delimited(*field);
      const pb::Descriptor* inside = field ? field->message_type() : nullptr;
      if (in_any && number == pb::Any::kValueFieldNumber) inside = in_any;
      if (inside && depth < nesting_max &&
          WireFormatLite::GetTagWireType(tag) == wire_type(group && !delimits_)) {
        const std::size_t begin = to_.size();
        if (!read_message(*inside, tag, from, depth + 1)) return false;
        enclose(number, group && delimits_, begin);
      } else {
        if (!WireFormatLite::SkipField(&from, tag)) return false;
        to_.append(rest, 0, rest.size() - rest_of(from).size());
      }
    }
  }

  bool read_message(const pb::Descriptor& type, std::uint32_t tag, In& from, int depth) {
    if (WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_START_GROUP) {
      const int number = WireFormatLite::GetTagFieldNumber(tag);
      return read(type, from, WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_END_GROUP), depth);
    }
    std::string_view bytes;
    return read_prefixed(from, bytes) && convert(type, bytes, depth);
  }

  /// Makes a field of what was appended after `begin`.
  void enclose(int number, bool group, std::size_t begin) {
    std::array<std::uint8_t, 10> head;  // room for two varints of 32 bits
    std::uint8_t* end = Out::WriteTagToArray(WireFormatLite::MakeTag(number, wire_type(group)), head.data());
    if (!group) end = Out::WriteVarint32ToArray(static_cast<std::uint32_t>(to_.size() - begin), end);
    to_.insert(to_.begin() + static_cast<std::ptrdiff_t>(begin), head.data(), end);
    if (!group) return;
    end = Out::WriteTagToArray(WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_END_GROUP),
                               head.data());
    to_.append(head.data(), end);
  }

  static WireFormatLite::WireType wire_type(bool group) {
    return group ? WireFormatLite::WIRETYPE_START_GROUP : WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
  }

  /// The type of the value of a google.protobuf.Any; null if the pool has none.
  const pb::Descriptor* type_in_any(std::string_view any) const {
    In from(reinterpret_cast<const std::uint8_t*>(any.data()), static_cast<int>(any.size()));
    constexpr std::uint32_t url_tag =
        WireFormatLite::MakeTag(pb::Any::kTypeUrlFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
    std::string_view url;
    for (;;) {
      const std::uint32_t tag = from.ReadTag();
      if (tag == url_tag ? !read_prefixed(from, url) : !WireFormatLite::SkipField(&from, tag)) break;
    }
    return pool_.FindMessageTypeByName(std::string(url.substr(url.rfind('/') + 1)));
  }

  const pb::DescriptorPool& pool_;
  const bool delimits_;
  std::string& to_;
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
      if (reflected::delimited(field)) known->second = true;
      if (field.message_type() && seen.insert(field.message_type()).second)
        unread.push_back(field.message_type());
    }
  }
  return known->second;
}

std::optional<std::string> GroupWire::converted(const pb::Descriptor& type, std::string bytes,
                                                bool delimits) {
  if (!concerned(type)) return bytes;
  std::string to;
  if (!Conversion(pool_, delimits, to).convert(type, bytes, 0)) return std::nullopt;
  return to;
}

std::optional<std::string> GroupWire::length_prefixed(const pb::Descriptor& type, std::string bytes) {
  return converted(type, std::move(bytes), false);
}

std::string GroupWire::delimited(const pb::Descriptor& type, std::string bytes) {
  return converted(type, std::move(bytes), true).value();
}

}  // namespace ringrpc::reflected
