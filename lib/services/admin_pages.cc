#include "ringrpc/admin_pages.h"

#include <string>
#include <string_view>
#include <utility>

#include "services/json_text.h"

namespace ringrpc {
namespace {

constexpr std::size_t calls_listed_max = 200;

PageResponse in_json(JsonText json) {
  return {.content_type = "application/json", .body = std::move(json).finish()};
}

PageResponse readiness(const Server& server, const HealthService& health) {
  if (server.draining()) return {.status = 503, .body = "the server is draining\n"};
  if (!health.serving()) return {.status = 503, .body = "the health service reports NOT_SERVING\n"};
  return {.body = "ready\n"};
}

std::string_view waits_for(CallState state) noexcept {
  switch (state) {
    case CallState::receiving:
      return "the rest of the request";
    case CallState::parsing:
      return "its request to be parsed";
    case CallState::reading:
      return "a message from the client";
    case CallState::writing:
      return "the client to read responses, or a response to be compressed";
    case CallState::handling:
      return "the handler";
    case CallState::responding:
      break;
  }
  return "the client to read the response";
}

void write(JsonText& json, const CallSnapshot& call) {
  json.open('{');
  json.name("method");
  json.text(call.method);
  json.name("peer");
  json.text(call.peer);
  json.name("shard");
  json.number(call.shard);
  json.name("age_s");
  json.seconds(call.age);
  json.name("deadline_in_s");
  call.time_left ? json.seconds(*call.time_left) : json.null();
  json.name("state");
  json.text(name(call.state));
  json.name("waits_for");
  json.text(waits_for(call.state));
  json.close('}');
}

void write(JsonText& json, const ShardSnapshot& shard) {
  const auto add = [&](std::string_view name, std::uint64_t value) {
    json.name(name);
    json.number(value);
  };
  json.open('{');
  add("shard", shard.index);
  add("connections_open", shard.connections_open);
  add("calls_started", shard.calls_started);
  add("calls_succeeded", shard.calls_succeeded);
  add("calls_failed", shard.calls_failed);
  add("buffered_bytes", shard.buffered_bytes);
  json.close('}');
}

Task<Result<PageResponse>> calls_in_json(const Server& server) {
  const Result<CallsSnapshot> calls = co_await server.calls(calls_listed_max);
  if (!calls) co_return std::unexpected(calls.error());
  JsonText json;
  json.open('{');
  json.name("calls_in_flight");
  json.number(calls->in_flight);
  json.name("oldest");
  json.open('[');
  for (const CallSnapshot& call : calls->oldest) write(json, call);
  json.close(']');
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
  json.name("shards");
  json.open('[');
  for (const ShardSnapshot& shard : *shards) write(json, shard);
  json.close(']');
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

std::vector<AdminPage> server_pages(const Server& server, const HealthService& health) {
  return {liveness_page(), readiness_page(server, health), metrics_page(server), shards_page(server),
          calls_page(server)};
}

}  // namespace ringrpc
