/// Metrics of channels, and the text formats in which metrics are published.
///
///   const MetricsFormat format = metrics_format(accept);  // of an HTTP request
///   respond(content_type(format), text);
///
/// Functions may be called from any thread, tasks awaited on any shard.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ringrpc/export.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// A text format that Prometheus reads.
enum class MetricsFormat : std::uint8_t {
  prometheus,   ///< https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4
  openmetrics,  ///< https://prometheus.io/docs/specs/om/open_metrics_spec/, version 1.0.0
};

/// The format for a client whose HTTP request has this `accept` (RFC 9110, 12.5.1). It is OpenMetrics if the client
/// lists it (version 1.0.0 or none) and does not prefer text/plain; otherwise Prometheus's own.
RINGRPC_EXPORT MetricsFormat metrics_format(std::string_view accept) noexcept;

/// The value of `content-type` for text in this format.
RINGRPC_EXPORT std::string_view content_type(MetricsFormat format) noexcept;

/// The metrics of all channels of this process with ChannelOptions::metrics, and some of the process:
/// grpc_client_started_total, grpc_client_handled_total, grpc_client_msg_received_total, grpc_client_msg_sent_total and
/// grpc_client_handling_seconds by method and target, and those that begin with ringrpc_client_. For programs without a
/// server: Server::metrics_text has the same in addition to the server's. Channels of one target count together, and
/// what they have counted stays when they end. Each shard has at most 1,000 methods of a target, and the process 1,000
/// targets; calls of others count as "other". No shard is delayed by more than 200 µs at a time. FAILED_PRECONDITION
/// outside of a shard.
RINGRPC_EXPORT Task<Result<std::string>> channel_metrics_text(MetricsFormat format);

}  // namespace ringrpc
