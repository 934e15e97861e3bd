/// A method that is known only from the server's reflection, with messages from JSON.
///
///   Outcome<Operation> operation = block_on(describe_call(plan, "pkg.Service/Find", "{\"id\": 7}"));
#pragma once

#include <optional>
#include <string>

#include "ringrpc/task.h"

#include "grpcbench/operation.h"
#include "grpcbench/plan.h"
#include "reflected/failure.h"

namespace ringrpc::grpcbench {

/// The operation that `--call` and `--data` name, looked up at the plan's server. Await it on a shard.
Task<reflected::Outcome<Operation>> describe_call(const Plan& plan, std::string method,
                                                  std::optional<std::string> data);

}  // namespace ringrpc::grpcbench
