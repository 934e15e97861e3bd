/// A server: services, addresses to listen on, and a shard (a thread with connections of its own) per core.
///
///   Routes routes;
///   ServerOptions options;
///   options.listen = {"127.0.0.1:50051", "unix:/run/routes.sock"};
///   Result<std::unique_ptr<Server>> server = Server::start({&routes}, options);
///   if (!server) return report(server.error());
///   (*server)->drain(30s);  // on SIGTERM: no new calls, those in flight finish
///
/// When `start` returns, every address accepts connections. All methods may be called at the same time and
/// from any threads. `drain`, `wait`, `counters` and the destructor block, so they must not run on a shard:
/// in a handler, an interceptor, an admin page or a task of block_on. There the first three throw
/// std::logic_error, and the destructor of a server ends the process if the shard is one of its own.
#pragma once

#include "ringrpc/compiler.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/access_log.h"
#include "ringrpc/export.h"
#include "ringrpc/interceptor.h"
#include "ringrpc/io_backend.h"
#include "ringrpc/listen_addresses.h"
#include "ringrpc/metrics.h"
#include "ringrpc/server_snapshot.h"
#include "ringrpc/service.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"
#include "ringrpc/tls.h"
#include "ringrpc/tracer.h"

namespace ringrpc {

/// The options of a server. Sizes are in bytes. Where an option is optional, its comment says what applies
/// without a value. Zero turns a limit off where its comment says so, and no other limit.
struct ServerOptions {
  /// The addresses to listen on:
  /// - `host:port`, `[v6]:port`; the kernel chooses a port for port 0
  /// - `unix:/path`, `unix-abstract:name`
  /// - `vsock:CID:port`
  /// - `hvsock:///path:port`: where Firecracker and Cloud Hypervisor forward the connections of their guest
  /// - `systemd`, `systemd:name`: the sockets that systemd passes to this process (sd_listen_fds(3)), all of
  ///   them or those with that FileDescriptorName=
  /// - `fd:3`: a listening socket that is already open
  ///
  /// `tls+` before an address serves it with TLS.
  ListenAddresses listen = {"127.0.0.1:50051"};

  /// The credentials for TLS. If they are set and no address begins with `tls+`, all addresses use TLS.
  std::shared_ptr<ServerTls> tls{};

  /// Serves the calls to methods that no service of the server has: for proxies. It must outlive the server. Null
  /// refuses them with UNIMPLEMENTED.
  Fallback* fallback = nullptr;

  /// Run around every call, the first one outermost. They must outlive the server.
  std::vector<Interceptor*> interceptors{};

  /// The number of shards. 0 means one per core that the process may use, by its affinity mask and cgroup
  /// quota. If there are as many shards as such cores, each is pinned to one.
  unsigned shards = 0;

  /// The I/O backend of the shards.
  IoBackend io = IoBackend::automatic;

  /// The time for which an idle shard polls before it sleeps. It polls only if requests have arrived within
  /// that time recently. Polling shortens response times and uses the whole core. It is off at zero, and if
  /// there are more shards than usable cores.
  std::chrono::microseconds spin{0};

  /// The largest message of a request, after decompression. A larger request ends its
  /// call with RESOURCE_EXHAUSTED.
  std::size_t max_message_bytes = 4 * 1024 * 1024;
  /// The largest response, up to 4 GiB - 1. Without a value, max_message_bytes. A larger response ends its
  /// call with RESOURCE_EXHAUSTED.
  std::optional<std::size_t> max_response_bytes{};
  /// Memory of one connection's calls: open calls with their coroutines and headers, requests until their
  /// handlers have ended, and responses until the system's socket has taken them. A call that exceeds it ends with
  /// RESOURCE_EXHAUSTED. Raised to 64 KiB more than the larger of max_message_bytes and max_response_bytes.
  std::size_t max_buffered_bytes = 64 * 1024 * 1024;
  /// The same for all connections, with the connections themselves and with output that their sockets hold until
  /// the clients acknowledge it, in equal shares for the shards, each raised in the same way. A sixteenth is kept for
  /// connections and addresses that hold little. Beyond the limit, the address that holds most gives way
  /// (docs/limits.md). Choose half of the memory that the process may use.
  std::size_t max_total_buffered_bytes = std::size_t{1024} * 1024 * 1024;
  /// The bytes per second that the requests of one connection may decompress to, beyond 16 times their
  /// compressed size. This is also the largest burst. A call that exceeds it ends with RESOURCE_EXHAUSTED.
  std::size_t max_inflation_per_second = 64 * 1024 * 1024;
  /// The largest header list of a request: the lengths of names and values, plus 32 for each field (RFC 9113,
  /// 6.5.2). Announced to clients. A call that exceeds it gets RESOURCE_EXHAUSTED; headers of more than four times the
  /// limit end the connection. From 1 KiB to 64 KiB.
  std::size_t max_header_list_bytes = 8 * 1024;
  /// The most fields of a request's headers, about ten of which are HTTP/2's and gRPC's. Each value of binary
  /// metadata counts. A call that has more gets RESOURCE_EXHAUSTED. From 16 to 2,048.
  std::uint32_t max_header_fields = 100;
  std::uint32_t max_concurrent_streams = 100;  ///< calls in flight on one connection
  /// Limits rapid resets of one connection (CVE-2023-44487, CVE-2025-8671). Two kinds count: calls that the
  /// client cancels within a millisecond of their start and before the first message of the response has been
  /// sent, and streams that are reset because of the client's errors. Other cancellations, such as passed
  /// deadlines, do not count. More than this many at once end the connection.
  std::uint32_t reset_burst = 1'000;
  std::uint32_t resets_per_second = 33;    ///< the rate of such resets that a connection may keep up
  std::uint32_t max_connections = 20'000;  ///< over all shards; further ones are closed at once
  /// Connections from one IPv4 address, IPv6 /64 network, virtual machine (CID) or user of a unix
  /// socket, so that one client cannot take all of them; further ones are closed at once. Without a
  /// value, three quarters of max_connections: enough for a proxy, or for many clients behind one
  /// address. 0 means no limit.
  std::optional<std::uint32_t> max_connections_per_address{};
  std::chrono::milliseconds handshake_timeout{10'000};  ///< until a connection's first SETTINGS has arrived
  /// From the first byte of a request's headers to the last. The connection can carry nothing else in
  /// that time (RFC 9113, 4.3).
  std::chrono::milliseconds header_timeout{10'000};
  /// The time in which a client must make progress: 1 KiB at least. Otherwise:
  /// - The connection is closed if the client does not read responses, so that they find no room in the socket or
  ///   wait for an HTTP/2 window. A connection that ends is closed, too, once its client stops reading the rest.
  /// - A call ends with DEADLINE_EXCEEDED if its request, being a single message, is not complete, or if its
  ///   stream stops inside a message.
  /// - A client that has half-closed the connection (shutdown, close_notify) still gets the responses to its
  ///   complete requests. The connection is closed if nothing of any response has been sent.
  std::chrono::milliseconds stall_timeout{60'000};
  /// The age at which a connection is drained: the client is asked to open no more calls on it (two GOAWAY
  /// frames), and calls in flight finish. Clients that reconnect spread over servers that were added and look
  /// up addresses again. The age varies by up to a tenth between connections. Zero means no limit
  /// (https://github.com/grpc/proposal/blob/master/A9-server-side-conn-mgt.md).
  std::chrono::milliseconds max_connection_age{0};
  /// The time that calls may run after the maximum age. The rest are cancelled then. Zero means no limit.
  std::chrono::milliseconds max_connection_age_grace{0};
  /// A connection is also drained after this time without calls. Zero means no limit.
  std::chrono::milliseconds max_connection_idle{0};
  /// After this time without anything from the client, the server sends a keepalive PING, even if there are
  /// no calls. Less than 1 s counts as 1 s; zero turns keepalive off
  /// (https://github.com/grpc/grpc/blob/master/doc/keepalive.md).
  std::chrono::milliseconds keepalive_time{7'200'000};
  /// The time that the client may take to acknowledge that PING. Then the connection is
  /// closed, and its calls end.
  std::chrono::milliseconds keepalive_timeout{20'000};
  /// The shortest time that clients must leave between two keepalive PINGs with no message or headers in
  /// between. A PING that comes sooner is a strike; the third strike ends the connection with
  /// "too_many_pings" (https://github.com/grpc/grpc/blob/master/doc/keepalive.md). Zero means no limit.
  std::chrono::milliseconds ping_interval_min{300'000};
  /// The same while no call is in flight. Set it to ping_interval_min to permit keepalive without calls.
  std::chrono::milliseconds idle_ping_interval_min{7'200'000};

  /// Counts calls and connections for Server::metrics_text, and keeps the calls that failed last. Each shard
  /// takes 300 bytes for each method, 600 more for each status code with which its calls have ended, and at
  /// most 60 KiB for the failures.
  bool metrics = false;
  /// Metrics of the program, which Server::metrics_text has too. They must outlive the server.
  std::vector<MetricsSource*> metrics_sources{};

  /// Gets a line for each call; null for none. Each shard then uses the memory that `metrics` names.
  std::shared_ptr<AccessLog> access_log{};

  /// Traces the calls; null for none. Calls that handlers make on channels without a tracer use it too.
  std::shared_ptr<const Tracer> tracer{};
  /// Sends Call::request_id as `x-request-id` with the initial metadata of each response.
  bool return_request_id = false;
};

/// Counters since the server started, summed over its shards.
struct ServerCounters {
  std::uint64_t connections_accepted = 0;            ///< since the start, without those that were refused
  std::uint64_t connections_open = 0;                ///< at the moment
  std::uint64_t connections_refused = 0;             ///< by a limit of connections or of memory
  std::uint64_t connections_refused_of_address = 0;  ///< of these, by the limit per address
  std::uint64_t calls_started = 0;                   ///< since the start
  std::uint64_t calls_succeeded = 0;                 ///< ended with OK
  std::uint64_t calls_failed = 0;                    ///< ended with any other status, even if it was not sent
};

/// A running server. Its destructor cancels all calls at once; `drain` lets them finish.
class RINGRPC_EXPORT Server {
 public:
  /// Calls Service::on_start of each service and Interceptor::on_start of each interceptor, starts the shards
  /// and binds every address. The services must outlive the server. Fails with a status that names the cause
  /// and the remedy: INVALID_ARGUMENT for an invalid option, or a service or interceptor that is null;
  /// ALREADY_EXISTS for two services of one name, or an address in use; or the failure of `on_start`.
  [[nodiscard("destroying it ends the server")]] static Result<std::unique_ptr<Server>> start(
      std::span<Service* const> services, const ServerOptions& options);
  /// The same for a list: `Server::start({&echo, &health}, options)`.
  [[nodiscard("destroying it ends the server")]] static Result<std::unique_ptr<Server>> start(
      std::initializer_list<Service*> services, const ServerOptions& options) {
    return start(std::span<Service* const>(services.begin(), services.size()), options);
  }

  /// Refused at compile time: `Server::start({nullptr}, options)`.
  template <std::same_as<std::nullptr_t> Null>
  [[nodiscard("destroying it ends the server")]] static Result<std::unique_ptr<Server>> start(
      std::initializer_list<Null>, const ServerOptions&) {
    static_assert(detail::never<Null>, "a server needs services: give pointers to them, none of them null");
    return fail(Code::INVALID_ARGUMENT, "a service is null");
  }
  [[nodiscard("destroying it ends the server")]] static Result<std::unique_ptr<Server>> start(
      detail::NoServiceList,
      const ServerOptions&);  ///< does not compile

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// Closes all connections at once and cancels their calls. Blocks. Not while another
  /// method runs on another thread.
  virtual ~Server() = default;

  /// The bound addresses, with the ports that the kernel has chosen, in the order of the options.
  /// Valid as long as the server.
  virtual const std::vector<std::string>& addresses() const noexcept = 0;
  /// The number of shards.
  virtual unsigned shards() const noexcept = 0;
  /// "io_uring" or "epoll".
  virtual std::string_view io_backend() const noexcept = 0;

  /// Shuts the server down: stops accepting connections, asks every client to open no more calls (two GOAWAY
  /// frames, RFC 9113, 6.8), lets calls in flight finish for at most `timeout`, then cancels the rest.
  /// Handlers can see it begin (Call::stopping). Blocks, and returns the number of calls that it cancelled,
  /// when the last connection has closed. May be called again, also while it runs on another thread; each
  /// call waits for its own `timeout`.
  virtual std::uint64_t drain(std::chrono::milliseconds timeout) = 0;

  /// Blocks until a drain, begun on another thread, has ended and none is running. Returns at once if that is
  /// so already. The server may be destroyed then. Any number of threads may wait.
  virtual void wait() = 0;

  /// Blocks until each shard has given its part, so a shard whose handler blocks delays the result. A handler
  /// or a page awaits `shard_snapshots`.
  virtual ServerCounters counters() const = 0;

  /// The server's metrics, and some of its process, as text for Prometheus: grpc_server_started_total,
  /// grpc_server_handled_total, grpc_server_msg_received_total, grpc_server_msg_sent_total and
  /// grpc_server_handling_seconds by method, those that begin with ringrpc_, those of the process, and those
  /// of its channels that have ChannelOptions::metrics (channel_metrics_text in ringrpc/metrics.h). The
  /// numbers of one method on one shard are read at once, those of different ones in different turns. Await
  /// it on any shard; from another thread, use block_on (ringrpc/block_on.h). No shard is delayed by more
  /// than 200 µs at a time. The server must not be destroyed before the task has ended or was destroyed.
  /// FAILED_PRECONDITION if ServerOptions::metrics is off.
  virtual Task<Result<std::string>> metrics_text(MetricsFormat format) const = 0;

  /// The certificates of ServerOptions::tls as last loaded, at most 100 of them, those that expire first.
  /// Empty without TLS. Reads no file.
  virtual std::vector<CertificateSnapshot> certificates() const = 0;

  /// True once a drain has begun.
  virtual bool draining() const noexcept = 0;

  /// The calls in flight, and the `most` oldest of them; of one connection, only the `most` calls that began
  /// first are considered. Await it on any shard; from another thread, use block_on (ringrpc/block_on.h). The
  /// calls are read shard by shard, in steps, so that no shard is delayed by more than 200 µs at a time if
  /// `most` is at most 256; the result is not of one moment. The server must not be destroyed before the task
  /// has ended or was destroyed.
  virtual Task<Result<CallsSnapshot>> calls(std::size_t most) const = 0;

  /// True if ServerOptions::metrics is set.
  virtual bool counts_metrics() const noexcept = 0;

  /// The open connections: their number, and the `most` oldest and `most` newest of them, at most 64 each. As
  /// for `calls`; it takes no longer for many connections than for few.
  virtual Task<Result<ConnectionsSnapshot>> connections(std::size_t most) const = 0;

  /// The last calls that have failed, eight of each code, from the newest. As for `calls`. Empty if
  /// ServerOptions::metrics is off.
  virtual Task<Result<std::vector<FailureSnapshot>>> failures() const = 0;

  /// The `most` methods that were called most, in that order; none without calls. As for `calls`. Empty if
  /// ServerOptions::metrics is off.
  virtual Task<Result<std::vector<MethodSnapshot>>> methods(std::size_t most) const = 0;

  /// One for each shard, in their order. As for `calls`.
  virtual Task<Result<std::vector<ShardSnapshot>>> shard_snapshots() const = 0;

 protected:
  Server() = default;
};

}  // namespace ringrpc
