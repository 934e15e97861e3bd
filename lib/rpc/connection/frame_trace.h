/// The frames of a connection in the log, at level trace: type, stream, flags and
/// length, never their contents.
///
///   FrameTrace(peer, FrameTrace::Direction::received, scanner).log(bytes);
///   // 127.0.0.1:40712: received HEADERS, stream 1, flags 0x4, 42 bytes
#pragma once

#include <cstdint>
#include <string_view>

#include "ringrpc/bytes.h"

#include "http2/frame_scanner.h"

namespace ringrpc {

class FrameTrace {
 public:
  enum class Direction : std::uint8_t { received, sent };

  /// `scanner` has scanned all earlier bytes of this direction.
  FrameTrace(std::string_view peer, Direction direction, http2::FrameScanner scanner) noexcept
      : peer_(peer), direction_(direction), scanner_(scanner) {}

  /// Logs the frames that begin in `bytes`. Call again with the bytes that follow.
  void log(Bytes bytes);

 private:
  const std::string_view peer_;
  const Direction direction_;
  http2::FrameScanner scanner_;
};

}  // namespace ringrpc
