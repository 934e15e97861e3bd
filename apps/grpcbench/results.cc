#include "grpcbench/results.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "base/escape.h"
#include "grpcbench/units.h"
#include "reflected/failure.h"

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

/// A thread that is busy for more than this part of the time cannot keep up with a faster server.
constexpr double busy_limit = 0.9;
/// A thread that waits for a processor for more than this part of the time distorts the latencies.
constexpr double delay_limit = 0.1;
/// In a shorter run, starting up dominates a thread's processor time.
constexpr Nanoseconds telling_duration = 200ms;
/// With fewer calls, a single late one would trigger a warning, and some addresses may get none.
constexpr std::uint64_t telling_calls = 100;
/// The limit for how late 1 % of the calls may begin.
constexpr Nanoseconds late_limit = 1ms;
/// A warning names this many addresses.
constexpr std::size_t idle_named_max = 5;

std::string describe_load(const Plan& plan, const RunOutcome& outcome) {
  const bool secure = plan.channel.tls || plan.server.starts_with("tls+");
  std::string load = fmt::format("{} of {}{}, {} on {}, ", counted(plan.connections, "connection"),
                                 counted(plan.streams, "stream"), secure ? " over TLS" : "",
                                 counted(outcome.threads, "thread"), outcome.io);
  if (!plan.pace) return load + "closed loop";
  return load + fmt::format("{} a second with {} spacing",
                            counted(static_cast<std::uint64_t>(plan.pace->calls_per_second), "call"),
                            plan.pace->spacing == Spacing::constant ? "constant" : "Poisson");
}

/// True if streams had messages, and none of them has ended.
bool only_endless(const Operation& operation, const Tally& tally) {
  return !operation.one_response() && tally.succeeded() == 0 && tally.traffic.messages_received > 0 &&
         tally.ended[static_cast<std::size_t>(Code::DEADLINE_EXCEEDED)] > 0;
}

std::vector<std::string> warnings_of(const Plan& plan, const RunOutcome& outcome) {
  const Measurement& measured = outcome.measured;
  std::vector<std::string> warnings;
  if (measured.without_response > 0)
    warnings.push_back(fmt::format("{} had no response when the run ended and are not counted",
                                   counted(measured.without_response, "call")));
  for (std::size_t at = 0; at < measured.tallies.size() && !plan.duration && measured.fatal.ok(); ++at)
    if (only_endless(plan.operations[at], measured.tallies[at]))
      warnings.emplace_back(
          "no stream ended before its deadline; --duration ends streams that the server does not end");
  const bool telling = measured.duration >= telling_duration;
  // In open loop, a thread that wakes for each call looks busy although it has time left. There, late calls
  // show that a thread is overloaded.
  if (telling && !plan.pace && plan.spin == Nanoseconds(0) && measured.busiest > busy_limit)
    warnings.push_back(
        fmt::format("the generator may be the limit, not the server: one of its threads ran {:.0f} % of the "
                    "time; use more cores and --threads",
                    measured.busiest * 100));
  if (telling && measured.most_delayed > delay_limit)
    warnings.push_back(fmt::format(
        "a thread of the generator waited {:.0f} % of the time for a processor, and the latencies "
        "include that; give the generator cores of its own",
        measured.most_delayed * 100));
  const Nanoseconds late = measured.late.percentile(99);
  if (measured.late.count() >= telling_calls && late > late_limit)
    warnings.push_back(
        fmt::format("the generator did not keep its schedule: 1 % of the calls began {:.1f} ms late or "
                    "later; use more cores and --threads",
                    microseconds(late) / 1000));
  if (measured.waited_for_turn > 0)
    warnings.push_back(
        fmt::format("{} waited for a stream, which their latency includes: the server accepts fewer calls at "
                    "a time on a connection than --streams, or a connection was lost; more --connections "
                    "allow more calls at once",
                    counted(measured.waited_for_turn, "call")));
  if (measured.waited_for_slot > 0)
    warnings.push_back(
        fmt::format("{} found all streams busy and waited, which their latency includes; more --streams or "
                    "--connections allow more calls at once",
                    counted(measured.waited_for_slot, "due call")));
  return warnings;
}

/// Adds a row for each address that got no call, up to the limit of rows.
void add_idle(const std::vector<std::string>& addresses, std::vector<BackendRow>& rows) {
  for (const std::string& address : addresses) {
    const bool known = std::ranges::find(rows, address, &BackendRow::address) != rows.end();
    if (!known && rows.size() < Backends::addresses_max) rows.emplace_back().address = address;
  }
}

/// "no call went to 127.0.0.1:2", if enough calls were made and an address got none.
std::optional<std::string> idle_backends(const std::vector<BackendRow>& rows) {
  std::string names;
  std::size_t idle = 0;
  std::uint64_t calls = 0;
  for (const BackendRow& row : rows) {
    const std::uint64_t of_row = row.succeeded + row.failed + row.open;
    calls += of_row;
    if (of_row > 0 || ++idle > idle_named_max) continue;
    names.append(idle == 1 ? "" : ", ").append(escape_controls(row.address));
  }
  if (idle == 0 || calls < telling_calls) return std::nullopt;
  if (idle > idle_named_max) names += fmt::format(" and {} more", idle - idle_named_max);
  return "no call went to " + names + "; can it be reached, and does the policy choose it?";
}

/// `spreads`: the policy sends calls to all addresses, not to the first that can be reached.
std::vector<BackendRow> backends_of(const RunOutcome& outcome, bool spreads, double duration_s) {
  const Backends& backends = outcome.measured.backends;
  std::vector<BackendRow> rows;
  for (const Backends::Backend& backend : backends.rows()) {
    const std::uint64_t total = backend.succeeded + backend.failed + backend.open;
    if (total + backend.messages == 0) continue;  // its calls were due in the warm-up
    const auto a_second = [&](std::uint64_t count) {
      return duration_s > 0 ? static_cast<double>(count) / duration_s : 0;
    };
    rows.push_back({.address = backend.address,
                    .succeeded = backend.succeeded,
                    .failed = backend.failed,
                    .open = backend.open,
                    .calls_per_second = a_second(backend.succeeded),
                    .messages = backend.messages,
                    .messages_per_second = a_second(backend.messages),
                    .timed = backend.latency.count() > 0,
                    .p50_us = microseconds(backend.latency.percentile(50)),
                    .p99_us = microseconds(backend.latency.percentile(99))});
  }
  if (spreads) add_idle(outcome.addresses, rows);
  if (rows.size() == 1) rows.clear();
  const auto last = [](const BackendRow& row) {
    return row.address == Backends::others || row.address == Backends::no_server;
  };
  std::ranges::sort(rows, {}, [&](const BackendRow& row) { return std::pair(last(row), row.address); });
  return rows;
}

std::string ending_of(const Measurement& measured) {
  if (measured.fatal.ok()) return {};
  return escape_controls(reflected::call_failure(measured.fatal_call, measured.fatal).message);
}

}  // namespace

double Row::calls_per_second() const noexcept { return a_second(tally.succeeded()); }

double Row::a_second(std::uint64_t count) const noexcept {
  return duration_s > 0 ? static_cast<double>(count) / duration_s : 0;
}

double Row::success_rate() const noexcept {
  const std::uint64_t total = tally.total();
  return total > 0 ? static_cast<double>(tally.succeeded()) / static_cast<double>(total) : 0;
}

std::vector<ErrorCount> Row::errors() const {
  std::vector<ErrorCount> found;
  for (std::uint32_t number = 1; number < codes; ++number) {
    const std::uint64_t count = tally.ended[number];
    if (count == 0) continue;
    const auto behind_larger =
        std::ranges::upper_bound(found, count, std::ranges::greater(), &ErrorCount::count);
    found.insert(behind_larger,
                 {ringrpc::name(*code_from_number(number)), count, tally.first_message[number]});
  }
  return found;
}

std::vector<std::pair<std::string_view, double>> Row::latency_us() const {
  const Histogram& latency = tally.latency;
  std::vector<std::pair<std::string_view, double>> figures{{"min", microseconds(latency.min())},
                                                           {"mean", microseconds(latency.mean())}};
  for (const auto& [label, percent] : percentiles)
    figures.emplace_back(label, latency.count() == 0 ? 0 : microseconds(latency.percentile(percent)));
  figures.emplace_back("max", microseconds(latency.max()));
  return figures;
}

Results::Results(const Plan& plan, const RunOutcome& outcome)
    : server(plan.server),
      load(describe_load(plan, outcome)),
      timeline(outcome.measured.timeline),
      cpu_s(seconds(outcome.measured.spent.running)),
      busiest_thread(outcome.measured.busiest),
      interrupted(outcome.interrupted),
      ended_early(ending_of(outcome.measured)),
      warnings(warnings_of(plan, outcome)) {
  const double duration_s = seconds(outcome.measured.duration);
  all.duration_s = duration_s;
  for (std::size_t at = 0; at < outcome.measured.tallies.size(); ++at) {
    const Operation& operation = plan.operations[at];
    all.name += all.name.empty() ? operation.name : " and " + operation.name;
    all.tally.merge(outcome.measured.tallies[at]);
    streams = streams || operation.streams();
    services.push_back({operation.name, outcome.measured.tallies[at], duration_s});
  }
  if (services.size() == 1) services.clear();
  backends = backends_of(outcome, plan.spreads, duration_s);
  if (std::optional<std::string> idle = idle_backends(backends)) warnings.push_back(std::move(*idle));
  if (const std::uint64_t total = all.tally.total(); total > 0)
    cpu_us_per_call = cpu_s * 1e6 / static_cast<double>(total);
}

}  // namespace ringrpc::grpcbench
