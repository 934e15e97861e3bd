// The OTEL_* variables of telemetry, a record each: any values give options that telemetry
// can run with, or a reason.
#include <cstdlib>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "fuzz/target.h"
#include "telemetry/environment.h"

namespace ringrpc::fuzz {
namespace {

struct Variable {
  const char* name;
  std::initializer_list<const char*> usual;  ///< values; none if it has pairs
};

constexpr std::initializer_list<const char*> endpoints = {"http://127.0.0.1:4317", "https://[::1]:1",
                                                          "unix:/run/otlp", "collector"};
constexpr std::initializer_list<const char*> times = {"1000", "0", "60000"};
constexpr std::initializer_list<const char*> counts = {"1", "10", "2048"};
constexpr std::initializer_list<const char*> flags = {"true", "false"};
constexpr std::initializer_list<const char*> files = {"", "none.pem"};

constexpr Variable known[] = {
    {"OTEL_EXPORTER_OTLP_ENDPOINT", endpoints},
    {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoints},
    {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", endpoints},
    {"OTEL_EXPORTER_OTLP_HEADERS", {}},
    {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", {}},
    {"OTEL_EXPORTER_OTLP_METRICS_HEADERS", {}},
    {"OTEL_EXPORTER_OTLP_PROTOCOL", {"grpc"}},
    {"OTEL_EXPORTER_OTLP_TIMEOUT", times},
    {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", times},
    {"OTEL_EXPORTER_OTLP_COMPRESSION", {"gzip", "none"}},
    {"OTEL_EXPORTER_OTLP_INSECURE", flags},
    {"OTEL_EXPORTER_OTLP_CERTIFICATE", files},
    {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", files},
    {"OTEL_EXPORTER_OTLP_CLIENT_KEY", files},
    {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", {"cumulative"}},
    {"OTEL_SDK_DISABLED", flags},
    {"OTEL_SERVICE_NAME", {"service"}},
    {"OTEL_RESOURCE_ATTRIBUTES", {}},
    {"OTEL_TRACES_EXPORTER", {"otlp", "none"}},
    {"OTEL_METRICS_EXPORTER", {"otlp", "none"}},
    {"OTEL_TRACES_SAMPLER",
     {"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
      "parentbased_traceidratio"}},
    {"OTEL_TRACES_SAMPLER_ARG", {"0.5", "1"}},
    {"OTEL_PROPAGATORS", {"tracecontext", "tracecontext,baggage", "grpc-trace-bin", "none"}},
    {"OTEL_BSP_SCHEDULE_DELAY", times},
    {"OTEL_BSP_EXPORT_TIMEOUT", times},
    {"OTEL_BSP_MAX_QUEUE_SIZE", counts},
    {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", counts},
    {"OTEL_METRIC_EXPORT_INTERVAL", times},
    {"OTEL_METRIC_EXPORT_TIMEOUT", times},
};

/// One to three pairs of headers or attributes.
std::string next_pairs(Input& input) {
  static constexpr const char* keys[] = {"a",      "authorization", "service.name", "trace-bin",
                                         "x-fuzz", "X-Upper",       "grpc-own",     "%41"};
  static constexpr const char* values[] = {"b", "Basic%20YQ", "AA", ""};
  std::string pairs;
  for (std::uint32_t count = 1 + input.number(3); count > 0; --count) {
    if (!pairs.empty()) pairs += ',';
    pairs.append(input.pick(keys)).append("=");
    pairs.append(input.pick(values));
  }
  return pairs;
}

/// A usual value of the variable, or any text.
std::string next_value(Input& input, const Variable& variable) {
  if (input.byte() >= 0x80) return std::string(input.rest());
  const auto& usual = variable.usual;
  return usual.size() == 0 ? next_pairs(input) : usual.begin()[input.number(usual.size())];
}

}  // namespace

void run(Input input) {
  // The CAs of the system would take far more time than everything else.
  [[maybe_unused]] static const int without_system_authorities = ::setenv("SSL_CERT_FILE", "/dev/null", 1);
  std::map<std::string, std::string, std::less<>> variables;
  while (!input.empty()) {
    Input record = input.record();
    const Variable& variable = record.pick(known);
    variables.insert_or_assign(variable.name, next_value(record, variable));
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
