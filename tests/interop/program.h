/// What the interop programs share: gRPC's flags, a shard on the calling thread, and how they report.
///
///   CLI::App flags("…");
///   TlsFlags tls(flags);
///   if (Result<bool> go = parse(flags, count, arguments); !go) return report("interop_server", go.error());
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ringrpc/status.h"
#include "ringrpc/task.h"
#include "ringrpc/tls.h"

namespace ringrpc::interop {

/// gRPC's flags for TLS (https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md):
/// `--use_tls`, which its drivers always give, and where the files are. A certificate is shown where one is
/// given.
struct TlsFlags {
  explicit TlsFlags(CLI::App& flags);

  /// Null where `--use_tls` is false.
  Result<std::shared_ptr<ServerTls>> server() const;
  Result<std::shared_ptr<const ClientTls>> client() const;

  bool use_tls = false;
  bool use_test_ca = false;  ///< believe `ca_file`, as these programs have no authority of their own
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  std::string server_name;
};

/// Reads `--flag=value` and `--flag value`. False when help was asked for and printed; INVALID_ARGUMENT names
/// the flag at fault.
Result<bool> parse(CLI::App& flags, int count, char** arguments);

/// Says on standard error why the program ends, and gives its exit status: 0 for OK, else 1.
int report(std::string_view program, const Status& status);

/// Runs `script` to its end on a shard of the calling thread. Channels that it makes must end with it.
Status run_on_shard(const std::function<Task<Status>()>& script);

}  // namespace ringrpc::interop
