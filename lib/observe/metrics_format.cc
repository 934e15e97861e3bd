#include <algorithm>
#include <optional>

#include "ringrpc/metrics.h"

namespace ringrpc {
namespace {

/// Thousandths: a weight has at most three decimals (RFC 9110, 12.4.2).
constexpr unsigned full_weight = 1000;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool equals(std::string_view text, std::string_view lowercase) noexcept {
  return std::ranges::equal(text, lowercase, {}, lower);
}

std::string_view trim(std::string_view text) noexcept {
  const auto space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

/// Removes the text up to `separator` from the front of `list`, and the separator. Returns the text.
std::string_view take_until(std::string_view& list, char separator) noexcept {
  const std::size_t end = std::min(list.find(separator), list.size());
  const std::string_view taken = trim(list.substr(0, end));
  list.remove_prefix(std::min(end + 1, list.size()));
  return taken;
}

/// "0.75" is 750. None if it is malformed.
std::optional<unsigned> parse_weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  unsigned weight = text[0] == '1' ? full_weight : 0;
  unsigned place = full_weight / 10;
  for (const char digit : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (digit < '0' || digit > '9') return std::nullopt;
    weight += static_cast<unsigned>(digit - '0') * place;
    place /= 10;
  }
  return weight <= full_weight ? std::optional(weight) : std::nullopt;
}

struct MediaRange {
  std::string_view type;
  std::string_view version = {};
  unsigned weight = full_weight;
};

/// A range with a malformed weight has none.
MediaRange parse_range(std::string_view text) noexcept {
  MediaRange range{.type = take_until(text, ';')};
  while (!text.empty()) {
    std::string_view parameter = take_until(text, ';');
    const std::string_view name = take_until(parameter, '=');
    if (equals(name, "version")) range.version = trim(parameter);
    if (equals(name, "q")) range.weight = parse_weight(trim(parameter)).value_or(0);
  }
  return range;
}

}  // namespace

MetricsFormat metrics_format(std::string_view accept) noexcept {
  unsigned openmetrics = 0;
  unsigned text = 0;
  while (!accept.empty()) {
    const MediaRange range = parse_range(take_until(accept, ','));
    const bool our_version =
        range.version.empty() || range.version == "1.0.0" || range.version == "\"1.0.0\"";
    if (equals(range.type, "application/openmetrics-text") && our_version)
      openmetrics = std::max(openmetrics, range.weight);
    if (equals(range.type, "text/plain")) text = std::max(text, range.weight);
  }
  return openmetrics > 0 && openmetrics >= text ? MetricsFormat::openmetrics : MetricsFormat::prometheus;
}

std::string_view content_type(MetricsFormat format) noexcept {
  return format == MetricsFormat::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                              : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace ringrpc
