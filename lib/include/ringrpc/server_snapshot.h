/// The state of a server at one moment: its calls in flight, connections, shards and latest failures.
///
///   for (const CallSnapshot& call : calls.oldest)
///     log::info("{} from {}: {} for {} ms", call.method, call.peer, name(call.state), call.age / 1ms);
///
/// The methods of Server whose results have these types give them.
#pragma once

#include "ringrpc/compiler.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/clock.h"
#include "ringrpc/export.h"
#include "ringrpc/status.h"

namespace ringrpc {

/// The progress of a call, and what it waits for.
enum class CallState : std::uint8_t {
  receiving,   ///< the rest of the request has not arrived
  parsing,     ///< the request is parsed, or waits to be, outside the shard's thread
  reading,     ///< the handler waits for a message of the client
  writing,     ///< the handler waits until the client has read, or a message has been compressed
  handling,    ///< the handler waits for something else
  responding,  ///< the call has its status; the client has not read the response
};

/// "receiving" and so on.
RINGRPC_EXPORT std::string_view name(CallState state) noexcept;

/// A call in flight.
struct CallSnapshot {
  std::string method;  ///< "/echo.v1.EchoService/Echo"
  std::string peer;    ///< "127.0.0.1:40712"
  unsigned shard = 0;  ///< the index of the shard that has it
  Nanoseconds age{};   ///< since its headers arrived; for a single request since it is complete
  std::optional<Nanoseconds> time_left{};  ///< until its deadline, if it has one
  CallState state = CallState::receiving;  ///< its progress
};

/// Calls in flight.
struct CallsSnapshot {
  std::uint64_t in_flight = 0;         ///< of all shards
  std::vector<CallSnapshot> oldest{};  ///< the oldest of them, from the oldest
};

/// A certificate that a server or a channel uses.
struct CertificateSnapshot {
  /// The use of the certificate, by a server or a channel.
  enum class Use : std::uint8_t {
    server,        ///< the server's own
    intermediate,  ///< sent with it
    client_ca,     ///< trusted for clients' certificates
    client,        ///< a channel's own
    server_ca,     ///< trusted by a channel for servers' certificates
  };

  Use use = Use::server;               ///< its use
  std::string subject;                 ///< "CN=example.org,O=Example" (RFC 4514)
  std::string serial;                  ///< hexadecimal
  std::chrono::sys_seconds not_after;  ///< when it expires
};

/// "server" and so on.
RINGRPC_EXPORT std::string_view name(CertificateSnapshot::Use use) noexcept;

/// Numbers of one shard; counters are since the server started.
struct ShardSnapshot {
  unsigned index = 0;                  ///< from 0
  std::uint64_t connections_open = 0;  ///< at the moment
  std::uint64_t calls_started = 0;     ///< with those that have ended
  std::uint64_t calls_succeeded = 0;   ///< ended with OK
  std::uint64_t calls_failed = 0;      ///< ended with another status
  std::uint64_t buffered_bytes = 0;    ///< of connections and their calls
  std::uint64_t turns = 0;             ///< of the shard's loop
  /// The time that half of the turns do not exceed, without the wait for events; an estimate. Zero without
  /// ServerOptions::metrics.
  Nanoseconds turn_p50{};
  /// The same for 99 % of the turns.
  Nanoseconds turn_p99{};
};

/// An open connection.
struct ConnectionSnapshot {
  std::string peer{};      ///< "127.0.0.1:40712"
  std::string identity{};  ///< "CN=alice,O=example" (to_string in ringrpc/peer_identity.h); empty for none
  std::string_view transport{};       ///< "tcp", "unix", "vsock" or "other"
  bool tls = false;                   ///< true if it is encrypted
  bool draining = false;              ///< its client was asked to open no more calls
  unsigned shard = 0;                 ///< the index of the shard that has it
  Nanoseconds age{};                  ///< since it was accepted
  std::uint64_t calls_in_flight = 0;  ///< begun and not ended
};

/// Connections, and how many there are of each kind.
struct ConnectionsSnapshot {
  /// The connections of one transport.
  struct Kind {
    std::string_view transport;  ///< "tcp", "unix", "vsock" or "other"
    bool tls = false;            ///< true if they are encrypted
    std::uint64_t open = 0;      ///< at the moment
  };

  std::uint64_t open = 0;     ///< of all shards
  std::vector<Kind> kinds{};  ///< those that the server has seen; empty without ServerOptions::metrics
  std::vector<ConnectionSnapshot> oldest{};  ///< from the oldest
  std::vector<ConnectionSnapshot> newest{};  ///< from the newest; without those in `oldest`
};

/// A call that has not ended with OK.
struct FailureSnapshot {
  std::chrono::system_clock::time_point at{};  ///< when it ended
  Code code = Code::UNKNOWN;                   ///< of its status
  std::string method{};   ///< "/echo.v1.EchoService/Echo"; "unknown" for an unknown method
  std::string peer{};     ///< "127.0.0.1:40712"
  std::string message{};  ///< of its status, at most 256 bytes
  unsigned shard = 0;     ///< the index of the shard that had it
};

/// The calls of one method since the server started.
struct MethodSnapshot {
  /// A bucket of the histogram of latencies.
  struct Bucket {
    Nanoseconds upper{};      ///< inclusive; Nanoseconds::max() for the last bucket
    std::uint64_t calls = 0;  ///< in this bucket alone
  };

  std::string method{};       ///< "echo.v1.EchoService/Echo"; "unknown" for all unknown methods together
  std::uint64_t started = 0;  ///< since the server started
  std::uint64_t handled = 0;  ///< calls that have ended
  std::uint64_t failed = 0;   ///< of those, with another code than OK
  // The time from the beginning of a call to its status, of calls that have ended; estimates.
  Nanoseconds p50{};              ///< of half of them, at most
  Nanoseconds p90{};              ///< of 90 %
  Nanoseconds p99{};              ///< of 99 %
  Nanoseconds p999{};             ///< of 99.9 %
  std::vector<Bucket> latency{};  ///< in ascending order
};

}  // namespace ringrpc
