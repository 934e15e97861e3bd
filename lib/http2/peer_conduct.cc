#include "http2/peer_conduct.h"

#include <utility>

namespace ringrpc::http2 {

PeerConduct::PeerConduct(Role role, const Limits& limits, const Instant& now,
                         const std::size_t& open_streams) noexcept
    : now_(now),
      open_streams_(open_streams),
      continuations_max_(limits.max_continuations),
      pings_max_(limits.ping_burst),
      ping_strikes_max_(limits.ping_strikes),
      ping_interval_(limits.ping_interval_min),
      idle_ping_interval_(limits.idle_ping_interval_min),
      server_(role == Role::server),
      resets_(limits.reset_burst, limits.resets_per_second),
      glitches_(limits.glitch_burst, limits.glitches_per_second) {}

Verdict PeerConduct::judge(const FrameHead& head, bool (*is_live)(void*, std::uint32_t),
                           void* context) noexcept {
  switch (head.type) {
    case FrameType::headers:
      return judge_headers(head, is_live, context);
    case FrameType::data:
      return judge_data(head, is_live, context);
    case FrameType::continuation:
      if (++continuations_ > continuations_max_) {
        return {ErrorCode::enhance_your_calm, "too many CONTINUATION frames"};
      }
      return {};
    case FrameType::priority:
      if (head.stream_id == 0) return {ErrorCode::protocol_error, "PRIORITY: stream_id == 0"};
      if (head.length == 5 && (head.begin_of_payload & 0x7fffffff) == head.stream_id) {
        return {ErrorCode::protocol_error, "PRIORITY: depends on itself"};
      }
      return spend();
    case FrameType::rst_stream:
      if (head.length == 4) history_.end(head.stream_id);
      return {};
    case FrameType::ping:
      return (head.flags & FrameHead::ack) != 0 ? spend() : judge_ping();
    case FrameType::settings:
      return (head.flags & FrameHead::ack) != 0 ? Verdict{} : glitch();
    case FrameType::goaway:
      return glitch();
    case FrameType::push_promise:
      return {};
    case FrameType::window_update:
    default:
      return spend();
  }
}

Verdict PeerConduct::judge_headers(const FrameHead& head, bool (*is_live)(void*, std::uint32_t),
                                   void* context) noexcept {
  continuations_ = 0;
  const std::uint32_t id = head.stream_id;
  if (id % 2 == 0) return {};  // the engine says why that is wrong
  if (id > history_.highest()) {
    if (!server_) return {};  // likewise
    history_.open(id);
    allow(allowances_per_stream);
    pings_ = 0;
    if ((head.flags & FrameHead::end_stream) != 0) history_.end(id);
    return {};
  }
  const StreamPast past = history_.of(id);
  if (past == StreamPast::never_opened) {
    return {ErrorCode::protocol_error, "HEADERS: stream_id lower than one already used"};
  }
  if (past == StreamPast::ended) return {ErrorCode::stream_closed, "HEADERS: stream closed"};
  const bool end_stream = (head.flags & FrameHead::end_stream) != 0;
  const bool wanted = past == StreamPast::open || (past == StreamPast::forgotten && is_live(context, id));
  // A second header block can only be the trailers of a request, which end it; a response may be preceded by
  // interim ones.
  if (end_stream || server_) history_.end(id);
  if (!wanted) return spend_late();
  return end_stream || server_ ? Verdict{} : spend();
}

Verdict PeerConduct::judge_data(const FrameHead& head, bool (*is_live)(void*, std::uint32_t),
                                void* context) noexcept {
  const std::uint32_t id = head.stream_id;
  if (id % 2 == 0 || id > history_.highest()) return {};  // the engine says why that is wrong
  const StreamPast past = history_.of(id);
  if (past == StreamPast::never_opened) return {ErrorCode::protocol_error, "DATA: stream was never opened"};
  if (past == StreamPast::ended) return {ErrorCode::stream_closed, "DATA: stream closed"};
  const bool end_stream = (head.flags & FrameHead::end_stream) != 0;
  if (end_stream) history_.end(id);
  const bool wanted = past == StreamPast::open || (past == StreamPast::forgotten && is_live(context, id));
  if (!wanted) return spend_late();
  if (end_stream) return {};
  const bool padded = (head.flags & FrameHead::padded) != 0;
  const std::uint32_t padding = padded ? 1 + head.begin_of_payload : 0;
  if (head.length < tiny_bytes + padding) return spend();
  allow(1);
  pings_ = 0;
  return {};
}

/// As https://github.com/grpc/grpc/blob/master/doc/keepalive.md has it for servers, and a limit on bursts for
/// those who set no interval.
Verdict PeerConduct::judge_ping() noexcept {
  constexpr Verdict too_many{ErrorCode::enhance_your_calm, "too_many_pings"};
  const bool progress_since = pings_ == 0;
  const Nanoseconds since = now_ - std::exchange(last_ping_, now_);
  if (progress_since) ping_strikes_ = 0;
  pings_ = since < std::chrono::seconds(1) ? pings_ + 1 : 1;
  if (pings_ > pings_max_) return too_many;
  const bool too_soon = !progress_since && since < (open_streams_ > 0 ? ping_interval_ : idle_ping_interval_);
  if (too_soon && ++ping_strikes_ > ping_strikes_max_) return too_many;
  return spend();
}

Verdict PeerConduct::stream_wasted() noexcept {
  if (resets_.take(now_)) return {};
  return {ErrorCode::enhance_your_calm, "too many streams reset"};
}

Verdict PeerConduct::glitch() noexcept {
  if (glitches_.take(now_)) return {};
  return {ErrorCode::enhance_your_calm, "too many frames without progress"};
}

}  // namespace ringrpc::http2
