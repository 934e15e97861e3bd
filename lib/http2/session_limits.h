/// What one peer may make a session hold or do. Every limit has a test that reaches it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ringrpc/clock.h"

namespace ringrpc::http2 {

enum class Role : std::uint8_t { client, server };

/// Between these `max_header_list_bytes` may be chosen: statuses and a token must have room, and the block go
/// into the frames that `max_continuations` permits.
inline constexpr std::uint32_t header_list_bytes_least = 1024;
inline constexpr std::uint32_t header_list_bytes_most = 64 * 1024;

struct Limits {
  std::uint32_t max_concurrent_streams = 100;       ///< announced; further streams get REFUSED_STREAM
  std::uint32_t initial_window_bytes = 256 * 1024;  ///< announced, per stream: what may wait to be consumed
  std::uint32_t connection_window_bytes = 1024 * 1024;  ///< what may be under way, of all streams
  std::uint32_t max_frame_bytes = 16 * 1024;            ///< announced
  std::uint32_t max_header_list_bytes =
      8 * 1024;                           ///< announced; names + values + 32 each; over it the stream fails
  std::uint32_t max_header_fields = 100;  ///< over it the stream fails
  std::uint32_t max_header_list_close_factor =
      4;                                ///< a list of this many times the limit closes the connection
  std::uint32_t max_continuations = 4;  ///< CONTINUATION frames a header block
  /// From the first octets of a header block to its last; the connection can carry nothing else meanwhile.
  Nanoseconds header_block_timeout = std::chrono::seconds(10);
  std::uint32_t max_settings_entries = 16;  ///< in one SETTINGS frame
  /// Streams are wasted that the peer makes us reset by its faults, and those that it resets while they are
  /// younger than this, by the clock that stands still within a turn, with no message of the response sent and
  /// its end not queued, nor half of the time over that their peer gave them (Stream::set_timeout): …
  Nanoseconds wasted_age_max = std::chrono::milliseconds(1);
  std::uint32_t reset_burst = 1000;      ///< … so many at once …
  std::uint32_t resets_per_second = 33;  ///< … and in the long run, both as nghttp2 has it
  /// A stream whose request and reset arrive together costs little more than reading them, since nothing is
  /// begun for it. Clients whose calls have deadlines (Stream::set_timeout) produce many while they are busy: so
  /// many at once …
  std::uint32_t unbegun_reset_burst = 10'000;
  std::uint32_t unbegun_resets_per_second = 2'000;  ///< … and in the long run
  /// Frames that carry no progress (empty DATA, PRIORITY, unknown, SETTINGS, PING, WINDOW_UPDATE …) beyond
  /// what progress allows (see peer_conduct.h), at once …
  std::uint32_t glitch_burst = 1000;
  std::uint32_t glitches_per_second = 100;  ///< … and in the long run
  std::uint32_t ping_burst = 64;            ///< PINGs without DATA or HEADERS, or a second, in between
  /// Frames other than DATA that wait to be produced, estimated, beyond four for each open stream.
  std::size_t max_queued_output_bytes = 1024 * 1024;
  /// PINGs closer together than this, without DATA or HEADERS in between, are strikes: one interval for when
  /// streams are open, one for when none is. Zero for no such rule …
  Nanoseconds ping_interval_min{0};
  Nanoseconds idle_ping_interval_min{0};
  std::uint32_t ping_strikes = 2;  ///< … and more strikes than these end the connection
};

}  // namespace ringrpc::http2
