/// Reads the variables about the collector: OTEL_EXPORTER_OTLP_* and, for one signal,
/// OTEL_EXPORTER_OTLP_TRACES_* or OTEL_EXPORTER_OTLP_METRICS_*, which take precedence
/// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
#pragma once

#include <string>

#include "ringrpc/telemetry.h"

#include "telemetry/variables.h"

namespace ringrpc::telemetry {

/// No effect if the signal is not enabled. A failure names the variable and what would be right.
Status read_endpoint(const Variables& variables, const std::string& signal, OtlpOptions& options);

}  // namespace ringrpc::telemetry
