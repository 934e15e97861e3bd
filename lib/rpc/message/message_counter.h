/// Counts the length-prefixed messages (PROTOCOL-HTTP2.md) of a body that arrives in any pieces.
///
///   MessageCounter counter;
///   messages += counter.count(bytes);      // that end in these bytes
#pragma once

#include <algorithm>
#include <cstdint>

#include "ringrpc/bytes.h"

#include "rpc/message/message_buffer.h"

namespace ringrpc {

class MessageCounter {
 public:
  std::uint32_t count(Bytes bytes) noexcept {
    std::uint32_t ended = 0;
    for (;;) {
      while (prefix_bytes_ < MessageBuffer::prefix_bytes) {
        if (bytes.empty()) return ended;
        // The flags are shifted out of the 32 bits.
        due_ = due_ << 8 | bytes.front();
        bytes = bytes.subspan(1);
        ++prefix_bytes_;
      }
      const std::size_t here = std::min<std::size_t>(due_, bytes.size());
      bytes = bytes.subspan(here);
      due_ -= static_cast<std::uint32_t>(here);
      if (due_ > 0) return ended;
      prefix_bytes_ = 0;
      ++ended;
    }
  }

 private:
  std::uint32_t due_ =
      0;  // the length, once the prefix is complete, and then the bytes of it that have not arrived
  std::uint8_t prefix_bytes_ = 0;
};

}  // namespace ringrpc
