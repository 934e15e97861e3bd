/// Writes metrics as text, in either of Prometheus's formats.
///
///   MetricsText text(MetricsFormat::openmetrics);
///   text.begin({.name = "ringrpc_connections", .help = "Open connections.", .type = MetricType::gauge});
///   text.sample(label("transport", "tcp"), 3);
///   std::string body = std::move(text).finish();
///
/// The formats differ in the names of counters, in units, in the spelling of bounds and in the last line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ringrpc/clock.h"
#include "ringrpc/metrics.h"

#include "observe/exemplar.h"
#include "observe/histogram.h"

namespace ringrpc {

enum class MetricType : std::uint8_t { counter, gauge, histogram, info };

/// Metrics of one name, which must stay valid until the next family begins. `name` is without "_total" and
/// "_info", which the writer adds, and ends in "_" and the unit if there is one. `help` is one line.
struct MetricFamily {
  std::string_view name;
  std::string_view help;
  MetricType type;
  std::string_view unit = {};
};

/// `name="value"`, with the value escaped. `name` is a label name; several labels are joined by commas.
std::string label(std::string_view name, std::string_view value);

class MetricsText {
 public:
  explicit MetricsText(MetricsFormat format) noexcept : format_(format) {}

  /// Begins a family, whose samples follow. Each family must begin once.
  void begin(const MetricFamily& family);

  // Samples of the family last begun. `labels` is empty or comes from `label`; those of two samples differ.
  void sample(std::string_view labels, std::uint64_t value);
  void sample(std::string_view labels, Nanoseconds seconds);
  void number(std::string_view labels, double value);
  /// `exemplars` may be null. Only OpenMetrics has them.
  void histogram(std::string_view labels, const LatencyHistogram& values,
                 const LatencyExemplars* exemplars = nullptr);
  void histogram(std::string_view labels, const SizeHistogram& values);

  /// Avoids that a long text is copied while it grows.
  void reserve(std::size_t bytes) { text_.reserve(bytes); }

  /// The whole text.
  std::string finish() &&;

 private:
  template <const auto& bounds>
  void write_histogram(std::string_view labels, const Histogram<bounds>& values,
                       const LatencyExemplars* exemplars = nullptr);
  void write_exemplar(const Exemplar& exemplar);
  void write_name(std::string_view suffix, std::string_view labels);
  void write_comment(std::string_view keyword, std::string_view text);
  void write_bound(std::string_view bound);
  void write(std::uint64_t value);
  void write_seconds(std::uint64_t nanoseconds);

  MetricsFormat format_;
  MetricFamily family_{};
  std::string text_;
};

}  // namespace ringrpc
