/// `--telemetry`: a program's exports to an OpenTelemetry collector, as the OTEL_* variables ask.
///
///   line.add(telemetry("Telemetry", values.telemetry));
///   Result<ProgramTelemetry> telemetry = ProgramTelemetry::start(values.telemetry);
///   telemetry->apply(server_options);
///   ...
///   telemetry->finish();
#pragma once

#include <memory>
#include <string>

#include "ringrpc/telemetry.h"

#include "common/setting.h"

namespace ringrpc::apps {

/// `--telemetry`, `RINGRPC_TELEMETRY`.
Setting telemetry(std::string group, bool& target);

class ProgramTelemetry {
 public:
  /// Exports nothing unless it is `wanted`. Fails as telemetry_from_environment and Telemetry::start do.
  static Result<ProgramTelemetry> start(bool wanted);

  /// Turns metrics and tracing on in the options of a server or a channel, if they are exported.
  template <class Options>
  void apply(Options& options) const {
    if (!telemetry_) return;
    options.metrics = true;
    options.tracer = telemetry_->tracer();
  }

  /// Exports what is left, within some seconds. The servers and channels must not have been
  /// destroyed. Not on a shard.
  void finish() const;

 private:
  explicit ProgramTelemetry(std::unique_ptr<Telemetry> telemetry) noexcept
      : telemetry_(std::move(telemetry)) {}

  std::unique_ptr<Telemetry> telemetry_;  // null if it is not wanted
};

}  // namespace ringrpc::apps
