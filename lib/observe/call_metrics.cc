#include "observe/call_metrics.h"

#include <algorithm>
#include <chrono>
#include <new>

namespace ringrpc {

void CallHistograms::add(const CallHistograms& other) {
  duration.add(other.duration);
  sent_bytes.add(other.sent_bytes);
  received_bytes.add(other.received_bytes);
  if (!other.exemplars) return;
  if (!exemplars) exemplars = std::make_unique<LatencyExemplars>();
  exemplars->add(*other.exemplars);
}

void CallMetrics::end(Code code, Nanoseconds duration, const CallTraffic& traffic) noexcept {
  End& end = ends_[index_of(code)];
  ++end.handled;
  if (!end.histograms) [[unlikely]] {
    end.histograms.reset(new (std::nothrow) CallHistograms);
    if (!end.histograms) return;
  }
  end.histograms->duration.record(
      static_cast<std::uint64_t>(std::max(duration, Nanoseconds::zero()).count()));
  end.histograms->sent_bytes.record(traffic.sent_bytes);
  end.histograms->received_bytes.record(traffic.received_bytes);
}

void CallMetrics::end(Code code, Nanoseconds duration, const CallTraffic& traffic,
                      const TraceContext& sampled) noexcept {
  end(code, duration, traffic);
  CallHistograms* const histograms = ends_[index_of(code)].histograms.get();
  if (!histograms) return;
  if (!histograms->exemplars) histograms->exemplars.reset(new (std::nothrow) LatencyExemplars);
  if (!histograms->exemplars) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  histograms->exemplars->put(
      {.trace_id = sampled.trace_id,
       .span_id = sampled.span_id,
       .value = static_cast<std::uint64_t>(std::max(duration, Nanoseconds::zero()).count()),
       .time_ms =
           static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count())});
}

void CallMetrics::add(const CallMetrics& other) {
  if (other.started_ == 0) return;
  started_ += other.started_;
  received_ += other.received_;
  sent_ += other.sent_;
  rejected_ += other.rejected_;
  for (std::size_t code = 0; code < code_count; ++code) {
    End& to = ends_[code];
    const End& from = other.ends_[code];
    to.handled += from.handled;
    if (!from.histograms) continue;
    if (!to.histograms) to.histograms = std::make_unique<CallHistograms>();
    to.histograms->add(*from.histograms);
  }
}

std::uint64_t CallMetrics::handled() const noexcept {
  std::uint64_t sum = 0;
  for (const End& end : ends_) sum += end.handled;
  return sum;
}

CallHistograms CallMetrics::all_histograms() const {
  CallHistograms sum;
  for (const End& end : ends_)
    if (end.histograms) sum.add(*end.histograms);
  return sum;
}

}  // namespace ringrpc
