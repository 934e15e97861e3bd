/// The shape of a protobuf message type. It estimates the cost of a message before it is parsed.
///
///   const MessageShape& shape = MessageShape::of(*Request::descriptor());
///   const MessageWeight weight = shape.weigh(pieces, 4096);
///   if (weight.fields > 4096) parse_elsewhere();
///
/// Protobuf makes an object for each field that is a message, and an entry for each unknown field. So two
/// bytes on the wire can become a hundred in memory, and take as long as a hundred bytes of text. The weight
/// is counted on the wire at a few nanoseconds for each field.
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
  std::size_t fields = 0;        ///< in the message and all messages inside it
  std::size_t memory_bytes = 0;  ///< an estimate for the parsed message, rather too high
  std::size_t unknown_fields = 0;
};

class MessageShape {
 public:
  /// The shape of a message type, made at the first call.
  static const MessageShape& of(const google::protobuf::Descriptor& type);

  /// The cost of parsing the message. Stops counting if it has more than `fields_max` fields or is malformed.
  MessageWeight weigh(Pieces message, std::size_t fields_max) const;

  /// The message without unknown fields. Unchanged if it is malformed.
  std::vector<std::uint8_t> without_unknown_fields(Bytes message) const;

 private:
  enum class Kind : std::uint8_t { scalar, text, message, unknown };
  struct Field {
    /// True if this wire type is the type's own for the field. Other fields are unknown.
    bool accepts(int wire_type) const noexcept;

    int number;
    Kind kind;
    int wire_type = 0;
    /// Bytes in memory for each byte of a packed field on the wire; 0 if it cannot be packed.
    std::size_t packed_bytes = 0;
    const MessageShape* message = nullptr;  ///< the type of a message field
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
