#include "services/latency_figure.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string_view>
#include <utility>

namespace ringrpc {
namespace {

using Bucket = MethodSnapshot::Bucket;

constexpr double width = 420;
constexpr double height = 130;
constexpr double top = 8;
constexpr double bottom = 18;  // for the labels
constexpr double floor_y = height - bottom;

double y_of(double share) { return floor_y - share * (floor_y - top); }

std::string upper_text(const Bucket& bucket) {
  return bucket.upper == Nanoseconds::max() ? "longer" : "≤ " + latency_text(bucket.upper);
}

/// The buckets from the first to the last that has calls.
std::pair<std::size_t, std::size_t> filled(const std::vector<Bucket>& buckets) {
  std::size_t first = 0;
  std::size_t end = buckets.size();
  while (first < end && buckets[first].calls == 0) ++first;
  while (end > first && buckets[end - 1].calls == 0) --end;
  return {first, end};
}

void add_number(HtmlText& html, Markup attribute, double value) {
  html.add(attribute);
  html.text(fmt::format("{:.1f}", value));
  html.add("\"");
}

void add_bar(HtmlText& html, const Bucket& bucket, double from, double wide, double high) {
  const double y = y_of(high);
  html.add("<rect class=\"bar\"");
  add_number(html, " x=\"", from + 0.5);
  add_number(html, " y=\"", y);
  add_number(html, " width=\"", std::max(wide - 1, 0.5));
  add_number(html, " height=\"", floor_y - y);
  html.add("><title>");
  html.text(fmt::format("{}: {} {}", upper_text(bucket), grouped(bucket.calls),
                        bucket.calls == 1 ? "call" : "calls"));
  html.add("</title></rect>\n");
}

}  // namespace

std::string latency_text(Nanoseconds latency) {
  constexpr std::array<std::pair<double, std::string_view>, 4> units = {
      {{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}}};
  const auto value = static_cast<double>(latency.count());
  const auto unit = std::ranges::find_if(units, [&](const auto& each) { return value >= each.first; });
  if (unit == units.end()) return "0";
  return fmt::format("{:.3g} {}", value / unit->first, unit->second);
}

void add_latency_figure(HtmlText& html, const MethodSnapshot& method) {
  const auto [first, end] = filled(method.latency);
  if (first == end) return;
  std::uint64_t most = 0;
  for (std::size_t at = first; at < end; ++at) most = std::max(most, method.latency[at].calls);
  const double wide = width / static_cast<double>(end - first);

  html.add("<figure><figcaption>");
  html.text(method.method);
  html.add("</figcaption>\n<svg viewBox=\"0 0 420 130\" role=\"img\"><title>");
  html.text(fmt::format("p50 {}, p99 {}", latency_text(method.p50), latency_text(method.p99)));
  html.add("</title>\n<path class=\"axis\" d=\"M0 112H420\"/>\n");
  std::string curve = fmt::format("M0 {:.1f}", floor_y);
  std::uint64_t below = 0;
  for (std::size_t at = first; at < end; ++at) {
    const Bucket& bucket = method.latency[at];
    const double from = wide * static_cast<double>(at - first);
    add_bar(html, bucket, from, wide, static_cast<double>(bucket.calls) / static_cast<double>(most));
    below += bucket.calls;
    curve +=
        fmt::format("L{:.1f} {:.1f}", from + wide,
                    y_of(static_cast<double>(below) / static_cast<double>(std::max(method.handled, below))));
  }
  html.add("<path class=\"curve\" d=\"");
  html.text(curve);
  html.add("\"/>\n<text class=\"label\" x=\"0\" y=\"126\">");
  html.text(upper_text(method.latency[first]));
  html.add("</text><text class=\"label\" x=\"420\" y=\"126\" text-anchor=\"end\">");
  html.text(upper_text(method.latency[end - 1]));
  html.add("</text></svg></figure>\n");
}

}  // namespace ringrpc
