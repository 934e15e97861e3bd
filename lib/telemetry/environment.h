/// The OTEL_* variables, which decide how a program exports its traces and metrics.
///
///   std::vector<std::string> warnings;
///   Result<TelemetryOptions> options = read_environment(getenv, warnings);
///
/// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
/// https://opentelemetry.io/docs/specs/otel/protocol/exporter/. An empty value counts as none. A number or a
/// name that is not understood gets a warning, and the default applies; values whose loss would send data to
/// a wrong place or without credentials are failures.
#pragma once

#include <string>
#include <vector>

#include "ringrpc/telemetry.h"

namespace ringrpc::telemetry {

/// A failure names the variable and what would be right.
Result<TelemetryOptions> read_environment(const GetEnvironment& get, std::vector<std::string>& warnings);

}  // namespace ringrpc::telemetry
