#include "grpcbench/output.h"

#include <fmt/format.h>

#include "base/escape.h"
#include "grpcbench/json_text.h"
#include "grpcbench/units.h"

namespace ringrpc::grpcbench {
namespace {

constexpr std::size_t text_columns = 80;
/// A longer error message is cut in text.
constexpr std::size_t shown_bytes_max = 200;

/// Three significant digits, or all digits before the decimal point: "0.83", "12.4", "1,234".
std::string figure(double value) {
  if (value >= 99.95) return grouped(static_cast<std::uint64_t>(value + 0.5));
  return fmt::format("{:.{}f}", value, value >= 9.995 ? 1 : 2);
}

/// A line for each figure, and a column for each method if there are several. The names of grpcd's methods
/// fit into 80 columns beside the sum.
std::string latency_table(const Results& results) {
  const std::size_t sum_width = results.services.empty() ? 24 : 12;
  std::string text = fmt::format("{:<11}", "latency, µs");
  if (!results.services.empty()) text += fmt::format("{:>{}}", "all", sum_width);
  for (const Row& row : results.services) text += fmt::format("  {}", row.name);
  const auto cell = [](const Row& row, std::size_t figure_index, std::size_t columns) {
    const bool known = row.tally.latency.count() > 0;
    return fmt::format("{:>{}}", known ? figure(row.latency_us()[figure_index].second) : "-", columns);
  };
  const auto figures = results.all.latency_us();
  for (std::size_t at = 0; at < figures.size(); ++at) {
    text += fmt::format("\n{:<11}", figures[at].first) + cell(results.all, at, sum_width);
    for (const Row& row : results.services) text += "  " + cell(row, at, row.name.size());
  }
  return text + "\n";
}

/// Breaks `text` after commas into lines that fit.
std::string wrapped(std::string text) {
  for (std::size_t begin = 0; text.size() - begin > text_columns;) {
    const std::size_t comma = text.rfind(", ", begin + text_columns - 1);
    if (comma == std::string::npos || comma < begin) break;
    text[comma + 1] = '\n';
    begin = comma + 2;
  }
  return text;
}

std::string service_line(const Row& row) {
  return fmt::format("{:<28} {:>13} {:>13} {:>17}\n", row.name, grouped(row.tally.succeeded()),
                     grouped(row.tally.failed()), figure(row.calls_per_second()));
}

/// An address that leaves no room for its figures has a line of its own.
std::string backend_table(const Results& results) {
  constexpr std::size_t address_columns = 28;
  const auto line = [&](const std::string& address, std::string_view succeeded, std::string_view failed,
                        std::string_view open, std::string_view rate, std::string_view p50,
                        std::string_view p99) {
    std::string cells = fmt::format("{:<{}} {:>11} {:>8}", address, address_columns, succeeded, failed);
    cells += results.streams ? fmt::format(" {:>7} {:>12} {:>8}", open, rate, p99)
                             : fmt::format(" {:>9} {:>9} {:>9}", rate, p50, p99);
    return cells + "\n";
  };
  std::string text = line("backend", "succeeded", "failed", "open",
                          results.streams ? "messages/s" : "calls/s", "p50, µs", "p99, µs");
  for (const BackendRow& row : results.backends) {
    std::string address = escape_controls(row.address);
    if (address.size() > address_columns) {
      text += address + "\n";
      address.clear();
    }
    text += line(address, grouped(row.succeeded), grouped(row.failed), grouped(row.open),
                 figure(results.streams ? row.messages_per_second : row.calls_per_second),
                 row.timed ? figure(row.p50_us) : "-", row.timed ? figure(row.p99_us) : "-");
  }
  return text;
}

std::string as_text(const Results& results) {
  const Tally& tally = results.all.tally;
  std::string text = fmt::format("{} on {}\n{}\n{}\n", results.all.name, results.server,
                                 wrapped(results.load), results.interrupted ? "interrupted\n" : "");
  const auto line = [&](std::string_view title, const std::string& value) {
    text += fmt::format("{:<21} {:>13}\n", title, value);
  };
  line(results.streams ? "ended" : "total", grouped(tally.total()));
  line("succeeded", grouped(tally.succeeded()));
  line("failed", grouped(tally.failed()));
  for (const ErrorCount& error : results.all.errors())
    text += fmt::format("  {:<19} {:>13}  {}\n", error.code, grouped(error.count),
                        escape_controls(error.first_message, shown_bytes_max));
  if (results.streams) line("open streams", grouped(tally.open));
  line("success rate", success_rate_text(tally));
  const auto [duration, unit] = in_unit(results.all.duration_s);
  line("duration", fmt::format("{:.3f} {}", duration, unit));
  line("calls per second", figure(results.all.calls_per_second()));
  if (results.streams) {
    line("messages sent", grouped(tally.traffic.messages_sent));
    line("  per second", figure(results.all.messages_sent_per_second()));
    line("messages received", grouped(tally.traffic.messages_received));
    line("  per second", figure(results.all.messages_received_per_second()));
  }
  line("bytes sent", grouped(tally.traffic.bytes_sent));
  line("bytes received", grouped(tally.traffic.bytes_received));
  line("busiest thread", fmt::format("{:.0f} %", results.busiest_thread * 100));
  text += "\n";
  if (!results.services.empty()) {
    text +=
        fmt::format("{:<28} {:>13} {:>13} {:>17}\n", "service", "succeeded", "failed", "calls per second");
    for (const Row& row : results.services) text += service_line(row);
    text += "\n";
  }
  if (!results.backends.empty()) text += backend_table(results) + "\n";
  return text + latency_table(results);
}

void add_row(JsonText& json, const Row& row) {
  json.member("total", row.tally.total());
  json.member("succeeded", row.tally.succeeded());
  json.member("failed", row.tally.failed());
  json.begin_object("errors");
  for (const ErrorCount& error : row.errors()) json.member(error.code, error.count);
  json.end_object();
  json.member_or_null("success_rate", row.tally.total() > 0, row.success_rate());
  json.member("duration_s", row.duration_s);
  json.member("calls_per_second", row.calls_per_second());
  json.member("open_streams", row.tally.open);
  json.member("messages_sent", row.tally.traffic.messages_sent);
  json.member("messages_received", row.tally.traffic.messages_received);
  json.member("messages_sent_per_second", row.messages_sent_per_second());
  json.member("messages_received_per_second", row.messages_received_per_second());
  json.member("bytes_sent", row.tally.traffic.bytes_sent);
  json.member("bytes_received", row.tally.traffic.bytes_received);
  json.begin_object("latency_us");
  for (const auto& [name, value] : row.latency_us())
    json.member_or_null(name, row.tally.latency.count() > 0, value);
  json.end_object();
}

void add_backend(JsonText& json, const BackendRow& row, bool streams) {
  json.begin_object(row.address);
  json.member("succeeded", row.succeeded);
  json.member("failed", row.failed);
  json.member("calls_per_second", row.calls_per_second);
  if (streams) {
    json.member("open_streams", row.open);
    json.member("messages_received", row.messages);
    json.member("messages_received_per_second", row.messages_per_second);
  }
  json.begin_object("latency_us");
  json.member_or_null("p50", row.timed, row.p50_us);
  json.member_or_null("p99", row.timed, row.p99_us);
  json.end_object();
  json.end_object();
}

std::string as_json(const Results& results) {
  JsonText json;
  json.begin_object();
  json.member("method", results.all.name);
  json.member("server", results.server);
  json.member("load", results.load);
  add_row(json, results.all);
  if (!results.services.empty()) {
    json.begin_object("services");
    for (const Row& row : results.services) {
      json.begin_object(row.name);
      add_row(json, row);
      json.end_object();
    }
    json.end_object();
  }
  if (!results.backends.empty()) {
    json.begin_object("backends");
    for (const BackendRow& row : results.backends) add_backend(json, row, results.streams);
    json.end_object();
  }
  json.begin_object("generator");
  json.member("cpu_s", results.cpu_s);
  json.member("cpu_us_per_call", results.cpu_us_per_call);
  json.member("busiest_thread", results.busiest_thread);
  json.end_object();
  json.member("interrupted", results.interrupted);
  json.member_or_null("ended_early", !results.ended_early.empty(), results.ended_early);
  json.begin_array("warnings");
  for (const std::string& warning : results.warnings) json.element(warning);
  json.end_array();
  json.end_object();
  return json.take() + "\n";
}

std::string csv_line(const Row& row) {
  std::string line =
      fmt::format("{},{},{},{},{:.6f},{:.6f},{:.3f},{},{}", row.name, row.tally.total(),
                  row.tally.succeeded(), row.tally.failed(), row.success_rate(), row.duration_s,
                  row.calls_per_second(), row.tally.traffic.bytes_sent, row.tally.traffic.bytes_received);
  for (const auto& [name, value] : row.latency_us())
    line += row.tally.latency.count() == 0 ? "," : fmt::format(",{:.3f}", value);
  std::string errors;
  for (const ErrorCount& error : row.errors())
    errors += fmt::format("{}{}={}", errors.empty() ? "" : ";", error.code, error.count);
  return line + fmt::format(",{},{},{},{}\n", errors, row.tally.open, row.tally.traffic.messages_sent,
                            row.tally.traffic.messages_received);
}

/// A heading, a line for all calls, and a line for each method if there are several.
std::string as_csv(const Results& results) {
  std::string text =
      "method,total,succeeded,failed,success_rate,duration_s,calls_per_second,bytes_sent,bytes_received";
  for (const auto& [name, value] : results.all.latency_us()) text += fmt::format(",{}_us", name);
  text += ",errors,open_streams,messages_sent,messages_received\n" + csv_line(results.all);
  for (const Row& row : results.services) text += csv_line(row);
  return text;
}

}  // namespace

std::string success_rate_text(const Tally& tally) {
  const std::uint64_t total = tally.total();
  if (total == 0) return "-";
  const std::uint64_t hundredths = tally.succeeded() * 10'000 / total;
  return fmt::format("{}.{:02} %", hundredths / 100, hundredths % 100);
}

std::string format_results(const Results& results, Format format) {
  switch (format) {
    case Format::json:
      return as_json(results);
    case Format::csv:
      return as_csv(results);
    case Format::text:
      break;
  }
  return as_text(results);
}

}  // namespace ringrpc::grpcbench
