#include "grpcd/services/node.h"

#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <vector>

#include "rpc/direct_call.h"
#include "testing/simulation.h"

using namespace std::chrono_literals;

namespace ringrpc {
namespace {

using node::v1::GetNodeRequest;
using node::v1::GetNodeResponse;
using node::v1::MetricPoint;
using node::v1::MetricSummary;
using Strings = std::vector<std::string>;

/// The time at which the request of a testing::FakeCall arrives.
const Instant call_begins = testing::FakeCall("").now();

GetNodeRequest get_node_request(const std::string& id) {
  GetNodeRequest request;
  request.set_node_id(id);
  return request;
}

Result<GetNodeResponse> get(NodeService& service, Nanoseconds spent = {}) {
  return call_unary_method<GetNodeResponse>(service, "GetNode", get_node_request("n1"), spent);
}

TEST_CASE("a node has the name that it was given, serves, and counts its whole seconds") {
  NodeService service(call_begins);
  const auto fresh = get(service, 999ms);
  REQUIRE(fresh);
  CHECK(fresh->node_id() == "n1");
  CHECK(fresh->status() == "SERVING");
  CHECK(fresh->uptime_seconds() == 0);
  CHECK(get(service, 2h)->uptime_seconds() == 7200);
}

TEST_CASE("a draining node reports it") {
  NodeService service;
  service.drain();
  CHECK(get(service)->status() == "DRAINING");
}

TEST_CASE("metrics are counted until the caller half-closes the call") {
  NodeService service;
  testing::FakeStream stream;
  testing::FakeCall call("/node.v1.NodeService/StreamMetrics");
  const Task<Status> task = method_named(service, "StreamMetrics").serve(service, call, stream);
  task.start();
  MetricPoint point;
  point.set_metric_name("load");
  point.set_value(0.5);
  for (int at = 0; at < 3; ++at) {
    point.set_timestamp(at);
    stream.receive(point);
  }
  CHECK_FALSE(task.done());
  stream.receive_end();
  REQUIRE(task.done());
  CHECK(task.result().ok());
  REQUIRE(stream.sent_count() == 1);
  CHECK(stream.sent<MetricSummary>().at(0).points_received() == 3);
}

struct NodeWatch {
  NodeWatch(Simulation& simulation, NodeService& service, const std::string& node_id = "n1") {
    stream.receive(get_node_request(node_id));
    simulation.shard(0).post([&] {
      task = method_named(service, "WatchNode").serve(service, call, stream);
      task.start();
    });
  }

  Strings seen() const {
    Strings statuses;
    for (const GetNodeResponse& response : stream.sent<GetNodeResponse>())
      statuses.push_back(response.status());
    return statuses;
  }

  testing::FakeStream stream;
  testing::FakeCall call{"/node.v1.NodeService/WatchNode"};
  Task<Status> task;
};

TEST_CASE("a watch reports at once and at every interval") {
  Simulation simulation(1);
  NodeService service(call_begins);
  NodeWatch watch(simulation, service);
  REQUIRE(simulation.run_until([&] { return watch.stream.sent_count() == 1; }));
  watch.call.advance(NodeService::report_interval);
  simulation.run_for(NodeService::report_interval - 10ms);
  CHECK(watch.stream.sent_count() == 1);
  simulation.run_for(20ms);
  CHECK(watch.seen() == Strings{"SERVING", "SERVING"});
  CHECK(watch.stream.sent<GetNodeResponse>().back().node_id() == "n1");
  CHECK(watch.stream.sent<GetNodeResponse>().back().uptime_seconds() == 5);
}

TEST_CASE("a watch does not keep an id that is too long") {
  Simulation simulation(1);
  NodeService service;
  const NodeWatch watch(simulation, service, std::string(1025, 'x'));
  REQUIRE(simulation.run_until([&] { return watch.task.done(); }));
  CHECK(watch.task.result().code() == Code::INVALID_ARGUMENT);
  CHECK(watch.stream.sent_count() == 0);
}

TEST_CASE("a watch reports a drain at once, and ends") {
  Simulation simulation(1);
  NodeService service;
  const NodeWatch watch(simulation, service);
  REQUIRE(simulation.run_until([&] { return watch.stream.sent_count() == 1; }));
  service.drain();
  REQUIRE(simulation.run_until([&] { return watch.task.done(); }, 1ms));
  CHECK(watch.seen() == Strings{"SERVING", "DRAINING"});
  CHECK(watch.task.result().code() == Code::UNAVAILABLE);
}

TEST_CASE("a watch ends when its connection drains, although the node serves on") {
  Simulation simulation(1);
  NodeService service;
  NodeWatch watch(simulation, service);
  REQUIRE(simulation.run_until([&] { return watch.stream.sent_count() == 1; }));
  simulation.shard(0).post([&] { watch.call.stop(); });
  REQUIRE(simulation.run_until([&] { return watch.task.done(); }, 1ms));
  CHECK(watch.seen().back() == "SERVING");
  CHECK(watch.task.result().code() == Code::UNAVAILABLE);
}

}  // namespace
}  // namespace ringrpc
