/// The TLS flags of the client programs.
///
///   add_client_tls(line, values.tls);
///   Result<std::shared_ptr<const ClientTls>> tls = load_client_tls(values.tls);
#pragma once

#include <memory>
#include <string>

#include "ringrpc/tls.h"

#include "common/command_line.h"

namespace ringrpc::apps {

/// The values of the flags; paths of PEM files are empty when not given.
struct ClientTlsValues {
  bool wanted = false;
  std::string authorities{};
  std::string certificate{};
  std::string key{};
  std::string server_name{};
  bool allow_key_log = false;  ///< to the file that SSLKEYLOGFILE names
};

/// Adds the flags to `line` as a group; `values` must outlive `line`.
void add_client_tls(CommandLine& line, ClientTlsValues& values);

/// The TLS settings for the channel. Any given value turns TLS on; without one the result is null, and the
/// channel uses plaintext unless its address begins with `tls+`. An error names the file, the setting that
/// named it, and what is wrong. INVALID_ARGUMENT is only for settings that contradict each other.
Result<std::shared_ptr<const ClientTls>> load_client_tls(const ClientTlsValues& values,
                                                         const Origins& origins = {});

}  // namespace ringrpc::apps
