/// A method that is known from the server's reflection alone, and its messages from JSON.
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

/// What `--call` and `--data` name, asked of the plan's server. To be awaited on a shard.
Task<reflected::Outcome<Operation>> describe_call(const Plan& plan, std::string method,
                                                  std::optional<std::string> data);

}  // namespace ringrpc::grpcbench
