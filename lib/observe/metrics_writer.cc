#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "ringrpc/metrics.h"

#include "observe/metrics_text.h"

namespace ringrpc {
namespace {

bool is_name(std::string_view name) noexcept {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto any = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && letter(name.front()) && std::ranges::all_of(name, any);
}

bool is_of_library(std::string_view name) noexcept {
  return name.starts_with("grpc_") || name.starts_with("ringrpc_") || name.starts_with("process_");
}

/// The suffixes that the formats give to samples.
bool has_suffix(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 6> suffixes = {"_total", "_info",   "_created",
                                                        "_count", "_bucket", "_sum"};
  return std::ranges::any_of(suffixes, [&](std::string_view suffix) { return name.ends_with(suffix); });
}

/// Empty if a family may have this name.
std::string_view fault_of(std::string_view name, std::string_view help) noexcept {
  if (!is_name(name)) return "the name must have letters, digits and '_'";
  if (is_of_library(name)) return "names with this beginning are the library's";
  if (has_suffix(name)) return "the name has a suffix that the formats reserve";
  if (help.find_first_of("\\\n\"") != help.npos) return "the help has a quote, a backslash or a line end";
  return {};
}

}  // namespace

std::string_view MetricsWriter::begin(std::string_view name, std::string_view help) {
  if (!status_.ok()) return {};
  std::string_view fault = fault_of(name, help);
  if (fault.empty()) {
    const auto [place, added] = begun_.emplace(name);
    if (added) return *place;
    fault = "another family has this name";
  }
  status_ = Status(Code::INTERNAL, "metric \"" + std::string(name) + "\": " + std::string(fault),
                   Initiator::application);
  return {};
}

void MetricsWriter::counter(std::string_view name, std::string_view help) {
  if (const std::string_view kept = begin(name, help); !kept.empty())
    text_.begin({.name = kept, .help = help, .type = MetricType::counter});
}

void MetricsWriter::gauge(std::string_view name, std::string_view help) {
  if (const std::string_view kept = begin(name, help); !kept.empty())
    text_.begin({.name = kept, .help = help, .type = MetricType::gauge});
}

void MetricsWriter::sample(Labels labels, double value) {
  if (begun_.empty() || !status_.ok()) return;
  std::string text;
  for (const auto& [name, label_value] : labels) {
    if (!is_name(name) || name.starts_with("__")) {
      status_ = Status(Code::INTERNAL, "label \"" + std::string(name) + "\" of a metric has an invalid name",
                       Initiator::application);
      return;
    }
    text.append(text.empty() ? "" : ",").append(label(name, label_value));
  }
  text_.number(text, value);
}

}  // namespace ringrpc
