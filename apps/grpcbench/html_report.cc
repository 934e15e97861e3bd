#include "grpcbench/html_report.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/escape.h"
#include "grpcbench/chart.h"
#include "grpcbench/output.h"
#include "grpcbench/units.h"

namespace ringrpc::grpcbench {
namespace {

constexpr const char* head =
    R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>grpcbench</title>
<style>
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60666e; --line: #dfe3e8; --paper: #ffffff;
  --card: #f5f7f9; --s0: #1566c0; --s1: #c2500a; --s2: #1a7f4b; --warn: #8a5300; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #9aa2ab; --line: #343a41;
  --paper: #15181c; --card: #1f2429; --s0: #6cb1ff; --s1: #ff9a57; --s2: #5fd39b; --warn: #ffc36b; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1080px;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.35rem; margin: 0; overflow-wrap: anywhere; }
p { color: var(--soft); margin: .3rem 0 1.2rem; }
p.warning { color: var(--warn); margin: .3rem 0; }
.cards { display: flex; flex-wrap: wrap; gap: .7rem; margin: 1rem 0 1.5rem; }
.cards div { background: var(--card); border-radius: 8px; padding: .6rem .9rem; min-width: 7rem;
  color: var(--soft); }
.cards b { display: block; font-size: 1.3rem; color: var(--ink); }
.charts { display: grid; gap: 1.2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30em), 1fr)); }
figure { margin: 0; } figcaption { font-weight: 600; }
svg { width: 100%; height: auto; overflow: visible; }
.grid { stroke: var(--line); fill: none; } .label { fill: var(--soft); font-size: 12px; }
.series-0 { --c: var(--s0); } .series-1 { --c: var(--s1); } .series-2 { --c: var(--s2); }
.curve { stroke: var(--c); stroke-width: 2; fill: none; }
.charts .series-2 .curve { stroke-dasharray: 5 4; }
.point { fill: transparent; } .point:hover, .lone { fill: var(--c); }
.bar { fill: var(--s0); } .key { font-weight: 400; color: var(--c); margin-left: .6rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1.5rem 0; font-size: .93rem; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
th, td { text-align: right; padding: .25rem .45rem; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; } th:first-child, td:first-child, .text { text-align: left; }
td.text { white-space: normal; overflow-wrap: anywhere; }
th:first-child, td:first-child { padding-left: 0; }
</style></head><body>
)";

std::string count_text(double count) { return grouped(static_cast<std::uint64_t>(std::llround(count))); }

/// Three significant digits, or all digits before the decimal point.
std::string rate_text(double rate) { return rate < 100 ? fmt::format("{:.3g}", rate) : count_text(rate); }

/// In the unit that fits, with `digits` significant digits, or all digits before the decimal point.
std::string time_text(double time_s, int digits) {
  const auto [value, unit] = in_unit(time_s);
  return value < 1000 ? fmt::format("{:.{}g} {}", value, digits, unit)
                      : fmt::format("{} {}", count_text(value), unit);
}

std::string seconds_text(double seconds) { return time_text(seconds, 4); }
std::string microseconds_text(double microseconds) { return time_text(microseconds / 1e6, 3); }

/// The text with a full stop, unless it ends with a punctuation mark.
std::string sentence(std::string text) {
  if (text.empty() || std::string_view(".?!").find(text.back()) == std::string_view::npos) text += '.';
  return text;
}

/// From slightly below the minimum to slightly above the maximum.
Scale latency_scale(const Histogram& latency) {
  return Scale::logarithmic(std::max(microseconds(latency.min()), 0.1) * 0.9,
                            std::max(microseconds(latency.max()), 0.2) * 1.1, microseconds_text);
}

Chart distribution(const Histogram& latency) {
  constexpr double bars = 70;
  const double least = std::log(std::max(microseconds(latency.min()), 0.1));
  const double step = std::max((std::log(std::max(microseconds(latency.max()), 0.2)) - least) / bars, 1e-3);
  std::map<std::int64_t, std::uint64_t> counts;  // by the number of the bar
  for (const Histogram::Bucket& bucket : latency.buckets())
    counts[static_cast<std::int64_t>((std::log(std::max(microseconds(bucket.least), 0.1)) - least) / step)] +=
        bucket.count;
  std::uint64_t most = 0;
  for (const auto& [bar, count] : counts) most = std::max(most, count);
  Chart chart("Latency distribution, calls", latency_scale(latency),
              Scale::linear(0, static_cast<double>(most), count_text, 1));
  for (const auto& [bar, count] : counts) {
    const double from = std::exp(least + step * static_cast<double>(bar));
    const double to = from * std::exp(step);
    chart.bars.push_back({from, to, static_cast<double>(count),
                          fmt::format("{} to {}: {}", microseconds_text(from), microseconds_text(to),
                                      counted(count, "call"))});
  }
  return chart;
}

Chart percentile_curve(const Histogram& latency) {
  // Up to the percentile that ten calls exceed.
  const double most = std::clamp(100 - 1000.0 / static_cast<double>(latency.count()), 50.0, 99.9999);
  Chart chart("Latency by percentile", Scale::percentile(most), latency_scale(latency));
  Chart::Curve curve{"latency", {}};
  constexpr int points = 120;
  for (int at = 0; at <= points; ++at) {
    const double percent = 100 - 100 * std::pow(1 - most / 100, static_cast<double>(at) / points);
    curve.points.emplace_back(percent, microseconds(latency.percentile(percent)));
  }
  chart.curves.push_back(std::move(curve));
  return chart;
}

using Spans = std::vector<Timeline::Span>;

/// A point for each span: `value` of it, at the middle of its time.
template <class F>
Chart::Curve over_time(std::string name, const Spans& spans, const F& value) {
  Chart::Curve curve{std::move(name), {}};
  for (const Timeline::Span& span : spans)
    curve.points.emplace_back(seconds(span.begin + span.end) / 2, value(span));
  return curve;
}

double highest(const Chart::Curve& curve) {
  double most = 0;
  for (const auto& [along, upward] : curve.points) most = std::max(most, upward.value_or(0));
  return most;
}

Chart throughput(const Spans& spans) {
  const auto rate = [](const Timeline::Span& span, std::uint64_t calls) {
    return static_cast<double>(calls) / seconds(span.end - span.begin);
  };
  Chart::Curve succeeded = over_time(
      "succeeded", spans, [&](const Timeline::Span& span) { return rate(span, span.calls.succeeded); });
  Chart::Curve failed =
      over_time("failed", spans, [&](const Timeline::Span& span) { return rate(span, span.calls.failed); });
  const double most = std::max(highest(succeeded), highest(failed));
  Chart chart("Calls per second over time", Scale::linear(0, seconds(spans.back().end), seconds_text),
              Scale::linear(0, most * 1.05, rate_text));
  const bool any_failed = highest(failed) > 0;
  chart.curves.push_back(std::move(succeeded));
  if (any_failed) chart.curves.push_back(std::move(failed));
  return chart;
}

/// With fewer calls in a span its 99th percentile is its maximum, or nearly always.
constexpr std::uint64_t span_calls_min = 150;

Chart latency_over_time(const Spans& spans, const Histogram& latency) {
  Chart chart("Latency over time", Scale::linear(0, seconds(spans.back().end), seconds_text),
              latency_scale(latency));
  for (const auto& [name, percent] :
       {std::pair("p50", 50.0), std::pair("p99", 99.0), std::pair("max", 100.0)}) {
    chart.curves.push_back(
        over_time(name, spans, [rank = percent](const Timeline::Span& span) -> std::optional<double> {
          if (span.calls.latency.count() == 0) return std::nullopt;
          return microseconds(span.calls.latency.percentile(rank));
        }));
  }
  return chart;
}

Chart message_rate(const Spans& spans) {
  Chart::Curve received = over_time("received", spans, [](const Timeline::Span& span) {
    return static_cast<double>(span.calls.messages) / seconds(span.end - span.begin);
  });
  Chart chart("Messages per second over time", Scale::linear(0, seconds(spans.back().end), seconds_text),
              Scale::linear(0, highest(received) * 1.05, rate_text));
  chart.curves.push_back(std::move(received));
  return chart;
}

/// The charts for which there is data: latencies if calls have one, curves over time if there are two points.
std::string charts(const Results& results) {
  const Row& all = results.all;
  const Histogram& latency = all.tally.latency;
  const Nanoseconds duration(std::llround(all.duration_s * 1e9));
  const Spans spans = results.timeline.spans(duration);
  const bool lasted = spans.size() > 1 && all.tally.total() > 0;
  const bool streamed = spans.size() > 1 && results.streams && all.tally.traffic.messages_received > 0;
  std::string html;
  if (latency.count() > 0) html += distribution(latency).svg() + percentile_curve(latency).svg();
  if (streamed) html += message_rate(spans).svg();
  if (lasted) html += throughput(spans).svg();
  if (lasted && latency.count() > 0)
    html += latency_over_time(results.timeline.spans(duration, span_calls_min), latency).svg();
  return html.empty() ? html : "<div class=\"charts\">\n" + html + "</div>\n";
}

std::string card(const std::string& value, std::string_view name) {
  return fmt::format("<div><b>{}</b>{}</div>\n", html_escaped(value), html_escaped(name));
}

/// Of a method with streams, messages.
std::string message_cards(const Row& row) {
  return card(rate_text(row.messages_received_per_second()), "messages per second") +
         card(grouped(row.tally.traffic.messages_received), "messages received") +
         card(grouped(row.tally.traffic.messages_sent), "messages sent") +
         card(grouped(row.tally.open), "open streams");
}

std::string cards(const Row& row, bool streams) {
  const Histogram& latency = row.tally.latency;
  const auto time = [&](Nanoseconds value) {
    return latency.count() == 0 ? "-" : microseconds_text(microseconds(value));
  };
  return "<div class=\"cards\">\n" + (streams ? message_cards(row) : "") +
         card(rate_text(row.calls_per_second()), "calls per second") +
         card(grouped(row.tally.total()), streams ? "calls ended" : "calls") +
         card(success_rate_text(row.tally), "succeeded") + card(time(latency.percentile(50)), "p50") +
         card(time(latency.percentile(99)), "p99") + card(time(latency.max()), "max") +
         card(seconds_text(row.duration_s), "duration") + "</div>\n";
}

std::string table_row(const Row& row, bool streams) {
  std::string html = fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td>", html_escaped(row.name),
                                 grouped(row.tally.succeeded()), grouped(row.tally.failed()),
                                 rate_text(row.calls_per_second()));
  if (streams)
    html += fmt::format("<td>{}</td><td>{}</td><td>{}</td>", grouped(row.tally.open),
                        grouped(row.tally.traffic.messages_received),
                        rate_text(row.messages_received_per_second()));
  for (const auto& [name, value] : row.latency_us())
    html += fmt::format("<td>{}</td>", row.tally.latency.count() == 0 ? "-" : microseconds_text(value));
  return html + "</tr>\n";
}

std::string figures(const Results& results) {
  std::string html =
      "<div class=\"wide\"><table><tr><th>method</th><th>succeeded</th><th>failed</th><th>calls/s</th>";
  if (results.streams) html += "<th>open</th><th>messages</th><th>messages/s</th>";
  for (const auto& [name, value] : results.all.latency_us()) html += fmt::format("<th>{}</th>", name);
  html += "</tr>\n" + table_row(results.all, results.streams);
  for (const Row& row : results.services) html += table_row(row, results.streams);
  return html + "</table></div>\n";
}

/// Nothing if all calls went to one address.
std::string backends(const Results& results) {
  if (results.backends.empty()) return {};
  std::string html =
      "<div class=\"wide\"><table><tr><th>backend</th><th>succeeded</th><th>failed</th><th>calls/s</th>"
      "<th>p50</th><th>p99</th>";
  html += results.streams ? "<th>open</th><th>messages</th><th>messages/s</th></tr>\n" : "</tr>\n";
  for (const BackendRow& row : results.backends) {
    html +=
        fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
                    html_escaped(escape_controls(row.address)), grouped(row.succeeded), grouped(row.failed),
                    rate_text(row.calls_per_second), row.timed ? microseconds_text(row.p50_us) : "-",
                    row.timed ? microseconds_text(row.p99_us) : "-");
    if (results.streams)
      html += fmt::format("<td>{}</td><td>{}</td><td>{}</td>", grouped(row.open), grouped(row.messages),
                          rate_text(row.messages_per_second));
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string errors(const Row& row) {
  if (row.tally.failed() == 0) return "<p>No call failed.</p>\n";
  std::string html =
      "<div class=\"wide\"><table><tr><th>error</th><th>calls</th><th class=\"text\">first "
      "message</th></tr>\n";
  for (const ErrorCount& error : row.errors())
    html += fmt::format("<tr><td>{}</td><td>{}</td><td class=\"text\">{}</td></tr>\n", error.code,
                        grouped(error.count), html_escaped(escape_controls(error.first_message)));
  return html + "</table></div>\n";
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return {text, size};
}

}  // namespace

std::string html_report(const Results& results) {
  const Row& all = results.all;
  std::string html = head;
  html += fmt::format("<h1>{}</h1>\n<p>on {}; {}; {}{}</p>\n", html_escaped(all.name),
                      html_escaped(results.server), html_escaped(results.load), now_text(),
                      results.interrupted ? "; interrupted" : "");
  if (!results.ended_early.empty())
    html += fmt::format("<p class=\"warning\">Ended early: {}</p>\n",
                        html_escaped(sentence(results.ended_early)));
  for (const std::string& warning : results.warnings)
    html += fmt::format("<p class=\"warning\">Warning: {}</p>\n", html_escaped(sentence(warning)));
  html += cards(all, results.streams) + charts(results) + figures(results) + backends(results) + errors(all);
  html += fmt::format(
      "<p>The generator used {:.2f} s of processor time, {:.2f} µs per call; its busiest thread ran {:.0f} % "
      "of the time.</p>\n</body></html>\n",
      results.cpu_s, results.cpu_us_per_call, results.busiest_thread * 100);
  return html;
}

}  // namespace ringrpc::grpcbench
