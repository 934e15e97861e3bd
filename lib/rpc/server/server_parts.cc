#include "rpc/server/server_parts.h"

#include <algorithm>

#include "ringrpc/interceptor.h"

#include "rpc/connection/connection.h"

namespace ringrpc {
namespace {

Status check_server(const ServerOptions& options) {
  if (std::ranges::count(options.interceptors, nullptr) > 0)
    return Status(Code::INVALID_ARGUMENT, "an interceptor is null", Initiator::application);
  if (std::ranges::count(options.metrics_sources, nullptr) > 0)
    return Status(Code::INVALID_ARGUMENT, "a source of metrics is null", Initiator::application);
  return check_header_limits(options.max_header_list_bytes, options.max_header_fields);
}

/// The option, or its default; 0 means no limit.
std::uint32_t max_connections_per_address(const ServerOptions& options) noexcept {
  return options.max_connections_per_address.value_or(options.max_connections - options.max_connections / 4);
}

}  // namespace

ServerParts::~ServerParts() = default;

Status ServerParts::add(std::span<Service* const> services, const ServerOptions& options) {
  if (Status status = check_server(options); !status.ok()) return status;
  if (Status status = methods_.add(services); !status.ok()) return status;
  if (options.fallback) methods_.add(*options.fallback);
  for (Interceptor* const interceptor : options.interceptors)
    if (Status status = interceptor->on_start(); !status.ok()) return status;
  return {};
}

void ServerParts::begin(std::span<Shard* const> shards, const ServerOptions& options) {
  for (Shard* shard : shards)
    parts_.push_back(std::make_unique<ServerShard>(*shard, shards.size(), methods_, options));
  ConnectionSink& sink = *this;
  listener_ =
      std::make_unique<Listener>(shards, sink, options.max_connections, max_connections_per_address(options));
}

}  // namespace ringrpc
