/// The command that calls a method.
#pragma once

#include <string>

#include "ringrpc/task.h"

#include "grpcclient/session.h"

namespace ringrpc::grpcclient {

/// Calls "package.Service/Method" with what `--data` names, and prints each answer as it comes.
Task<Outcome<bool>> call(Session& session, std::string method);

}  // namespace ringrpc::grpcclient
