/// A server: services, addresses to listen on, and a shard for each core.
///
///   Routes routes;
///   ServerOptions options;
///   options.listen = {"127.0.0.1:50051", "unix:/run/routes.sock"};
///   Result<std::unique_ptr<Server>> server = Server::start({&routes}, options);
///   if (!server) return report(server.error());
///   (*server)->drain(30s);     // on SIGTERM: no new calls, those in flight finish
///
/// `start` returns when every address accepts connections. All methods may be called from any thread that is
/// not a shard's.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ringrpc/interceptor.h"
#include "ringrpc/io_backend.h"
#include "ringrpc/service.h"
#include "ringrpc/status.h"
#include "ringrpc/tls.h"

namespace ringrpc {

/// Addresses, limits, timeouts, TLS and interceptors of a server.
struct ServerOptions {
  /// `host:port`, `[v6]:port`, `unix:/path`, `unix-abstract:name`, `vsock:CID:port`; port 0 lets the kernel
  /// choose. `hvsock:///path:port` is where Firecracker and Cloud Hypervisor bring what their guest calls.
  /// `systemd` and `systemd:name` are the sockets that systemd has opened for this process, all of them or
  /// those of that FileDescriptorName=, and `fd:3` is one that is open already. `tls+` before an address
  /// serves it with TLS.
  std::vector<std::string> listen = {"127.0.0.1:50051"};

  /// What addresses with TLS are served with. Where none of the addresses says `tls+`, all are served with
  /// this.
  std::shared_ptr<ServerTls> tls{};

  /// Around every call, the first outermost. They must outlive the server.
  std::vector<Interceptor*> interceptors{};

  /// Threads; 0 takes one for each core that the process may use (affinity mask and cgroup quota). As many as
  /// there are cores are pinned, each to its own.
  unsigned shards = 0;

  /// What they do their input and output with.
  IoBackend io = IoBackend::automatic;

  /// How many microseconds a shard that has nothing to do may look on before it sleeps, while requests have
  /// lately come in that time: it answers sooner, and takes all of its core meanwhile. 0 for never; of no
  /// effect where there are more shards than cores that the process may use.
  std::uint32_t spin_us = 0;

  std::size_t max_message_bytes = 4 * 1024 * 1024;  ///< of one message; RESOURCE_EXHAUSTED beyond
  std::size_t max_response_bytes = 0;  ///< of one response, up to 4 GiB - 1; 0 takes max_message_bytes
  /// Of one connection, in memory: requests, with their headers, from their first byte until their handlers have
  /// ended, and responses until the socket has taken them. A call beyond it gets RESOURCE_EXHAUSTED. At least
  /// the larger of max_message_bytes and max_response_bytes.
  std::size_t max_buffered_bytes = 64 * 1024 * 1024;
  /// The same of all connections together, in equal shares for the shards, whose connections are not moved. No
  /// connection has more than its shard's share, and no share is less than the largest message.
  std::size_t max_total_buffered_bytes = std::size_t{1024} * 1024 * 1024;
  /// Of one connection, in one second: bytes that decompressing its requests makes beyond 16 times the bytes
  /// that arrived. As many may come at once. A call beyond it gets RESOURCE_EXHAUSTED.
  std::size_t max_inflation_per_second = 64 * 1024 * 1024;
  /// Of a request's headers: the octets of their names and values, and 32 for each. It is announced to
  /// clients; a call beyond it, or with more than 100 of them, gets RESOURCE_EXHAUSTED, and four times as much
  /// ends the connection. From 1 KiB to 64 KiB.
  std::size_t max_header_list_bytes = 8 * 1024;
  std::uint32_t max_concurrent_streams = 100;  ///< calls in flight on one connection
  /// A client may cancel calls, or give them up at their deadlines, as often as it likes. Those of one
  /// connection that it cancels as soon as it has begun them, within a millisecond and before the first
  /// message of the response has left, and those that are reset for faults of the client are counted: that
  /// is how streams are opened faster than they could be answered (CVE-2023-44487, CVE-2025-8671). More than
  /// so many at once …
  std::uint32_t reset_burst = 1'000;
  std::uint32_t resets_per_second = 33;    ///< … or so many a second in the long run end the connection
  std::uint32_t max_connections = 20'000;  ///< over all shards; more are closed at once
  /// Of one IPv4 address, IPv6 /64, virtual machine (CID) or user of a unix socket; more are closed at once.
  /// So one client cannot take all connections and lock the others out. Without a value it is three quarters
  /// of max_connections: a proxy, or many clients behind one address, still has room for most of them, and a
  /// quarter is left for others. 0 for no limit.
  std::optional<std::uint32_t> max_connections_per_address{};
  std::chrono::milliseconds handshake_timeout{10'000};  ///< until a connection's first SETTINGS has arrived
  /// For a request's headers, from their first bytes to their last: a connection carries nothing else
  /// meanwhile.
  std::chrono::milliseconds header_timeout{10'000};
  /// How long a peer may leave responses unread, in its socket or for want of an HTTP/2 window, before its
  /// connection is closed; less than 1 KiB in all that time is as good as none. A request may stand still as
  /// long before its call ends with DEADLINE_EXCEEDED: one of a single message from its headers to its end, a
  /// streaming one inside a message. A client that has ended its sending (shutdown, close_notify) still gets the
  /// responses to what it has asked whole; its connection is closed when nothing of any response has left for
  /// so long.
  std::chrono::milliseconds stall_timeout{60'000};
  /// A connection that is so old, or up to a tenth younger or older, is drained: its client is told to go
  /// elsewhere (two GOAWAYs), and calls in flight finish. So clients spread again over servers that were
  /// added, and look up addresses that have changed. Zero for no limit
  /// (https://github.com/grpc/proposal/blob/master/A9-server-side-conn-mgt.md).
  std::chrono::milliseconds max_connection_age{0};
  /// How long after that its calls may take; what has not finished then is ended. Zero for no limit.
  std::chrono::milliseconds max_connection_age_grace{0};
  /// A connection that has had no call for so long, since its last call or its beginning, is drained too.
  /// Zero for no limit.
  std::chrono::milliseconds max_connection_idle{0};
  /// A client from which nothing has come for so long is asked for a sign of life (a PING), whether or not it
  /// has calls; zero for never. Less than 1 s counts as 1 s
  /// (https://github.com/grpc/grpc/blob/master/doc/keepalive.md).
  std::chrono::milliseconds keepalive_time{7'200'000};
  /// The connection of a client that does not answer in this time is closed, and its calls end.
  std::chrono::milliseconds keepalive_timeout{20'000};
  /// Keepalive PINGs of a client that are closer together than this, with no message or headers in between,
  /// are strikes; more than two end the connection with "too_many_pings"
  /// (https://github.com/grpc/grpc/blob/master/doc/keepalive.md). Zero for any number of PINGs.
  std::chrono::milliseconds ping_interval_min{300'000};
  /// The same while no call is in flight; as little as ping_interval_min permits keepalive without calls.
  std::chrono::milliseconds idle_ping_interval_min{7'200'000};
};

/// What a server has done since it started, summed over its shards.
struct ServerCounters {
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_open = 0;
  std::uint64_t connections_refused = 0;             ///< beyond either limit of connections
  std::uint64_t connections_refused_of_address = 0;  ///< of these, beyond that of their address
  std::uint64_t calls_started = 0;
  std::uint64_t calls_succeeded = 0;  ///< ended with OK
  std::uint64_t calls_failed = 0;     ///< ended with any other status, sent or not
};

/// A running server. Its destructor ends all calls at once; `drain` lets them finish.
class Server {
 public:
  /// Binds every address and starts the shards. `services` must outlive the server. Fails with a status that
  /// names the address, the cause and the remedy; INVALID_ARGUMENT where a service or an interceptor is null.
  static Result<std::unique_ptr<Server>> start(std::span<Service* const> services,
                                               const ServerOptions& options);
  static Result<std::unique_ptr<Server>> start(std::initializer_list<Service*> services,
                                               const ServerOptions& options) {
    return start(std::span<Service* const>(services.begin(), services.size()), options);
  }

  template <std::same_as<std::nullptr_t> Null>
  static Result<std::unique_ptr<Server>> start(std::initializer_list<Null>, const ServerOptions&) {
    static_assert(detail::never<Null>, "a server needs services: give pointers to them, none of them null");
    return fail(Code::INVALID_ARGUMENT, "a service is null");
  }

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// Stops at once: what is in flight is cancelled.
  virtual ~Server() = default;

  /// The addresses as they were bound, in the order of the options.
  virtual const std::vector<std::string>& addresses() const noexcept = 0;
  virtual unsigned shards() const noexcept = 0;
  /// "io_uring" or "epoll".
  virtual std::string_view io_backend() const noexcept = 0;

  /// Stops accepting, tells every peer (two GOAWAYs), lets calls in flight finish for at most `patience`,
  /// then ends the rest. Returns when the last connection has closed; how many calls had to be ended. May be
  /// called again, also while it runs on another thread: each call waits for itself.
  virtual std::uint64_t drain(std::chrono::milliseconds patience) = 0;

  virtual ServerCounters counters() const = 0;

 protected:
  Server() = default;
};

}  // namespace ringrpc
