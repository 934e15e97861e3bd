// grpcd: serves crypto.v1.CryptoService, echo.v1.EchoService and node.v1.NodeService, with health checks and
// reflection. See `grpcd --help`.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/admin_pages.h"
#include "ringrpc/admin_services.h"
#include "ringrpc/log.h"
#include "ringrpc/server.h"

#include "common/exit_code.h"
#include "common/output.h"
#include "common/protobuf_log.h"
#include "common/signals.h"
#include "common/standard_streams.h"
#include "common/telemetry.h"
#include "grpcd/authz.h"
#include "grpcd/configuration.h"
#include "grpcd/daemon.h"
#include "grpcd/jwt.h"
#include "grpcd/sandbox/sandbox.h"
#include "grpcd/services.h"

namespace ringrpc::grpcd {
namespace {

Result<apps::Action> read(Configuration& configuration, const std::vector<std::string>& arguments) {
  return configuration.line.read(arguments,
                                 [](const char* name) -> const char* { return std::getenv(name); });
}

apps::ExitCode serve(std::unique_ptr<Configuration> configuration, const std::vector<std::string>& arguments,
                     const apps::Signals& signals) {
  log::set_level(configuration->values.log_level);
  log::set_format(configuration->values.log_format);
  const Result<Sandbox> sandbox = Sandbox::begin(*configuration);
  if (!sandbox) return apps::refuse("grpcd", sandbox.error());
  const Result<std::unique_ptr<Signing>> signing =
      Signing::start(configuration->values.signing, configuration->line.origins());
  if (!signing) return apps::refuse("grpcd", signing.error());
  Services services((*signing)->service(), configuration->values.log_payload);
  const Result<std::unique_ptr<Jwt>> jwt =
      Jwt::start(configuration->values.jwt, services.all(), configuration->line.origins());
  if (!jwt) return apps::refuse("grpcd", jwt.error());
  if (*jwt) {
    configuration->values.server.interceptors.push_back(&(*jwt)->authentication());
    configuration->values.server.metrics_sources.push_back(&(*jwt)->authentication());
  }
  Result<std::unique_ptr<AllowList>> allowed =
      read_authz(configuration->values.authz, services.all(), configuration->line.origins());
  if (!allowed) return apps::refuse("grpcd", allowed.error());
  if (*allowed) configuration->values.server.interceptors.push_back(allowed->get());
  configuration->values.server.metrics_sources.push_back(&(*signing)->metrics());
  const Result<apps::ProgramTelemetry> telemetry =
      apps::ProgramTelemetry::start(configuration->values.telemetry);
  if (!telemetry) return apps::refuse("grpcd", telemetry.error());
  Daemon::Parts parts;
  std::uint32_t max_connections = 0;
  parts.start = [&](ServerOptions options) {
    max_connections = options.max_connections;
    telemetry->apply(options);
    Result<std::unique_ptr<Server>> server = Server::start(services.all(), options);
    if (server) (*signing)->log_keys();
    return server;
  };
  // The log level is the only setting that changes while grpcd runs. The default of max-connections may be lowered.
  StatusPageOptions status{.program = "grpcd " GRPCD_VERSION,
                           .settings = [&max_connections, settings = settings_in_force(*configuration)] {
                             std::vector<StatusSetting> now = settings;
                             for (StatusSetting& setting : now) {
                               if (setting.name == "log-level" && setting.value != name(log::level())) {
                                 setting.value = name(log::level());
                                 setting.origin = "a signal";
                               }
                               if (setting.name == "max-connections")
                                 setting.value = std::to_string(max_connections);
                             }
                             return now;
                           }};
  parts.start_admin = [&](const AdminOptions& options, const Server& server) {
    return AdminServer::start(options, server_pages(server, services.health(), status));
  };
  Reflection channelz_reflection;
  AdminServices channelz;
  std::vector<Service*> channelz_services = {&channelz_reflection.v1(), &channelz_reflection.v1alpha()};
  channelz_services.insert(channelz_services.end(), channelz.all().begin(), channelz.all().end());
  parts.start_channelz = [&](const ServerOptions& options) {
    return Server::start(channelz_services, options);
  };
  parts.lock = [&] { return sandbox->lock(); };
  parts.read_keys = [&]() -> Result<Reload> {
    if (!*jwt) return Reload();
    return (*jwt)->read_again();
  };
  parts.on_drain = [&] { services.stop_serving(); };
  parts.on_drained = [&] {
    (*signing)->stop();
    telemetry->finish();
  };
  parts.quit = [] {
    log::flush();
    std::_Exit(apps::exit_failure);
  };
  parts.reread = [&]() -> Result<std::unique_ptr<Configuration>> {
    auto reread = std::make_unique<Configuration>();
    Result<apps::Action> action = read(*reread, arguments);
    if (!action) return std::unexpected(std::move(action).error());
    return reread;
  };
  return Daemon(std::move(configuration), std::move(parts)).run(signals);
}

apps::ExitCode print(std::string_view text) {
  const Status status = apps::print_page(text);
  return status.ok() ? apps::exit_ok : apps::refuse("grpcd", status);
}

apps::ExitCode run(const std::vector<std::string>& arguments, const apps::Signals& signals) {
  auto configuration = std::make_unique<Configuration>();
  const Result<apps::Action> action = read(*configuration, arguments);
  if (!action) return apps::refuse("grpcd", action.error());
  switch (*action) {
    case apps::Action::show_help:
      return print(configuration->line.help());
    case apps::Action::show_version:
      return print("grpcd " GRPCD_VERSION "\n");
    case apps::Action::run:
      break;
  }
  return serve(std::move(configuration), arguments, signals);
}

}  // namespace
}  // namespace ringrpc::grpcd

int main(int count, char** arguments) {
  ringrpc::apps::open_standard_streams();
  ringrpc::apps::log_protobuf();
  // Before the first thread starts: threads inherit the signal mask.
  const ringrpc::apps::Signals signals(ringrpc::grpcd::Daemon::signals);
  return ringrpc::grpcd::run({arguments + (count > 0 ? 1 : 0), arguments + count}, signals);
}
