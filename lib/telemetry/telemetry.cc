#include "ringrpc/telemetry.h"

#include <chrono>
#include <future>
#include <optional>
#include <pthread.h>
#include <string>
#include <unistd.h>
#include <utility>

#include "ringrpc/sleep.h"
#include "ringrpc/task_scope.h"
#include "ringrpc/when.h"

#include "observe/process_metrics.h"
#include "observe/telemetry_counts.h"
#include "reactor/backend.h"
#include "reactor/run_on.h"
#include "reactor/shards.h"
#include "telemetry/metric_exporter.h"
#include "telemetry/resource.h"
#include "telemetry/span_exporter.h"
#include "telemetry/span_queue.h"
#include "telemetry/variables.h"
#include "transport/address.h"

namespace ringrpc {
namespace {

using telemetry::MetricExporter;
using telemetry::SpanExporter;
using telemetry::SpanQueue;

/// Serving shards that share a core with the thread of the exports get it as soon as they have work.
constexpr int niceness = 10;

Status refuse(std::string_view option, std::string_view why) {
  return Status(Code::INVALID_ARGUMENT, std::string("telemetry: ").append(option).append(": ").append(why),
                Initiator::application);
}

Status check(std::string_view signal, const OtlpOptions& options) {
  if (!options.enabled) return {};
  if (const Result<Address> address = Address::parse_target(options.target); !address)
    return refuse(std::string(signal) + ".target", address.error().message());
  if (options.timeout.count() <= 0) return refuse(std::string(signal) + ".timeout", "it must be positive");
  return {};
}

Status check(const TelemetryOptions& options) {
  if (Status status = check("traces", options.traces); !status.ok()) return status;
  if (Status status = check("metrics", options.metrics); !status.ok()) return status;
  if (options.max_queued_spans == 0 || options.max_queued_spans > telemetry::queued_spans_max)
    return refuse("max_queued_spans", "choose 1 to " + std::to_string(telemetry::queued_spans_max));
  if (options.max_batch_spans == 0 || options.max_batch_spans > options.max_queued_spans)
    return refuse("max_batch_spans", "choose 1 to max_queued_spans");
  if (options.batch_delay.count() < 0) return refuse("batch_delay", "it must not be negative");
  if (options.batch_timeout.count() <= 0) return refuse("batch_timeout", "it must be positive");
  if (options.metric_interval.count() <= 0) return refuse("metric_interval", "it must be positive");
  if (options.metric_timeout.count() <= 0) return refuse("metric_timeout", "it must be positive");
  return {};
}

/// The time from which the calls of this process have been counted, since 1970.
std::uint64_t start_of_process_ns() {
  const Nanoseconds present = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(read_process_metrics().start_time.value_or(present).count());
}

/// The part that runs on the thread of the exports.
class Exports {
 public:
  /// `spans` is null if traces are not exported.
  Exports(const TelemetryOptions& options, std::uint64_t start_ns, std::shared_ptr<SpanQueue> spans)
      : options_(options), resource_(telemetry::resource_of(options)) {
    if (spans) {
      spans_.emplace(options_, resource_, std::move(spans));
      scope_.spawn(spans_->run());
    }
    if (options_.metrics.enabled) {
      metrics_.emplace(options_, resource_, start_ns);
      scope_.spawn(metrics_->run());
    }
  }
  Exports(const Exports&) = delete;
  Exports& operator=(const Exports&) = delete;

  /// Gives `done` the outcome.
  void flush(std::promise<Status>& done, Nanoseconds timeout) { scope_.spawn(flush_within(done, timeout)); }

 private:
  Task<> flush_within(std::promise<Status>& done, Nanoseconds timeout) {
    const auto ended = co_await when_any(export_all(after(now(), timeout)), sleep_for(timeout));
    done.set_value(ended.index() == 0
                       ? std::get<0>(ended)
                       : Status(Code::DEADLINE_EXCEEDED, "the collector did not take everything in time",
                                Initiator::library));
  }

  /// Gives the failure of the spans, else that of the metrics.
  Task<Status> export_all(Instant end) {
    auto [spans, metrics] = co_await when_all(export_now(spans_, end), export_now(metrics_, end));
    co_return spans.ok() ? std::move(metrics) : std::move(spans);
  }
  /// Fails at once when the collector refuses. The spans wait on, for a collector that comes back.
  template <class Exporter>
  static Task<Status> export_now(std::optional<Exporter>& exporter, Instant end) {
    if (!exporter) co_return Status();
    auto ended = co_await when_any(exporter->until_refused(end), exporter->export_now());
    co_return ended.index() == 0 ? std::get<0>(std::move(ended)) : std::get<1>(std::move(ended));
  }

  const TelemetryOptions options_;
  const otlp::v1::Resource resource_;
  std::optional<SpanExporter> spans_;
  std::optional<MetricExporter> metrics_;
  TaskScope scope_;  // its tasks use the rest
};

class TelemetryImpl final : public Telemetry {
 public:
  ~TelemetryImpl() override {
    if (exports_) run_on(shard(), [this] { exports_.reset(); });
  }

  Status begin(const TelemetryOptions& options);

  const std::shared_ptr<const Tracer>& tracer() const noexcept override { return tracer_; }
  Status flush(std::chrono::milliseconds timeout) override;

 private:
  Shard& shard() const { return *shards_->all().front(); }

  std::unique_ptr<Shards> shards_;  // null if nothing is exported
  std::unique_ptr<Exports> exports_;
  std::shared_ptr<const Tracer> tracer_;
};

Status TelemetryImpl::begin(const TelemetryOptions& options) {
  if (Status status = check(options); !status.ok()) return status;
  if (!options.traces.enabled && !options.metrics.enabled) return {};
  Result<std::unique_ptr<Shards>> shards = Shards::start(1, [&] { return make_io(options.io); });
  if (!shards) return std::move(shards).error();
  shards_ = std::move(*shards);
  TelemetryCounts::of_process().used = true;
  std::shared_ptr<SpanQueue> spans;
  if (options.traces.enabled) {
    spans =
        std::make_shared<SpanQueue>(options.max_queued_spans, options.batch_delay, options.max_batch_spans);
    tracer_ = std::make_shared<const Tracer>(Tracer{.sink = spans,
                                                    .sampler = options.sampler,
                                                    .send_trace_bin = options.send_trace_bin,
                                                    .propagate = options.propagate});
  }
  run_on(shard(), [&, start_ns = start_of_process_ns()] {
    ::pthread_setname_np(::pthread_self(), "telemetry");
    (void)::nice(niceness);  // of this thread
    exports_ = std::make_unique<Exports>(options, start_ns, std::move(spans));
  });
  return {};
}

Status TelemetryImpl::flush(std::chrono::milliseconds timeout) {
  refuse_on_shard("Telemetry::flush");
  if (!exports_) return {};
  std::promise<Status> promise;
  std::future<Status> done = promise.get_future();
  run_on(shard(), [&] { exports_->flush(promise, timeout); });
  return done.get();
}

}  // namespace

Result<std::unique_ptr<Telemetry>> Telemetry::start(const TelemetryOptions& options) {
  auto telemetry = std::make_unique<TelemetryImpl>();
  if (Status status = telemetry->begin(options); !status.ok()) return std::unexpected(std::move(status));
  return telemetry;
}

}  // namespace ringrpc
