/// The file of `--authz`: who may call which methods.
///
///   # method = callers; the most specific line decides
///   "/echo.v1.EchoService/Echo" = ["spiffe://example.org/billing", "dns:client.example.org"]
///   "/grpc.health.v1.Health/*" = "*"
///   "*" = ["subject:CN=admin", "uid:0"]
///
/// ringrpc/allow_list.h defines the names.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "ringrpc/allow_list.h"
#include "ringrpc/service.h"

#include "common/origins.h"

namespace ringrpc::grpcd {

/// Null for an empty path. An error names the setting, the file and the line, and says what would be right. A
/// method that none of `services` has is an error too: a misspelled line would lock out the callers that it
/// should allow.
Result<std::unique_ptr<AllowList>> read_authz(const std::string& path, std::span<Service* const> services,
                                              const apps::Origins& origins = {});

}  // namespace ringrpc::grpcd
