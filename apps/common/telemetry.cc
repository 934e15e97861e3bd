#include "common/telemetry.h"

#include <chrono>
#include <utility>

#include "ringrpc/log.h"

namespace ringrpc::apps {
namespace {

/// A collector that is down must not delay the end of a program for longer.
constexpr std::chrono::seconds finish_timeout{5};

}  // namespace

Setting telemetry(std::string group, bool& target) {
  return toggle({.name = "telemetry",
                 .environment = "RINGRPC_TELEMETRY",
                 .group = std::move(group),
                 .help = "Exports traces and metrics to an OpenTelemetry collector, by OTLP over gRPC. The "
                         "OTEL_* variables configure them; the default collector is http://localhost:4317."},
                target);
}

Result<ProgramTelemetry> ProgramTelemetry::start(bool wanted) {
  if (!wanted) return ProgramTelemetry(nullptr);
  Result<TelemetryOptions> options = telemetry_from_environment();
  if (!options) return std::unexpected(std::move(options).error());
  Result<std::unique_ptr<Telemetry>> started = Telemetry::start(*options);
  if (!started) return std::unexpected(std::move(started).error());
  return ProgramTelemetry(*std::move(started));
}

void ProgramTelemetry::finish() const {
  if (!telemetry_) return;
  if (const Status status = telemetry_->flush(finish_timeout); !status.ok())
    log::warn("telemetry: the last exports have failed: {}", status.to_string());
}

}  // namespace ringrpc::apps
