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

#include <vector>

#include "ringrpc/admin_server.h"
#include "ringrpc/export.h"
#include "ringrpc/health.h"
#include "ringrpc/server.h"

namespace ringrpc {

/// `/healthz`: 200 as long as the process lives. Restart a process that does not respond.
RINGRPC_EXPORT AdminPage liveness_page();

/// `/readyz`: 200 while the server can take calls, else 503 with the reason: the server drains, or the service "" of
/// `health` is NOT_SERVING. Send no new clients to a server that is not ready.
RINGRPC_EXPORT AdminPage readiness_page(const Server& server, const HealthService& health);

/// `/metrics`: Server::metrics_text, in the format that the request's Accept prefers. 500 if the server counts none
/// (ServerOptions::metrics).
RINGRPC_EXPORT AdminPage metrics_page(const Server& server);

/// `/debug/shards`: Server::shard_snapshots in JSON, an object with an array "shards".
RINGRPC_EXPORT AdminPage shards_page(const Server& server);

/// `/debug/calls`: Server::calls in JSON, an object with "calls_in_flight" and an array "oldest" of at most 200 calls.
/// Times are in seconds; "deadline_in_s" is null for a call without a deadline.
RINGRPC_EXPORT AdminPage calls_page(const Server& server);

/// All of these.
RINGRPC_EXPORT std::vector<AdminPage> server_pages(const Server& server, const HealthService& health);

}  // namespace ringrpc
