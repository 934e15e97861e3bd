#include "grpcd/sandbox/sandbox.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <sys/prctl.h>
#include <unistd.h>
#include <utility>

#include "ringrpc/log.h"

#include "common/exit_code.h"
#include "grpcd/sandbox/landlock.h"
#include "grpcd/sandbox/system_calls.h"
#include "signer/key_source.h"
#include "transport/address.h"

namespace ringrpc::grpcd {
namespace {

/// Read by libraries while grpcd runs: names and their servers, modules for them, trust, time zones, and facts
/// about the process and the kernel.
constexpr std::array system_places = {"/etc",
                                      "/usr/lib",
                                      "/usr/share/zoneinfo",
                                      "/usr/share/ca-certificates",
                                      "/usr/local/share/ca-certificates",
                                      "/proc/self",
                                      "/proc/sys/kernel/io_uring_disabled",
                                      "/sys/devices/system/cpu",
                                      "/sys/fs/cgroup",
                                      "/dev/urandom"};

/// The variables with paths of files that telemetry reads.
constexpr std::array telemetry_files = {
    "OTEL_EXPORTER_OTLP_CERTIFICATE",         "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",          "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",   "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY"};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string folder_of(const std::filesystem::path& file) {
  std::error_code ignored;
  return std::filesystem::absolute(file, ignored).parent_path().string();
}

/// Files are replaced while grpcd runs, so their folder is allowed; and the folder that a symbolic link leads to.
void read_beside(Landlock& rules, const std::string& file) {
  if (file.empty()) return;
  rules.read(folder_of(file));
  std::error_code error;
  const std::filesystem::path target = std::filesystem::canonical(file, error);
  if (!error) rules.read(target.parent_path().string());
}

void write_beside(Landlock& rules, const std::string& file) {
  if (!file.empty()) rules.write(folder_of(file));
}

void listen(Landlock& rules, const std::vector<std::string>& addresses) {
  for (const std::string& text : addresses) {
    const Result<Address> parsed = Address::parse(text);
    if (!parsed) continue;  // reported when it is listened on
    const Address address = parsed->bound();
    if (address.kind() == Address::Kind::tcp) rules.listen(static_cast<std::uint16_t>(address.port()));
    if (address.kind() == Address::Kind::unix_path) write_beside(rules, address.name());
  }
}

void read_settings(Landlock& rules, const Configuration& configuration) {
  const Values& values = configuration.values;
  for (const std::string& file :
       {configuration.line.config_path(), values.tls.certificate, values.tls.key,
        values.tls.client_authorities, values.jwt.keys, values.authz, values.signing.passphrase_file})
    read_beside(rules, file);
  for (const std::string& text : values.signing.key_files)
    if (const Result<KeySource> source = KeySource::from_file(text)) read_beside(rules, source->path);
}

Landlock rules_for(const Configuration& configuration) {
  const Values& values = configuration.values;
  Landlock rules;
  for (const char* const place : system_places) rules.read(place);
  rules.write("/dev/null");
  read_settings(rules, configuration);
  if (values.access_log.path != "-") write_beside(rules, values.access_log.path);
  if (values.tls.allow_key_log) write_beside(rules, variable("SSLKEYLOGFILE"));
  for (const std::vector<std::string>& addresses :
       std::initializer_list<std::vector<std::string>>{values.server.listen, values.admin, values.channelz})
    listen(rules, addresses);
  if (values.telemetry) {
    rules.connect();
    for (const char* const name : telemetry_files) read_beside(rules, variable(name));
  }
  if (variable("NOTIFY_SOCKET").starts_with('@')) rules.reach_abstract_sockets();
  return rules;
}

Status about(const std::string& origin, const Status& status) {
  return {status.code(), origin + ": " + std::string(status.message()), status.initiator()};
}

}  // namespace

Result<Sandbox> Sandbox::begin(const Configuration& configuration) {
  const Values& values = configuration.values;
  Sandbox sandbox;
  sandbox.wanted_ = values.sandbox;
  sandbox.sandbox_origin_ = configuration.line.origins().of("sandbox");
  sandbox.user_origin_ = configuration.line.origins().of("user");
  if (!values.user.empty()) {
    Result<User> user = User::find(values.user);
    if (!user) return std::unexpected(apps::at_run_time(sandbox.user_origin_, user.error()));
    sandbox.user_ = std::move(*user);
    const std::string& log = values.access_log.path;
    if (!log.empty() && log != "-") sandbox.user_->create_file(log);
  }
  if (!values.sandbox) return sandbox;
  if (sandbox.user_ ? sandbox.user_->is_root() : ::geteuid() == 0)
    return std::unexpected(
        about(sandbox.sandbox_origin_,
              Status(Code::FAILED_PRECONDITION,
                     "root's rights go beyond what a sandbox takes away; name an ordinary user with --user",
                     Initiator::application)));
  sandbox.sockets_ = {.connects = values.telemetry, .notifies = !variable("NOTIFY_SOCKET").empty()};
  const Result<int> version = rules_for(configuration).enforce();
  if (version) {
    sandbox.landlock_version_ = *version;
  } else if (version.error().code() == Code::UNIMPLEMENTED) {
    log::warn("{}: {}; grpcd keeps its access to files", sandbox.sandbox_origin_, version.error().message());
  } else {
    return std::unexpected(apps::at_run_time(sandbox.sandbox_origin_, version.error()));
  }
  return sandbox;
}

Result<std::string> Sandbox::lock() const {
  std::string in_force;
  if (user_) {
    if (const Status status = user_->become(); !status.ok())
      return std::unexpected(about(user_origin_, status));
    in_force = "user " + user_->name();
  }
  if (!wanted_) return in_force;
  ::prctl(PR_SET_DUMPABLE, 0);
  const Result<int> calls = allow_only_needed_system_calls(sockets_);
  if (!calls) return std::unexpected(about(sandbox_origin_, calls.error()));
  if (!in_force.empty()) in_force += ", ";
  in_force += std::to_string(*calls) + " system calls";
  if (landlock_version_ == 0) return in_force + "; files are not restricted";
  return in_force + ", files" + std::string(landlock_version_ < 4 ? "" : " and TCP ports") + " by Landlock " +
         std::to_string(landlock_version_);
}

}  // namespace ringrpc::grpcd
