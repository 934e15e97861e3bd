/// How a message type becomes bytes and back. Protobuf messages are covered; a type of one's own needs a
/// specialization:
///
///   template <>
///   struct ringrpc::Codec<Line> {
///     static bool parse(Line& line, Bytes bytes);
///     static std::size_t size(const Line& line);
///     static void serialize(const Line& line, std::uint8_t* to);
///   };
///
/// A message beyond some 16 KiB is received and sent in pieces. The specialization may take and write it so,
/// by a `parse` of `Pieces` and a `serialize` to a ZeroCopyOutputStream as below; without them it is copied
/// once more each way.
///
/// A server parses a message that takes long on another thread than the shard's, so `parse` of a type that
/// requests have must not depend on the thread that it runs on.
///
/// `RawMessage` passes bytes through unparsed, for proxies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream.h>
#include <google/protobuf/message_lite.h>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ringrpc/bytes.h"

namespace google::protobuf {
class Descriptor;
}

namespace ringrpc {

namespace detail {
bool parse_in_pieces(google::protobuf::MessageLite& message, Pieces pieces);
void copy_in_pieces(Bytes bytes, google::protobuf::io::ZeroCopyOutputStream& to);
}  // namespace detail

/// How messages of type T become bytes and back. Specialize it for types that are not protobuf's.
template <class T>
struct Codec {
  static_assert(std::is_base_of_v<google::protobuf::MessageLite, T>,
                "specialize ringrpc::Codec for this type");

  /// False when `bytes` is not such a message.
  static bool parse(T& message, Bytes bytes) {
    if (bytes.size() > std::numeric_limits<int>::max()) return false;
    // Not ParseFromArray, which complains on stderr of what a peer left out.
    return message.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
           message.IsInitialized();
  }
  static bool parse(T& message, Pieces pieces) { return detail::parse_in_pieces(message, pieces); }
  /// The size that `serialize` will write; call it right before.
  static std::size_t size(const T& message) { return message.ByteSizeLong(); }
  static void serialize(const T& message, std::uint8_t* to) { message.SerializeWithCachedSizesToArray(to); }
  /// The same where `to` has exactly that much room.
  static void serialize(const T& message, google::protobuf::io::ZeroCopyOutputStream& to) {
    google::protobuf::io::CodedOutputStream coded(&to);
    message.SerializeWithCachedSizes(&coded);
  }
};

/// A message that is carried as it is.
struct RawMessage {
  RawMessage() = default;
  explicit RawMessage(std::string content) noexcept : bytes(std::move(content)) {}

  std::string bytes;
};

/// A RawMessage is its own bytes.
template <>
struct Codec<RawMessage> {
  static bool parse(RawMessage& message, Bytes bytes) {
    message.bytes.assign(as_text(bytes));
    return true;
  }
  static bool parse(RawMessage& message, Pieces pieces) {
    message.bytes.clear();
    message.bytes.reserve(total_bytes(pieces));
    for (const Bytes piece : pieces) message.bytes.append(as_text(piece));
    return true;
  }
  static std::size_t size(const RawMessage& message) { return message.bytes.size(); }
  static void serialize(const RawMessage& message, std::uint8_t* to) {
    message.bytes.copy(reinterpret_cast<char*>(to), message.bytes.size());
  }
  static void serialize(const RawMessage& message, google::protobuf::io::ZeroCopyOutputStream& to) {
    detail::copy_in_pieces(as_bytes(message.bytes), to);
  }
};

namespace detail {

/// Parses a message however it lies, and whatever its Codec knows.
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

/// A message that was parsed before its reader takes it.
class ParsedMessage {
 public:
  virtual ~ParsedMessage() = default;
  virtual std::size_t size() const = 0;  ///< in bytes, serialized
  virtual std::vector<std::uint8_t> serialize() const = 0;
};

template <class T>
class ParsedMessageOf : public ParsedMessage {
 public:
  T message;
};

/// Apart, so that a type which is only read needs no more of its Codec than `parse`.
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

/// What a server knows about the type of a method's requests, to judge and parse them ahead of the handler.
struct RequestType {
  /// Null when `pieces` are not such a message. Runs on any thread.
  std::unique_ptr<ParsedMessage> (*parse)(Pieces pieces);
  /// Null for a type without one.
  const google::protobuf::Descriptor* descriptor;
};

template <class T>
std::unique_ptr<ParsedMessage> parse_ahead(Pieces pieces) {
  auto parsed = std::make_unique<SerializableMessageOf<T>>();
  if (!parse_message(parsed->message, pieces)) return nullptr;
  return parsed;
}

/// Of messages of type T.
template <class T>
RequestType request_type() {
  if constexpr (requires { T::descriptor(); }) {
    return {&parse_ahead<T>, T::descriptor()};
  } else {
    return {&parse_ahead<T>, nullptr};
  }
}

/// Serializes a message of `bytes` into pieces that have just that much room.
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
