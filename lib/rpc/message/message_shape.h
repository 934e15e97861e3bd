/// The shape of a protobuf message type, and what a message of it costs before it is parsed.
///
///   const MessageShape& shape = MessageShape::of(*Request::descriptor());
///   const MessageWeight weight = shape.weigh(pieces, 4096);
///   if (weight.fields > 4096) parse_elsewhere();
///
/// Protobuf makes an object for each field that is a message, and an entry for each field that the type does
/// not know. Two bytes on the wire can so become a hundred in memory, and take as long as a hundred bytes of
/// text. The weight is counted from the wire at a few nanoseconds a field.
///
/// A shape never changes and lives as long as the process; any thread may use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ringrpc/bytes.h"

namespace google::protobuf {
class Descriptor;
namespace io {
class CodedInputStream;
}
}  // namespace google::protobuf

namespace ringrpc {

struct MessageWeight {
  std::size_t fields = 0;        ///< of the message and all messages inside it
  std::size_t memory_bytes = 0;  ///< of the parsed message, estimated and rather too much
  std::size_t unknown_fields = 0;
};

class MessageShape {
 public:
  /// The shape of messages of that type, made at the first call.
  static const MessageShape& of(const google::protobuf::Descriptor& type);

  /// What parsing the message costs. Stops counting when it has more than `fields_max` fields, or is malformed.
  MessageWeight weigh(Pieces message, std::size_t fields_max) const;

  /// The message without the fields that its type does not know. As it was where it is malformed.
  std::vector<std::uint8_t> without_unknown_fields(Bytes message) const;

 private:
  enum class Kind : std::uint8_t { scalar, text, message, unknown };
  struct Field {
    /// Whether a field of this wire type is what the type means by the number. Others are unknown.
    bool accepts(int wire_type) const noexcept;

    int number;
    Kind kind;
    int wire_type = 0;
    std::size_t packed_bytes = 0;           ///< in memory, of each byte on the wire where it is packed; or 0
    const MessageShape* message = nullptr;  ///< of a field that is one
  };
  class Scale;
  class Sieve;
  friend class MessageShapes;

  MessageShape() = default;
  Field find(int number, int wire_type) const noexcept;

  std::vector<Field> fields_;                    ///< by number
  std::vector<std::pair<int, int>> extensions_;  ///< ranges of numbers, from … to before …
  std::size_t object_bytes_ = 0;
};

}  // namespace ringrpc
