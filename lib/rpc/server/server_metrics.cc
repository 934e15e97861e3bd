#include "rpc/server/server_metrics.h"

#include <string>
#include <sys/socket.h>

#include "observe/telemetry_counts.h"
#include "rpc/metrics/certificate_text.h"
#include "rpc/metrics/method_type.h"
#include "rpc/metrics/pool_text.h"

namespace ringrpc {
namespace {

constexpr std::array<std::string_view, 4> transport_names = {"tcp", "unix", "vsock", "other"};

template <class Counts>
void add_each(Counts& to, const Counts& from) noexcept {
  for (std::size_t at = 0; at < to.size(); ++at) to[at] += from[at];
}

std::string labels_of(std::size_t kind) {
  return label("transport", transport_names[kind / 2]) + "," + label("tls", kind % 2 == 1 ? "yes" : "no");
}

/// Kinds that the server has not seen yet are left out, except that of plain TCP.
void write_connections(MetricsText& text, const ServerTotals& totals) {
  const ConnectionMetrics& connections = totals.connections;
  const auto seen = [&](std::size_t kind) { return kind == 0 || connections.accepted[kind] > 0; };
  text.begin({.name = "ringrpc_server_connections",
              .help = "Connections that are open.",
              .type = MetricType::gauge});
  for (std::size_t kind = 0; kind < connections.kinds; ++kind)
    if (seen(kind)) text.sample(labels_of(kind), connections.accepted[kind] - connections.ended[kind]);
  text.begin({.name = "ringrpc_server_connections_accepted",
              .help = "Connections that were accepted and not refused.",
              .type = MetricType::counter});
  for (std::size_t kind = 0; kind < connections.kinds; ++kind)
    if (seen(kind)) text.sample(labels_of(kind), connections.accepted[kind]);
  text.begin({.name = "ringrpc_server_connections_refused",
              .help = "Connections that were closed at once, by the limit that they exceeded.",
              .type = MetricType::counter});
  text.sample(label("limit", "connections"),
              totals.connections_refused - totals.connections_refused_of_address);
  text.sample(label("limit", "connections_per_address"), totals.connections_refused_of_address);
  text.sample(label("limit", "total_buffered_bytes"), connections.refused);
  text.begin({.name = "ringrpc_server_connections_gave_way",
              .help = "Connections that were closed to make room for others, when memory was used up.",
              .type = MetricType::counter});
  text.sample({}, connections.gave_way);
  text.begin({.name = "ringrpc_server_accept_errors",
              .help = "Failures to accept a connection, for example because no file descriptor is free.",
              .type = MetricType::counter});
  text.sample({}, totals.accept_errors);
  text.begin({.name = "ringrpc_server_connections_drained",
              .help = "Connections whose clients were asked to open no more calls (GOAWAY).",
              .type = MetricType::counter});
  text.sample({}, connections.drained);
  text.begin({.name = "ringrpc_server_tls_handshakes",
              .help = "Handshakes of TLS; a connection that is lost before the end of its own has failed.",
              .type = MetricType::counter});
  text.sample(label("outcome", "full"), connections.tls.full);
  text.sample(label("outcome", "resumed"), connections.tls.resumed);
  text.sample(label("outcome", "failed"), connections.tls.failed);
}

/// Codes that have not occurred are left out, except `always`.
void write_codes(MetricsText& text, const std::array<std::uint64_t, ConnectionMetrics::error_codes>& counts,
                 http2::ErrorCode always, const std::string& labels = {}) {
  for (std::size_t code = 0; code < counts.size(); ++code)
    if (counts[code] > 0 || code == ConnectionMetrics::index_of(always))
      text.sample(labels + label("code", http2::name(static_cast<http2::ErrorCode>(code))), counts[code]);
}

void write_frames(MetricsText& text, const ConnectionMetrics& connections) {
  text.begin({.name = "ringrpc_server_goaways_received",
              .help = "GOAWAY frames from clients, by their error code.",
              .type = MetricType::counter});
  write_codes(text, connections.goaways_received, http2::ErrorCode::no_error);
  text.begin({.name = "ringrpc_server_goaways_sent",
              .help = "GOAWAY frames to clients, by their error code.",
              .type = MetricType::counter});
  write_codes(text, connections.goaways_sent, http2::ErrorCode::no_error);
  text.begin({.name = "ringrpc_server_flow_control_stalls",
              .help = "Responses that used up a window of HTTP/2 and had to wait, each time, by the window.",
              .type = MetricType::counter});
  text.sample(label("window", "stream"), connections.stream_stalls);
  text.sample(label("window", "connection"), connections.connection_stalls);
  text.begin({.name = "ringrpc_server_call_resets",
              .help = "Calls whose streams were reset (RST_STREAM), by the side that did and its error code.",
              .type = MetricType::counter});
  write_codes(text, connections.resets_received, http2::ErrorCode::cancel, label("by", "client") + ",");
  write_codes(text, connections.resets_sent, http2::ErrorCode::cancel, label("by", "server") + ",");
}

template <class Value>
void write_shards(MetricsText& text, const ServerTotals& totals, const MetricFamily& family, Value value) {
  text.begin(family);
  for (const ShardNumbers& shard : totals.shards)
    text.sample(label("shard", std::to_string(shard.index)), value(shard));
}

void write_loops(MetricsText& text, const ServerTotals& totals) {
  write_shards(
      text, totals,
      {.name = "ringrpc_shard_turns", .help = "Turns of the shard's loop.", .type = MetricType::counter},
      [](const ShardNumbers& shard) { return shard.turns; });
  write_shards(text, totals,
               {.name = "ringrpc_shard_ring_overflows",
                .help = "Waits that began while completions exceeded the queue of io_uring.",
                .type = MetricType::counter},
               [](const ShardNumbers& shard) { return shard.io.ring_overflows; });
  write_shards(text, totals,
               {.name = "ringrpc_shard_receive_buffers_used",
                .help = "Receive buffers of io_uring that hold bytes which the shard has yet to read.",
                .type = MetricType::gauge},
               [](const ShardNumbers& shard) { return shard.io.receive_buffers_used; });
  write_shards(text, totals,
               {.name = "ringrpc_shard_receive_buffer_shortages",
                .help = "Receives that stopped because no receive buffer of io_uring was free.",
                .type = MetricType::counter},
               [](const ShardNumbers& shard) { return shard.io.receive_buffer_shortages; });
}

void write_turns(MetricsText& text, const ServerTotals& totals) {
  text.begin({.name = "ringrpc_shard_turn_seconds",
              .help = "Time that turns of the shard's loop take, without the wait for events.",
              .type = MetricType::histogram,
              .unit = "seconds"});
  for (const ShardNumbers& shard : totals.shards)
    text.histogram(label("shard", std::to_string(shard.index)), shard.turn_metrics.time);
  write_shards(text, totals,
               {.name = "ringrpc_shard_handler_holds",
                .help = "Times that a handler held the shard for half a second or longer.",
                .type = MetricType::counter},
               [](const ShardNumbers& shard) { return shard.turn_metrics.handler_holds; });
  write_shards(text, totals,
               {.name = "ringrpc_shard_ready_list_length",
                .help = "Callbacks and coroutines that are ready to run, at the moment of reading.",
                .type = MetricType::gauge},
               [](const ShardNumbers& shard) { return shard.ready_list; });
  write_shards(text, totals,
               {.name = "ringrpc_shard_ready_list_runs",
                .help = "Callbacks and coroutines that the ready list has run.",
                .type = MetricType::counter},
               [](const ShardNumbers& shard) { return shard.turn_metrics.ready_run; });
}

void write_refusals(MetricsText& text, const ConnectionMetrics& connections) {
  constexpr std::array<std::string_view, ConnectionMetrics::call_limits> limits = {
      "message_bytes",  "response_bytes",       "header_list_bytes",
      "buffered_bytes", "total_buffered_bytes", "inflation_per_second"};
  text.begin({.name = "ringrpc_server_calls_refused",
              .help = "Calls that failed with RESOURCE_EXHAUSTED, by the limit that they exceeded.",
              .type = MetricType::counter});
  for (std::size_t limit = 0; limit < limits.size(); ++limit)
    text.sample(label("limit", limits[limit]), connections.calls_refused[limit]);
}

void write_process_wide(MetricsText& text, const ServerTotals& totals) {
  text.begin({.name = "ringrpc_server_buffered_bytes",
              .help = "Memory of connections, open calls, requests and unsent responses.",
              .type = MetricType::gauge,
              .unit = "bytes"});
  text.sample({}, totals.buffered_bytes);
  text.begin({.name = "ringrpc_log_lines_lost",
              .help = "Log lines of this process that were not written.",
              .type = MetricType::counter});
  text.sample({}, totals.log_lines_lost);
  write_worker_pools(text);
  write_telemetry(text);
  write_build(text, RINGRPC_VERSION);
  write_process(text, totals.process);
}

}  // namespace

std::string_view name(ConnectionKind::Transport transport) noexcept {
  return transport_names[static_cast<std::size_t>(transport)];
}

ConnectionKind ConnectionKind::of(int family, bool tls) noexcept {
  switch (family) {
    case AF_INET:
    case AF_INET6:
      return {Transport::tcp, tls};
    case AF_UNIX:
      return {Transport::unix_socket, tls};
    case AF_VSOCK:
      return {Transport::vsock, tls};
    default:
      return {Transport::other, tls};
  }
}

void ConnectionMetrics::add(const ConnectionMetrics& other) noexcept {
  add_each(accepted, other.accepted);
  add_each(ended, other.ended);
  add_each(goaways_received, other.goaways_received);
  add_each(goaways_sent, other.goaways_sent);
  add_each(resets_received, other.resets_received);
  add_each(resets_sent, other.resets_sent);
  add_each(calls_refused, other.calls_refused);
  drained += other.drained;
  stream_stalls += other.stream_stalls;
  connection_stalls += other.connection_stalls;
  refused += other.refused;
  gave_way += other.gave_way;
  tls.full += other.tls.full;
  tls.resumed += other.tls.resumed;
  tls.failed += other.tls.failed;
}

std::vector<std::string> metric_labels(const MethodTable& table) {
  std::vector<std::string> labels(table.size() + 1);
  for (const RegisteredMethod* method : table.all())
    labels[method->index] = method_labels(method_type(method->method->kind), method->service->service_name(),
                                          method->method->name);
  labels.back() = unknown_method_labels;
  return labels;
}

bool ServerTotals::add_some(const ServerMetrics& shard, std::size_t buffered, Slices& slice) {
  if (next_method == 0) {
    connections.add(shard.connections);
    buffered_bytes += buffered;
  }
  while (next_method < methods.size()) {
    methods[next_method].calls.add(shard.calls()[next_method]);
    ++next_method;
    if (next_method < methods.size() && slice.over()) return false;
  }
  next_method = 0;
  return true;
}

Task<> ServerTotals::free(Slices& slices) {
  for (; !methods.empty(); methods.pop_back())
    if (slices.over()) co_await slices.next();
}

Task<> write_server(MetricsText& text, const ServerTotals& totals, Slices& slices) {
  CallText calls(text, CallSide::server, totals.methods);
  while (calls.write_next())
    if (slices.over()) co_await slices.next();
  write_connections(text, totals);
  write_certificates(text, "ringrpc_server_tls_certificate_not_after_timestamp_seconds",
                     "Time, since 1970, when a certificate that the server has loaded expires.",
                     totals.certificates);
  if (slices.over()) co_await slices.next();
  write_frames(text, totals.connections);
  write_refusals(text, totals.connections);
  if (slices.over()) co_await slices.next();
  write_loops(text, totals);
  write_turns(text, totals);
  if (slices.over()) co_await slices.next();
  write_process_wide(text, totals);
}

}  // namespace ringrpc
