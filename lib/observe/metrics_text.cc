#include "observe/metrics_text.h"

#include <cassert>
#include <charconv>
#include <cmath>
#include <utility>

namespace ringrpc {
namespace {

constexpr std::string_view name(MetricType type, MetricsFormat format) noexcept {
  switch (type) {
    case MetricType::counter:
      return "counter";
    case MetricType::gauge:
      return "gauge";
    case MetricType::histogram:
      return "histogram";
    case MetricType::info:
      return format == MetricsFormat::openmetrics ? "info" : "gauge";
  }
  return {};
}

/// The suffix of a family whose samples all have the same one.
constexpr std::string_view suffix(MetricType type) noexcept {
  if (type == MetricType::counter) return "_total";
  return type == MetricType::info ? "_info" : "";
}

}  // namespace

std::string label(std::string_view name, std::string_view value) {
  std::string text(name);
  text += "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
  return text += '"';
}

void MetricsText::begin(const MetricFamily& family) {
  assert(family.help.find_first_of("\\\n\"") == family.help.npos);
  assert(family.unit.empty() || family.name.ends_with(family.unit));
  assert(!text_.contains("# HELP " + std::string(family.name) + " "));
  family_ = family;
  write_comment("HELP", family.help);
  write_comment("TYPE", name(family.type, format_));
  if (format_ == MetricsFormat::openmetrics && !family.unit.empty()) write_comment("UNIT", family.unit);
}

/// OpenMetrics names a family without the suffix of its samples.
void MetricsText::write_comment(std::string_view keyword, std::string_view text) {
  text_.append("# ").append(keyword).append(" ").append(family_.name);
  if (format_ == MetricsFormat::prometheus) text_ += suffix(family_.type);
  text_.append(" ").append(text) += '\n';
}

void MetricsText::write_name(std::string_view suffix, std::string_view labels) {
  text_.append(family_.name).append(suffix);
  if (!labels.empty()) text_.append("{").append(labels) += '}';
  text_ += ' ';
}

void MetricsText::sample(std::string_view labels, std::uint64_t value) {
  write_name(suffix(family_.type), labels);
  write(value);
  text_ += '\n';
}

void MetricsText::sample(std::string_view labels, Nanoseconds seconds) {
  write_name(suffix(family_.type), labels);
  write_seconds(static_cast<std::uint64_t>(seconds.count()));
  text_ += '\n';
}

/// The shortest digits that mean this number.
void MetricsText::number(std::string_view labels, double value) {
  write_name(suffix(family_.type), labels);
  if (std::isfinite(value)) {
    char digits[32];
    text_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  } else {
    text_ += std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  }
  text_ += '\n';
}

void MetricsText::histogram(std::string_view labels, const LatencyHistogram& values,
                            const LatencyExemplars* exemplars) {
  write_histogram(labels, values, format_ == MetricsFormat::openmetrics ? exemplars : nullptr);
  write_name("_sum", labels);
  write_seconds(values.sum());
  text_ += '\n';
}

void MetricsText::histogram(std::string_view labels, const SizeHistogram& values) {
  write_histogram(labels, values);
  write_name("_sum", labels);
  write(values.sum());
  text_ += '\n';
}

template <const auto& bounds>
void MetricsText::write_histogram(std::string_view labels, const Histogram<bounds>& values,
                                  const LatencyExemplars* exemplars) {
  std::uint64_t below = 0;
  for (std::size_t bucket = 0; bucket < values.bucket_count; ++bucket) {
    below += values.count(bucket);
    text_.append(family_.name).append("_bucket{").append(labels).append(labels.empty() ? "le=\"" : ",le=\"");
    write_bound(bucket < bounds.size() ? bounds[bucket].text : "+Inf");
    text_ += "\"} ";
    write(below);
    if (exemplars && exemplars->buckets[bucket]) write_exemplar(exemplars->buckets[bucket]);
    text_ += '\n';
  }
  write_name("_count", labels);
  write(below);
  text_ += '\n';
}

/// The labels have 63 characters; OpenMetrics allows 128.
void MetricsText::write_exemplar(const Exemplar& exemplar) {
  text_.append(" # {trace_id=\"").append(to_hex(exemplar.trace_id));
  text_.append("\",span_id=\"").append(to_hex(exemplar.span_id)).append("\"} ");
  write_seconds(exemplar.value);
  text_ += ' ';
  write_seconds(exemplar.time_ms * 1'000'000);
}

/// In OpenMetrics a float has a point or an exponent.
void MetricsText::write_bound(std::string_view bound) {
  text_ += bound;
  if (format_ == MetricsFormat::openmetrics && bound.find_first_of(".eI") == bound.npos) text_ += ".0";
}

void MetricsText::write(std::uint64_t value) {
  char digits[20];
  text_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

/// All digits, because a double has too few for a sum of years.
void MetricsText::write_seconds(std::uint64_t nanoseconds) {
  constexpr std::uint64_t second = 1'000'000'000;
  write(nanoseconds / second);
  char digits[10];
  std::to_chars(digits, digits + sizeof digits, second + nanoseconds % second);  // 1 and nine digits
  digits[0] = '.';
  text_.append(digits, sizeof digits);
}

std::string MetricsText::finish() && {
  if (format_ == MetricsFormat::openmetrics) text_ += "# EOF\n";
  return std::move(text_);
}

}  // namespace ringrpc
