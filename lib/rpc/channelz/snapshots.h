/// Servers, channels, subchannels and sockets as channelz shows them, as plain data
/// (https://github.com/grpc/proposal/blob/master/A14-channelz.md).
///
/// rpc/channelz/reading.h gives them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <vector>

#include "ringrpc/connectivity.h"

#include "reactor/io.h"

namespace ringrpc::channelz {

/// Of a server, channel, subchannel or socket: positive, and used once in a process.
using Id = std::int64_t;

using WallTime = std::chrono::system_clock::time_point;

/// An id with the name that goes with it.
struct Ref {
  Id id = 0;
  std::string name{};
};

enum class Severity : std::uint8_t { info, warning, error };

/// An event in the life of a server, a channel or a subchannel.
struct TraceEvent {
  Severity severity = Severity::info;
  WallTime at{};
  std::string description{};
  Id subchannel = 0;  ///< that it is about; 0 if none
};

struct TraceSnapshot {
  WallTime created{};
  std::uint64_t logged = 0;  ///< events ever
  std::vector<TraceEvent> events{};
};

/// The numbers of calls. `last_started` is the epoch if there was none.
struct CallTotals {
  void add(const CallTotals& other) noexcept {
    started += other.started;
    succeeded += other.succeeded;
    failed += other.failed;
    last_started = std::max(last_started, other.last_started);
  }

  std::uint64_t started = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  WallTime last_started{};
};

using ringrpc::Connectivity;

struct ServerSnapshot {
  Ref ref;
  TraceSnapshot trace;
  CallTotals calls;
  std::vector<Ref> listen_sockets;
};

struct ChannelSnapshot {
  Ref ref;  ///< the name is the target
  Connectivity state = Connectivity::idle;
  TraceSnapshot trace;
  CallTotals calls;
  std::vector<Ref> subchannels;
};

struct SubchannelSnapshot {
  Ref ref;
  std::string target;
  Connectivity state = Connectivity::idle;
  TraceSnapshot trace;
  CallTotals calls;
  std::uint32_t max_connections = 0;
  std::vector<Ref> sockets;
};

/// The numbers of one connection, as plain integers of its shard. A connection has at most 2^30
/// streams (RFC 9113, 5.1.1). Streams and messages are only counted as they come and go; the
/// connection notes the time once in a turn.
struct SocketCounts {
  /// True if streams have begun in this turn.
  bool streams_begun() const noexcept { return streams_started != streams_noted; }
  void receive_goaway(std::uint32_t error) noexcept {
    goaway_error = error;
    goaway_received = true;
  }
  /// Call at the end of a turn, or to read the numbers.
  void note_times(Instant now) noexcept {
    if (streams_begun()) {
      streams_noted = streams_started;
      last_stream = now;
    }
    if (const auto sent = static_cast<std::uint32_t>(messages_sent); sent != sent_noted) {
      sent_noted = sent;
      last_sent = now;
    }
    if (const auto received = static_cast<std::uint32_t>(messages_received); received != received_noted) {
      received_noted = received;
      last_received = now;
    }
  }

  std::uint32_t streams_started = 0;
  std::uint32_t streams_ended = 0;
  std::uint32_t streams_failed = 0;  ///< of these, without END_STREAM from the server
  std::uint32_t keepalives_sent = 0;
  std::uint32_t goaway_error = 0;  ///< of the peer's last GOAWAY
  bool goaway_received = false;
  std::uint32_t streams_noted = 0;  ///< streams at the time of `last_stream`
  std::uint64_t messages_sent = 0;
  std::uint64_t messages_received = 0;
  std::uint32_t sent_noted = 0;  ///< messages at the time of `last_sent`, modulo 2^32
  std::uint32_t received_noted = 0;
  Instant last_stream{};  ///< these three are the epoch if there was none
  Instant last_sent{};
  Instant last_received{};
};

/// Options of the connection's socket; none where the kernel has no such option.
struct SocketOptions {
  struct Linger {
    bool active = false;
    std::chrono::seconds duration{};
  };
  std::optional<Linger> linger;
  std::optional<std::chrono::microseconds> receive_timeout;
  std::optional<std::chrono::microseconds> send_timeout;
  std::optional<tcp_info> tcp;
};

struct SocketSnapshot {
  Ref ref;
  SocketAddress local;
  SocketAddress remote;
  std::string local_name;  ///< of `local`, in the syntax of `--listen`; that of `remote` is in `ref`
  std::optional<StreamSecurity> security;

  // Of connections only.
  bool connected = false;
  bool from_client = false;  ///< the peer opens the streams
  SocketCounts counts;
  WallTime last_stream{};
  WallTime last_sent{};
  WallTime last_received{};
  std::int64_t send_window_bytes = 0;  ///< of the connection, not of its streams
  std::int64_t receive_window_bytes = 0;
  std::uint32_t peer_max_concurrent_streams = 0;
  SocketOptions options;  ///< unless a summary is wanted
};

}  // namespace ringrpc::channelz
