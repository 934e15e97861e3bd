/// A method that is known only from the server's reflection or from files, with messages from JSON.
///
///   Outcome<Operation> operation =
///       block_on(describe_call(plan, std::move(files), "pkg.Service/Find", "{\"id\": 7}"));
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ringrpc/task.h"

#include "grpcbench/operation.h"
#include "grpcbench/plan.h"
#include "reflected/descriptor_files.h"
#include "reflected/failure.h"

namespace ringrpc::grpcbench {

/// The operation that `--call` and `--data` name, looked up in `files`, or without them at the plan's server.
/// Await it on a shard.
Task<reflected::Outcome<Operation>> describe_call(const Plan& plan,
                                                  std::unique_ptr<reflected::DescriptorFiles> files,
                                                  std::string method, std::optional<std::string> data);

}  // namespace ringrpc::grpcbench
