#include "rpc/server/method_survey.h"

#include <algorithm>
#include <utility>

namespace ringrpc {
namespace {

struct CalledMethod {
  std::uint64_t started;
  std::size_t index;
};

MethodSnapshot snapshot_of(const CallMetrics& calls) {
  const LatencyHistogram latency = calls.all_histograms().duration;
  const auto quantile = [&](double share) { return Nanoseconds(latency.quantile(share)); };
  MethodSnapshot snapshot{.started = calls.started(),
                          .handled = calls.handled(),
                          .failed = calls.handled() - calls.handled(Code::OK),
                          .p50 = quantile(0.5),
                          .p90 = quantile(0.9),
                          .p99 = quantile(0.99),
                          .p999 = quantile(0.999)};
  for (std::size_t bucket = 0; bucket < latency.bucket_count; ++bucket)
    snapshot.latency.push_back({.upper = bucket < latency_bounds.size()
                                             ? Nanoseconds(latency_bounds[bucket].value)
                                             : Nanoseconds::max(),
                                .calls = latency.count(bucket)});
  return snapshot;
}

}  // namespace

std::vector<MethodSnapshot> most_called(std::span<const MethodMetrics> metrics, const MethodTable& table,
                                        std::size_t most) {
  std::vector<CalledMethod> called;
  for (std::size_t index = 0; index < metrics.size(); ++index)
    if (const std::uint64_t started = metrics[index].calls.started(); started > 0)
      called.push_back({.started = started, .index = index});
  const auto end = called.begin() + static_cast<std::ptrdiff_t>(std::min(most, called.size()));
  std::ranges::partial_sort(called, end, std::ranges::greater(), &CalledMethod::started);
  called.erase(end, called.end());

  std::vector<MethodSnapshot> snapshots;
  for (const CalledMethod& each : called) {
    MethodSnapshot& added = snapshots.emplace_back(snapshot_of(metrics[each.index].calls));
    added.method = "unknown";
    for (const RegisteredMethod* method : table.all())
      if (method->index == each.index) added.method = method->path.substr(1);
  }
  return snapshots;
}

}  // namespace ringrpc
