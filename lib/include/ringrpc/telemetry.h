/// Exports the traces and the metrics of a process to an OpenTelemetry collector, by OTLP over gRPC.
///
///   Result<TelemetryOptions> options = telemetry_from_environment();        // OTEL_*
///   if (!options) return report(options.error());
///   Result<std::unique_ptr<Telemetry>> telemetry = Telemetry::start(*options);
///   if (!telemetry) return report(telemetry.error());
///
///   ServerOptions serving{.metrics = true, .tracer = (*telemetry)->tracer()};
///   Channel channel("127.0.0.1:50051", {.metrics = true, .tracer = (*telemetry)->tracer()});
///
///   Status exported = (*telemetry)->flush(5s);    // after the drain, before the server is destroyed
///
/// Traces are those of the servers and channels that have a `tracer`. Metrics are those of all servers
/// and channels of the process that have `metrics`, by the names of gRFC A66
/// (https://github.com/grpc/proposal/blob/master/A66-otel-stats.md): grpc.server.call.*,
/// grpc.client.attempt.* and grpc.client.call.duration, with cumulative values. A
/// server's end with the server.
///
/// Exports run on a thread of their own. A collector that is down, slow or hung delays no call and takes a
/// limited amount of memory: spans that find the queue full are dropped and counted, in the metrics that
/// begin with ringrpc_telemetry_ and in one warning for each outage.
#pragma once

#include "ringrpc/compiler.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/compression.h"
#include "ringrpc/export.h"
#include "ringrpc/io_backend.h"
#include "ringrpc/metadata.h"
#include "ringrpc/status.h"
#include "ringrpc/tls.h"
#include "ringrpc/tracer.h"

namespace ringrpc {

/// The collector of one signal, traces or metrics, and the requests that it gets.
struct OtlpOptions {
  bool enabled = true;  ///< false exports nothing of this signal
  /// The collector, in the syntax of Channel's targets.
  std::string target = "localhost:4317";
  /// The TLS of the channel. Null means plaintext, unless the target begins with `tls+`.
  std::shared_ptr<const ClientTls> tls{};
  /// Sent with each request, for example credentials.
  Metadata headers{};
  Compression compression = Compression::identity;  ///< of the requests
  /// The time that the collector may take for one request. A request that fails with a code that permits it
  /// is sent again, within the timeout of the whole export.
  std::chrono::milliseconds timeout{10'000};
};

/// The options of the exports.
struct TelemetryOptions {
  OtlpOptions traces{};   ///< where spans go
  OtlpOptions metrics{};  ///< where metrics go

  /// Attributes of the process, in UTF-8
  /// (https://opentelemetry.io/docs/specs/semconv/resource/). Without service.name it is
  /// "unknown_service:" and the name of the executable file. The library adds telemetry.sdk.*.
  std::vector<std::pair<std::string, std::string>> resource{};

  /// The calls that are traced; OTEL_TRACES_SAMPLER.
  Sampler sampler = Sampler::always().parent_based();
  bool send_trace_bin = false;  ///< Tracer::send_trace_bin; OTEL_PROPAGATORS
  bool propagate = true;        ///< Tracer::propagate; OTEL_PROPAGATORS

  /// Spans that may wait for the collector; further ones are dropped.
  std::size_t max_queued_spans = 2'048;
  /// Spans of one request, at most max_queued_spans.
  std::size_t max_batch_spans = 512;
  /// The longest time that a span waits on its shard for others that fill the batch.
  std::chrono::milliseconds batch_delay{5'000};
  /// The time for the export of a batch, with retries; then its spans are dropped.
  std::chrono::milliseconds batch_timeout{30'000};

  /// The time from one export of metrics to the next.
  std::chrono::milliseconds metric_interval{60'000};
  /// The time for one export of all metrics, with retries.
  std::chrono::milliseconds metric_timeout{30'000};

  /// The I/O backend of the exporter's thread.
  IoBackend io = IoBackend::automatic;
};

/// Gives the value of an environment variable; null if it is not set.
using GetEnvironment = std::function<const char*(const char*)>;

/// The options that the OTEL_* variables ask for; docs/operations/opentelemetry.md lists them.
/// Values that are not understood get a warning in the log where the specification says so.
/// INVALID_ARGUMENT names the variable: for an endpoint, headers, a protocol other than grpc, or
/// certificates that cannot be used. Reads files.
[[nodiscard]] RINGRPC_EXPORT Result<TelemetryOptions> telemetry_from_environment(const GetEnvironment& get);
/// The same with the environment of this process.
[[nodiscard]] RINGRPC_EXPORT Result<TelemetryOptions> telemetry_from_environment();

/// The exports of a process. All methods may be called from any thread, but not on a
/// shard, because they block.
class RINGRPC_EXPORT Telemetry {
 public:
  /// Starts the thread. It connects when there is something to export, so a collector that is down is not a
  /// failure. INVALID_ARGUMENT names an option that is invalid.
  [[nodiscard]] static Result<std::unique_ptr<Telemetry>> start(const TelemetryOptions& options);

  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;
  /// Drops what has not been exported. Servers and channels with its tracer may outlive
  /// it; their spans are dropped.
  virtual ~Telemetry() = default;

  /// For ServerOptions::tracer and ChannelOptions::tracer. Null if traces are not exported.
  virtual const std::shared_ptr<const Tracer>& tracer() const noexcept = 0;

  /// Exports the spans that have ended and the metrics of this moment, and waits for that, at most `timeout`:
  /// DEADLINE_EXCEEDED then. Fails as the exports do, and at once when nothing listens at the collector's address or the
  /// collector responds that it is unavailable and does not ask for another attempt within that time: the spans wait on
  /// then, as without a flush. Call it after Server::drain and before the server is destroyed.
  virtual Status flush(std::chrono::milliseconds timeout) = 0;

 protected:
  Telemetry() = default;
};

}  // namespace ringrpc
