/// The process and the library, as every request describes them
/// (https://opentelemetry.io/docs/specs/semconv/resource/).
#pragma once

#include <string>
#include <string_view>

#include "ringrpc/telemetry.h"

#include "telemetry/otlp.pb.h"

namespace ringrpc::telemetry {

/// The attributes of the options, those of the library, and a service.name if the options have none.
otlp::v1::Resource resource_of(const TelemetryOptions& options);

/// The name and the version of the library.
otlp::v1::Scope scope();

void set(otlp::v1::Attribute& attribute, std::string_view key, std::string_view text);

}  // namespace ringrpc::telemetry
