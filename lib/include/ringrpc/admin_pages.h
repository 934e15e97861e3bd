/// The pages that every server's operators need.
///
///   HealthService health;
///   auto server = Server::start({&routes, &health}, options);
///   auto admin = AdminServer::start({.listen = {"127.0.0.1:9901"}}, server_pages(**server, health));
///   health.shut_down();     // "/readyz" is 503 from now on
///   (*server)->drain(30s);  // the pages are served during the drain
///
/// The server and `health` must outlive the admin server. All functions may be called from any thread.
#pragma once

#include "ringrpc/compiler.h"

#include <functional>
#include <string>
#include <vector>

#include "ringrpc/admin_server.h"
#include "ringrpc/export.h"
#include "ringrpc/health.h"
#include "ringrpc/server.h"

namespace ringrpc {

/// `/healthz`: 200 as long as the process lives. Restart a process that does not respond.
RINGRPC_EXPORT AdminPage liveness_page();

/// `/readyz`: 200 while the server can take calls, else 503 with the reason: the server drains, or the
/// service "" of `health` is NOT_SERVING. Send no new clients to a server that is not ready.
RINGRPC_EXPORT AdminPage readiness_page(const Server& server, const HealthService& health);

/// `/metrics`: Server::metrics_text, in the format that the request's Accept prefers. 500 if the server
/// counts none (ServerOptions::metrics).
RINGRPC_EXPORT AdminPage metrics_page(const Server& server);

/// `/debug/shards`: Server::shard_snapshots in JSON, an object with an array "shards".
RINGRPC_EXPORT AdminPage shards_page(const Server& server);

/// `/debug/calls`: Server::calls in JSON, an object with "calls_in_flight" and an array "oldest" of at most
/// 200 calls. Times are in seconds; "deadline_in_s" is null for a call without a deadline.
RINGRPC_EXPORT AdminPage calls_page(const Server& server);

/// `/debug/connections`: Server::connections in JSON, an object with "connections_open" and the arrays
/// "oldest" and "newest" of at most 64 each.
RINGRPC_EXPORT AdminPage connections_page(const Server& server);

/// `/debug/failures`: Server::failures in JSON, an object with an array "failures".
/// "at_s" is in seconds since 1970.
RINGRPC_EXPORT AdminPage failures_page(const Server& server);

/// A setting of a program, as the status page shows it.
struct StatusSetting {
  std::string name;      ///< "worker threads"
  std::string value;     ///< as people read it, "4"
  std::string origin{};  ///< its source, such as a flag; may be empty
};

/// The program, as the status page shows it.
struct StatusPageOptions {
  std::string program = "Server";  ///< its name and version, "routes 1.4"
  /// The settings in force; called for each request, on the admin server's thread. Everyone who can connect
  /// to the admin server sees them: leave out secrets, and show the path of a file instead of its content.
  std::function<std::vector<StatusSetting>()> settings{};
};

/// `/status`: a page for people, which refreshes itself every two seconds while it is visible. It has the
/// shards, the 50 oldest and the 50 newest connections, the 100 oldest calls in flight, the latency of the 20
/// methods that were called most, the last calls that failed, eight of each code, certificates and settings.
/// It is one document that loads nothing, and without JavaScript it shows the state of the moment. Latencies
/// and failures need ServerOptions::metrics.
RINGRPC_EXPORT AdminPage status_page(const Server& server, StatusPageOptions options = {});

/// All of these.
RINGRPC_EXPORT std::vector<AdminPage> server_pages(const Server& server, const HealthService& health,
                                                   StatusPageOptions status = {});

}  // namespace ringrpc
