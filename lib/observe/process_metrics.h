/// Metrics of this process, by the names that Prometheus's client libraries use.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "ringrpc/clock.h"

#include "observe/metrics_text.h"

namespace ringrpc {

/// The kernel's numbers about this process. A number that cannot be read is absent.
struct ProcessMetrics {
  std::optional<Nanoseconds> cpu{};         ///< user and system, all threads
  std::optional<Nanoseconds> start_time{};  ///< since 1970
  std::optional<std::uint64_t> resident_memory_bytes{};
  std::optional<std::uint64_t> virtual_memory_bytes{};
  std::optional<std::uint64_t> open_fds{};
  std::optional<std::uint64_t> max_fds{};
};

/// Takes some 100 ns for each open descriptor, so do not call it on a shard.
ProcessMetrics read_process_metrics();

/// Writes those that are present.
void write_process(MetricsText& text, const ProcessMetrics& process);

/// Writes ringrpc_build_info.
void write_build(MetricsText& text, std::string_view version);

}  // namespace ringrpc
