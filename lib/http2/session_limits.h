/// The limits on what one peer may make a session hold or do. Every limit has a test that reaches it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ringrpc/clock.h"

namespace ringrpc::http2 {

enum class Role : std::uint8_t { client, server };

/// The range of `max_header_list_bytes`. The minimum has room for statuses and a token. A block of the
/// maximum fits in the frames that `max_continuations` permits.
inline constexpr std::uint32_t header_list_bytes_least = 1024;
inline constexpr std::uint32_t header_list_bytes_most = 64 * 1024;
/// The range of `max_header_fields`. The minimum has room for what gRPC itself sends. No list of
/// header_list_bytes_most has more fields than the maximum, because each counts 32 bytes.
inline constexpr std::uint32_t header_fields_least = 16;
inline constexpr std::uint32_t header_fields_most = header_list_bytes_most / 32;

struct Limits {
  std::uint32_t max_concurrent_streams = 100;  ///< announced; further streams get REFUSED_STREAM
  /// Announced, per stream: body bytes that may wait to be consumed.
  std::uint32_t initial_window_bytes = 256 * 1024;
  std::uint32_t connection_window_bytes = 1024 * 1024;  ///< bytes in flight, of all streams
  std::uint32_t max_frame_bytes = 16 * 1024;            ///< announced
  std::uint32_t max_header_list_bytes =
      8 * 1024;  ///< announced; names + values + 32 each; a larger list fails the stream
  std::uint32_t max_header_fields = 100;  ///< more fields fail the stream
  std::uint32_t max_header_list_close_factor =
      4;                                ///< a list of this many times the limit closes the connection
  std::uint32_t max_continuations = 4;  ///< CONTINUATION frames in a header block
  /// The time from the first byte of a header block to the last. The connection can carry nothing else
  /// meanwhile.
  Nanoseconds header_block_timeout = std::chrono::seconds(10);
  std::uint32_t max_settings_entries = 16;  ///< in one SETTINGS frame
  /// Limits on wasted streams. A stream is wasted if a fault of the peer makes us reset it. It is also wasted
  /// if the peer resets it while all of this holds: it is younger than `wasted_age_max`, by a clock that
  /// stands still within a turn; no message of the response has been sent and its end is not queued; less
  /// than half of its timeout has passed (Stream::set_timeout).
  Nanoseconds wasted_age_max = std::chrono::milliseconds(1);
  std::uint32_t reset_burst = 1000;      ///< wasted streams at once
  std::uint32_t resets_per_second = 33;  ///< wasted streams in the long run; both values are nghttp2's
  /// A stream whose request and reset arrive together costs little more than reading them, since no work
  /// begins for it. Busy clients whose calls have deadlines (Stream::set_timeout) produce many of these. So
  /// this many are allowed at once, …
  std::uint32_t unbegun_reset_burst = 10'000;
  std::uint32_t unbegun_resets_per_second = 2'000;  ///< … and this many in the long run
  /// Frames without progress (empty DATA, PRIORITY, unknown types, SETTINGS, PING, WINDOW_UPDATE and the
  /// like) beyond the allowances that progress earns (see peer_conduct.h): at once, …
  std::uint32_t glitch_burst = 1000;
  std::uint32_t glitches_per_second = 100;  ///< … and in the long run
  std::uint32_t ping_burst = 64;  ///< PINGs less than a second apart, without DATA or HEADERS in between
  /// An estimate of the memory of frames other than DATA that wait to be produced, beyond four for each open
  /// stream.
  std::size_t max_queued_output_bytes = 1024 * 1024;
  /// A PING that follows another sooner than this, without DATA or HEADERS in between, is a strike. The first
  /// interval holds while streams are open, the second while none is. Zero turns the rule off.
  Nanoseconds ping_interval_min{0};
  Nanoseconds idle_ping_interval_min{0};
  std::uint32_t ping_strikes = 2;  ///< more strikes than these end the connection
};

}  // namespace ringrpc::http2
