/// Shared by the interop programs: gRPC's flags, a shard on the calling thread, and the report of the
/// outcome.
///
///   Flags flags("Serves grpc.testing.TestService");
///   flags.add("--port", port, "0 takes a free one");
///   const TlsFlags tls(flags);
///   if (Result<bool> go = flags.parse(count, arguments); !go) return report("interop_server", go.error());
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ringrpc/status.h"
#include "ringrpc/task.h"
#include "ringrpc/tls.h"

namespace CLI {
class App;
}

namespace ringrpc::interop {

/// Flags of a command line: `--flag=value` and `--flag value`. The parser takes seconds to compile, so only
/// program.cc includes it.
class Flags {
 public:
  explicit Flags(std::string summary);
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;
  ~Flags();

  /// A text, a switch or a number of at least 0. The present value of `value` is the default.
  template <class T>
  void add(const std::string& name, T& value, const std::string& help);

  /// A flag of gRPC's own programs for a feature that these lack. Drivers may pass it with an empty value.
  void refuse(const std::string& name);

  /// False if help was requested, and printed. INVALID_ARGUMENT names the wrong flag.
  Result<bool> parse(int count, char** arguments);

 private:
  std::unique_ptr<CLI::App> app_;
};

/// gRPC's flags for TLS (https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md):
/// `--use_tls`, which gRPC's drivers always pass, and the paths of the files. A client presents its
/// certificate only if it has one.
struct TlsFlags {
  explicit TlsFlags(Flags& flags);

  /// Null if `--use_tls` is false.
  Result<std::shared_ptr<ServerTls>> server() const;
  Result<std::shared_ptr<const ClientTls>> client() const;

  bool use_tls = false;
  bool use_test_ca = false;  ///< trust `ca_file`, because these programs have no CA of their own
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  std::string server_name;
};

/// Prints on standard error why the program ends. Returns its exit status: 0 for OK, else 1.
int report(std::string_view program, const Status& status);

/// The address of gRPC's flags for a host and a port: `host:port`, also with the 32-bit ports of vsock. A
/// host that is a complete address, such as unix:/path, needs no port.
std::string address_of(const std::string& host, std::uint32_t port);

/// Runs `script` to its end on a shard of the calling thread. Its channels must be destroyed by then.
Status run_on_shard(const std::function<Task<Status>()>& script);

}  // namespace ringrpc::interop
