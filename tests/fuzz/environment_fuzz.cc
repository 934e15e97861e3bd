// The OTEL_* variables of telemetry, a record each: any values give options that telemetry
// can run with, or a reason.
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "fuzz/target.h"
#include "telemetry/environment.h"

namespace ringrpc::fuzz {
namespace {

constexpr const char* names[] = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_INSECURE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_EXPORTER",
    "OTEL_METRICS_EXPORTER",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_PROPAGATORS",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_METRIC_EXPORT_TIMEOUT",
};

}  // namespace

void run(Input input) {
  // The CAs of the system would take far more time than everything else.
  [[maybe_unused]] static const int without_system_authorities = ::setenv("SSL_CERT_FILE", "/dev/null", 1);
  std::map<std::string, std::string, std::less<>> variables;
  while (!input.empty()) {
    Input variable = input.record();
    const char* const name = variable.pick(names);
    variables.insert_or_assign(name, std::string(variable.rest()));
  }
  std::vector<std::string> warnings;
  const auto options = telemetry::read_environment(
      [&](const char* name) -> const char* {
        const auto found = variables.find(std::string_view(name));
        return found == variables.end() ? nullptr : found->second.c_str();
      },
      warnings);
  if (!options) {
    CHECK_FALSE(options.error().message().empty());
    return;
  }
  CHECK(options->max_queued_spans >= 1);
  CHECK(options->max_batch_spans <= options->max_queued_spans);
  CHECK(options->metric_interval.count() > 0);
  plant(options->traces.headers.find("x-fuzz") && warnings.empty());
}

}  // namespace ringrpc::fuzz
