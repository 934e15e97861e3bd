/// The text formats in which metrics are published.
///
///   const MetricsFormat format = metrics_format(accept);  // of an HTTP request
///   respond(content_type(format), text);
///
/// All functions may be called from any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "ringrpc/export.h"

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

}  // namespace ringrpc
