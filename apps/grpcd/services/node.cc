#include "grpcd/services/node.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "ringrpc/when.h"

namespace ringrpc {

using node::v1::GetNodeRequest;
using node::v1::GetNodeResponse;
using node::v1::MetricPoint;
using node::v1::MetricSummary;

namespace {

/// Limited because a watch keeps the id as long as it runs, and each response repeats it.
constexpr std::size_t node_id_bytes_max = 1024;

Status check_node_id(const GetNodeRequest& request) {
  if (request.node_id().size() <= node_id_bytes_max) return {};
  return Status(Code::INVALID_ARGUMENT,
                "node_id has " + std::to_string(request.node_id().size()) + " bytes, the limit is " +
                    std::to_string(node_id_bytes_max),
                Initiator::application);
}

}  // namespace

void NodeService::drain() {
  draining_ = true;
  changes_.notify();
}

GetNodeResponse NodeService::describe(const std::string& node_id, bool draining, Instant now) const {
  GetNodeResponse response;
  response.set_node_id(node_id);
  response.set_status(draining ? "DRAINING" : "SERVING");
  response.set_uptime_seconds(std::chrono::duration_cast<std::chrono::seconds>(now - started_).count());
  return response;
}

Task<Result<GetNodeResponse>> NodeService::GetNode(Call& call, GetNodeRequest request) {
  if (Status status = check_node_id(request); !status.ok()) co_return std::unexpected(std::move(status));
  call.set_compression(call.message_compression());
  co_return describe(request.node_id(), draining_, call.now());
}

Task<Result<MetricSummary>> NodeService::StreamMetrics(Call& call, Reader<MetricPoint>& in) {
  std::int32_t received = 0;
  while (const auto point = co_await in.next())
    if (received < std::numeric_limits<std::int32_t>::max()) ++received;
  call.set_compression(call.message_compression());
  MetricSummary summary;
  summary.set_points_received(received);
  co_return summary;
}

Task<Status> NodeService::WatchNode(Call& call, GetNodeRequest request, Writer<GetNodeResponse>& out) {
  if (Status status = check_node_id(request); !status.ok()) co_return status;
  call.set_compression(call.message_compression());
  for (;;) {
    const std::uint64_t changes = changes_.count();
    const bool draining = draining_;
    const GetNodeResponse response = describe(request.node_id(), draining, call.now());
    if (!co_await out.write(response)) co_return Status();
    if (draining) co_return fail(Code::UNAVAILABLE, "the server is shutting down");
    if (call.stopping()) co_return fail(Code::UNAVAILABLE, "the server closes this connection");
    co_await when_any(changes_.past(changes, report_interval), call.until_stopping());
  }
}

}  // namespace ringrpc
