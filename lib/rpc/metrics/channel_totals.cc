#include "rpc/metrics/channel_totals.h"

#include <array>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "ringrpc/metrics.h"

#include "observe/process_metrics.h"
#include "observe/telemetry_counts.h"
#include "reactor/shard_journey.h"
#include "reactor/shard_worker.h"
#include "rpc/metrics/certificate_text.h"
#include "rpc/metrics/pool_text.h"
#include "transport/client_certificates.h"

namespace ringrpc {
namespace {

/// Writes a sample of each target.
template <class Value>
void write_targets(MetricsText& text, const ChannelTotals& totals, const MetricFamily& family, Value value) {
  text.begin(family);
  for (const auto& [target, counts] : totals.counts()) text.sample(target, std::invoke(value, counts));
}

std::string with_label(std::string_view target, std::string_view name, std::string_view value) {
  return std::string(target).append(",").append(label(name, value));
}

void write_connects(MetricsText& text, const ChannelTotals& totals) {
  text.begin({.name = "ringrpc_client_connects",
              .help = "Attempts of channels to connect, up to the end of the handshakes, by outcome.",
              .type = MetricType::counter});
  for (const auto& [target, counts] : totals.counts()) {
    text.sample(with_label(target, "outcome", "connected"), counts.connects);
    text.sample(with_label(target, "outcome", "failed"), counts.connects_failed);
  }
  constexpr std::array<std::string_view, 3> causes = {"unused", "goaway", "lost"};
  text.begin({.name = "ringrpc_client_connections_ended",
              .help = "Connections of channels that have ended: unused, after the server's GOAWAY, or lost.",
              .type = MetricType::counter});
  for (const auto& [target, counts] : totals.counts())
    for (std::size_t how = 0; how < causes.size(); ++how)
      text.sample(with_label(target, "cause", causes[how]), counts.ends[how]);
}

void write_queues(MetricsText& text, const ChannelTotals& totals) {
  write_targets(text, totals,
                {.name = "ringrpc_client_calls_queued",
                 .help = "Calls that wait for a connection or a stream.",
                 .type = MetricType::gauge},
                [](const ChannelCounts& counts) { return counts.queued; });
  constexpr std::array<std::string_view, 2> waits = {"connection", "stream"};
  text.begin({.name = "ringrpc_client_call_waits",
              .help =
                  "Calls that had to wait, by what they waited for: a connection, or a stream on those that "
                  "there are.",
              .type = MetricType::counter});
  for (const auto& [target, counts] : totals.counts())
    for (std::size_t wait = 0; wait < waits.size(); ++wait)
      text.sample(with_label(target, "for", waits[wait]), counts.waits[wait]);
  write_targets(
      text, totals,
      {.name = "ringrpc_client_call_wait_seconds",
       .help = "Time that calls have waited for a connection or a stream, all together.",
       .type = MetricType::counter,
       .unit = "seconds"},
      [](const ChannelCounts& counts) { return Nanoseconds(static_cast<std::int64_t>(counts.waited_ns)); });
  write_targets(
      text, totals,
      {.name = "ringrpc_client_calls_refused",
       .help = "Calls that failed at once, because as many were waiting as max_queued_calls allows.",
       .type = MetricType::counter},
      &ChannelCounts::refused);
}

void write_retries(MetricsText& text, const ChannelTotals& totals) {
  constexpr std::array<std::string_view, attempt_kinds> kinds = {"transparent", "retry", "hedge"};
  text.begin(
      {.name = "ringrpc_client_retries",
       .help = "Further attempts of calls, by their reason: transparent because the server had not begun to "
               "serve the request, or by the retry policy or the hedging policy (gRFC A6).",
       .type = MetricType::counter});
  for (const auto& [target, counts] : totals.counts())
    for (std::size_t kind = 0; kind < kinds.size(); ++kind)
      text.sample(with_label(target, "kind", kinds[kind]), counts.further_attempts[kind]);
  write_targets(text, totals,
                {.name = "ringrpc_client_retries_throttled",
                 .help = "Further attempts of calls that retryThrottling has prevented.",
                 .type = MetricType::counter},
                &ChannelCounts::throttled);
}

}  // namespace

ChannelTotals::ChannelTotals(std::size_t methods_expected) {
  constexpr std::size_t begun_meanwhile = 64;
  methods_.reserve(methods_expected + begun_meanwhile);
  index_.reserve(methods_expected + begun_meanwhile);
}

CallMetrics& ChannelTotals::of(std::string_view labels) {
  const auto [place, added] = index_.try_emplace(labels, methods_.size());
  if (added) methods_.push_back({.labels = labels, .calls = {}});
  return methods_[place->second].calls;
}

bool ChannelTotals::add_some(const ChannelMetrics& part, Slices* slice) {
  const Shard* const here = Shard::current();
  if (next_method_ == 0) counts_[part.target().label()].add(part.counts, here ? here->now() : Instant());
  for (const auto& methods = part.methods(); next_method_ < methods.size();) {
    const ChannelMetrics::Method& method = methods[next_method_++];
    if (method.calls.started() > 0) of(method.labels).add(method.calls);
    if (slice && slice->over()) return false;
  }
  next_method_ = 0;
  return true;
}

Task<> ChannelTotals::free(Slices& slices) {
  index_.clear();
  for (; !methods_.empty(); methods_.pop_back())
    if (slices.over()) co_await slices.next();
}

Task<Status> visit_channels(std::move_only_function<bool(const ChannelMetrics&, Slices*)> visit) {
  return journey(
      [visit = std::move(visit), left = TargetMetrics::parts().all](Shard* here, NextStop& next) mutable {
        std::optional<Slices> slice;
        if (here) slice.emplace(*here);
        while (!left.empty()) {
          const ChannelMetrics& part = *left.back();
          std::unique_lock lock(TargetMetrics::mutex());
          Shard* const owner = TargetMetrics::owner_of(part);
          if (owner && owner != here) return next.go_to(*owner);
          if (owner) lock.unlock();  // no other thread can change that
          if (!visit(part, slice ? &*slice : nullptr)) return next.go_to(*here);
          left.pop_back();
        }
        return Leg::last;
      });
}

Task<Result<std::shared_ptr<ChannelTotals>>> read_channels() {
  const auto totals = std::make_shared<ChannelTotals>(TargetMetrics::parts().methods);
  Status status = co_await visit_channels(
      [totals](const ChannelMetrics& part, Slices* slice) { return totals->add_some(part, slice); });
  if (!status.ok()) co_return std::unexpected(std::move(status));
  co_return totals;
}

Task<> write_channels(MetricsText& text, const ChannelTotals& totals, Slices& slices) {
  if (totals.counts().empty()) co_return;
  CallText calls(text, CallSide::client, totals.methods());
  while (calls.write_next())
    if (slices.over()) co_await slices.next();
  write_targets(text, totals,
                {.name = "ringrpc_client_connections",
                 .help = "Connections of channels that are open.",
                 .type = MetricType::gauge},
                &ChannelCounts::open);
  if (slices.over()) co_await slices.next();
  write_connects(text, totals);
  if (slices.over()) co_await slices.next();
  write_queues(text, totals);
  if (slices.over()) co_await slices.next();
  write_retries(text, totals);
  if (slices.over()) co_await slices.next();
  write_certificates(text, "ringrpc_client_tls_certificate_not_after_timestamp_seconds",
                     "Time, since 1970, when a certificate that channels depend on expires.",
                     client_certificates());
}

Task<Result<std::string>> channel_metrics_text(MetricsFormat format) {
  Shard* const here = Shard::current();
  if (!here)
    co_return fail(Code::FAILED_PRECONDITION, "metrics are read on a shard: in a handler, or under block_on");
  Result<std::shared_ptr<ChannelTotals>> totals = co_await read_channels();
  if (!totals) co_return std::unexpected(std::move(totals).error());
  Result<ProcessMetrics> process = co_await ShardWorker::of(*here).run(&read_process_metrics);
  if (!process) co_return std::unexpected(std::move(process).error());
  MetricsText text(format);
  Slices slices(*here);
  co_await write_channels(text, **totals, slices);
  write_worker_pools(text);
  write_telemetry(text);
  write_build(text, RINGRPC_VERSION);
  write_process(text, *process);
  co_await (*totals)->free(slices);
  co_return std::move(text).finish();
}

}  // namespace ringrpc
