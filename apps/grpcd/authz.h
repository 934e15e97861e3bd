/// The file of `--authz`: who may call what.
///
///   # methods = who; the closest line counts
///   "/echo.v1.EchoService/Echo" = ["spiffe://example.org/billing", "dns:client.example.org"]
///   "/grpc.health.v1.Health/*" = "*"
///   "*" = ["subject:CN=admin", "uid:0"]
///
/// The words are those of ringrpc/allow_list.h.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "ringrpc/allow_list.h"
#include "ringrpc/service.h"

#include "common/origins.h"

namespace ringrpc::grpcd {

/// Null for an empty path. A failure names the file, where its name came from, the line and what would be
/// right; so does one of methods that no one of `services` has, since a list that is misspelled keeps out
/// those whom it was to let in.
Result<std::unique_ptr<AllowList>> read_authz(const std::string& path, std::span<Service* const> services,
                                              const apps::Origins& origins = {});

}  // namespace ringrpc::grpcd
