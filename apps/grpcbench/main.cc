// grpcbench: load-tests gRPC servers. See `grpcbench --help`.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/io_backend.h"
#include "ringrpc/log.h"

#include "base/escape.h"
#include "common/descriptor_limit.h"
#include "common/exit_code.h"
#include "common/output.h"
#include "common/protobuf_log.h"
#include "common/service_config.h"
#include "common/signals.h"
#include "common/standard_streams.h"
#include "common/telemetry.h"
#include "grpcbench/configuration.h"
#include "grpcbench/described_call.h"
#include "grpcbench/html_report.h"
#include "grpcbench/output.h"
#include "grpcbench/plan.h"
#include "grpcbench/progress_line.h"
#include "grpcbench/report_file.h"
#include "grpcbench/results.h"
#include "grpcbench/run.h"

namespace ringrpc::grpcbench {
namespace {

using apps::exit_failure;
using apps::exit_ok;
using apps::exit_usage;

constexpr int exit_interrupted = 128 + SIGINT;
constexpr const char* interrupted_early = "interrupted before anything was measured";
/// Descriptors other than those of connections.
constexpr std::uint64_t descriptors_least = 64;

/// One line on stderr.
int refuse(const std::string& message, int exit_status) {
  std::fprintf(stderr, "grpcbench: %s\n", escape_controls(message).c_str());
  return exit_status;
}

/// The same for a failure of reflection or of its data.
int refuse(const reflected::Failure& failure, const std::string& data = {}) {
  // Invalid data is a usage error only if it was on the command line.
  const bool misused = failure.exit_status == reflected::exit_usage ||
                       (failure.exit_status == reflected::exit_data && data != "-" && !data.starts_with('@'));
  return refuse(failure.message, misused ? int{exit_usage} : int{exit_failure});
}

/// Looks up the method of --call, in files or at the server. A signal ends the program: nothing has been measured yet.
reflected::Outcome<Operation> look_up_call(const Plan& plan, const Values& values,
                                           const apps::Origins& origins, const apps::Signals& signals,
                                           std::optional<ReportFile>& report) {
  auto files = reflected::DescriptorFiles::open(values.descriptors, origins);
  if (!files) return std::unexpected(std::move(files).error());
  Result<reflected::Outcome<Operation>> asked = fail(Code::CANCELLED, "");
  std::jthread asking([&] {
    asked = block_on(describe_call(plan, std::move(*files), *values.call, values.data));
    signals.notify();
  });
  if (signals.wait() != apps::Signals::notified) {
    report.reset();
    refuse(interrupted_early, exit_interrupted);
    std::_Exit(exit_interrupted);
  }
  asking.join();
  if (!asked) return reflected::fail_with(reflected::exit_system, std::string(asked.error().message()));
  return std::move(*asked);
}

Status check_descriptors(const Plan& plan) {
  const std::uint64_t needed = plan.connections + descriptors_least;
  const std::uint64_t limit = apps::raise_descriptor_limit(needed);
  if (limit >= needed) return {};
  return Status(Code::RESOURCE_EXHAUSTED,
                apps::descriptor_shortage(limit, needed) + ", or lower --connections");
}

std::string no_beginning(const Plan& plan, const RunOutcome& outcome) {
  if (outcome.connected == 0) return reflected::call_failure(plan.server, outcome.could_not_begin).message;
  return std::to_string(outcome.connected) + " of " + std::to_string(plan.connections) +
         " connections were made when one failed: " + std::string(outcome.could_not_begin.message()) +
         "; if the server limits connections, lower --connections";
}

/// Prints the results on stdout, writes the report, and prints warnings on stderr. Returns the exit status.
int publish(const Plan& plan, Format format, const RunOutcome& outcome, std::optional<ReportFile>& report) {
  const Results results(plan, outcome);
  const Status printed = apps::print(format_results(results, format));
  const Status written = report ? report->write(html_report(results)) : Status();
  for (const std::string& warning : results.warnings) refuse("warning: " + warning, 0);
  if (!results.ended_early.empty()) refuse("ended early: " + results.ended_early, 0);
  if (!printed.ok()) refuse(std::string(printed.message()), exit_failure);
  if (!written.ok()) refuse(std::string(written.message()), exit_failure);
  if (!printed.ok() || !written.ok()) return exit_failure;
  if (outcome.interrupted) return exit_interrupted;
  return results.all.tally.failed() == 0 && results.ended_early.empty() ? exit_ok : exit_failure;
}

int measure(Plan plan, const Values& values, const apps::Origins& origins, const apps::Signals& signals) {
  std::optional<ReportFile> report;
  if (values.report) {
    Result<ReportFile> file = ReportFile::open(*values.report);
    if (!file) return refuse(std::string(file.error().message()), exit_failure);
    report.emplace(std::move(*file));
  }
  if (values.call) {
    reflected::Outcome<Operation> operation = look_up_call(plan, values, origins, signals, report);
    if (!operation) return refuse(operation.error(), values.data.value_or(""));
    plan.operations.push_back(std::move(*operation));
  }
  if (const Status status = check_descriptors(plan); !status.ok())
    return refuse(std::string(status.message()), exit_failure);
  ProgressLine progress(STDERR_FILENO, plan);
  const Result<RunOutcome> outcome =
      run_load(plan, signals, [&](const RunSoFar& so_far) { progress.show(so_far); });
  signals.release();  // so that SIGINT ends the program while it waits for the reader of its output
  progress.erase();
  if (!outcome) return refuse(std::string(outcome.error().message()), exit_failure);
  if (outcome->interrupted && !outcome->begun) return refuse(interrupted_early, exit_interrupted);
  if (!outcome->could_not_begin.ok()) return refuse(no_beginning(plan, *outcome), exit_failure);
  return publish(plan, values.output, *outcome, report);
}

int print(std::string_view text) {
  const Status status = apps::print_page(text);
  return status.ok() ? exit_ok : refuse(std::string(status.message()), exit_failure);
}

int run(const std::vector<std::string>& arguments) {
  Configuration configuration;
  const Result<apps::Action> action =
      configuration.line.read(arguments, [](const char* name) -> const char* { return std::getenv(name); });
  if (!action) return apps::refuse("grpcbench", action.error());
  if (*action == apps::Action::show_help) return print(configuration.line.help());
  if (*action == apps::Action::show_version) return print("grpcbench " GRPCBENCH_VERSION "\n");
  log::set_level(configuration.values.log_level);
  log::set_format(configuration.values.log_format);
  set_default_io_backend(configuration.values.io);
  Result<Plan> plan = make_plan(configuration.values, configuration.line.origins());
  if (!plan) return apps::refuse("grpcbench", plan.error());
  Result<std::shared_ptr<const ClientTls>> tls =
      apps::load_client_tls(configuration.values.tls, configuration.line.origins());
  if (!tls) return apps::refuse("grpcbench", tls.error());
  plan->channel.tls = *std::move(tls);
  auto service_config =
      apps::load_service_config(configuration.values.service_config, configuration.line.origins());
  if (!service_config) return apps::refuse("grpcbench", service_config.error());
  plan->channel.service_config = *std::move(service_config);
  // Before the first thread starts: threads inherit the signal mask.
  const apps::Signals signals({SIGINT, SIGTERM});
  const Result<apps::ProgramTelemetry> telemetry =
      apps::ProgramTelemetry::start(configuration.values.telemetry);
  if (!telemetry) return apps::refuse("grpcbench", telemetry.error());
  telemetry->apply(plan->channel);
  const int exit_status =
      measure(std::move(*plan), configuration.values, configuration.line.origins(), signals);
  telemetry->finish();
  return exit_status;
}

}  // namespace
}  // namespace ringrpc::grpcbench

int main(int count, char** arguments) {
  ringrpc::apps::open_standard_streams();
  ringrpc::apps::log_protobuf();
  return ringrpc::grpcbench::run({arguments + (count > 0 ? 1 : 0), arguments + count});
}
