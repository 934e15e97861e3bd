#include "ringrpc/admin_pages.h"

#include <string>
#include <string_view>
#include <utility>

#include "services/call_wait.h"
#include "services/json_text.h"
#include "services/status_page.h"

namespace ringrpc {
namespace {

constexpr std::size_t calls_listed_max = 200;
constexpr std::size_t connections_listed_max = 64;  // the oldest, and as many of the newest

PageResponse in_json(JsonText json) {
  return {.content_type = "application/json", .body = std::move(json).finish()};
}

PageResponse readiness(const Server& server, const HealthService& health) {
  if (server.draining()) return {.status = 503, .body = "the server is draining\n"};
  if (!health.serving()) return {.status = 503, .body = "the health service reports NOT_SERVING\n"};
  return {.body = "ready\n"};
}

void write(JsonText& json, const CallSnapshot& call) {
  json.open('{');
  json.member("method", call.method);
  json.member("peer", call.peer);
  json.member("shard", call.shard);
  json.member("age_s", call.age);
  json.name("deadline_in_s");
  call.time_left ? json.seconds(*call.time_left) : json.null();
  json.member("state", name(call.state));
  json.member("waits_for", waits_for(call.state));
  json.close('}');
}

void write(JsonText& json, const ShardSnapshot& shard) {
  json.open('{');
  json.member("shard", shard.index);
  json.member("connections_open", shard.connections_open);
  json.member("calls_started", shard.calls_started);
  json.member("calls_succeeded", shard.calls_succeeded);
  json.member("calls_failed", shard.calls_failed);
  json.member("buffered_bytes", shard.buffered_bytes);
  json.close('}');
}

void write(JsonText& json, const ConnectionSnapshot& connection) {
  json.open('{');
  json.member("peer", connection.peer);
  json.member("identity", connection.identity);
  json.member("transport", connection.transport);
  json.member("tls", connection.tls ? "yes" : "no");
  json.member("draining", connection.draining ? "yes" : "no");
  json.member("shard", connection.shard);
  json.member("age_s", connection.age);
  json.member("calls_in_flight", connection.calls_in_flight);
  json.close('}');
}

void write(JsonText& json, const FailureSnapshot& failure) {
  json.open('{');
  json.member("at_s", failure.at.time_since_epoch());
  json.member("code", name(failure.code));
  json.member("method", failure.method);
  json.member("message", failure.message);
  json.member("peer", failure.peer);
  json.member("shard", failure.shard);
  json.close('}');
}

template <class Each>
void write_array(JsonText& json, std::string_view name, const std::vector<Each>& all) {
  json.name(name);
  json.open('[');
  for (const Each& each : all) write(json, each);
  json.close(']');
}

Task<Result<PageResponse>> connections_in_json(const Server& server) {
  const Result<ConnectionsSnapshot> connections = co_await server.connections(connections_listed_max);
  if (!connections) co_return std::unexpected(connections.error());
  JsonText json;
  json.open('{');
  json.member("connections_open", connections->open);
  write_array(json, "oldest", connections->oldest);
  write_array(json, "newest", connections->newest);
  json.close('}');
  co_return in_json(std::move(json));
}

Task<Result<PageResponse>> failures_in_json(const Server& server) {
  const Result<std::vector<FailureSnapshot>> failures = co_await server.failures();
  if (!failures) co_return std::unexpected(failures.error());
  JsonText json;
  json.open('{');
  write_array(json, "failures", *failures);
  json.close('}');
  co_return in_json(std::move(json));
}

Task<Result<PageResponse>> calls_in_json(const Server& server) {
  const Result<CallsSnapshot> calls = co_await server.calls(calls_listed_max);
  if (!calls) co_return std::unexpected(calls.error());
  JsonText json;
  json.open('{');
  json.member("calls_in_flight", calls->in_flight);
  write_array(json, "oldest", calls->oldest);
  json.close('}');
  co_return in_json(std::move(json));
}

Task<Result<PageResponse>> metrics(const Server& server, PageRequest request) {
  const MetricsFormat format = metrics_format(request.accept);
  Result<std::string> text = co_await server.metrics_text(format);
  if (!text) co_return std::unexpected(std::move(text).error());
  co_return PageResponse{.content_type = std::string(content_type(format)), .body = *std::move(text)};
}

Task<Result<PageResponse>> shards_in_json(const Server& server) {
  const Result<std::vector<ShardSnapshot>> shards = co_await server.shard_snapshots();
  if (!shards) co_return std::unexpected(shards.error());
  JsonText json;
  json.open('{');
  write_array(json, "shards", *shards);
  json.close('}');
  co_return in_json(std::move(json));
}

}  // namespace

AdminPage liveness_page() {
  return AdminPage("/healthz", "200 while the process lives",
                   [](const PageRequest&) { return PageResponse{.body = "ok\n"}; });
}

AdminPage readiness_page(const Server& server, const HealthService& health) {
  return AdminPage("/readyz", "200 while the server can take calls, else 503",
                   [&](const PageRequest&) { return readiness(server, health); });
}

AdminPage metrics_page(const Server& server) {
  return AdminPage("/metrics", "metrics for Prometheus",
                   [&](PageRequest request) { return metrics(server, std::move(request)); });
}

AdminPage shards_page(const Server& server) {
  return AdminPage("/debug/shards", "connections and calls of each shard, in JSON",
                   [&](const PageRequest&) { return shards_in_json(server); });
}

AdminPage calls_page(const Server& server) {
  return AdminPage("/debug/calls", "the oldest calls in flight, in JSON",
                   [&](const PageRequest&) { return calls_in_json(server); });
}

AdminPage connections_page(const Server& server) {
  return AdminPage("/debug/connections", "the oldest and the newest connections, in JSON",
                   [&](const PageRequest&) { return connections_in_json(server); });
}

AdminPage failures_page(const Server& server) {
  return AdminPage("/debug/failures", "the last calls that failed, in JSON",
                   [&](const PageRequest&) { return failures_in_json(server); });
}

std::vector<AdminPage> server_pages(const Server& server, const HealthService& health,
                                    StatusPageOptions status) {
  std::vector<AdminPage> pages = {liveness_page(),      readiness_page(server, health), metrics_page(server),
                                  shards_page(server),  connections_page(server),       calls_page(server),
                                  failures_page(server)};
  std::vector<std::string> paths = {"/"};
  for (const AdminPage& page : pages) paths.push_back(page.path());
  pages.insert(pages.begin(), status_page(server, std::move(status), std::move(paths)));
  return pages;
}

}  // namespace ringrpc
