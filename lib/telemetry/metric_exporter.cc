#include "telemetry/metric_exporter.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "ringrpc/sleep.h"

#include "base/caught.h"
#include "rpc/metrics/call_series.h"
#include "telemetry/metric_requests.h"

namespace ringrpc::telemetry {
namespace {

std::uint64_t wall_ns() noexcept {
  return static_cast<std::uint64_t>(Nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace

/// Held during an export. Dropping the export ends it too.
class MetricExporter::Turn {
 public:
  explicit Turn(MetricExporter& exporter) noexcept : exporter_(exporter) { exporter.busy_ = true; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    exporter_.busy_ = false;
    exporter_.ended_.notify();
  }

 private:
  MetricExporter& exporter_;
};

MetricExporter::MetricExporter(const TelemetryOptions& options, const otlp::v1::Resource& resource,
                               std::uint64_t start_ns)
    : options_(options),
      resource_(resource),
      start_ns_(start_ns),
      client_(TelemetrySignal::metrics, options.metrics) {}

Task<> MetricExporter::run() {
  for (Instant due = after(now(), options_.metric_interval);;
       due = std::max(now(), after(due, options_.metric_interval))) {
    co_await sleep_until(due);
    (void)co_await export_now();
  }
}

Task<Status> MetricExporter::export_now() {
  while (busy_) co_await ended_.past(ended_.count());
  const Turn turn(*this);
  Status status;
  try {
    status = co_await export_once();
  } catch (...) {
    status = caught();  // there is no memory for the request
  }
  if (status.ok()) {
    client_.outage().succeeded(0, now());
  } else {
    client_.outage().failed(status.to_string(), now());
  }
  co_return status;
}

Task<Status> MetricExporter::export_once() {
  const Instant end = after(now(), options_.metric_timeout);
  const Result<std::shared_ptr<CallSeriesTable>> servers = co_await read_server_calls();
  if (!servers) co_return servers.error();
  const Result<std::shared_ptr<CallSeriesTable>> channels = co_await read_channel_calls();
  if (!channels) co_return channels.error();
  MetricRequests requests(resource_, {.start_ns = start_ns_, .now_ns = std::max(wall_ns(), start_ns_)});
  requests.add_servers(**servers);
  requests.add_channels(**channels);
  const std::vector<MetricRequests::Request> all = std::move(requests).finish();
  for (const MetricRequests::Request& request : all) {
    const Result<std::uint64_t> rejected =
        co_await client_.send({.parts = {request.message.SerializeAsString()}}, request.points, end - now());
    if (!rejected) co_return rejected.error();
  }
  co_return Status();
}

}  // namespace ringrpc::telemetry
