/// The flags with which the client programs speak TLS.
///
///   add_client_tls(line, values.tls);
///   Result<std::shared_ptr<const ClientTls>> tls = load_client_tls(values.tls);
#pragma once

#include <memory>
#include <string>

#include "ringrpc/tls.h"

#include "common/command_line.h"

namespace ringrpc::apps {

/// Paths of PEM files, empty where there is none.
struct ClientTlsValues {
  bool wanted = false;
  std::string authorities;
  std::string certificate;
  std::string key;
  std::string server_name;
};

/// Adds them to `line`, as a group of their own; `values` must outlive it.
void add_client_tls(CommandLine& line, ClientTlsValues& values);

/// What the channel speaks with; null for plaintext, unless the address says `tls+`. Whoever gives one of the
/// values wants TLS. A failure names the file, where its name came from, and its fault; INVALID_ARGUMENT is
/// kept for flags that do not go together.
Result<std::shared_ptr<const ClientTls>> load_client_tls(const ClientTlsValues& values,
                                                         const Origins& origins = {});

}  // namespace ringrpc::apps
