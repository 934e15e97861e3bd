/// How a message type becomes bytes and back. Protobuf messages are covered; a type of one's own needs a
/// specialization.
///
/// `RawMessage` passes bytes through unparsed, for proxies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <google/protobuf/message_lite.h>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "ringrpc/bytes.h"

namespace ringrpc {

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
  /// The size that `serialize` will write; call it right before.
  static std::size_t size(const T& message) { return message.ByteSizeLong(); }
  static void serialize(const T& message, std::uint8_t* to) { message.SerializeWithCachedSizesToArray(to); }
};

/// A message that is carried as it is. (It has constructors because g++ 12 destroys an aggregate twice that
/// is made among the arguments of a call which is awaited.)
struct RawMessage {
  RawMessage() = default;
  explicit RawMessage(std::string content) noexcept : bytes(std::move(content)) {}

  std::string bytes;
};

template <>
struct Codec<RawMessage> {
  static bool parse(RawMessage& message, Bytes bytes) {
    message.bytes.assign(as_text(bytes));
    return true;
  }
  static std::size_t size(const RawMessage& message) { return message.bytes.size(); }
  static void serialize(const RawMessage& message, std::uint8_t* to) {
    message.bytes.copy(reinterpret_cast<char*>(to), message.bytes.size());
  }
};

}  // namespace ringrpc
