/// A sampled call that a histogram's bucket points to (OpenMetrics 1.0, "Exemplars").
#pragma once

#include <array>
#include <cstdint>

#include "ringrpc/trace_context.h"

#include "observe/histogram.h"

namespace ringrpc {

struct Exemplar {
  TraceId trace_id{};
  SpanId span_id{};
  std::uint64_t value = 0;    ///< in the unit of the histogram
  std::uint64_t time_ms = 0;  ///< since 1970; 0 if there is none

  explicit operator bool() const noexcept { return time_ms != 0; }
};

/// The latest of each bucket.
struct LatencyExemplars {
  std::array<Exemplar, LatencyHistogram::bucket_count> buckets{};

  void put(const Exemplar& latest) noexcept { buckets[LatencyHistogram::bucket_of(latest.value)] = latest; }
  void add(const LatencyExemplars& other) noexcept {
    for (std::size_t at = 0; at < buckets.size(); ++at)
      if (other.buckets[at].time_ms >= buckets[at].time_ms) buckets[at] = other.buckets[at];
  }
};

}  // namespace ringrpc
