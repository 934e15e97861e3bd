#include "services/status_html.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <fmt/format.h>
#include <ranges>

#include "services/call_wait.h"
#include "services/html_text.h"
#include "services/latency_figure.h"
#include "services/status_style.h"

namespace ringrpc {
namespace {

using std::chrono::system_clock;
using Seconds = std::chrono::duration<double>;

std::string time_text(system_clock::time_point time) {
  const std::time_t seconds = system_clock::to_time_t(time);
  std::tm parts{};
  std::array<char, 32> text{};
  if (gmtime_r(&seconds, &parts)) std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return text.data();
}

/// "350 ms", "12.3 s", "3 min 20 s", "5 h 12 min", "12 d 5 h".
std::string age_text(Nanoseconds age) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(age).count();
  if (seconds < 1) return fmt::format("{} ms", std::chrono::floor<std::chrono::milliseconds>(age).count());
  if (seconds < 60) return fmt::format("{:.1f} s", Seconds(age).count());
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds % 86400 / 3600);
}

std::string yes_or_no(bool yes) { return yes ? "yes" : "no"; }

void add_card(HtmlText& html, std::string_view value, Markup name) {
  html.add("<div><b>");
  html.text(value);
  html.add("</b>");
  html.add(name);
  html.add("</div>\n");
}

void add_paragraph(HtmlText& html, std::string_view text) {
  html.add("<p>");
  html.text(text);
  html.add("</p>\n");
}

std::uint64_t sum(const std::vector<ShardSnapshot>& shards, std::uint64_t ShardSnapshot::* value) {
  std::uint64_t all = 0;
  for (const ShardSnapshot& shard : shards) all += shard.*value;
  return all;
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all.append(all.empty() ? "" : ", ").append(word);
  return all;
}

void add_summary(HtmlText& html, const StatusFacts& facts) {
  html.add("<section id=\"summary\">\n<p>");
  html.add(facts.draining ? Markup("<b class=\"bad\">Draining</b>")
                          : Markup("<b class=\"good\">Serving</b>"));
  html.text(fmt::format(" on {}, up {} since {} UTC; {}, ringrpc {}. State of {} UTC.",
                        joined(facts.addresses), age_text(facts.now - facts.started),
                        time_text(facts.started), facts.io_backend, facts.library, time_text(facts.now)));
  html.add("</p>\n<div class=\"cards\">\n");
  add_card(html, grouped(facts.connections.open), "connections");
  add_card(html, grouped(facts.calls.in_flight), "calls in flight");
  add_card(html, grouped(sum(facts.shards, &ShardSnapshot::calls_started)), "calls begun");
  add_card(html, grouped(sum(facts.shards, &ShardSnapshot::calls_failed)), "calls failed");
  add_card(html, grouped(sum(facts.shards, &ShardSnapshot::buffered_bytes)), "bytes buffered");
  html.add("</div>\n</section>\n");
}

void add_shards(HtmlText& html, const StatusFacts& facts) {
  html.add("<section id=\"shards\"><h2>Shards</h2>\n");
  html.begin_table({{"shard"},
                    {"connections"},
                    {"calls begun"},
                    {"succeeded"},
                    {"failed"},
                    {"bytes buffered"},
                    {"turns"},
                    {"turn p50"},
                    {"turn p99"}});
  for (const ShardSnapshot& shard : facts.shards) {
    html.begin_row();
    for (const std::uint64_t value :
         {std::uint64_t{shard.index}, shard.connections_open, shard.calls_started, shard.calls_succeeded,
          shard.calls_failed, shard.buffered_bytes, shard.turns})
      html.cell(grouped(value));
    html.cell(facts.metrics ? latency_text(shard.turn_p50) : "-");
    html.cell(facts.metrics ? latency_text(shard.turn_p99) : "-");
  }
  html.end_table();
  html.add("</section>\n");
}

void add_connections(HtmlText& html, const std::vector<ConnectionSnapshot>& connections) {
  html.begin_table({{"peer", Align::left},
                    {"identity", Align::wrapped},
                    {"transport", Align::left},
                    {"TLS", Align::left},
                    {"age"},
                    {"calls"},
                    {"draining", Align::left},
                    {"shard"}});
  for (const ConnectionSnapshot& connection : connections) {
    html.begin_row();
    html.cell(connection.peer);
    html.cell(connection.identity);
    html.cell(connection.transport);
    html.cell(yes_or_no(connection.tls));
    html.cell(age_text(connection.age));
    html.cell(grouped(connection.calls_in_flight));
    html.cell(yes_or_no(connection.draining));
    html.cell(grouped(connection.shard));
  }
  html.end_table();
}

void add_connections(HtmlText& html, const StatusFacts& facts) {
  const ConnectionsSnapshot& connections = facts.connections;
  html.add("<section id=\"connections\"><h2>Connections</h2>\n");
  std::string kinds;
  for (const auto& kind : connections.kinds)
    kinds += fmt::format("{} {} over {}{}", kinds.empty() ? ":" : ",", grouped(kind.open), kind.transport,
                         kind.tls ? " with TLS" : "");
  add_paragraph(html, fmt::format("{} open{}. Oldest first:", grouped(connections.open), kinds));
  add_connections(html, connections.oldest);
  if (!connections.newest.empty()) {
    const std::uint64_t listed = connections.oldest.size() + connections.newest.size();
    add_paragraph(html, fmt::format("{} are not listed. Newest first:",
                                    grouped(connections.open - std::min(listed, connections.open))));
    add_connections(html, connections.newest);
  }
  html.add("</section>\n");
}

void add_calls(HtmlText& html, const StatusFacts& facts) {
  html.add("<section id=\"calls\"><h2>Calls in flight</h2>\n");
  add_paragraph(html, fmt::format("{} in flight. The {} oldest:", grouped(facts.calls.in_flight),
                                  grouped(facts.calls.oldest.size())));
  html.begin_table({{"method", Align::left},
                    {"peer", Align::left},
                    {"age"},
                    {"deadline in"},
                    {"state", Align::left},
                    {"waits for", Align::wrapped},
                    {"shard"}});
  for (const CallSnapshot& call : facts.calls.oldest) {
    html.begin_row();
    html.cell(call.method);
    html.cell(call.peer);
    html.cell(age_text(call.age));
    html.cell(call.time_left ? age_text(std::max(*call.time_left, Nanoseconds::zero())) : "-");
    html.cell(name(call.state));
    html.cell(waits_for(call.state));
    html.cell(grouped(call.shard));
  }
  html.end_table();
  html.add("</section>\n");
}

void add_methods(HtmlText& html, const StatusFacts& facts) {
  html.add("<section id=\"methods\"><h2>Latency by method</h2>\n");
  add_paragraph(
      html, facts.metrics
                ? "Since the start, of calls that have ended; the methods that were called most. Bars are "
                  "calls by duration, the line is the share of calls that took no longer."
                : "Metrics are off (ServerOptions::metrics).");
  html.begin_table(
      {{"method", Align::left}, {"begun"}, {"in flight"}, {"failed"}, {"p50"}, {"p90"}, {"p99"}, {"p99.9"}});
  for (const MethodSnapshot& method : facts.methods) {
    html.begin_row();
    html.cell(method.method);
    html.cell(grouped(method.started));
    html.cell(grouped(method.started - std::min(method.handled, method.started)));
    html.cell(grouped(method.failed));
    for (const Nanoseconds value : {method.p50, method.p90, method.p99, method.p999})
      html.cell(method.handled > 0 ? latency_text(value) : "-");
  }
  html.end_table();
  html.add("<div class=\"curves\">\n");
  for (const MethodSnapshot& method : facts.methods)
    if (method.handled > 0) add_latency_figure(html, method);
  html.add("</div>\n</section>\n");
}

void add_failures(HtmlText& html, const StatusFacts& facts) {
  html.add("<section id=\"failures\"><h2>Errors lately</h2>\n");
  add_paragraph(html, facts.metrics ? "The last calls that failed, eight of each code; newest first."
                                    : "Metrics are off (ServerOptions::metrics).");
  html.begin_table({{"time, UTC", Align::left},
                    {"code", Align::left},
                    {"method", Align::left},
                    {"message", Align::wrapped},
                    {"peer", Align::left},
                    {"shard"}});
  for (const FailureSnapshot& failure : facts.failures) {
    html.begin_row();
    html.cell(time_text(failure.at));
    html.cell(name(failure.code));
    html.cell(failure.method);
    html.cell(failure.message);
    html.cell(failure.peer);
    html.cell(grouped(failure.shard));
  }
  html.end_table();
  html.add("</section>\n");
}

void add_certificates(HtmlText& html, const StatusFacts& facts) {
  html.add("<section id=\"certificates\">\n");
  if (!facts.certificates.empty()) {
    html.add("<h2>Certificates</h2>\n");
    html.begin_table({{"use", Align::left},
                      {"subject", Align::wrapped},
                      {"serial", Align::wrapped},
                      {"expires, UTC", Align::left},
                      {"days left"}});
    for (const CertificateSnapshot& certificate : facts.certificates) {
      html.begin_row();
      html.cell(name(certificate.use));
      html.cell(certificate.subject);
      html.cell(certificate.serial);
      html.cell(time_text(certificate.not_after));
      const auto left = std::chrono::floor<std::chrono::days>(certificate.not_after - facts.now);
      html.cell(left.count() < 0 ? "expired" : std::to_string(left.count()));
    }
    html.end_table();
  }
  html.add("</section>\n");
}

void add_settings(HtmlText& html, const StatusFacts& facts) {
  html.add("<section id=\"configuration\">\n");
  if (!facts.settings.empty()) {
    html.add("<h2>Configuration in force</h2>\n");
    html.begin_table({{"setting", Align::left}, {"value", Align::wrapped}, {"set by", Align::wrapped}});
    for (const StatusSetting& setting : facts.settings) {
      html.begin_row();
      html.cell(setting.name);
      html.cell(setting.value);
      html.cell(setting.origin);
    }
    html.end_table();
  }
  html.add("</section>\n");
}

void add_links(HtmlText& html, const StatusFacts& facts) {
  html.add("<nav><p>");
  for (const std::string& path : facts.pages) {
    html.add("<a href=\"");
    html.text(path);
    html.add("\">");
    html.text(path == "/" ? "all pages" : path);
    html.add("</a> ");
  }
  html.add("</p></nav>\n");
}

void add_main(HtmlText& html, const StatusFacts& facts) {
  html.add("<main data-calls=\"");
  html.text(std::to_string(sum(facts.shards, &ShardSnapshot::calls_started)));
  html.add("\" data-start=\"");
  html.text(time_text(facts.started));
  html.add("\">\n");
  add_summary(html, facts);
  add_shards(html, facts);
  add_connections(html, facts);
  add_calls(html, facts);
  add_methods(html, facts);
  add_failures(html, facts);
  add_certificates(html, facts);
  add_settings(html, facts);
  html.add("</main>\n");
}

}  // namespace

std::string status_main_html(const StatusFacts& facts) {
  HtmlText html;
  html.add("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>status</title>\n");
  add_main(html, facts);
  return std::move(html).finish();
}

std::string status_html(const StatusFacts& facts, std::string_view nonce) {
  HtmlText html;
  html.add(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
  html.text(facts.program + " status");
  html.add("</title>\n<style nonce=\"");
  html.text(nonce);
  html.add("\">");
  html.add(status_page_parts::style);
  html.add("</style>\n</head><body>\n<h1>");
  html.text(facts.program);
  html.add("</h1>\n");
  add_links(html, facts);
  html.add("<p><span id=\"live\">Reload the page to see what is new.</span></p>\n");
  add_main(html, facts);
  html.add("<script nonce=\"");
  html.text(nonce);
  html.add("\">");
  html.add(status_page_parts::script);
  html.add("</script>\n</body></html>\n");
  return std::move(html).finish();
}

}  // namespace ringrpc
