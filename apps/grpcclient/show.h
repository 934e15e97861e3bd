/// The commands that show what a server has: list and describe.
#pragma once

#include <string>

#include "ringrpc/task.h"

#include "grpcclient/session.h"

namespace ringrpc::grpcclient {

/// Prints the services, or the full names of one service's methods, each on a line.
Task<Outcome<bool>> list(Session& session, std::string service);

/// Prints a symbol as .proto text, or all services.
Task<Outcome<bool>> describe(Session& session, std::string symbol);

}  // namespace ringrpc::grpcclient
