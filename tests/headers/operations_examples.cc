// The examples in the heads of the headers for operators' pages and tools.
#include <chrono>
#include <memory>
#include <vector>

#include "ringrpc/admin_pages.h"
#include "ringrpc/admin_server.h"
#include "ringrpc/admin_services.h"
#include "ringrpc/channel.h"
#include "ringrpc/channelz.h"
#include "ringrpc/health.h"
#include "ringrpc/log.h"
#include "ringrpc/server.h"
#include "ringrpc/telemetry.h"

using namespace ringrpc;
using namespace std::chrono_literals;

void show_admin_server(Server& server, const HealthService& health) {
  // [admin_server.h]
  std::vector<AdminPage> pages = server_pages(server, health);  // ringrpc/admin_pages.h
  pages.emplace_back("/build", "Version", [](PageRequest) { return PageResponse{.body = "1.4\n"}; });
  auto admin = AdminServer::start({.listen = {"127.0.0.1:9901"}}, pages);
  // [/admin_server.h]
}

void show_admin_pages(Service& routes, const ServerOptions& options) {
  // [admin_pages.h]
  HealthService health;
  auto server = Server::start({&routes, &health}, options);
  auto admin = AdminServer::start({.listen = {"127.0.0.1:9901"}}, server_pages(**server, health));
  health.shut_down();     // "/readyz" is 503 from now on
  (*server)->drain(30s);  // the pages are served during the drain
  // [/admin_pages.h]
}

void show_server_snapshot(const CallsSnapshot& calls) {
  // [server_snapshot.h]
  for (const CallSnapshot& call : calls.oldest)
    log::info("{} from {}: {} for {} ms", call.method, call.peer, name(call.state), call.age / 1ms);
  // [/server_snapshot.h]
}

void show_channelz() {
  // [channelz.h]
  ChannelzService channelz;
  auto debug = Server::start({&channelz}, {.listen = {"127.0.0.1:50052"}, .shards = 1});
  // [/channelz.h]
}

void show_admin_services() {
  // [admin_services.h]
  AdminServices admin;
  auto debug = Server::start(admin.all(), {.listen = {"127.0.0.1:50052"}, .shards = 1});
  // [/admin_services.h]
}

void export_telemetry(void (*report)(const Status&)) {
  // [telemetry.h]
  Result<TelemetryOptions> options = telemetry_from_environment();  // OTEL_*
  if (!options) return report(options.error());
  Result<std::unique_ptr<Telemetry>> telemetry = Telemetry::start(*options);
  if (!telemetry) return report(telemetry.error());

  ServerOptions serving{.metrics = true, .tracer = (*telemetry)->tracer()};
  Channel channel("127.0.0.1:50051", {.metrics = true, .tracer = (*telemetry)->tracer()});

  Status exported = (*telemetry)->flush(5s);  // after the drain, before the server is destroyed
  // [/telemetry.h]
}
