/// Judges a peer's conduct: weighs every frame that arrives by its cost to us and by the progress it brings.
///
///   PeerConduct conduct(Role::server, limits, now, open_streams);
///   if (const Verdict verdict = conduct.judge(head, is_live, this)) terminate(verdict.code, verdict.reason);
///
/// A frame that brings no progress is a glitch and takes a token: empty or tiny DATA, PRIORITY,
/// WINDOW_UPDATE, PING, an unknown type and the like. Progress earns allowances, which are used up first. So
/// a peer never comes near the bucket if it sends two WINDOW_UPDATEs for each of our DATA frames, one for
/// each KiB it reads, a PRIORITY with each request, or a PING with each message.
///
/// DATA of a stream that was reset is late. It brings no progress either, but the peer may have sent it
/// before it learnt of the reset: up to the stream's window for one stream, and up to the connection's window
/// for all streams together. So each reset allows for one stream window of late DATA, up to the connection's
/// window. Late DATA beyond that is a glitch. Frames that follow the peer's own RST_STREAM count as late too,
/// because clients that cancel while they send produce them. The first of these is a stream error.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "ringrpc/clock.h"

#include "http2/error_code.h"
#include "http2/frame_scanner.h"
#include "http2/session_limits.h"
#include "http2/stream_history.h"
#include "http2/token_bucket.h"

namespace ringrpc::http2 {

/// False if the frame is acceptable. Otherwise the reason why the connection, or only the frame's stream,
/// must end.
struct Verdict {
  enum class On : std::uint8_t { connection, stream };

  constexpr Verdict() noexcept = default;
  constexpr Verdict(ErrorCode error, const char* why, On whom = On::connection) noexcept
      : code(error), on(whom), reason(why) {}

  ErrorCode code = ErrorCode::no_error;
  On on = On::connection;
  const char* reason = nullptr;
  explicit operator bool() const noexcept { return reason != nullptr; }
};

class PeerConduct {
 public:
  /// Reads `now` for the rates, and `open_streams` for what an idle peer may send. Both must outlive this
  /// object.
  PeerConduct(Role role, const Limits& limits, const Instant& now, const std::size_t& open_streams) noexcept;

  /// Judges a frame before the engine sees it. `is_live(context, id)` tells whether a stream still exists; it
  /// is called only for streams that are too old to be remembered.
  Verdict judge(const FrameHead& head, bool (*is_live)(void*, std::uint32_t), void* context) noexcept;

  /// True if a HEADERS frame that was not judged yet opens a stream of the peer.
  bool begins_stream(const FrameHead& head) const noexcept {
    return server_ && head.type == FrameType::headers && head.stream_id > history_.highest();
  }

  /// The peer reset a stream as soon as it had opened it, or made us reset one.
  Verdict stream_wasted() noexcept;
  /// The peer reset a stream before anything was done for it.
  Verdict stream_unbegun() noexcept;
  /// The peer reset a stream that it had waited for, or that no longer exists. The stream's own allowances
  /// cover that.
  Verdict stream_abandoned() noexcept { return spend(); }
  /// A frame that is acceptable in small numbers only, such as a stream above the limit.
  Verdict glitch() noexcept;

  /// We sent a DATA frame of `bytes` bytes.
  void sent_data(std::size_t bytes) noexcept {
    allow(2 + static_cast<std::uint32_t>(bytes / 1024));
    pings_ = 0;
  }
  /// We sent a HEADERS frame.
  void sent_headers() noexcept { pings_ = 0; }
  /// We sent a PING, which the peer will acknowledge.
  void sent_ping() noexcept { allow(1); }
  /// We opened a stream (client).
  void opened(std::uint32_t id) noexcept {
    history_.open(id);
    allow(allowances_per_stream);
  }
  /// We reset a stream. If the peer had half-closed it, as is common with malformed requests, nothing more is
  /// in flight.
  void dropped(std::uint32_t id) noexcept {
    const StreamPast past = history_.of(id);
    if (past != StreamPast::open && past != StreamPast::forgotten) return;
    history_.drop(id);
    expect_late();
  }

 private:
  static constexpr std::uint32_t allowances_per_stream = 4;
  static constexpr std::uint32_t allowances_max = 64 * 1024;
  /// Far longer than a frame and our reset take to cross in flight, retransmissions included.
  static constexpr std::chrono::seconds late_time_max{60};
  /// Smaller than the prefix of an empty gRPC message.
  static constexpr std::uint32_t tiny_bytes = 5;

  void allow(std::uint32_t count) noexcept { allowances_ = std::min(allowances_ + count, allowances_max); }
  Verdict spend() noexcept {
    if (allowances_ == 0) return glitch();
    --allowances_;
    return {};
  }

  /// A stream was reset before the peer half-closed it.
  void expect_late() noexcept {
    late_bytes_ = std::min(late_bytes_ + stream_window_bytes_, connection_window_bytes_);
    late_until_ = after(now_, late_time_max);
  }

  /// DATA of a stream that was reset. The windows limit how much of it may have been in flight at the reset.
  Verdict spend_late(std::uint32_t bytes) noexcept {
    if (bytes == 0 || bytes > late_bytes_) return spend();
    late_bytes_ -= bytes;
    return {};
  }

  /// True if the peer has opened the stream and no END_STREAM or reset has ended it.
  bool is_wanted(std::uint32_t id, bool (*is_live)(void*, std::uint32_t), void* context) const noexcept;
  /// A late frame. `cost` is the verdict on how many there are.
  Verdict judge_late(std::uint32_t id, StreamPast past, Verdict cost) noexcept;
  Verdict judge_data(const FrameHead& head, bool (*is_live)(void*, std::uint32_t), void* context) noexcept;
  Verdict judge_headers(const FrameHead& head, bool (*is_live)(void*, std::uint32_t), void* context) noexcept;
  Verdict judge_ping() noexcept;

  const Instant& now_;
  const std::size_t& open_streams_;
  std::uint32_t stream_window_bytes_;
  std::uint32_t connection_window_bytes_;
  std::uint32_t continuations_max_;
  std::uint32_t pings_max_;
  std::uint32_t ping_strikes_max_;
  Nanoseconds ping_interval_;
  Nanoseconds idle_ping_interval_;
  Instant last_ping_{};
  std::uint32_t allowances_ = 0;
  std::uint32_t late_bytes_ = 0;  ///< how much DATA may still come for streams that were reset
  /// Until then, HEADERS with END_STREAM for a forgotten stream may be late trailers (server).
  Instant late_until_{};
  std::uint32_t continuations_ = 0;
  std::uint32_t pings_ = 0;  ///< PINGs less than a second apart, without DATA or HEADERS in between
  std::uint32_t ping_strikes_ = 0;
  bool server_;
  TokenBucket resets_;
  TokenBucket unbegun_resets_;
  TokenBucket glitches_;
  StreamHistory history_;
};

}  // namespace ringrpc::http2
