/// Counts of the exports of this process (ringrpc/telemetry.h), for its metrics.
///
///   TelemetryCounts& counts = TelemetryCounts::of_process();
///   counts.dropped(SpanLoss::queue_full, 512);
///   write_telemetry(text);
///
/// The thread of the exports changes them once for each request, and the shards once for each batch. So they
/// are atomic integers, which any thread may read.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "observe/metrics_text.h"

namespace ringrpc {

/// The reason why a span was not exported.
enum class SpanLoss : std::uint8_t {
  queue_full,  ///< too many waited already
  failed,      ///< the collector did not take the request, or not in time
  rejected,    ///< the collector refused it, in a partial success
  shutdown,    ///< the exports ended before
};

enum class TelemetrySignal : std::uint8_t { traces, metrics };

struct TelemetryCounts {
  static constexpr std::size_t losses = 4;

  static TelemetryCounts& of_process() noexcept;

  void dropped(SpanLoss cause, std::uint64_t spans) noexcept {
    spans_dropped[static_cast<std::size_t>(cause)].fetch_add(spans, std::memory_order_relaxed);
  }
  /// A request has ended, retries included.
  void exported(TelemetrySignal signal, bool success) noexcept {
    exports[static_cast<std::size_t>(signal)][success ? 0 : 1].fetch_add(1, std::memory_order_relaxed);
  }

  std::uint64_t all_dropped() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& count : spans_dropped) sum += count.load(std::memory_order_relaxed);
    return sum;
  }

  std::atomic<bool> used = false;  ///< exports have been started
  std::atomic<std::uint64_t> spans_exported = 0;
  std::atomic<std::uint64_t> spans_queued = 0;
  std::array<std::atomic<std::uint64_t>, losses> spans_dropped{};      ///< by SpanLoss
  std::array<std::array<std::atomic<std::uint64_t>, 2>, 2> exports{};  ///< by TelemetrySignal; failed last
};

/// Writes those of the process; nothing before exports have been started.
void write_telemetry(MetricsText& text);

}  // namespace ringrpc
