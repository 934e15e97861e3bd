/// A client's handle for a server, or for several that serve the same, and the calls made with it.
///
///   Channel channel("127.0.0.1:50051");
///   EchoService::Stub echo(channel);
///   CallResult<EchoResponse> response = co_await echo.Echo(request, {.timeout = 200ms});
///
/// A Channel is a handle: copies are the same channel, and any thread may hold one; a stub holds one. Calls
/// are made on a shard: in a handler, or under `block_on` (ringrpc/block_on.h). Each shard that makes calls
/// has its own connections, so a call takes no lock. A call belongs to the shard that made it.
///
/// Connections. The first call connects, and so does the first call after the connection is lost: to the
/// addresses of the name, until one completes the HTTP/2 handshake; or to all of them, as
/// `ChannelOptions::balancing` says. An address that fails is not tried again for a while (`ConnectBackoff`).
/// While nothing is connected and every address has failed, calls fail at once with UNAVAILABLE, naming the
/// addresses and the causes ("connect 127.0.0.1:1: connection refused"), unless they `wait_for_ready`. When
/// the server's limit of concurrent streams is reached, the channel opens another connection to that address,
/// up to `max_connections`; beyond that calls queue.
///
/// Transparent retries (gRFC A6). A request that the server has not begun to serve (GOAWAY, REFUSED_STREAM)
/// is sent again if at most 64 KiB of it were written. A request that had left this machine is sent again
/// once; an unsent one, each time.
///
/// Retries and hedging (gRFC A6). The service config says which methods have them
/// (`ChannelOptions::service_config`). They are attempts of one call: it has one deadline, its interceptors
/// run once, and the response's metadata is that of the last attempt. Once a response has begun, or the
/// request is too long to be kept, there is no further attempt.
#pragma once

#include "ringrpc/compiler.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/call_options.h"
#include "ringrpc/call_result.h"
#include "ringrpc/client_call.h"
#include "ringrpc/client_stream.h"
#include "ringrpc/clock.h"
#include "ringrpc/connectivity.h"
#include "ringrpc/export.h"
#include "ringrpc/resolver.h"
#include "ringrpc/service.h"
#include "ringrpc/service_config.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"
#include "ringrpc/tls.h"
#include "ringrpc/tracer.h"

namespace ringrpc {

class BalancingPolicy;
class ClientInterceptor;

/// The waits between failed attempts to connect
/// (https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md), each of 1 ms at least. The wait is
/// `initial` again once the server's SETTINGS have arrived. Attempts go on until the channel is idle.
struct ConnectBackoff {
  std::chrono::milliseconds initial{1'000};  ///< the wait after the first failure
  double multiplier = 1.6;                   ///< of the wait, with each further failure
  double jitter = 0.2;                       ///< each wait is up to this fraction of itself longer or shorter
  std::chrono::milliseconds max{120'000};    ///< the longest wait, before the jitter
};

/// Limits, timeouts, TLS and interceptors of a channel. Where an option is optional, its comment says what
/// applies without a value. A keepalive time of zero turns keepalive off.
struct ChannelOptions {
  /// The largest message of a response, as it arrives and after decompression. A call with a larger one
  /// fails with RESOURCE_EXHAUSTED.
  std::size_t max_message_bytes = 4 * 1024 * 1024;
  /// The largest message of a request, before compression. A larger one is not sent: its call fails with
  /// RESOURCE_EXHAUSTED. Without a value, 4 GiB - 1, the most that gRPC's length prefix can announce.
  std::optional<std::size_t> max_request_bytes{};
  /// The largest header list of a response, and the largest trailers: the bytes of names and
  /// values, and 32 for each field (RFC 9113, 6.5.2). It is announced to the server. A call whose
  /// response has more fails with RESOURCE_EXHAUSTED; four times as much ends the connection. From 1 KiB to
  /// 64 KiB.
  std::size_t max_header_list_bytes = 8 * 1024;
  /// The most fields of a response's headers, and of its trailers, which have some of HTTP/2 and gRPC beside the
  /// metadata. A call whose response has more fails with RESOURCE_EXHAUSTED. From 16 to 2,048.
  std::uint32_t max_header_fields = 100;
  /// The timeout for each address, until the server's SETTINGS have arrived, and for the look-up of a name
  /// before. If the wait of `ConnectBackoff` is longer, it applies to an address instead.
  std::chrono::milliseconds connect_timeout{20'000};
  ConnectBackoff backoff{};  ///< between two attempts to connect to an address, and two look-ups

  /// The application's resolvers by the schemes of their targets (ringrpc/resolver.h). They go before the
  /// schemes that the library knows.
  std::map<std::string, std::shared_ptr<Resolver>, std::less<>> resolvers{};

  /// Chooses among the addresses of the target (ringrpc/load_balancing.h), unless a service config has a
  /// policy. Null is `pick_first()`.
  std::shared_ptr<const BalancingPolicy> balancing{};

  /// Uses TLS with these settings. Null uses plaintext, unless the target begins with `tls+`: then the
  /// defaults of ClientTlsOptions apply, which trust the system's certificate authorities.
  std::shared_ptr<const ClientTls> tls{};

  /// The most connections of each shard to each address. Most servers accept 100 concurrent calls on a
  /// connection, so 4 connections carry 400.
  unsigned max_connections = 4;
  /// Calls of each shard that may wait for a connection or for a free stream; RESOURCE_EXHAUSTED beyond that.
  std::size_t max_queued_calls = 10'000;
  /// Timeouts, limits, retries and hedging for each method, and the policy of load balancing
  /// (ringrpc/service_config.h); null for none.
  std::shared_ptr<const ServiceConfig> service_config{};
  /// Looks in DNS for the service config of the target's first name (gRFC A2): that of the TXT record of
  /// "_grpc_config." and the name replaces `service_config` while there is one. Off as in gRPC's C++ library:
  /// the zone of a name decides then how its clients call. A resolver of the application's may give one in
  /// any case (ringrpc/resolver.h).
  bool resolve_service_config = false;
  /// Watches the health of each server (gRFC A17) if the service config has a `healthCheckConfig` and the
  /// policy takes health into account; all policies but `pick_first` do. A watch occupies one stream of the
  /// first connection to an address.
  bool health_checks = true;
  /// A call with a retry or hedging policy keeps at most this many bytes of its request for further attempts.
  /// A longer request is sent, and there are no further attempts after that.
  std::size_t retry_buffer_bytes = 256 * 1024;
  /// The same for all calls of the channel on a shard.
  std::size_t retry_buffer_total_bytes = 16 * 1024 * 1024;

  /// A connection other than the first to its address is closed when it has had no call for this long.
  std::chrono::milliseconds idle_timeout{60'000};
  /// A shard on which the channel has had no call for this long closes its connections, looks up no names,
  /// and is idle until the next call or `connect`. After a call that was long, it may take a quarter longer.
  /// Zero for never; less than 1 s counts as 1 s.
  std::chrono::milliseconds channel_idle_timeout{1'800'000};

  /// A keepalive PING is sent on a connection from which nothing has come for this long; zero for never.
  /// Servers close a connection with too many PINGs: by default with more than one in 5 minutes. Less than 10
  /// s counts as 10 s (https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md).
  std::chrono::milliseconds keepalive_time{0};
  /// When nothing has come for this long after a keepalive PING, the connection is closed, and its
  /// calls fail with UNAVAILABLE.
  std::chrono::milliseconds keepalive_timeout{20'000};
  /// When the server reads less than 1 KiB of waiting requests in this time, the connection is closed, and
  /// its calls fail with UNAVAILABLE.
  std::chrono::milliseconds stall_timeout{60'000};
  bool keepalive_without_calls = false;  ///< send keepalive PINGs also while there is no call

  /// Counts calls and connections for Server::metrics_text and channel_metrics_text (ringrpc/metrics.h). A
  /// call counts from `Channel::call`, interceptors included, until its status is known. If the status is OK
  /// while responses are unread, it counts until the caller takes the status or drops the call. A call that
  /// is dropped earlier counts as CANCELLED. Each shard keeps 900 bytes for each method of the target, and
  /// 1,200 more for each status code with which its calls have ended, until the process ends.
  bool metrics = false;

  /// Logs at level info that the server cannot be reached, that a connection was lost, and that there is one
  /// again. False logs them at level debug: for a program that reports the failures of its calls itself.
  bool log_outages = true;

  /// Traces the calls; null for none, except for calls that a handler makes, which use its server's.
  std::shared_ptr<const Tracer> tracer{};

  /// Run around each call, the first outermost (ringrpc/client_interceptor.h); must outlive
  /// the channel and its calls.
  std::vector<ClientInterceptor*> interceptors{};
};

/// A handle for a target; copies are the same channel.
class RINGRPC_EXPORT Channel {
 public:
  /// `target` is a list of at most 100 places, separated by commas. A place is "host:port", "[v6]:port",
  /// "dns:///host:port" or "dns://server/host:port", "ipv4:address:port", "ipv6:[address]:port",
  /// "unix:/path", "unix-abstract:name", "vsock:CID:port", or "hvsock:///path:port", which is a virtual
  /// machine of Firecracker or Cloud Hypervisor. The places after "ipv4:" or "ipv6:" need no prefix. After
  /// "dns:", "ipv4:" and "ipv6:" the port may be missing: it is 443 with TLS and 80 without
  /// (https://github.com/grpc/grpc/blob/master/doc/naming.md). Host names are looked up by DNS and in
  /// /etc/hosts. The first place gives the authority of requests. Or `target` is a name for one of
  /// ChannelOptions::resolvers. With `tls+` before all of it the channel uses TLS. If the target or the
  /// options are invalid, calls fail with INVALID_ARGUMENT. From any thread.
  explicit Channel(std::string target, const ChannelOptions& options = {});

  // Typed calls by path ("/package.Service/Method"), as the methods of generated stubs make
  // them. A RawMessage in the place of Request or Response stays unparsed. On the shard whose
  // turn runs on this thread.

  /// A unary call. It begins when the task is awaited. The channel and the characters of `path` must outlive
  /// the task. UNIMPLEMENTED when the server ends the call OK without a message, or sends several.
  template <class Request, class Response>
  Task<CallResult<Response>> unary(std::string_view path, Request request, CallOptions options = {}) const;

  /// A call with one request and many responses. It begins here, and reports failures as `call` does.
  template <class Request, class Response>
  ClientReader<Response> server_streaming(std::string_view path, const Request& request,
                                          const CallOptions& options = {}) const;
  /// The same with many requests and one response.
  template <class Request, class Response>
  ClientWriter<Request, Response> client_streaming(std::string_view path,
                                                   const CallOptions& options = {}) const;
  /// The same with many of both.
  template <class Request, class Response>
  ClientStream<Request, Response> bidirectional(std::string_view path, const CallOptions& options = {}) const;

  /// Begins a call whose messages are bytes, on the shard whose turn runs on this thread. A call that cannot
  /// be made has ended with its status: FAILED_PRECONDITION outside of a shard, RESOURCE_EXHAUSTED if there
  /// is no memory. (Throws std::bad_alloc if there is none for the ended call either.)
  std::unique_ptr<ClientCall> call(std::string_view path, MethodKind kind, const CallOptions& options) const;

  /// Connects, if no connection is ready, so that the first call need not wait for that. Ends when the
  /// server's SETTINGS have arrived and, if the channel checks health, the server says that it serves.
  /// Otherwise it ends with the status that a call would get: while the channel is in transient failure, at once
  /// with the last failure, so wait for another state before you repeat it. Await it on the shard whose calls
  /// will use the connection. Destroying the task ends the wait.
  Task<Status> connect() const;

  /// The state of the channel on the shard whose turn runs on this thread, as its policy of load balancing sees
  /// it. Elsewhere it throws std::logic_error. A channel that is idle stays so until a call or `connect`.
  Connectivity state() const;

  /// Ends when the channel's state on this shard is another than `from`, and gives it: at once if it is
  /// already, and with `shutdown` when the channel ends. States that last less than a turn may be missed. To
  /// be awaited on a shard (elsewhere it throws std::logic_error). Destroying the task ends the wait.
  Task<Connectivity> wait_for_state_change(Connectivity from) const;

  /// Drains the channel on every shard. New calls fail with CANCELLED. Those begun may take `timeout`; the
  /// rest end with CANCELLED, and then the connections are closed. A call that an interceptor holds back is
  /// waited for too. It gets CANCELLED when its innermost `next` runs. Gives the number of calls that had to
  /// be cancelled. To be awaited on a shard (elsewhere it throws std::logic_error), any number of times.
  /// Destroying the task does not stop the draining.
  Task<std::uint64_t> close(std::chrono::milliseconds timeout) const;

  /// The target as it was given. From any thread.
  const std::string& target() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<ClientCall> begin(std::string_view path, MethodKind kind, const CallOptions& options) const;

  /// When the last copy is destroyed the channel ends. Its calls end with CANCELLED: at once on the shard
  /// that destroys the copy, in the next turn on others.
  std::shared_ptr<const Impl> impl_;
};

template <class Request, class Response>
Task<CallResult<Response>> Channel::unary(std::string_view path, Request request, CallOptions options) const {
  const std::unique_ptr<ClientCall> made = call(path, MethodKind::unary, options);
  write_message(*made, request);
  made->writes_done();
  std::optional<Response> response = co_await Reader<Response>(*made).next();
  Status status = co_await detail::FinishAwaiter(*made);
  co_return detail::result_of(*made, std::move(response), std::move(status));
}

template <class Request, class Response>
ClientReader<Response> Channel::server_streaming(std::string_view path, const Request& request,
                                                 const CallOptions& options) const {
  std::unique_ptr<ClientCall> made = call(path, MethodKind::server_streaming, options);
  write_message(*made, request);
  made->writes_done();
  return ClientReader<Response>(std::move(made));
}

template <class Request, class Response>
ClientWriter<Request, Response> Channel::client_streaming(std::string_view path,
                                                          const CallOptions& options) const {
  return ClientWriter<Request, Response>(call(path, MethodKind::client_streaming, options));
}

template <class Request, class Response>
ClientStream<Request, Response> Channel::bidirectional(std::string_view path,
                                                       const CallOptions& options) const {
  return ClientStream<Request, Response>(call(path, MethodKind::bidirectional, options));
}

}  // namespace ringrpc
