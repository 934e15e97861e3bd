/// A message that is compressed after it is serialized and before it is sent.
///
///   CompressedMessage outgoing(bytes);
///   serialize(message, outgoing.room());
///   session.send_data(stream, outgoing.finish(Compression::gzip), false);
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ringrpc/bytes.h"
#include "ringrpc/compression.h"

#include "rpc/message/compressor.h"
#include "rpc/message/message_buffer.h"

namespace ringrpc {

class CompressedMessage {
 public:
  explicit CompressedMessage(std::size_t bytes) : plain_(MessageBuffer::prefix_bytes + bytes) {}

  /// The room to serialize the message into.
  std::span<std::uint8_t> room() noexcept { return std::span(plain_).subspan(MessageBuffer::prefix_bytes); }

  /// The size of the uncompressed message with its prefix.
  std::size_t plain_bytes() const noexcept { return plain_.size(); }

  /// The message with its prefix, valid as long as this object. It stays uncompressed if compression does not
  /// make it smaller.
  Bytes finish(Compression how) {
    const Bytes message = Bytes(plain_).subspan(MessageBuffer::prefix_bytes);
    small_.resize(MessageBuffer::prefix_bytes);
    compress(how, message, small_);
    const bool smaller = small_.size() < plain_.size();
    std::vector<std::uint8_t>& framed = smaller ? small_ : plain_;
    MessageBuffer::write_prefix(framed.data(), framed.size() - MessageBuffer::prefix_bytes, smaller);
    return framed;
  }

 private:
  std::vector<std::uint8_t> plain_;
  std::vector<std::uint8_t> small_;
};

}  // namespace ringrpc
