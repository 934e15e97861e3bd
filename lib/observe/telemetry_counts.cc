#include "observe/telemetry_counts.h"

#include <string>
#include <string_view>

namespace ringrpc {

TelemetryCounts& TelemetryCounts::of_process() noexcept {
  static TelemetryCounts counts;
  return counts;
}

void write_telemetry(MetricsText& text) {
  const TelemetryCounts& counts = TelemetryCounts::of_process();
  const auto read = [](const std::atomic<std::uint64_t>& count) {
    return count.load(std::memory_order_relaxed);
  };
  if (!counts.used.load(std::memory_order_relaxed)) return;
  text.begin({.name = "ringrpc_telemetry_spans_exported",
              .help = "Spans that the OpenTelemetry collector has taken.",
              .type = MetricType::counter});
  text.sample({}, read(counts.spans_exported));
  constexpr std::array<std::string_view, TelemetryCounts::losses> causes = {"queue_full", "failed",
                                                                            "rejected", "shutdown"};
  text.begin({.name = "ringrpc_telemetry_spans_dropped",
              .help = "Spans that were not exported, by cause.",
              .type = MetricType::counter});
  for (std::size_t cause = 0; cause < causes.size(); ++cause)
    text.sample(label("cause", causes[cause]), read(counts.spans_dropped[cause]));
  text.begin({.name = "ringrpc_telemetry_spans_queued",
              .help = "Spans that wait for the OpenTelemetry collector.",
              .type = MetricType::gauge});
  text.sample({}, read(counts.spans_queued));
  constexpr std::array<std::string_view, 2> signals = {"traces", "metrics"};
  text.begin({.name = "ringrpc_telemetry_exports",
              .help = "Requests to the OpenTelemetry collector, with their retries, by signal and outcome.",
              .type = MetricType::counter});
  for (std::size_t signal = 0; signal < signals.size(); ++signal) {
    const std::string labels = label("signal", signals[signal]) + ",";
    text.sample(labels + label("outcome", "taken"), read(counts.exports[signal][0]));
    text.sample(labels + label("outcome", "failed"), read(counts.exports[signal][1]));
  }
}

}  // namespace ringrpc
