/// Exports the metrics of all servers and channels of the process, at an interval.
///
///   MetricExporter exporter(options, resource);
///   scope.spawn(exporter.run());
///   Status status = co_await exporter.export_now();
///
/// Belongs to the exporter's thread.
#pragma once

#include <cstdint>

#include "ringrpc/event_count.h"
#include "ringrpc/telemetry.h"

#include "telemetry/otlp.pb.h"
#include "telemetry/otlp_client.h"

namespace ringrpc::telemetry {

class MetricExporter {
 public:
  /// Both must outlive it. `start_ns` is the time, since 1970, from which the calls of the
  /// process have been counted.
  MetricExporter(const TelemetryOptions& options, const otlp::v1::Resource& resource, std::uint64_t start_ns);

  /// Never ends.
  Task<> run();

  /// Exports the metrics of this moment, after an export that is under way.
  Task<Status> export_now();
  /// OtlpClient::until_refused.
  Task<Status> until_refused(Instant end) { return client_.until_refused(end); }

 private:
  class Turn;

  Task<Status> export_once();

  const TelemetryOptions& options_;
  const otlp::v1::Resource& resource_;
  const std::uint64_t start_ns_;
  OtlpClient client_;
  bool busy_ = false;
  EventCount ended_;
};

}  // namespace ringrpc::telemetry
