#include "rpc/connection/frame_trace.h"

#include <array>
#include <cstddef>

#include "ringrpc/log.h"

namespace ringrpc {
namespace {

/// By number (RFC 9113, 6).
constexpr std::array<std::string_view, 10> type_names = {
    "DATA",         "HEADERS", "PRIORITY", "RST_STREAM",    "SETTINGS",
    "PUSH_PROMISE", "PING",    "GOAWAY",   "WINDOW_UPDATE", "CONTINUATION"};

std::string_view type_name(http2::FrameType type) noexcept {
  const auto number = static_cast<std::size_t>(type);
  return number < type_names.size() ? type_names[number] : "a frame of unknown type";
}

}  // namespace

void FrameTrace::log(Bytes bytes) {
  scanner_.feed(bytes);
  for (http2::FrameHead head; scanner_.next(head);)
    log::trace("{}: {} {}, stream {}, flags {:#x}, {} bytes", log::Field("peer", peer_),
               direction_ == Direction::sent ? "sent" : "received", log::Field("frame", type_name(head.type)),
               log::Field("stream", head.stream_id), head.flags, log::Field("bytes", head.length));
}

}  // namespace ringrpc
