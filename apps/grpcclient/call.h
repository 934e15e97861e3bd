/// The command that calls a method.
#pragma once

#include <string>

#include "ringrpc/task.h"

#include "grpcclient/session.h"

namespace ringrpc::grpcclient {

/// Calls "package.Service/Method" with the messages of `--data` and prints each response when it arrives.
Task<Outcome<bool>> call(Session& session, std::string method);

}  // namespace ringrpc::grpcclient
