#include "telemetry/metric_requests.h"

#include <string>
#include <type_traits>
#include <utility>

#include "telemetry/resource.h"

namespace ringrpc::telemetry {
namespace {

namespace v1 = otlp::v1;

/// The texts of A66, which backends show.
struct InstrumentText {
  std::string_view name;
  std::string_view description;
  std::string_view unit;
};

constexpr std::array<InstrumentText, MetricRequests::instruments> texts{{
    {"grpc.server.call.started", "Number of server calls started.", "{call}"},
    {"grpc.server.call.sent_total_compressed_message_size", "Compressed message bytes sent per server call.",
     "By"},
    {"grpc.server.call.rcvd_total_compressed_message_size",
     "Compressed message bytes received per server call.", "By"},
    {"grpc.server.call.duration",
     "End-to-end time taken to complete a call from server transport's perspective.", "s"},
    {"grpc.client.attempt.started", "Number of client call attempts started.", "{attempt}"},
    {"grpc.client.attempt.sent_total_compressed_message_size",
     "Compressed message bytes sent per client call attempt.", "By"},
    {"grpc.client.attempt.rcvd_total_compressed_message_size",
     "Compressed message bytes received per call attempt.", "By"},
    {"grpc.client.attempt.duration", "End-to-end time taken to complete a client call attempt.", "s"},
    {"grpc.client.call.duration", "Time taken by gRPC to complete an RPC from application's perspective.",
     "s"},
}};

template <class Values>
constexpr bool is_latency = std::is_same_v<Values, LatencyHistogram>;

/// In the unit that is published. The division gives the double that is nearest to the
/// decimal number of a bound.
double published(std::uint64_t value, bool latency) noexcept {
  return latency ? static_cast<double>(value) / 1e9 : static_cast<double>(value);
}

}  // namespace

void MetricRequests::add_servers(const CallSeriesTable& table) {
  constexpr Measures measures{.started = Instrument::server_started,
                              .sent = Instrument::server_sent,
                              .received = Instrument::server_received,
                              .duration = Instrument::server_duration};
  for (const auto& [target, methods] : table.targets())
    for (const auto& [method, series] : methods)
      add_calls(series.calls, measures, {.method = method, .target = {}, .status = {}});
}

void MetricRequests::add_channels(const CallSeriesTable& table) {
  constexpr Measures measures{.started = Instrument::attempt_started,
                              .sent = Instrument::attempt_sent,
                              .received = Instrument::attempt_received,
                              .duration = Instrument::attempt_duration};
  for (const auto& [target, methods] : table.targets())
    for (const auto& [method, series] : methods) {
      Labels labels{.method = method, .target = target, .status = {}};
      add_calls(series.attempts, measures, labels);
      for (std::size_t number = 0; number < CallMetrics::code_count; ++number) {
        const CallHistograms* const histograms = series.calls.histograms(static_cast<Code>(number));
        if (!histograms) continue;
        labels.status = name(static_cast<Code>(number));
        add_durations(Instrument::call_duration, labels, *histograms);
      }
    }
}

std::vector<MetricRequests::Request> MetricRequests::finish() && { return std::move(requests_); }

/// The one that has room for another data point.
MetricRequests::Request& MetricRequests::request() {
  if (!requests_.empty() && requests_.back().points < points_max) return requests_.back();
  Request& added = requests_.emplace_back();
  v1::ResourceMetrics& process = *added.message.add_resource_metrics();
  *process.mutable_resource() = resource_;
  *process.add_scope_metrics()->mutable_scope() = scope();
  metrics_ = {};
  return added;
}

v1::Metric& MetricRequests::metric(Instrument instrument) {
  Request& into = request();
  ++into.points;
  const auto index = static_cast<std::size_t>(instrument);
  if (!metrics_[index]) {
    v1::Metric& added = *into.message.mutable_resource_metrics(0)->mutable_scope_metrics(0)->add_metrics();
    const InstrumentText& text = texts[index];
    added.set_name(std::string(text.name));
    added.set_description(std::string(text.description));
    added.set_unit(std::string(text.unit));
    metrics_[index] = &added;
  }
  return *metrics_[index];
}

template <class Point>
void MetricRequests::describe(Point& point, const Labels& labels) const {
  point.set_start_time_unix_nano(times_.start_ns);
  point.set_time_unix_nano(times_.now_ns);
  set(*point.add_attributes(), "grpc.method", labels.method);
  if (!labels.target.empty()) set(*point.add_attributes(), "grpc.target", labels.target);
  if (!labels.status.empty()) set(*point.add_attributes(), "grpc.status", labels.status);
}

void MetricRequests::add_calls(const CallMetrics& calls, const Measures& measures, const Labels& labels) {
  if (calls.started() == 0) return;
  add_started(measures.started, labels, calls.started());
  Labels ended = labels;
  for (std::size_t number = 0; number < CallMetrics::code_count; ++number) {
    const CallHistograms* const histograms = calls.histograms(static_cast<Code>(number));
    if (!histograms) continue;
    ended.status = name(static_cast<Code>(number));
    add_histogram(measures.sent, ended, histograms->sent_bytes);
    add_histogram(measures.received, ended, histograms->received_bytes);
    add_durations(measures.duration, ended, *histograms);
  }
}

void MetricRequests::add_started(Instrument instrument, const Labels& labels, std::uint64_t started) {
  v1::Sum& sum = *metric(instrument).mutable_sum();
  sum.set_is_monotonic(true);
  sum.set_aggregation_temporality(v1::TEMPORALITY_CUMULATIVE);
  v1::NumberPoint& point = *sum.add_data_points();
  describe(point, labels);
  point.set_as_int(static_cast<std::int64_t>(started));
}

void MetricRequests::add_durations(Instrument instrument, const Labels& labels,
                                   const CallHistograms& histograms) {
  v1::HistogramPoint& point = add_histogram(instrument, labels, histograms.duration);
  if (!histograms.exemplars) return;
  for (const Exemplar& latest : histograms.exemplars->buckets) {
    if (!latest) continue;
    v1::Exemplar& to = *point.add_exemplars();
    to.set_time_unix_nano(latest.time_ms * 1'000'000);
    to.set_as_double(published(latest.value, true));
    to.set_trace_id(latest.trace_id.data(), latest.trace_id.size());
    to.set_span_id(latest.span_id.data(), latest.span_id.size());
  }
}

template <class Values>
v1::HistogramPoint& MetricRequests::add_histogram(Instrument instrument, const Labels& labels,
                                                  const Values& values) {
  v1::Histogram& histogram = *metric(instrument).mutable_histogram();
  histogram.set_aggregation_temporality(v1::TEMPORALITY_CUMULATIVE);
  v1::HistogramPoint& point = *histogram.add_data_points();
  describe(point, labels);
  point.set_count(values.count());
  point.set_sum(published(values.sum(), is_latency<Values>));
  for (std::size_t bucket = 0; bucket < Values::bucket_count; ++bucket) {
    point.add_bucket_counts(values.count(bucket));
    if (bucket + 1 < Values::bucket_count)
      point.add_explicit_bounds(published(Values::upper_bound(bucket), is_latency<Values>));
  }
  return point;
}

}  // namespace ringrpc::telemetry
