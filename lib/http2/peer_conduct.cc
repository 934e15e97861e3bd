#include "http2/peer_conduct.h"

#include <algorithm>
#include <utility>

namespace ringrpc::http2 {
namespace {

/// The largest window that the peer may assume. Until our SETTINGS and WINDOW_UPDATE arrive, it assumes the
/// default (RFC 9113, 6.9.2).
std::uint32_t window_seen(std::uint32_t bytes) noexcept {
  return std::clamp<std::uint32_t>(bytes, 65'535, INT32_MAX);
}

}  // namespace

PeerConduct::PeerConduct(Role role, const Limits& limits, const Instant& now,
                         const std::size_t& open_streams) noexcept
    : now_(now),
      open_streams_(open_streams),
      stream_window_bytes_(window_seen(limits.initial_window_bytes)),
      connection_window_bytes_(window_seen(limits.connection_window_bytes)),
      continuations_max_(limits.max_continuations),
      pings_max_(limits.ping_burst),
      ping_strikes_max_(limits.ping_strikes),
      ping_interval_(limits.ping_interval_min),
      idle_ping_interval_(limits.idle_ping_interval_min),
      server_(role == Role::server),
      resets_(limits.reset_burst, limits.resets_per_second),
      unbegun_resets_(limits.unbegun_reset_burst, limits.unbegun_resets_per_second),
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
      if (head.length == 4 && is_wanted(head.stream_id, is_live, context)) {
        history_.abandon(head.stream_id);
        expect_late();
      }
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

bool PeerConduct::is_wanted(std::uint32_t id, bool (*is_live)(void*, std::uint32_t),
                            void* context) const noexcept {
  if (id % 2 == 0 || id > history_.highest()) return false;
  const StreamPast past = history_.of(id);
  return past == StreamPast::open || (past == StreamPast::forgotten && is_live(context, id));
}

Verdict PeerConduct::judge_late(std::uint32_t id, StreamPast past, Verdict cost) noexcept {
  if (cost || past != StreamPast::abandoned) return cost;
  history_.drop(id);
  return {ErrorCode::stream_closed, "a frame after RST_STREAM", Verdict::On::stream};
}

Verdict PeerConduct::judge_headers(const FrameHead& head, bool (*is_live)(void*, std::uint32_t),
                                   void* context) noexcept {
  continuations_ = 0;
  const std::uint32_t id = head.stream_id;
  if (id % 2 == 0) return {};  // the engine reports the error
  if (id > history_.highest()) {
    if (!server_) return {};  // here too
    history_.open(id);
    allow(allowances_per_stream);
    pings_ = 0;
    if ((head.flags & FrameHead::end_stream) != 0) history_.end(id);
    return {};
  }
  const StreamPast past = history_.of(id);
  const bool end_stream = (head.flags & FrameHead::end_stream) != 0;
  const bool wanted = is_wanted(id, is_live, context);
  // A forgotten id may belong to a stream that was reset. Its trailers may still arrive; they end the stream
  // and come soon. Any other block would open a stream.
  const bool may_be_late = !server_ || (end_stream && now_ < late_until_);
  if (past == StreamPast::never_opened || (past == StreamPast::forgotten && !wanted && !may_be_late)) {
    return {ErrorCode::protocol_error, "HEADERS: stream_id lower than one already used"};
  }
  if (past == StreamPast::ended) return {ErrorCode::stream_closed, "HEADERS: stream closed"};
  const Verdict verdict = wanted && end_stream ? Verdict{} : judge_late(id, past, spend());
  if (end_stream) history_.end(id);
  return verdict;
}

Verdict PeerConduct::judge_data(const FrameHead& head, bool (*is_live)(void*, std::uint32_t),
                                void* context) noexcept {
  const std::uint32_t id = head.stream_id;
  if (id % 2 == 0 || id > history_.highest()) return {};  // the engine reports the error
  const StreamPast past = history_.of(id);
  const bool end_stream = (head.flags & FrameHead::end_stream) != 0;
  if (past != StreamPast::open) [[unlikely]] {
    if (past == StreamPast::never_opened) return {ErrorCode::protocol_error, "DATA: stream was never opened"};
    if (past == StreamPast::ended) return {ErrorCode::stream_closed, "DATA: stream closed"};
    if (!is_wanted(id, is_live, context)) {
      const Verdict verdict = judge_late(id, past, spend_late(head.length));
      if (end_stream) history_.end(id);
      return verdict;
    }
  }
  if (end_stream) {
    history_.end(id);
    return {};
  }
  const bool padded = (head.flags & FrameHead::padded) != 0;
  const std::uint32_t padding = padded ? 1 + head.begin_of_payload : 0;
  if (head.length < tiny_bytes + padding) return spend();
  allow(1);
  pings_ = 0;
  return {};
}

/// Follows https://github.com/grpc/grpc/blob/master/doc/keepalive.md for servers, and adds a limit on bursts
/// for servers without a minimum interval.
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

Verdict PeerConduct::stream_unbegun() noexcept {
  if (unbegun_resets_.take(now_)) return {};
  return {ErrorCode::enhance_your_calm, "too many streams reset"};
}

Verdict PeerConduct::glitch() noexcept {
  if (glitches_.take(now_)) return {};
  return {ErrorCode::enhance_your_calm, "too many frames without progress"};
}

}  // namespace ringrpc::http2
