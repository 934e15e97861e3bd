/// Whether a peer behaves: judges every frame that arrives by what it costs us and what it brings.
///
///   PeerConduct conduct(Role::server, limits, now, open_streams);
///   if (const Verdict verdict = conduct.judge(head, live)) terminate(verdict.code, verdict.reason);
///
/// A frame that brings no progress (empty or tiny DATA, PRIORITY, WINDOW_UPDATE, PING, an unknown type …) is
/// a glitch and takes a token. Progress earns allowances that are used up first: a peer that sends two
/// WINDOW_UPDATEs for each DATA frame of ours, one for each KiB it reads, a PRIORITY with each request, or a
/// PING with each message never comes near the bucket.
///
/// DATA of a stream that was reset is late. It brings no progress either, but a peer may have sent as much of it
/// as the stream's window held, and all such streams together as much as the connection's window held. So each
/// reset allows for a stream's window of late DATA, up to the connection's window, and what exceeds that is a
/// glitch. Each side resets streams: frames behind a peer's own RST_STREAM count as late too, because clients
/// that cancel while they send produce them. The first of them is a stream error.
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

/// False when all is well; otherwise why the connection, or only the frame's stream, must end.
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
  /// `now` is read for the rates, `open_streams` for what may be expected of an idle peer; both must outlive
  /// this.
  PeerConduct(Role role, const Limits& limits, const Instant& now, const std::size_t& open_streams) noexcept;

  /// Judges a frame before the engine sees it. `is_live(context, id)` tells whether a stream still exists; it
  /// is asked only about streams too old to be remembered.
  Verdict judge(const FrameHead& head, bool (*is_live)(void*, std::uint32_t), void* context) noexcept;

  /// Whether a HEADERS frame, not judged yet, begins a stream of the peer's.
  bool begins_stream(const FrameHead& head) const noexcept {
    return server_ && head.type == FrameType::headers && head.stream_id > history_.highest();
  }

  /// The peer reset a stream as soon as it had opened it, or made us reset one.
  Verdict stream_wasted() noexcept;
  /// The peer reset a stream before anything was done for it.
  Verdict stream_unbegun() noexcept;
  /// The peer reset a stream that it has waited for, or that is gone: what it opened allows for that.
  Verdict stream_given_up() noexcept { return spend(); }
  /// A frame that could be expected in small numbers only, as a stream above the limit.
  Verdict glitch() noexcept;

  /// We sent a DATA frame of so many octets.
  void sent_data(std::size_t bytes) noexcept {
    allow(2 + static_cast<std::uint32_t>(bytes / 1024));
    pings_ = 0;
  }
  /// We sent a HEADERS frame.
  void sent_headers() noexcept { pings_ = 0; }
  /// We sent a PING, which will be answered.
  void sent_ping() noexcept { allow(1); }
  /// We opened a stream (client).
  void opened(std::uint32_t id) noexcept {
    history_.open(id);
    allow(allowances_per_stream);
  }
  /// We reset a stream. If the peer had ended it, as malformed requests often are, nothing is on its way.
  void dropped(std::uint32_t id) noexcept {
    const StreamPast past = history_.of(id);
    if (past != StreamPast::open && past != StreamPast::forgotten) return;
    history_.drop(id);
    expect_late();
  }

 private:
  static constexpr std::uint32_t allowances_per_stream = 4;
  static constexpr std::uint32_t allowances_max = 64 * 1024;
  /// Far longer than a frame and our reset take to cross each other, retransmissions included.
  static constexpr std::chrono::seconds late_time_max{60};
  /// Less than the prefix of an empty gRPC message.
  static constexpr std::uint32_t tiny_bytes = 5;

  void allow(std::uint32_t count) noexcept { allowances_ = std::min(allowances_ + count, allowances_max); }
  Verdict spend() noexcept {
    if (allowances_ == 0) return glitch();
    --allowances_;
    return {};
  }

  /// A stream was reset that the peer had not ended.
  void expect_late() noexcept {
    late_bytes_ = std::min(late_bytes_ + stream_window_bytes_, connection_window_bytes_);
    late_until_ = after(now_, late_time_max);
  }

  /// DATA of a stream that was reset: the windows say whether it may have been on its way then.
  Verdict spend_late(std::uint32_t bytes) noexcept {
    if (bytes == 0 || bytes > late_bytes_) return spend();
    late_bytes_ -= bytes;
    return {};
  }

  /// Whether the peer has opened a stream and neither ended it nor lost it by a reset.
  bool is_wanted(std::uint32_t id, bool (*is_live)(void*, std::uint32_t), void* context) const noexcept;
  /// A frame that is late: `cost` says whether it is one too many.
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
  std::uint32_t late_bytes_ = 0;  ///< of DATA that may still come for streams that were reset
  Instant late_until_{};          ///< until then a frame may be late whose stream is forgotten
  std::uint32_t continuations_ = 0;
  std::uint32_t pings_ = 0;  ///< less than a second apart; none since the last DATA or HEADERS
  std::uint32_t ping_strikes_ = 0;
  bool server_;
  TokenBucket resets_;
  TokenBucket unbegun_resets_;
  TokenBucket glitches_;
  StreamHistory history_;
};

}  // namespace ringrpc::http2
