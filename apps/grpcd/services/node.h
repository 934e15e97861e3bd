/// node.v1.NodeService: reports the state of this server and accepts metrics. Responses are
/// compressed like the requests.
///
///   NodeService node;
///   Server::start({&node}, options);
///   node.drain();                  // before Server::drain: watches report DRAINING and end
///
/// All methods may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>

#include "ringrpc/clock.h"
#include "ringrpc/event_count.h"

#include "node/v1/node.ringrpc.h"

namespace ringrpc {

class NodeService final : public node::v1::NodeService::Service {
 public:
  /// The interval between WatchNode's reports while the status stays the same.
  static constexpr std::chrono::seconds report_interval{5};

  /// The uptime counts from `started`, on the clock of Call::now.
  explicit NodeService(Instant started = std::chrono::steady_clock::now()) noexcept : started_(started) {}

  /// Sets the status to DRAINING. Every WatchNode reports it and then ends with UNAVAILABLE. Without this,
  /// watches end with UNAVAILABLE as soon as their connection drains.
  void drain();

  Task<Result<node::v1::GetNodeResponse>> GetNode(Call& call, node::v1::GetNodeRequest request) override;
  Task<Result<node::v1::MetricSummary>> StreamMetrics(Call& call, Reader<node::v1::MetricPoint>& in) override;
  Task<Status> WatchNode(Call& call, node::v1::GetNodeRequest request,
                         Writer<node::v1::GetNodeResponse>& out) override;

 private:
  node::v1::GetNodeResponse describe(const std::string& node_id, bool draining, Instant now) const;

  Instant started_;
  std::atomic<bool> draining_ = false;
  EventCount changes_;
};

}  // namespace ringrpc
