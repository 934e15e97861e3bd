/// What a server does at the moment: its calls in flight, and its shards.
///
///   for (const CallSnapshot& call : calls.oldest)
///     log::info("{} from {}: {} for {} ms", call.method, call.peer, name(call.state), call.age / 1ms);
///
/// Server::calls and Server::shard_snapshots give them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/clock.h"
#include "ringrpc/export.h"

namespace ringrpc {

/// How far a call is, and what it waits for.
enum class CallState : std::uint8_t {
  receiving,   ///< the client is to send the rest of the request
  parsing,     ///< the request is parsed, or waits to be, outside the shard's thread
  reading,     ///< the handler waits for a message of the client
  writing,     ///< the handler waits until the client has read, or a message has been compressed
  handling,    ///< the handler waits for something else
  responding,  ///< the call has its status; the client is to read the response
};

/// "receiving" and so on.
RINGRPC_EXPORT std::string_view name(CallState state) noexcept;

struct CallSnapshot {
  std::string method;  ///< "/echo.v1.EchoService/Echo"
  std::string peer;    ///< "127.0.0.1:40712"
  unsigned shard = 0;
  Nanoseconds age{};  ///< since its headers arrived; for a single request since it is complete
  std::optional<Nanoseconds> time_left{};  ///< until its deadline, if it has one
  CallState state = CallState::receiving;
};

struct CallsSnapshot {
  std::uint64_t in_flight = 0;         ///< of all shards
  std::vector<CallSnapshot> oldest{};  ///< the oldest of them, from the oldest
};

/// A certificate that a server uses.
struct CertificateSnapshot {
  enum class Use : std::uint8_t {
    server,        ///< the server's own
    intermediate,  ///< sent with it
    client_ca,     ///< trusted for clients' certificates
  };

  Use use = Use::server;
  std::string subject;  ///< "CN=example.org,O=Example" (RFC 4514)
  std::string serial;   ///< hexadecimal
  std::chrono::sys_seconds not_after;
};

/// "server" and so on.
RINGRPC_EXPORT std::string_view name(CertificateSnapshot::Use use) noexcept;

/// Numbers of one shard; counters are since the server started.
struct ShardSnapshot {
  unsigned index = 0;
  std::uint64_t connections_open = 0;
  std::uint64_t calls_started = 0;
  std::uint64_t calls_succeeded = 0;
  std::uint64_t calls_failed = 0;
  std::uint64_t buffered_bytes = 0;  ///< of requests and unsent responses
};

}  // namespace ringrpc
