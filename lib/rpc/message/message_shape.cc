#include "rpc/message/message_shape.h"

#include <algorithm>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message.h>
#include <google/protobuf/wire_format_lite.h>
#include <map>
#include <memory>
#include <mutex>

#include "rpc/message/pieces_stream.h"

namespace ringrpc {
namespace {

namespace pb = google::protobuf;
using pb::internal::WireFormatLite;

// The memory that protobuf allocates, including the allocator's overhead: an object in a repeated field with
// its pointer, an entry for an unknown field in a vector that has grown to twice its size, and the set of an
// unknown group.
constexpr std::size_t pointer_bytes = 16;
constexpr std::size_t allocation_bytes = 16;
constexpr std::size_t unknown_bytes = 32;
constexpr std::size_t unknown_group_bytes = 64;
constexpr std::size_t string_bytes = 48;
/// For one number, which may be an element of a repeated field that has grown to twice its size.
constexpr std::size_t number_bytes = 16;
/// For an entry of a map, in addition to its value.
constexpr std::size_t map_entry_bytes = 64;

/// The longest form of a length on the wire. A parser accepts it for any length.
constexpr std::size_t length_bytes = 5;

}  // namespace

/// All shapes of the process.
class MessageShapes {
 public:
  const MessageShape& of(const pb::Descriptor& type) {
    const std::lock_guard lock(mutex_);
    return make(type);
  }

 private:
  /// The shape is entered before its fields are filled in, because a type may contain itself.
  MessageShape& make(const pb::Descriptor& type) {
    std::unique_ptr<MessageShape>& shape = shapes_[&type];
    if (shape) return *shape;
    shape.reset(new MessageShape);
    MessageShape& made = *shape;
    made.object_bytes_ = object_bytes(type);
    for (int at = 0; at < type.field_count(); ++at) made.fields_.push_back(field_of(*type.field(at)));
    std::ranges::sort(made.fields_, {}, &MessageShape::Field::number);
    for (int at = 0; at < type.extension_range_count(); ++at)
      made.extensions_.emplace_back(type.extension_range(at)->start, type.extension_range(at)->end);
    return made;
  }

  static std::size_t object_bytes(const pb::Descriptor& type) {
    if (type.options().map_entry()) return map_entry_bytes;
    const pb::Message* const prototype = pb::MessageFactory::generated_factory()->GetPrototype(&type);
    return (prototype ? prototype->SpaceUsedLong() : 0) + allocation_bytes;
  }

  /// Fixed-length numbers have the same size in memory as on the wire. Others may take one byte on the wire.
  static std::size_t packed_bytes(const pb::FieldDescriptor& field, int wire_type) {
    if (!field.is_packable()) return 0;
    if (wire_type != WireFormatLite::WIRETYPE_VARINT) return 1;
    return field.cpp_type() == pb::FieldDescriptor::CPPTYPE_BOOL ? 2 : number_bytes;
  }

  MessageShape::Field field_of(const pb::FieldDescriptor& field) {
    using Kind = MessageShape::Kind;
    const int wire_type =
        WireFormatLite::WireTypeForFieldType(static_cast<WireFormatLite::FieldType>(field.type()));
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_MESSAGE:
        return {field.number(), Kind::message, wire_type, 0, &make(*field.message_type())};
      case pb::FieldDescriptor::CPPTYPE_STRING:
        return {field.number(), Kind::text, wire_type};
      default:
        return {field.number(), Kind::scalar, wire_type, packed_bytes(field, wire_type)};
    }
  }

  std::mutex mutex_;
  std::map<const pb::Descriptor*, std::unique_ptr<MessageShape>> shapes_;
};

const MessageShape& MessageShape::of(const pb::Descriptor& type) {
  static auto& shapes = *new MessageShapes;
  return shapes.of(type);
}

bool MessageShape::Field::accepts(int actual) const noexcept {
  return actual == wire_type || (packed_bytes > 0 && actual == WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}

/// Treats the extensions of a type as text.
MessageShape::Field MessageShape::find(int number, int wire_type) const noexcept {
  const auto known = std::ranges::lower_bound(fields_, number, {}, &Field::number);
  if (known != fields_.end() && known->number == number)
    return known->accepts(wire_type) ? *known : Field{number, Kind::unknown};
  const bool extension = std::ranges::any_of(
      extensions_, [&](const auto& range) { return number >= range.first && number < range.second; });
  return {number, extension ? Kind::text : Kind::unknown};
}

/// Reads a message and adds up its cost.
class MessageShape::Scale {
 public:
  Scale(pb::io::CodedInputStream& from, std::size_t fields_max) noexcept
      : from_(from), fields_max_(fields_max) {}

  const MessageWeight& weight() const noexcept { return weight_; }

  /// Reads to the end of the message, or of the group that `end` closes. False if it is malformed or the
  /// limit was reached. `shape` is null inside an unknown group, where every field is unknown.
  bool read(const MessageShape* shape, std::uint32_t end, int depth) {
    if (depth > nesting_max) return false;
    if (shape) weight_.memory_bytes += shape->object_bytes_;
    while (const std::uint32_t tag = from_.ReadTag()) {
      if (tag == end) return true;
      if (++weight_.fields > fields_max_) return false;
      const int number = WireFormatLite::GetTagFieldNumber(tag);
      if (number == 0) return false;
      const Field field =
          shape ? shape->find(number, WireFormatLite::GetTagWireType(tag)) : Field{number, Kind::unknown};
      if (field.kind == Kind::unknown) ++weight_.unknown_fields;
      if (!take(field, tag, depth)) return false;
    }
    return end == 0 && from_.ConsumedEntireMessage();
  }

 private:
  bool take(const Field& field, std::uint32_t tag, int depth) {
    std::uint64_t number = 0;
    std::uint32_t length = 0;
    weight_.memory_bytes += field.kind == Kind::unknown ? unknown_bytes : number_bytes;
    switch (WireFormatLite::GetTagWireType(tag)) {
      case WireFormatLite::WIRETYPE_VARINT:
        return from_.ReadVarint64(&number);
      case WireFormatLite::WIRETYPE_FIXED64:
        return from_.Skip(8);
      case WireFormatLite::WIRETYPE_FIXED32:
        return from_.Skip(4);
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
        return from_.ReadVarint32(&length) && take_delimited(field, length, depth);
      case WireFormatLite::WIRETYPE_START_GROUP: {
        const std::uint32_t end =
            tag + (WireFormatLite::WIRETYPE_END_GROUP - WireFormatLite::WIRETYPE_START_GROUP);
        weight_.memory_bytes += field.message ? pointer_bytes : unknown_group_bytes;
        return read(field.message, end, depth + 1);
      }
      default:
        return false;
    }
  }

  bool take_delimited(const Field& field, std::uint32_t length, int depth) {
    if (length > INT32_MAX) return false;
    weight_.memory_bytes += length * field.packed_bytes;
    if (field.kind == Kind::text || field.kind == Kind::unknown)
      weight_.memory_bytes += string_bytes + length;
    if (field.kind != Kind::message) return from_.Skip(static_cast<int>(length));
    weight_.memory_bytes += pointer_bytes;
    const auto limit = from_.PushLimit(static_cast<int>(length));
    const bool whole = read(field.message, 0, depth + 1) && from_.BytesUntilLimit() == 0;
    from_.PopLimit(limit);
    return whole;
  }

  pb::io::CodedInputStream& from_;
  std::size_t fields_max_;
  MessageWeight weight_;
};

MessageWeight MessageShape::weigh(Pieces message, std::size_t fields_max) const {
  PiecesStream pieces(message);
  pb::io::CodedInputStream from(&pieces);
  Scale scale(from, fields_max);
  scale.read(this, 0, 0);
  return scale.weight();
}

/// Copies a message without its unknown fields.
class MessageShape::Sieve {
 public:
  Sieve(Bytes message, std::vector<std::uint8_t>& to)
      : message_(message), from_(message.data(), static_cast<int>(message.size())), to_(to) {}

  /// Reads to the end of the message, or of the group that `end` closes. False if it is malformed.
  bool read(const MessageShape& shape, std::uint32_t end, int depth) {
    if (depth > nesting_max) return false;
    for (;;) {
      const std::size_t begin = position();
      const std::uint32_t tag = from_.ReadTag();
      if (tag == 0) return end == 0 && from_.ConsumedEntireMessage();
      if (tag == end) return copy_from(begin);
      const int number = WireFormatLite::GetTagFieldNumber(tag);
      if (number == 0) return false;
      const auto type = WireFormatLite::GetTagWireType(tag);
      const Field field = shape.find(number, type);
      if (field.message && type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        if (!copy_from(begin) || !read_inner(*field.message, depth)) return false;
      } else if (field.message && type == WireFormatLite::WIRETYPE_START_GROUP) {
        const std::uint32_t close =
            tag + (WireFormatLite::WIRETYPE_END_GROUP - WireFormatLite::WIRETYPE_START_GROUP);
        if (!copy_from(begin) || !read(*field.message, close, depth + 1)) return false;
      } else if (!WireFormatLite::SkipField(&from_, tag) ||
                 (field.kind != Kind::unknown && !copy_from(begin))) {
        return false;
      }
    }
  }

 private:
  std::size_t position() const { return static_cast<std::size_t>(from_.CurrentPosition()); }

  bool copy_from(std::size_t begin) {
    const Bytes read = message_.subspan(begin, position() - begin);
    to_.insert(to_.end(), read.begin(), read.end());
    return true;
  }

  /// Reserves room for the longest form of the length, which is known only afterwards.
  bool read_inner(const MessageShape& shape, int depth) {
    std::uint32_t length = 0;
    if (!from_.ReadVarint32(&length) || length > INT32_MAX) return false;
    const std::size_t at = to_.size();
    to_.resize(at + length_bytes);
    const auto limit = from_.PushLimit(static_cast<int>(length));
    const bool whole = read(shape, 0, depth + 1) && from_.BytesUntilLimit() == 0;
    from_.PopLimit(limit);
    std::size_t rest = to_.size() - at - length_bytes;
    for (std::size_t byte = 0; byte < length_bytes; ++byte, rest >>= 7)
      to_[at + byte] = static_cast<std::uint8_t>((rest & 0x7f) | (byte + 1 < length_bytes ? 0x80 : 0));
    return whole;
  }

  Bytes message_;
  pb::io::CodedInputStream from_;
  std::vector<std::uint8_t>& to_;
};

std::vector<std::uint8_t> MessageShape::without_unknown_fields(Bytes message) const {
  std::vector<std::uint8_t> kept;
  if (!Sieve(message, kept).read(*this, 0, 0)) kept.assign(message.begin(), message.end());
  return kept;
}

}  // namespace ringrpc
