/// All settings of grpcd with their defaults, ranges and help. Flags, environment, configuration file and
/// help are all derived from this one list.
///
///   Configuration configuration;
///   Result<Action> action = configuration.line.read(arguments, getenv);
///   Server::start(services, configuration.values.server);
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ringrpc/access_log.h"
#include "ringrpc/admin_pages.h"
#include "ringrpc/log.h"
#include "ringrpc/server.h"

#include "common/command_line.h"
#include "grpcd/signing.h"

namespace ringrpc::grpcd {

/// The part of an Echo's payload that is logged at level debug.
enum class PayloadLog : std::uint8_t { none, size, head, full };

/// The TLS settings. Paths of PEM files are empty when not given.
struct TlsValues {
  std::string certificate{};
  std::string key{};
  std::string client_authorities{};
  TlsVersion version_min = TlsVersion::tls_1_2;
  bool allow_key_log = false;  ///< to the file that SSLKEYLOGFILE names
};

/// The settings of JSON Web Tokens. Without keys, grpcd requires none.
struct JwtValues {
  std::string keys{};  ///< path of the file
  std::string issuer{};
  std::string audience{};
  std::vector<std::string> algorithms{};  ///< empty for all
  std::chrono::milliseconds leeway{30'000};
  std::vector<std::string> open_services{};
};

struct Values {
  ServerOptions server;
  std::vector<std::string> admin;                 ///< addresses of the admin pages; empty for none
  std::vector<std::string> admin_hosts{};         ///< host names of the admin pages
  std::vector<std::string> channelz;              ///< addresses of the channelz service; empty for none
  std::uint32_t max_connections_per_address = 0;  ///< valid when it was given
  SigningValues signing;
  TlsValues tls;
  JwtValues jwt;
  std::string authz;  ///< path of the allow-list; empty when every client may call every method
  bool sandbox = false;
  std::string user;  ///< to become once it listens; empty to stay the same
  bool telemetry = false;
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
  AccessLogOptions access_log{.path = {}};  ///< no path for none
  PayloadLog log_payload = PayloadLog::none;
  std::chrono::milliseconds drain_timeout{30'000};
};

struct Configuration {
  Configuration();

  Values values;
  apps::CommandLine line;
};

/// The settings in force, for the status page. A setting holds no secret: keys and passphrases come from
/// files, of which a setting has the path. Call it once `line` has been read.
std::vector<StatusSetting> settings_in_force(const Configuration& configuration);

/// A setting that differs between two configurations, with its values as the file would have them.
struct Change {
  std::string name;
  std::string before;
  std::string after;
};
std::vector<Change> changes(const Configuration& before, const Configuration& after);

}  // namespace ringrpc::grpcd
