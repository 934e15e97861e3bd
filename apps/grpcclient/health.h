/// The command that asks for the health of a server (grpc.health.v1).
///
///   Outcome<bool> serving = co_await health(session, "routes.v1.RouteGuide");   // prints SERVING
#pragma once

#include <string>

#include "ringrpc/task.h"

#include "grpcclient/session.h"

namespace ringrpc::grpcclient {

/// The exit status for a server that responds and is not serving: EX_UNAVAILABLE of sysexits.h.
constexpr int exit_not_serving = 69;

/// Prints the state of a service, or of the whole server if the name is empty; with `--watch` also each change,
/// until the call ends. True if the last state was SERVING.
Task<Outcome<bool>> health(Session& session, std::string service);

}  // namespace ringrpc::grpcclient
