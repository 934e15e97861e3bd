/// The metrics of gRFC A66 (https://github.com/grpc/proposal/blob/master/A66-otel-stats.md) as OTLP.
///
///   MetricRequests requests(resource, {.start_ns = started, .now_ns = now});
///   requests.add_servers(*servers);
///   requests.add_channels(*channels);
///   for (const MetricRequests::Request& request : std::move(requests).finish()) ...
///
/// A request has at most `points_max` data points and some, because collectors refuse
/// messages of more than 4 MiB.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "rpc/metrics/call_series.h"
#include "telemetry/otlp.pb.h"

namespace ringrpc::telemetry {

/// Nanoseconds since 1970: the beginning of all counts, and their reading.
struct MetricTimes {
  std::uint64_t start_ns;
  std::uint64_t now_ns;
};

class MetricRequests {
 public:
  static constexpr std::size_t points_max = 1'000;

  struct Request {
    otlp::v1::ExportMetricsRequest message;
    std::uint64_t points = 0;
  };

  MetricRequests(const otlp::v1::Resource& resource, const MetricTimes& times)
      : resource_(resource), times_(times) {}

  void add_servers(const CallSeriesTable& table);
  void add_channels(const CallSeriesTable& table);

  /// Those with data points.
  std::vector<Request> finish() &&;

  /// A metric of gRFC A66.
  enum class Instrument : std::uint8_t {
    server_started,
    server_sent,
    server_received,
    server_duration,
    attempt_started,
    attempt_sent,
    attempt_received,
    attempt_duration,
    call_duration,
  };
  static constexpr std::size_t instruments = 9;

 private:
  struct Labels {
    std::string_view method;
    std::string_view target;  ///< empty for servers
    std::string_view status;  ///< empty for calls that have begun
  };
  /// The instruments of one side, by what they measure.
  struct Measures {
    Instrument started;
    Instrument sent;
    Instrument received;
    Instrument duration;
  };

  Request& request();
  otlp::v1::Metric& metric(Instrument instrument);
  template <class Point>
  void describe(Point& point, const Labels& labels) const;
  void add_calls(const CallMetrics& calls, const Measures& measures, const Labels& labels);
  void add_started(Instrument instrument, const Labels& labels, std::uint64_t started);
  /// With exemplars.
  void add_durations(Instrument instrument, const Labels& labels, const CallHistograms& histograms);
  template <class Values>
  otlp::v1::HistogramPoint& add_histogram(Instrument instrument, const Labels& labels, const Values& values);

  const otlp::v1::Resource& resource_;
  const MetricTimes times_;
  std::vector<Request> requests_;
  std::array<otlp::v1::Metric*, instruments> metrics_{};  // of the last request; null before they have points
};

}  // namespace ringrpc::telemetry
