/// Exports the spans of a SpanQueue, one request at a time.
///
///   SpanExporter exporter(options, resource, queue);
///   scope.spawn(exporter.run());
///   Status status = co_await exporter.export_now();
///
/// A request goes as soon as there are spans and the one before has ended. Belongs to the exporter's thread.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "ringrpc/event_count.h"
#include "ringrpc/telemetry.h"

#include "telemetry/otlp.pb.h"
#include "telemetry/otlp_client.h"
#include "telemetry/span_queue.h"

namespace ringrpc::telemetry {

class SpanExporter {
 public:
  /// `options` and `resource` must outlive it.
  SpanExporter(const TelemetryOptions& options, const otlp::v1::Resource& resource,
               std::shared_ptr<SpanQueue> queue);
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;
  /// Drops the spans that were not exported.
  ~SpanExporter();

  /// Never ends.
  Task<> run();

  /// Exports all spans that have ended. Gives the status of the last request.
  Task<Status> export_now();
  /// OtlpClient::until_refused.
  Task<Status> until_refused(Instant end) { return client_.until_refused(end); }

 private:
  /// Collectors refuse messages of more than 4 MiB.
  static constexpr std::size_t request_bytes_max = 2 * 1024 * 1024;

  bool take_some();
  Task<> export_some();
  Task<Result<std::uint64_t>> send_taken();

  const TelemetryOptions& options_;
  const otlp::v1::Resource& resource_;
  const std::shared_ptr<SpanQueue> queue_;
  OtlpClient client_;
  std::vector<SpanBatch> taken_;  // for the request that is being sent
  std::size_t sending_ = 0;       // spans of that request
  SpanBatch next_;                // did not fit into that
  bool busy_ = false;
  Status status_;  // of the last request
  EventCount idle_;
};

}  // namespace ringrpc::telemetry
