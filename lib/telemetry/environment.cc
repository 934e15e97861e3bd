#include "telemetry/environment.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "ringrpc/log.h"

#include "telemetry/endpoint.h"
#include "telemetry/variables.h"

namespace ringrpc::telemetry {
namespace {

using Zero = Variables::Zero;

enum class Exporter : std::uint8_t { otlp, none };

/// False if the signal is not exported.
bool exported(const Variables& variables, const std::string& name) {
  const auto exporter =
      variables.choice<Exporter>(name, {{"otlp", Exporter::otlp}, {"none", Exporter::none}});
  return exporter.value_or(Exporter::otlp) == Exporter::otlp;
}

/// The share of the ratio-based samplers.
double read_ratio(const Variables& variables) {
  const std::string name = "OTEL_TRACES_SAMPLER_ARG";
  const std::string given = variables.text(name);
  if (given.empty()) return 1;
  double ratio = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), ratio);
  if (error == std::errc() && end == given.data() + given.size() && ratio >= 0 && ratio <= 1) return ratio;
  variables.warn(name, "\"" + given + "\" is not a number from 0 to 1; it counts as 1");
  return 1;
}

void read_sampler(const Variables& variables, Sampler& sampler) {
  enum class Kind : std::uint8_t { always, never, ratio, parent_always, parent_never, parent_ratio };
  const auto kind =
      variables.choice<Kind>("OTEL_TRACES_SAMPLER", {{"always_on", Kind::always},
                                                     {"always_off", Kind::never},
                                                     {"traceidratio", Kind::ratio},
                                                     {"parentbased_always_on", Kind::parent_always},
                                                     {"parentbased_always_off", Kind::parent_never},
                                                     {"parentbased_traceidratio", Kind::parent_ratio}});
  const bool of_ratio = kind == Kind::ratio || kind == Kind::parent_ratio;
  if (!of_ratio && !variables.text("OTEL_TRACES_SAMPLER_ARG").empty())
    variables.warn("OTEL_TRACES_SAMPLER_ARG",
                   "it is ignored; only traceidratio and parentbased_traceidratio of OTEL_TRACES_SAMPLER "
                   "have an argument");
  if (!kind) return;
  switch (*kind) {
    case Kind::always:
      sampler = Sampler::always();
      break;
    case Kind::never:
      sampler = Sampler::never();
      break;
    case Kind::ratio:
      sampler = Sampler::ratio(read_ratio(variables));
      break;
    case Kind::parent_always:
      sampler = Sampler::always().parent_based();
      break;
    case Kind::parent_never:
      sampler = Sampler::never().parent_based();
      break;
    case Kind::parent_ratio:
      sampler = Sampler::ratio(read_ratio(variables)).parent_based();
      break;
  }
}

/// `traceparent` travels unless `none` is alone. Baggage, a default of the specification, is the
/// application's own metadata.
void read_propagators(const Variables& variables, TelemetryOptions& options) {
  const std::string name = "OTEL_PROPAGATORS";
  const std::vector<std::string> propagators = split_list(variables.text(name));
  options.propagate = propagators != std::vector<std::string>{"none"};
  if (!options.propagate) return;
  for (const std::string& propagator : propagators) {
    if (propagator == "grpc-trace-bin") {
      options.send_trace_bin = true;
    } else if (propagator == "none") {
      variables.warn(name, "\"none\" stands beside others; it is ignored");
    } else if (propagator != "tracecontext" && propagator != "baggage") {
      variables.warn(name,
                     "\"" + propagator +
                         "\" is not supported; choose among tracecontext and grpc-trace-bin, or none alone");
    }
  }
}

/// The whole value is dropped if a part of it is wrong, as the specification asks.
void read_resource(const Variables& variables, TelemetryOptions& options) {
  const std::string name = "OTEL_RESOURCE_ATTRIBUTES";
  Result<Pairs> pairs = parse_pairs(variables.text(name));
  if (pairs) {
    for (auto& [key, value] : *pairs) {
      const auto same = std::ranges::find(options.resource, key, &Pairs::value_type::first);
      if (same != options.resource.end()) {
        same->second = std::move(value);
      } else {
        options.resource.emplace_back(std::move(key), std::move(value));
      }
    }
  } else {
    variables.warn(name, std::string(pairs.error().message()) + "; all of it is ignored");
  }
  const std::string service = variables.text("OTEL_SERVICE_NAME");
  if (service.empty()) return;
  std::erase_if(options.resource, [](const auto& attribute) { return attribute.first == "service.name"; });
  options.resource.emplace_back("service.name", service);
}

void read_batches(const Variables& variables, TelemetryOptions& options) {
  variables.read_number("OTEL_BSP_MAX_QUEUE_SIZE", options.max_queued_spans, {1, queued_spans_max});
  variables.read_number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", options.max_batch_spans, {1, queued_spans_max});
  if (options.max_batch_spans > options.max_queued_spans) {
    if (!variables.text("OTEL_BSP_MAX_EXPORT_BATCH_SIZE").empty())
      variables.warn("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "it is more than OTEL_BSP_MAX_QUEUE_SIZE, " +
                                                           std::to_string(options.max_queued_spans) +
                                                           ", which applies");
    options.max_batch_spans = options.max_queued_spans;
  }
  variables.read_time("OTEL_BSP_SCHEDULE_DELAY", options.batch_delay, Zero::plain);
  variables.read_time("OTEL_BSP_EXPORT_TIMEOUT", options.batch_timeout, Zero::no_limit);
}

void read_metrics(const Variables& variables, TelemetryOptions& options) {
  variables.read_time("OTEL_METRIC_EXPORT_INTERVAL", options.metric_interval, Zero::refused);
  variables.read_time("OTEL_METRIC_EXPORT_TIMEOUT", options.metric_timeout, Zero::no_limit);
  enum class Temporality : std::uint8_t { cumulative };
  (void)variables.choice<Temporality>("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                                      {{"cumulative", Temporality::cumulative}});
}

}  // namespace

Result<TelemetryOptions> read_environment(const GetEnvironment& get, std::vector<std::string>& warnings) {
  const Variables variables(get, warnings);
  TelemetryOptions options;
  read_sampler(variables, options.sampler);
  read_propagators(variables, options);
  read_resource(variables, options);
  read_batches(variables, options);
  read_metrics(variables, options);
  const bool disabled = variables.flag("OTEL_SDK_DISABLED");
  options.traces.enabled = exported(variables, "OTEL_TRACES_EXPORTER") && !disabled;
  options.metrics.enabled = exported(variables, "OTEL_METRICS_EXPORTER") && !disabled;
  if (Status status = read_endpoint(variables, "TRACES", options.traces); !status.ok())
    return std::unexpected(std::move(status));
  if (Status status = read_endpoint(variables, "METRICS", options.metrics); !status.ok())
    return std::unexpected(std::move(status));
  return options;
}

}  // namespace ringrpc::telemetry

namespace ringrpc {

Result<TelemetryOptions> telemetry_from_environment(const GetEnvironment& get) {
  std::vector<std::string> warnings;
  Result<TelemetryOptions> options = telemetry::read_environment(get, warnings);
  for (const std::string& warning : warnings) log::warn("{}", warning);
  return options;
}

Result<TelemetryOptions> telemetry_from_environment() {
  return telemetry_from_environment([](const char* name) -> const char* { return std::getenv(name); });
}

}  // namespace ringrpc
