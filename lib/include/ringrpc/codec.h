/// Serializes and parses messages. Codec covers protobuf messages. Specialize it for other types:
///
///   template <>
///   struct ringrpc::Codec<Line> {
///     static bool parse(Line& line, Bytes bytes);
///     static std::size_t size(const Line& line);
///     static void serialize(const Line& line, std::uint8_t* to);
///   };
///
/// A message of more than about 16 KiB is received and sent in pieces. A specialization may support that with
/// a `parse` that takes `Pieces` and a `serialize` that takes a ZeroCopyOutputStream, as below. Without them,
/// such a message is copied once more in each direction.
///
/// A server parses a request that would occupy the shard for long on another thread, so `parse`
/// must not depend on the thread that it runs on. The functions may run on several threads at the
/// same time, for different messages.
///
/// `RawMessage` carries the bytes of a message unparsed, for proxies.
#pragma once

#include "ringrpc/compiler.h"

#include <cstddef>
#include <cstdint>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream.h>
#include <google/protobuf/message_lite.h>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "ringrpc/bytes.h"
#include "ringrpc/export.h"
#include "ringrpc/status.h"

namespace google::protobuf {
class Descriptor;
}

namespace ringrpc {

namespace detail {
RINGRPC_EXPORT bool parse_in_pieces(google::protobuf::MessageLite& message, Pieces pieces);
RINGRPC_EXPORT void copy_in_pieces(Bytes bytes, google::protobuf::io::ZeroCopyOutputStream& to);
}  // namespace detail

/// Serializes and parses messages of type T.
template <class T>
struct Codec {
  static_assert(std::is_base_of_v<google::protobuf::MessageLite, T>,
                "specialize ringrpc::Codec for this type");

  /// Parses `bytes`, which need to be valid only during the call. False if they are not a T: `message` then
  /// has an unspecified value.
  static bool parse(T& message, Bytes bytes) {
    if (bytes.size() > std::numeric_limits<int>::max()) return false;
    // Not ParseFromArray, which writes to stderr when a required field is missing.
    return message.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
           message.IsInitialized();
  }
  /// The same for a message in several pieces.
  static bool parse(T& message, Pieces pieces) { return detail::parse_in_pieces(message, pieces); }
  /// The number of bytes that `serialize` will write. Call it right before `serialize`.
  static std::size_t size(const T& message) { return message.ByteSizeLong(); }
  /// Writes exactly `size` bytes to `to`.
  static void serialize(const T& message, std::uint8_t* to) { message.SerializeWithCachedSizesToArray(to); }
  /// The same to a stream that has room for exactly `size` bytes.
  static void serialize(const T& message, google::protobuf::io::ZeroCopyOutputStream& to) {
    google::protobuf::io::CodedOutputStream coded(&to);
    message.SerializeWithCachedSizes(&coded);
  }
};

/// A message that is neither serialized nor parsed.
struct RawMessage {
  RawMessage() = default;
  /// A message with these bytes.
  explicit RawMessage(std::string content) noexcept : bytes(std::move(content)) {}

  std::string bytes;  ///< the serialized message, without its gRPC prefix
};

/// The bytes of a RawMessage are the message.
template <>
struct Codec<RawMessage> {
  /// Copies the bytes. Always true.
  static bool parse(RawMessage& message, Bytes bytes) {
    message.bytes.assign(as_text(bytes));
    return true;
  }
  /// Joins the pieces. Always true.
  static bool parse(RawMessage& message, Pieces pieces) {
    message.bytes.clear();
    message.bytes.reserve(total_bytes(pieces));
    for (const Bytes piece : pieces) message.bytes.append(as_text(piece));
    return true;
  }
  /// In bytes.
  static std::size_t size(const RawMessage& message) { return message.bytes.size(); }
  /// Copies the bytes to `to`.
  static void serialize(const RawMessage& message, std::uint8_t* to) {
    message.bytes.copy(reinterpret_cast<char*>(to), message.bytes.size());
  }
  /// The same in pieces.
  static void serialize(const RawMessage& message, google::protobuf::io::ZeroCopyOutputStream& to) {
    detail::copy_in_pieces(as_bytes(message.bytes), to);
  }
};

namespace detail {

/// Parses a message in one piece or in several, whether or not its Codec takes pieces.
template <class T>
bool parse_message(T& message, Pieces pieces) {
  if (pieces.size() == 1) [[likely]]
    return Codec<T>::parse(message, pieces.front());
  if constexpr (requires { Codec<T>::parse(message, pieces); }) {
    return Codec<T>::parse(message, pieces);
  } else {
    const std::vector<std::uint8_t> whole = join(pieces);
    return Codec<T>::parse(message, Bytes(whole));
  }
}

/// The fault of a message of that type which does not parse: "shop.v1.Item.name is not valid UTF-8"; empty if the
/// message has no such field.
RINGRPC_EXPORT std::string find_parse_fault(const google::protobuf::Descriptor& type, Pieces pieces);

/// The same for a message that `parse_message` has refused. Not inlined, because few are.
template <class T>
[[gnu::noinline, gnu::cold]] std::string parse_fault(Pieces pieces) {
  if constexpr (requires { T::descriptor(); }) {
    return find_parse_fault(*T::descriptor(), pieces);
  } else {
    return {};
  }
}

/// The failure of a call whose message does not parse. `what` is "a response" or the like, `why` may be empty.
RINGRPC_EXPORT Status unparsable(std::string_view what, std::string_view why);

}  // namespace detail

/// A message that the library parses before its reader takes it. Belongs to one thread at a time.
class RINGRPC_EXPORT ParsedMessage {
 public:
  virtual ~ParsedMessage() = default;
  /// The bytes of the message when it is serialized.
  virtual std::size_t size() const = 0;
  /// The message as its Codec writes it.
  virtual std::vector<std::uint8_t> serialize() const = 0;
};

/// The type of a method's requests, with which the server can weigh and parse them before the handler runs.
struct RequestType {
  /// Parses a request; null if `pieces` are not a message of this type. May run on any thread.
  std::unique_ptr<ParsedMessage> (*parse)(Pieces pieces);
  /// The type in protobuf; null for a type without a descriptor.
  const google::protobuf::Descriptor* descriptor;
};

namespace detail {

template <class T>
class RINGRPC_EXPORT ParsedMessageOf : public ParsedMessage {
 public:
  T message;
};

/// A class of its own, so that a type that is only received needs nothing but `parse` in its Codec.
template <class T>
class SerializableMessageOf final : public ParsedMessageOf<T> {
 public:
  std::size_t size() const override { return Codec<T>::size(this->message); }
  std::vector<std::uint8_t> serialize() const override {
    std::vector<std::uint8_t> bytes(size());
    Codec<T>::serialize(this->message, bytes.data());
    return bytes;
  }
};

template <class T>
std::unique_ptr<ParsedMessage> parse_ahead(Pieces pieces) {
  auto parsed = std::make_unique<SerializableMessageOf<T>>();
  if (!parse_message(parsed->message, pieces)) return nullptr;
  return parsed;
}

/// The RequestType of T.
template <class T>
RequestType request_type() {
  if constexpr (requires { T::descriptor(); }) {
    return {&parse_ahead<T>, T::descriptor()};
  } else {
    return {&parse_ahead<T>, nullptr};
  }
}

/// Serializes a message of `bytes` bytes into a stream that has room for exactly that many.
template <class T>
void serialize_in_pieces(const T& message, std::size_t bytes,
                         google::protobuf::io::ZeroCopyOutputStream& to) {
  if constexpr (requires { Codec<T>::serialize(message, to); }) {
    Codec<T>::serialize(message, to);
  } else {
    std::vector<std::uint8_t> whole(bytes);
    Codec<T>::serialize(message, whole.data());
    copy_in_pieces(whole, to);
  }
}

}  // namespace detail

}  // namespace ringrpc
